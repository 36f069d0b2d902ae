"""What all databases share: a table with one row for each id, however often the id comes."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from partialfast.batch.io._output import Record, Sink
from partialfast.batch.io.databases._columns import ColumnKind, Columns
from partialfast.batch.loop._result import BatchError

__all__ = ["Database", "DatabaseConnection"]

#: Rows of a statement, and of a transaction.
_ROWS = 500


class DatabaseConnection(AbstractContextManager["DatabaseConnection"]):
    """A connection. Leaving it closes it."""

    @abstractmethod
    def run(self, statement: str) -> None:
        """Run a statement in a transaction of its own."""

    @abstractmethod
    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row, all in one transaction."""


class Database(Sink):
    """A table of a database.

    Rows are inserted, and replaced where there is one of the same id, so that it makes no
    difference how often a value is written.

    Args:
        name: What to call it; it holds no password.
        table: The name of the table, in parts (schema and name).
    """

    #: The type of a column, by what it holds.
    types: ClassVar[Mapping[ColumnKind, str]]
    #: What stands for a value in a statement.
    mark: ClassVar[str] = "?"
    #: As `mark`, for what is JSON.
    json_mark: ClassVar[str] = "?"

    def __init__(self, name: str, table: Sequence[str]) -> None:
        super().__init__(name)
        self._table = ".".join(_quoted(part) for part in table)
        self._columns: Columns | None = None

    @property
    def is_gradual(self) -> bool:
        """Rows go there while the run goes on."""
        return True

    @abstractmethod
    def connect(self) -> DatabaseConnection:
        """Connect.

        Raises:
            BatchError: That is not possible.
        """

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """What the package raises."""

    def prepare(self, model: Any, *, overwrite: bool, has_journal: bool) -> None:
        """Make the table, or make sure that the one that is there fits."""
        del overwrite, has_journal
        self._columns = Columns(model)
        columns = ", ".join(
            f"{_quoted(each.name)} {self.types[each.kind]}"
            + (" NOT NULL PRIMARY KEY" if each.name == self._columns.id else "")
            for each in self._columns.all
        )
        with self.connect() as connection:
            try:
                connection.run(f"CREATE TABLE IF NOT EXISTS {self._table} ({columns})")
                # Without a row: shows that each column exists, and that an id is unique.
                names = ", ".join(_quoted(each.name) for each in self._columns.all)
                connection.run(
                    f"INSERT INTO {self._table} ({names}) "  # noqa: S608 - names, quoted
                    f"SELECT {names} FROM {self._table} WHERE 1 = 0 {self._replace()}"
                )
            except self.errors as error:
                raise BatchError(
                    f"the table {self._table} of {self.name} cannot take the values: {_said(error)}"
                ) from error

    def write(self, records: Iterator[Record]) -> None:
        """Write rows."""
        assert self._columns is not None  # noqa: S101 - `prepare` comes first
        statement, refused = self._insert(), list[tuple[str, str]]()
        with self.connect() as connection:
            while batch := list(itertools.islice(records, _ROWS)):
                rows = [row for record in batch if (row := self._row(record, refused))]
                refused += self._write(connection, statement, rows)
        if refused:
            id_, why = refused[0]
            raise BatchError(
                f"{len(refused):,} values do not fit the table {self._table} of {self.name}, such "
                f"as that of {id_!r}: {why}; all others are there, and all are in the journal"
            )

    @property
    def _refusals(self) -> tuple[type[Exception], ...]:
        return (*self.errors, OverflowError, UnicodeError)

    def _row(self, record: Record, refused: list[tuple[str, str]]) -> list[Any]:
        """Turn a record into a row; an empty one, and a reason, if it cannot be one."""
        assert self._columns is not None  # noqa: S101 - `prepare` comes first
        try:
            return self._columns.row(record)
        except (ValueError, TypeError, AttributeError) as error:
            refused.append((record["id"], str(error)))
            return []

    def _write(
        self, connection: DatabaseConnection, statement: str, rows: list[list[Any]]
    ) -> Iterator[tuple[str, str]]:
        """Write rows; give those that the database does not take, each with what it says."""
        if not rows:
            return
        try:
            connection.run_many(statement, rows)
        except self._refusals as error:
            if len(rows) == 1:
                yield rows[0][0], _said(error)
                return
            # Find the row, among those that are taken.
            middle = len(rows) // 2
            yield from self._write(connection, statement, rows[:middle])
            yield from self._write(connection, statement, rows[middle:])

    def _insert(self) -> str:
        assert self._columns is not None  # noqa: S101 - `prepare` comes first
        columns = self._columns.all
        names = ", ".join(_quoted(each.name) for each in columns)
        marks = ", ".join(self.json_mark if each.kind == "json" else self.mark for each in columns)
        head = f"INSERT INTO {self._table} ({names}) VALUES "  # noqa: S608 - names, quoted
        # Where placeholders use a percent sign, those in names have to be escaped.
        head, tail = (
            text.replace("%", "%%") if "%" in self.mark else text
            for text in (head, self._replace())
        )
        return f"{head}({marks}) {tail}"

    def _replace(self) -> str:
        assert self._columns is not None  # noqa: S101 - `prepare` comes first
        id_ = _quoted(self._columns.id)
        others = [_quoted(each.name) for each in self._columns.all if each.name != self._columns.id]
        values = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f"ON CONFLICT ({id_}) DO UPDATE SET {values}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
