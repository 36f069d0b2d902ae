"""Functions of the caller's that are called with each value that completes at a place."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel

__all__ = ["NOT_THERE", "Callbacks", "On", "OnProgress", "Progress", "inside"]

Path = tuple[str | int, ...]

#: What `on` takes: functions by the place of the values that they are called with.
On = Mapping[str, Callable[[Any], Any]]

#: What `inside` gives where there is nothing.
NOT_THERE = object()


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer is, as `on_progress` is told before each snapshot is handed out.

    Args:
        pieces: How many pieces came: of the model's text, each a token or a few; chunks, where
            these are what is read.
        values: How many values are complete: all that are listed in ``completed``, be they
            numbers, texts, lists or objects.
        path: Where the model is writing.
        attempt: Which attempt it is, counted from 1.
    """

    pieces: int
    values: int
    path: Path
    attempt: int = 1


#: What ``on_progress`` takes.
OnProgress = Callable[[Progress], Any]


class Callbacks:
    """Finds which functions to call with what, as values become complete.

    Args:
        on: The functions, each by a path such as ``"users.*"`` or ``"users.*.name"``: keys and
            indices from the root, of which ``*`` is any, and ``""`` the whole value. A key is that
            of the document, or the name of the field.
        on_progress: Called with how far it is.
        awaits: Whether what a function returns can be awaited.

    Raises:
        TypeError: A path is not a string, a function cannot be called, or returns something to be
            awaited where nobody awaits it.
    """

    def __init__(self, on: On | None, on_progress: OnProgress | None, *, awaits: bool) -> None:
        self._functions: list[tuple[tuple[str, ...], Callable[[Any], Any]]] = []
        for path, function in ({} if on is None else on).items():
            place: object = path
            if not isinstance(place, str):
                raise TypeError(f"on: a path is a string such as 'users.*', not {place!r}")
            _check(function, f"on: what is called at {path!r}", awaits=awaits)
            self._functions.append((tuple(path.split(".")) if path else (), function))
        if on_progress is not None:
            _check(on_progress, "on_progress", awaits=awaits)
        self._on_progress = on_progress
        self._values = 0
        # Complete, but inside something that is not shown before it is complete as well.
        self._hidden: list[Path] = []

    def restart(self) -> None:
        """Begin with a value anew."""
        self._hidden.clear()
        self._values = 0

    def due(
        self, snapshot: Any, completed: Sequence[Path], progress: Progress
    ) -> Iterator[tuple[Callable[[Any], Any], Any]]:
        """Give what is to be called with what, in the order in which the values completed.

        Args:
            snapshot: The value so far.
            completed: Paths of the values that were completed since the last one.
            progress: How far it is, but for its ``values``.

        Yields:
            Pairs of a function and a value.
        """
        self._values += len(completed)
        if self._functions:
            hidden, self._hidden = self._hidden, []
            for path in (*hidden, *completed):
                yield from self._at(snapshot, path)
        if self._on_progress is not None:
            yield self._on_progress, dataclasses.replace(progress, values=self._values)

    def _at(self, snapshot: Any, path: Path) -> Iterator[tuple[Callable[[Any], Any], Any]]:
        for pattern, function in self._functions:
            found = _find(snapshot, path, pattern)
            if found is None:
                continue
            if found[0] is NOT_THERE:
                self._hidden.append(path)
                return
            yield function, found[0]


def _check(function: object, what: str, *, awaits: bool) -> None:
    if not callable(function):
        raise TypeError(f"{what} must be callable: {function!r}")
    if inspect.iscoroutinefunction(function) and not awaits:
        raise TypeError(f"{what} is a coroutine function, which only an asynchronous stream awaits")


def _find(snapshot: Any, path: Path, pattern: Sequence[str]) -> tuple[Any] | None:
    """Return what stands at a path, if the pattern is one for it."""
    if len(path) != len(pattern):
        return None
    value = snapshot
    for step, wanted in zip(path, pattern, strict=True):
        if value is not NOT_THERE:
            name = _name(type(value), step)
            value = inside(value, name)
        else:
            name = step
        if wanted not in {"*", str(step), str(name)}:
            return None
    return (value,)


def inside(value: Any, step: str | int) -> Any:
    """Return what stands in a value at a key or index, or under the name of a field.

    Args:
        value: A model, a dataclass, a mapping or a sequence.
        step: The key, the index or the name.

    Returns:
        What stands there, or `NOT_THERE`.
    """
    if isinstance(value, Mapping):
        return value.get(step, NOT_THERE)
    if isinstance(step, int):
        is_list = isinstance(value, Sequence) and -len(value) <= step < len(value)
        return value[step] if is_list else NOT_THERE
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        return getattr(value, step, NOT_THERE)
    return NOT_THERE


def _name(class_: type, key: str | int) -> str | int:
    """Return the name of the field that a key of the document stands for."""
    return _names(class_).get(key, key) if isinstance(key, str) else key


@functools.lru_cache(maxsize=512)
def _names(class_: type) -> Mapping[str, str]:
    fields: Mapping[str, Any] = (
        class_.model_fields
        if issubclass(class_, BaseModel)
        else getattr(class_, "__pydantic_fields__", {})
    )
    names: dict[str, str] = {}
    for name, field in fields.items():
        alias = getattr(field, "validation_alias", None) or getattr(field, "alias", None)
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        names |= {choice: name for choice in choices if isinstance(choice, str)}
    return names
