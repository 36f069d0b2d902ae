"""What a batch asks of its client: two protocols, so that it imports none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

__all__ = ["AnswerStream", "Request"]


class AnswerStream(Protocol):
    """An answer being read, as `partialfast.providers.openai.AsyncStream` is one."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The raw text so far."""

    @property
    @abstractmethod
    def snapshot(self) -> Any:
        """The last snapshot."""

    @property
    @abstractmethod
    def usage(self) -> Any:
        """What the server reported, if it did."""

    @property
    @abstractmethod
    def attempt(self) -> int:
        """Number of the current attempt, counted from 1."""

    @property
    @abstractmethod
    def attempts(self) -> tuple[Any, ...]:
        """The attempts that gave an invalid answer, each with ``text`` and ``usage``."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the snapshots."""

    @abstractmethod
    async def final(self) -> Any:
        """Return the final value."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the response."""


class Request(Protocol):
    """Sends a request: ``create_partial`` of an asynchronous client, or the like."""

    def __call__(  # noqa: PLR0913 - those of `create_partial` that are used
        self,
        *,
        response_model: Any,
        model: str,
        messages: list[Any],
        max_retries: int,
        on_retry: Callable[[Any], Any],
        every: Any,
        **options: Any,
    ) -> AnswerStream: ...
