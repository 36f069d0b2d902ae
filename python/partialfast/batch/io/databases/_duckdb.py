"""DuckDB: ``duckdb:///results.duckdb?table=people``, or four slashes for a path from the root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from partialfast.batch._needs import import_extra
from partialfast.batch.io.databases._columns import ColumnKind
from partialfast.batch.io.databases._database import Database, DatabaseConnection
from partialfast.batch.loop._result import BatchError

__all__ = ["DuckDb"]


class DuckDb(Database):
    """A table of a DuckDB file. Only one process at a time can have it open.

    Args:
        path: The file.
        table: The name of the table, in parts.
    """

    types: ClassVar[Mapping[ColumnKind, str]] = {
        "text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN",
        "date": "DATE", "time": "TIMESTAMPTZ", "json": "JSON",
    }  # fmt: skip

    def __init__(self, path: Path, table: Sequence[str]) -> None:
        super().__init__(str(path), table)
        self._path = path
        self._duckdb = import_extra("duckdb", what="DuckDB", extra="databases")

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the package raises; DuckDB 1 has no class of its own for half a surrogate pair."""
        return (self._duckdb.Error, RuntimeError)

    def connect(self) -> DatabaseConnection:
        """Open the file; it is made if it is not there."""
        try:
            return _DuckDbConnection(self._duckdb.connect(str(self._path)))
        except self._duckdb.Error as error:
            raise BatchError(f"cannot open {self._path}: {error}") from error


class _DuckDbConnection(DatabaseConnection):
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        self._connection.execute(statement)

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.begin()
        try:
            self._connection.executemany(statement, rows)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()
