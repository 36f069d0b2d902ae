"""Text as it grows: what each snapshot adds to one text in it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Container, Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from typing_extensions import Self

from partialfast._core import Op
from partialfast.typed._marks import partial_origin

__all__ = ["Growth", "TextDelta", "atext_deltas", "text_deltas"]

Path = tuple[str | int, ...]

_NOTHING = object()


class TextDelta(str):
    """What was added to a text, as a string; it says so where the text has been replaced.

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


class Growth:
    """Tells of all texts of a value what was added to them, from its ops."""

    def __init__(self) -> None:
        self._shown: set[Path] = set()
        self._snapshot: Any = _NOTHING
        self._added: dict[Path, TextDelta] = {}

    def see(self, snapshot: Any, ops: Iterable[Op]) -> dict[Path, TextDelta]:
        """Give what was added, by the path of each text; the same again for the same snapshot.

        Args:
            snapshot: The value so far.
            ops: What changed in its JSON since the last call.
        """
        if snapshot is self._snapshot:
            return self._added
        self._snapshot, self._added = snapshot, {}
        for op in ops:
            if op.op == "append" and isinstance(op.value, str):
                self._add(op.path, op.value, is_more=True)
            else:
                for path, text in _texts(op.value, op.path):
                    self._add(path, text, is_more=False)
        return self._added

    def _add(self, path: Path, text: str, *, is_more: bool) -> None:
        before = self._added.get(path, TextDelta(""))
        if is_more and before.replaced is None:
            self._added[path] = TextDelta(before + text)
        elif is_more:
            self._added[path] = TextDelta("", replaced=f"{before.replaced}{text}")
        elif path in self._shown:
            self._added[path] = TextDelta("", replaced=text)
        elif text:
            self._added[path] = TextDelta(text)
        self._shown.add(path)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Find the texts in a JSON value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number))


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
            raise TypeError(f"{path} is not text, but of type {type(value).__name__}")
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
        Each addition, never empty unless its ``replaced`` says that the text has been replaced.

    Raises:
        AttributeError: There is no such field.
        TypeError: The value at `path` is not text.

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
        TypeError: The value at `path` is not text.
    """
    follower = _Follower(path)
    async for snapshot in stream:
        delta = follower.see(snapshot)
        if delta is not None:
            yield delta
