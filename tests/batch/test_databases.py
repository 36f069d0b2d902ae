"""Values in a database: the columns, one row an id, and what does not fit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import date, datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from partialfast import cli, replay
from partialfast.batch import BatchError
from partialfast.batch.io._output import Record, Sink
from partialfast.batch.io._outputs import open_output
from tests.batch.postgresql import postgresql
from tests.batching import Person, answer, arguments, lines, recordings, write_documents

pytest.importorskip("filelock")
duckdb: Any = pytest.importorskip("duckdb")
psycopg: Any = pytest.importorskip("psycopg")

#: Runs a statement; gives the rows.
Query = Callable[[str], list[tuple[Any, ...]]]


class Sort(Enum):
    TALK = "talk"
    PANEL = "panel"


class Guest(BaseModel):
    name: str


class Meeting(BaseModel):
    """Every kind of column, and names that have to be quoted."""

    title: str
    count: int | None = None
    share: float = 0
    open: bool = False
    day: date | None = None
    at: datetime | None = None
    sort: Sort = Sort.TALK
    level: Literal[1, 2] = 1
    guests: list[Guest] = []
    host: Guest | None = None
    id: int = 0
    odd: str = Field(default="", alias='select "%s" %')


@pytest.fixture(scope="module")
def server() -> Generator[str, None, None]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Query]:
    """Give the URL of a table ``people``, and what asks its database."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"out.{request.param}"
    if request.param == "postgresql":
        url = request.getfixturevalue("server")

        def ask(statement: str) -> list[tuple[Any, ...]]:
            with psycopg.connect(url, autocommit=True) as connection:
                cursor = connection.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

        ask("DROP TABLE IF EXISTS people")
        return f"{url}?table=people", ask

    connect: Any = sqlite3.connect if request.param == "sqlite" else duckdb.connect

    def ask_file(statement: str) -> list[tuple[Any, ...]]:
        with closing(connect(str(path))) as connection:
            found = list(connection.execute(statement).fetchall())
            connection.commit()
            return found

    return f"{request.param}:///{path}?table=people", ask_file


def sink_of(url: str, model: Any) -> Sink:
    sink = open_output(url).sink
    assert sink is not None
    sink.prepare(model, overwrite=False, has_journal=False)
    return sink


def record(id_: str, value: Any) -> Record:
    return {"id": id_, "value": value}


MEETING = Meeting.model_validate({
    "title": "Zürich \u2028 'x'", "count": 2**62, "share": 0.5, "open": True, "day": "2025-04-01",
    "at": "2025-04-01T12:00:00+02:00", "sort": "panel", "level": 2, "guests": [{"name": "a"}],
    "host": {"name": "b"}, "id": 7, 'select "%s" %': "odd",
})  # fmt: skip


def test_columns_are_those_of_the_model(database: tuple[str, Query]) -> None:
    url, ask = database
    value = json.loads(MEETING.model_dump_json(by_alias=True))
    sink_of(url, Meeting).write(iter([record("d1", value), record("d2", {"title": "bare"})]))
    fields = '"title", "count", "share", "open", "day", "at", "sort", "level", "guests", "host"'
    rows = ask(f'SELECT _id, {fields}, id, "select ""%s"" %" FROM people ORDER BY _id')  # noqa: S608
    first = list(rows[0])
    guests, host = first[9], first[10]
    assert (guests if isinstance(guests, list) else json.loads(guests)) == [{"name": "a"}]
    assert (host if isinstance(host, dict) else json.loads(host)) == {"name": "b"}
    is_sqlite = url.startswith("sqlite")
    day, at = first[5], first[6]
    assert day == ("2025-04-01" if is_sqlite else date(2025, 4, 1))
    moment = datetime(2025, 4, 1, 10, tzinfo=timezone.utc)
    assert (datetime.fromisoformat(at) if is_sqlite else at) == moment
    del first[9:11], first[5:7]
    assert first == ["d1", "Zürich \u2028 'x'", 2**62, 0.5, True, "panel", 2, 7, "odd"]
    assert rows[1][:3] == ("d2", "bare", None)


