"""An asynchronous client that opens itself when it is first used."""

# The SDK has none.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from typing_extensions import Self

__all__ = ["LateClient"]


class LateClient:
    """A client of ``aiobotocore``'s, whose own has to be opened inside an ``async with``.

    The first call opens it, in the event loop that it is made in. `close`, or leaving an
    ``async with``, closes its connections.

    Args:
        opening: What ``create_client`` of a session gives.
    """

    def __init__(self, opening: AbstractAsyncContextManager[Any]) -> None:
        self._opening = opening
        self._opened: Any = None
        # Calls that begin at once must not open it twice.
        self._turn = asyncio.Lock()

    async def opened(self) -> Any:
        """Return the SDK's client, open."""
        async with self._turn:
            if self._opened is None:
                self._opened = await self._opening.__aenter__()
        return self._opened

    async def converse(self, **arguments: Any) -> Any:
        """Do what the SDK's does."""
        return await (await self.opened()).converse(**arguments)

    async def converse_stream(self, **arguments: Any) -> Any:
        """Do what the SDK's does."""
        return await (await self.opened()).converse_stream(**arguments)

    async def close(self) -> None:
        """Close the client, if it was opened."""
        await self.__aexit__(None, None, None)

    async def __aenter__(self) -> Self:
        """Open the client."""
        await self.opened()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the client."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await self._opening.__aexit__(exc_type, exc, exc_tb)
