"""Text as it grows: what each snapshot adds to one text in it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Container, Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from typing_extensions import Self

from partialfast.typed._marks import partial_origin

__all__ = ["TextDelta", "atext_deltas", "text_deltas"]

_NOTHING = object()


class TextDelta(str):
    """What was added to a text, as a string; where the text is another one now, it says so.

    Args:
        text: What was added.
        replaced: All of the text, where it does not begin with what was shown before: a validator
            changed it when it was complete, or the model was asked again.
    """

    __slots__ = ("replaced",)

    replaced: str | None

    def __new__(cls, text: str, replaced: str | None = None) -> Self:
        """Make a delta."""
        self = super().__new__(cls, text)
        self.replaced = replaced
        return self


class _Follower:
    """Finds what each snapshot adds to the text at a path."""

    def __init__(self, path: str | tuple[str | int, ...]) -> None:
        steps = path.split(".") if isinstance(path, str) else path
        self._steps = [
            int(step) if isinstance(step, str) and step.isdecimal() else step for step in steps
        ]
        self._shown = ""

    def see(self, snapshot: Any) -> TextDelta | None:
        """Give what a snapshot adds, or ``None``."""
        text = self._find(snapshot)
        shown, self._shown = self._shown, text
        if text == shown:
            return None
        if text.startswith(shown):
            return TextDelta(text[len(shown) :])
        return TextDelta("", replaced=text)

    def _find(self, snapshot: Any) -> str:
        value = snapshot
        for step in self._steps:
            value = _inside(value, step)
            if value is _NOTHING or value is None:
                return ""
        if not isinstance(value, str):
            path = ".".join(map(str, self._steps))
            raise TypeError(f"{path} is no text but of type {type(value).__name__}")
        return value


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        try:
            return value[step]
        except (IndexError, KeyError):
            return _NOTHING
    if isinstance(value, dict):
        return value.get(step, _NOTHING)
    found = getattr(value, step)
    if partial_origin(type(value)) is not None and step not in _fields_set(value):
        # What it shows is its default, which the model has not written.
        return _NOTHING
    return found


def _fields_set(partial: Any) -> Container[str]:
    if isinstance(partial, BaseModel):
        return partial.model_fields_set
    fields: dict[str, Any] = getattr(partial, "__dict__", {})
    return fields


def text_deltas(stream: Iterable[Any], path: str | tuple[str | int, ...]) -> Iterator[TextDelta]:
    """Iterate over what is added to one text while it is being written.

    For whatever appends text, such as ``st.write_stream(pf.text_deltas(stream, "summary"))``.

    Args:
        stream: Snapshots: what `stream` or a client's ``create_partial`` returns.
        path: Where the text is: ``"summary"``, ``"users.0.bio"`` or ``("users", 0, "bio")``.

    Yields:
        Each addition, never empty unless its ``replaced`` says that the text is another one now.

    Raises:
        AttributeError: There is no such field.
        TypeError: The value at `path` is no text.

    Examples:
        >>> from pydantic import BaseModel
        >>> import partialfast as pf
        >>> class Note(BaseModel):
        ...     title: str
        ...     text: str
        >>> chunks = ['{"title": "A", "te', 'xt": "the quick', ' brown fox"}']
        >>> list(pf.text_deltas(pf.stream(Note, chunks), "text"))
        ['the quick', ' brown fox']
    """
    follower = _Follower(path)
    for snapshot in stream:
        delta = follower.see(snapshot)
        if delta is not None:
            yield delta


async def atext_deltas(
    stream: AsyncIterable[Any], path: str | tuple[str | int, ...]
) -> AsyncIterator[TextDelta]:
    """Iterate over what is added to one text, from an asynchronous stream, as `text_deltas` does.

    Args:
        stream: Snapshots: what `astream` or an async client's ``create_partial`` returns.
        path: Where the text is.

    Yields:
        Each addition.

    Raises:
        AttributeError: There is no such field.
        TypeError: The value at `path` is no text.
    """
    follower = _Follower(path)
    async for snapshot in stream:
        delta = follower.see(snapshot)
        if delta is not None:
            yield delta
