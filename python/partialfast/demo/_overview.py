"""What there is to see of a stream: its fields, how far each is, and the figures.

No drawing and no clock of its own, so that it can be tested.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel

__all__ = ["FieldMark", "FormProgress", "FormRow", "rows"]

Path = tuple[str | int, ...]


class FieldMark(enum.Enum):
    """How far a field is."""

    WAITING = "waiting"
    WRITING = "writing"
    COMPLETE = "complete"


@dataclass
class FormProgress:
    """The figures of a stream, and which of its fields are complete.

    Args:
        started: When the request was sent, in seconds.
        chunks: How many pieces came from the server.
        snapshots: How many snapshots were seen.
        first_field_s: Seconds until the first field had something to show.
        elapsed_s: Seconds until the last snapshot.
        path: Where the model is writing.
        complete: The fields that are complete.
    """

    started: float = 0.0
    chunks: int = 0
    snapshots: int = 0
    first_field_s: float | None = None
    elapsed_s: float = 0.0
    path: Path = ()
    complete: set[Path] = field(default_factory=set)

    def see(
        self, snapshot: BaseModel, *, path: Path, completed: Iterable[Path], now: float
    ) -> None:
        """Take a snapshot in.

        Args:
            snapshot: The snapshot.
            path: Where the model is writing.
            completed: What became complete since the last one.
            now: The time, in seconds, on the clock of `started`.
        """
        self.snapshots += 1
        self.elapsed_s = now - self.started
        self.path = path
        self.complete.update(completed)
        if self.first_field_s is None and snapshot.model_fields_set:
            self.first_field_s = self.elapsed_s

    def mark(self, path: Path) -> FieldMark:
        """Say how far a field is that has begun."""
        # A container is complete only when that was reported; a value inside a complete container
        # is complete too.
        if any(path[:size] in self.complete for size in range(len(path) + 1)):
            return FieldMark.COMPLETE
        return FieldMark.WRITING

    def summary(self) -> str:
        """Give the figures as one line."""
        first = "-" if self.first_field_s is None else f"{self.first_field_s * 1000:.0f} ms"
        return (
            f"{self.chunks} chunks · {self.snapshots} snapshots · "
            f"{self.elapsed_s:.2f} s · first field after {first}"
        )


@dataclass(frozen=True)
class FormRow:
    """One line of the form.

    Args:
        path: Where the value is.
        label: What it is called.
        text: The value, or nothing for what only holds other rows.
        mark: How far it is.
    """

    path: Path
    label: str
    text: str
    mark: FieldMark

    @property
    def depth(self) -> int:
        """How deep the row is nested."""
        return len(self.path) - 1


def rows(snapshot: BaseModel, progress: FormProgress, *, path: Path = ()) -> Iterator[FormRow]:
    """Give the lines of a form.

    Args:
        snapshot: The model as far as it is written.
        progress: Which of its fields are complete.
        path: Where the model is.

    Yields:
        A row for every field, those not begun included, and for every item of a list.
    """
    for name in type(snapshot).model_fields:
        here = (*path, name)
        if name in snapshot.model_fields_set:
            yield from _value_rows(getattr(snapshot, name), progress, here, name)
        else:
            yield FormRow(here, name, "", FieldMark.WAITING)


def _value_rows(value: object, progress: FormProgress, path: Path, label: str) -> Iterator[FormRow]:
    mark = progress.mark(path)
    if isinstance(value, BaseModel):
        yield FormRow(path, label, "", mark)
        yield from rows(value, progress, path=path)
    elif isinstance(value, list):
        yield FormRow(path, label, "", mark)
        for index, item in enumerate(value):
            yield from _value_rows(item, progress, (*path, index), f"{index + 1}.")
    else:
        yield FormRow(path, label, str(value), mark)
