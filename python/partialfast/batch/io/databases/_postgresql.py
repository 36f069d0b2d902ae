"""PostgreSQL: ``postgresql://user@host/database?table=people``, or ``table=schema.people``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from partialfast.batch._needs import import_extra
from partialfast.batch.io.databases._columns import ColumnKind
from partialfast.batch.io.databases._database import Database, DatabaseConnection
from partialfast.batch.loop._result import BatchError

__all__ = ["Postgresql"]

#: Seconds to wait for the server.
_PATIENCE_S = 15


class Postgresql(Database):
    """A table of a PostgreSQL database.

    Args:
        url: Where it is; a password in it is shown nowhere.
        name: What to call it.
        table: The name of the table, in parts.
    """

    types: ClassVar[Mapping[ColumnKind, str]] = {
        "text": "text", "integer": "bigint", "number": "double precision", "boolean": "boolean",
        "date": "date", "time": "timestamptz", "json": "jsonb",
    }  # fmt: skip
    mark: ClassVar[str] = "%s"
    json_mark: ClassVar[str] = "%s::jsonb"

    def __init__(self, url: str, name: str, table: Sequence[str]) -> None:
        super().__init__(name, table)
        self._url = url
        self._psycopg = import_extra("psycopg", what="PostgreSQL", extra="databases")

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the package raises."""
        return (self._psycopg.Error,)

    def connect(self) -> DatabaseConnection:
        """Connect to the server."""
        try:
            connection = self._psycopg.connect(
                self._url, autocommit=True, connect_timeout=_PATIENCE_S
            )
        except self._psycopg.Error as error:
            # The server's message does not hold the password.
            raise BatchError(f"cannot reach {self.name}: {' '.join(str(error).split())}") from None
        return _PostgreSqlConnection(connection)


class _PostgreSqlConnection(DatabaseConnection):
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        # A percent sign in a name is not a placeholder.
        self._connection.execute(statement)

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)
