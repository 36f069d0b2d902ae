"""A list that can be iterated with ``async for`` as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar, get_origin

__all__ = ["both_ways"]

T = TypeVar("T")


class _BothWays(list[T]):
    """What an awaited ``create(response_model=Iterable[M])`` gives."""

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate as an asynchronous stream does."""
        for item in self:
            yield item


def both_ways(value: Any, type_: Any) -> Any:
    """Return a value so that ``for`` and ``async for`` take it, as programs for instructor do.

    Args:
        value: The final value.
        type_: What was asked for; anything but ``Iterable[M]`` is returned as it is.
    """
    if isinstance(value, list) and get_origin(type_) is Iterable:
        return _BothWays(value)
    return value
