"""Where results go: the files of a run, and what is made of its values at the end."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from partialfast.batch.io._rows import misfit
from partialfast.batch.loop._result import BatchError

__all__ = ["Files", "Record", "Sink", "checked_rows"]

#: A line of the values: ``id``, ``value`` and what it cost.
Record = Mapping[str, Any]


class Sink(ABC):
    """What the values of a run go to, besides the journal.

    Args:
        name: What to call it; it holds no password.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_gradual(self) -> bool:
        """Whether it takes values during the run; otherwise it takes all of them at the end."""
        return False

    @abstractmethod
    def prepare(self, model: Any, *, overwrite: bool, has_journal: bool) -> None:
        """Make sure that it can take values, before anything is asked.

        Args:
            model: The type of the values.
            overwrite: Whether what is there may be replaced.
            has_journal: Whether what is there can be made again from its journal.

        Raises:
            BatchError: It cannot.
            ImportError: A package is not installed.
        """

    @abstractmethod
    def write(self, records: Iterator[Record]) -> None:
        """Take values; those that are there already are replaced.

        Args:
            records: The values.

        Raises:
            BatchError: They cannot be written.
        """


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a run.

    Args:
        values: Where values are written as they complete.
        errors: Where failures are.
        sink: What is made of the values; ``None`` where their file is what was asked for.
    """

    values: Path
    errors: Path
    sink: Sink | None = None

    @property
    def manifest(self) -> Path:
        """The manifest, which says what the run is."""
        return self.errors.with_name(self.errors.name.replace(".errors.jsonl", ".manifest.json"))

    @property
    def output(self) -> str:
        """What was asked for, by name."""
        return self.sink.name if self.sink is not None else str(self.values)

    @property
    def written(self) -> tuple[Path, ...]:
        """All that results go to, none of which is a document."""
        sink = [Path(self.sink.name)] if self.sink is not None else []
        return (self.values, self.errors, self.manifest, *sink)


def checked_rows(model: Any, journal: Path, *, offset: int = 0) -> Iterator[tuple[int, Record]]:
    """Read values that a journal holds, validated again by the type of today.

    Args:
        model: The type of the values.
        journal: The file of values.
        offset: Where to begin, in bytes.

    Yields:
        Where the next line begins, and the record. A line that is not whole yet ends it.

    Raises:
        BatchError: A value is not valid any more.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    with journal.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            record = json.loads(line)
            why = misfit(adapter, record)
            if why is not None:
                raise BatchError(
                    f"the value of {record['id']!r} in {journal} is not valid for the model of "
                    f"today: {why}; --resume --accept-changes asks for it again"
                )
            yield offset, record