def test_a_row_is_replaced_by_the_next_of_its_id(database: tuple[str, Query]) -> None:
    url, ask = database
    sink = sink_of(url, Person)
    for age in (1, 2):
        sink.write(record(f"d{number}", {**answer(number), "age": age}) for number in range(1200))
    assert ask("SELECT count(*), min(age), max(age) FROM people") == [(1200, 2, 2)]


def test_a_value_that_is_no_object_is_a_column(database: tuple[str, Query]) -> None:
    url, ask = database
    sink_of(url, list[int]).write(iter([record("a", [1, 2])]))
    [(id_, value)] = ask("SELECT id, value FROM people")
    assert (id_, value if isinstance(value, list) else json.loads(value)) == ("a", [1, 2])


def test_what_does_not_fit_keeps_nothing_else_out(database: tuple[str, Query]) -> None:
    url, ask = database
    sink = sink_of(url, Person)
    rows = [record(f"d{number}", answer(number)) for number in range(700)]
    rows[333] = record("big", {**answer(1), "age": 2**70})
    rows[600] = record("half", {**answer(1), "name": "\ud800"})
    with pytest.raises(
        BatchError, match=r"2 values do not fit the table .*, such as that of 'big'"
    ):
        sink.write(iter(rows))
    assert ask("SELECT count(*) FROM people") == [(698,)]


def test_a_table_that_does_not_fit_is_said_before(database: tuple[str, Query]) -> None:
    url, ask = database
    ask("CREATE TABLE people (id VARCHAR(20), name VARCHAR(20))")
    with pytest.raises(BatchError, match="cannot take the values"):
        sink_of(url, Person)
    ask("DROP TABLE people")
    ask("CREATE TABLE people (id VARCHAR(20), name VARCHAR(90), age INTEGER, city VARCHAR(90))")
    # An id could be there twice.
    with pytest.raises(BatchError, match="cannot take the values"):
        sink_of(url, Person)


@pytest.mark.network
def test_the_command_fills_a_table(
    database: tuple[str, Query], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, ask = database
    source = write_documents(tmp_path / "in.jsonl", 20)
    with replay.serve(recordings(20)) as server:
        words = arguments(source, Path("x.jsonl"), server)
        words[words.index("--output") + 1] = url
        assert cli.main([*words, "--limit", "8"]) == 0
        said = capsys.readouterr().err
        assert ask("SELECT count(*) FROM people") == [(8,)]
        # Rows that somebody has lost meanwhile come again: the journal is what counts.
        ask("DELETE FROM people")
        assert cli.main([*words, "--resume"]) == 0
        assert len(server.exchanges) == 20
    rows = ask("SELECT id, name, age, city FROM people")
    assert {row[0]: row[1:] for row in rows} == {
        f"d{number}": tuple(answer(number).values()) for number in range(20)
    }
    [journal] = tmp_path.glob("*.people.journal.jsonl")
    assert len(lines(journal)) == 20
    assert "secret" not in said + capsys.readouterr().err
    assert "secret" not in next(tmp_path.glob("*.manifest.json")).read_text()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("sqlite:///out.db", "the table is missing"),
        ("sqlite://out.db?table=x", r"write sqlite:///FILE\?table=NAME"),
        ("mysql://u:pw@host/db?table=x", "there is no such database"),
        ("postgresql://u:pw@host/db", "postgresql://u@host/db: the table is missing"),
    ],
)
def test_an_output_that_is_none_is_refused(output: str, said: str) -> None:
    with pytest.raises(BatchError, match=said):
        open_output(output)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(
        BatchError, match=r"cannot reach postgresql://u@127\.0\.0\.1:1/db"
    ) as raised:
        sink_of("postgresql://u:secret@127.0.0.1:1/db?table=x", Person)
    assert "secret" not in str(raised.value)
