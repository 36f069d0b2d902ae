"""SQLite: ``sqlite:///results.db?table=people``, or four slashes for a path from the root."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from partialfast.batch.io.databases._columns import ColumnKind
from partialfast.batch.io.databases._database import Database, DatabaseConnection
from partialfast.batch.loop._result import BatchError

__all__ = ["Sqlite"]

#: Seconds to wait for another program that writes.
_PATIENCE_S = 30.0


class Sqlite(Database):
    """A table of a SQLite file.

    Args:
        path: The file.
        table: The name of the table, in parts.
    """

    # Dates and times are text, which SQLite compares and its functions read.
    types: ClassVar[Mapping[ColumnKind, str]] = {
        "text": "TEXT", "integer": "INTEGER", "number": "REAL", "boolean": "INTEGER",
        "date": "TEXT", "time": "TEXT", "json": "TEXT",
    }  # fmt: skip

    def __init__(self, path: Path, table: Sequence[str]) -> None:
        super().__init__(str(path), table)
        self._path = path

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the module raises."""
        return (sqlite3.Error,)

    def connect(self) -> DatabaseConnection:
        """Open the file; it is made if it is not there."""
        try:
            return _SqliteConnection(sqlite3.connect(self._path, timeout=_PATIENCE_S))
        except sqlite3.Error as error:
            raise BatchError(f"cannot open {self._path}: {error}") from error


class _SqliteConnection(DatabaseConnection):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        with self._connection:
            self._connection.execute(statement)

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        plain = [[_plain(cell) for cell in row] for row in rows]
        with self._connection:
            self._connection.executemany(statement, plain)


def _plain(cell: Any) -> Any:
    return cell.isoformat() if hasattr(cell, "isoformat") else cell
