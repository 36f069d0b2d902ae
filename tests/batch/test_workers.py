"""Several processes: the same results, the limits of all together, and how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from partialfast.batch.loop._limits import EndpointLimiter
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._result import Item
from partialfast.batch.run._worker import Setup
from partialfast.batch.run._workers import STREAMS, Workers, worker_count
from partialfast.providers.openai._command_client import Endpoint
from tests.batching import (
    answer,
    arguments,
    asked,
    documents,
    lines,
    recordings,
    write_documents,
)

pytest.importorskip("filelock")

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="pipes are no streams there"),
]

COUNT = 40


def wrong(number: int) -> dict[str, Any]:
    return {"text": '{"name": 1}'} if number % 9 == 0 else {}


def test_processes_give_the_same_results(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT, wrong)) as server:
        words = arguments(source, output, server, "--workers", "2", "--concurrency", "6")
        words += ["--max-retries", "0", "--cache", str(tmp_path / "cache")]
        assert cli.main(words) == 3
        assert Counter(asked(each) for each in server.exchanges) == Counter(
            each["id"] for each in documents(COUNT)
        )
        # Over connections of two processes, none with more than its share; an answer that is cut
        # off as invalid takes its connection along.
        cut_off = len(range(0, COUNT, 9))
        assert 2 <= len({each.port for each in server.exchanges}) <= 6 + cut_off
        again = [*words, "--overwrite"]
        before = len(server.exchanges)
        assert cli.main(again) == 3
        assert {asked(each) for each in server.exchanges[before:]} == {
            f"d{number}" for number in range(0, COUNT, 9)
        }
    assert "known from earlier requests: 35" in capfd.readouterr().err
    found = {line["id"]: line["value"] for line in lines(output)}
    assert found == {f"d{n}": answer(n) for n in range(COUNT) if n % 9}
    failed = {line["id"]: line["error"]["kind"] for line in lines(tmp_path / "out.errors.jsonl")}
    assert failed == {f"d{number}": "invalid" for number in range(0, COUNT, 9)}


def test_limits_are_those_of_all_together(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 12), tmp_path / "out.jsonl"
    with replay.serve(recordings(12)) as server:
        words = arguments(source, output, server, "--workers", "3", "--rpm", "240")
        assert cli.main(words) == 0
        times = [each.started for each in server.exchanges]
    # Four a second, with a second's worth at once: two seconds for all, less what a busy machine
    # delays the first. Were each worker to keep limits of its own, all would go at once.
    assert max(times) - min(times) > 1


def test_an_endpoint_that_refuses_all_ends_all(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT, lambda _: {"fault": "status:401"})) as server:
        assert cli.main(arguments(source, output, server, "--workers", "2")) == 1
    assert "the endpoint refuses every request" in capfd.readouterr().err


def start(words: list[str], folder: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path[1:]])}
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "partialfast", *words],
        stderr=subprocess.PIPE, text=True, cwd=folder, env=environment, start_new_session=True,
    )  # fmt: skip


def wait_for(server: replay.Server, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(server.exchanges) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(server.exchanges) >= count


def test_ctrl_c_finishes_what_is_in_flight(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 200), tmp_path / "out.jsonl"
    with replay.serve(recordings(200), rate=60) as server:
        words = arguments(source, output, server, "--workers", "2", "--concurrency", "8")
        with start(words, tmp_path) as process:
            wait_for(server, 12)
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        # Nothing that was asked for is thrown away.
        asked_for = {asked(each) for each in server.exchanges}
        assert {line["id"] for line in lines(output)} == asked_for
        assert len(asked_for) < 200
    assert "finishing" in said


def test_a_worker_that_is_killed_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 60), tmp_path / "out.jsonl"
    with replay.serve(recordings(60), rate=200) as server:
        words = arguments(source, output, server, "--workers", "2", "--concurrency", "4")
        with start(words, tmp_path) as process:
            wait_for(server, 10)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "a worker process has ended early" in said
        with start([*words, "--resume"], tmp_path) as process:
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert Counter(line["id"] for line in lines(output)) == Counter(f"d{n}" for n in range(60))


def test_leaving_closes_an_input_that_blocks() -> None:
    asked, go, closed = threading.Event(), threading.Event(), threading.Event()

    def items() -> Iterator[Item]:
        try:
            asked.set()
            go.wait()
            yield Item("d0", {})
        finally:
            closed.set()

    async def run() -> None:
        setup = Setup(
            model="tests.batching:Person",
            llm="gpt-4",
            endpoint=Endpoint("http://127.0.0.1:9/v1", "k"),
            streams=1,
            path=list(sys.path),
        )
        workers = Workers(setup, count=1, messages=lambda _: [], limiter=EndpointLimiter())
        results = workers(items(), Meter(), asyncio.Event())
        following = asyncio.ensure_future(anext(results))
        await asyncio.to_thread(asked.wait)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    # The thread that reads goes on by itself once it can.
    go.set()
    closed.wait()


def test_as_many_as_are_needed() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert worker_count("auto", concurrency=STREAMS) == 1
    assert worker_count("auto", concurrency=1000 * STREAMS) == cores
    assert worker_count("3", concurrency=64) == 3
    assert worker_count("3", concurrency=2) == 2
    for said in ("0", "-1", "many"):
        with pytest.raises(ValueError, match=r"."):
            worker_count(said, concurrency=64)
