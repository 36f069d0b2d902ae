"""A database as the output: a run that is killed at any moment leaves each id there once."""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.batch.postgresql import postgresql
from tests.batching import (
    answer,
    arguments,
    asked,
    lines,
    recordings,
    wait_for,
    write_documents,
    zygote,
)

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


@pytest.mark.parametrize("most", [6, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_leave_each_id_once(
    tmp_path: Path,
    database: tuple[Callable[[str], str], Callable[[str], list[Any]]],
    most: int,
) -> None:
    # Not seeded: the moments depend on the machine in any case.
    draw = random.Random()  # noqa: S311 - moments, not secrets
    url_of, rows_of = database
    source = write_documents(tmp_path / "in.jsonl", COUNT)
    kills = jobs = amid = 0
    with replay.serve(recordings(COUNT), rate=600) as server, zygote(tmp_path) as runner:
        while kills < most:
            jobs += 1
            words = arguments(source, Path("x.jsonl"), server, "--resume", "--quiet")
            words += ["--concurrency", str(CONCURRENCY)]
            words[words.index("--output") + 1] = url_of(f"t{jobs}")
            first = len(server.exchanges)
            interrupted: Counter[str] = Counter()
            status = -9
            while status == -9:
                begun = len(server.exchanges)
                child = runner.start(words)
                if kills == most:
                    status = runner.wait()
                    break
                wait_for(server, begun + draw.choice([0, *range(30)]), child)
                # Sometimes while rows are loaded, once a second or at the end.
                time.sleep(draw.choice([0.0, 0.02, draw.uniform(0, 1.2)]))
                status = runner.kill(child)
                time.sleep(0.03)
                kills += status == -9
                amid += len(server.exchanges) > begun
                interrupted.update({asked(each) for each in server.exchanges[begun:]})
            assert status == 0
            rows = rows_of(f"t{jobs}")
            assert Counter(row[0] for row in rows) == Counter(f"d{n}" for n in range(COUNT))
            assert {row[0]: row[1:] for row in rows} == {
                f"d{number}": tuple(answer(number).values()) for number in range(COUNT)
            }
            [journal] = tmp_path.glob(f"*.t{jobs}.journal.jsonl")
            assert len(lines(journal)) == COUNT
            [manifest] = tmp_path.glob(f"*.t{jobs}.manifest.json")
            [run] = json.loads(manifest.read_text())["runs"]
            assert (run["run"], run["documents"]) == (1, COUNT)
            # What was asked for again was in flight when it was killed.
            times = Counter(asked(each) for each in server.exchanges[first:])
            assert all(times[id_] <= interrupted[id_] + 1 for id_ in times)
    assert kills == most
    assert amid >= most // 6
    assert (tmp_path / "stderr.txt").read_text() == ""
