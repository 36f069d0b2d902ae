"""A database as the output: a run that is killed at any moment leaves each id there once."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.batch.postgresql import postgresql
from tests.batching import (
    answer,
    arguments,
    check_one_run,
    finished,
    recordings,
    write_documents,
    zygote,
)
from tests.killing import Killer

pytest.importorskip("filelock")
psycopg: Any = pytest.importorskip("psycopg")

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork"),
]

COUNT = 40
CONCURRENCY = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Generator[tuple[Callable[[str], str], Callable[[str], list[Any]]], None, None]:
    """Give what makes the URL of a table, and what reads its rows."""
    if request.param == "sqlite":

        def rows_of(table: str) -> list[Any]:
            with closing(sqlite3.connect(tmp_path / "out.db")) as connection:
                return connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 - ours

        yield lambda table: f"sqlite:///{tmp_path}/out.db?table={table}", rows_of
        return
    with postgresql() as server:

        def rows_there(table: str) -> list[Any]:
            with psycopg.connect(server) as connection:
                return list(connection.execute(f'SELECT * FROM "{table}"').fetchall())  # noqa: S608 - ours

        yield lambda table: f"{server}?table={table}", rows_there


def journaled(folder: Path, table: str) -> set[str]:
    """Read the ids that have a line in the journal of a table."""
    return finished(*folder.glob(f"*.{table}.journal.jsonl"))


@pytest.mark.parametrize("most", [6, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_leave_each_id_once(
    tmp_path: Path,
    database: tuple[Callable[[str], str], Callable[[str], list[Any]]],
    most: int,
) -> None:
    url_of, rows_of = database
    source = write_documents(tmp_path / "in.jsonl", COUNT)
    jobs = 0
    with replay.serve(recordings(COUNT), rate=600) as server, zygote(tmp_path) as runner:
        killer = Killer(runner, most, CONCURRENCY)
        while not killer.is_done:
            jobs += 1
            words = arguments(source, Path("x.jsonl"), server, "--resume", "--quiet")
            words += ["--concurrency", str(CONCURRENCY)]
            words[words.index("--output") + 1] = url_of(f"t{jobs}")
            killer.resume_to_the_end(
                server,
                words,
                partial(journaled, tmp_path, f"t{jobs}"),
                moments=[0, *range(30)],
                # Sometimes while rows are loaded, once a second or at the end.
                pause=lambda draw: draw.choice([0.0, 0.02, draw.uniform(0, 1.2)]),
            )
            rows = rows_of(f"t{jobs}")
            assert Counter(row[0] for row in rows) == Counter(f"d{n}" for n in range(COUNT))
            assert {row[0]: row[1:] for row in rows} == {
                f"d{number}": tuple(answer(number).values()) for number in range(COUNT)
            }
            [manifest] = tmp_path.glob(f"*.t{jobs}.manifest.json")
            check_one_run(manifest, COUNT)
    assert killer.amid >= most // 6
    assert (tmp_path / "stderr.txt").read_text() == ""
