"""Batches on a Ray cluster of two nodes, which Ray makes for tests. Run by ``make test-ray``."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from tests.batching import (
    Person,
    answer,
    arguments,
    asked,
    check_lines,
    check_one_run,
    documents,
    finished,
    lines,
    recordings,
    write_documents,
    zygote,
)
from tests.killing import Killer

ray: Any = pytest.importorskip("ray")
cluster_utils: Any = pytest.importorskip("ray.cluster_utils")
data: Any = pytest.importorskip("ray.data")
# It comes with Ray.
psutil: Any = pytest.importorskip("psutil")

pytestmark = [
    pytest.mark.network,
    pytest.mark.deep,
    # Ray's own warnings are not this package's.
    pytest.mark.filterwarnings("default"),
]

COUNT = 120
ROOT = str(Path(__file__).resolve().parents[2])


def two_nodes() -> Any:
    """Start a cluster of two nodes, which is no part of what is tested.

    Ray gives a node 30 seconds to start, and no way to give it more: where the machine is busy that
    is not always enough.
    """
    for is_last in (False, False, True):
        before = set(psutil.Process().children())
        try:
            made = cluster_utils.Cluster(
                initialize_head=True, head_node_args={"num_cpus": 2, "object_store_memory": 2**27}
            )
            made.add_node(num_cpus=2, object_store_memory=2**27)
            made.wait_for_nodes(timeout=120)
        except Exception as error:
            if is_last or "timed out during startup" not in str(error):
                raise
            # Nothing else can stop a node that is not known to have started.
            started = set(psutil.Process().children()) - before
            for process in started:
                process.kill()
            psutil.wait_procs(started, timeout=30)
        else:
            return made
    raise AssertionError("the last attempt raises, or returns")


@pytest.fixture
def cluster() -> Generator[Any, None, None]:
    made = two_nodes()
    ray.init(
        address=made.address,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": ROOT}},
    )
    data.DataContext.get_current().enable_progress_bars = False
    yield made
    ray.shutdown()
    made.shutdown()


def rows(server: replay.Server, count: int = COUNT, **options: Any) -> list[dict[str, Any]]:
    from partialfast.batch.ray import extract_dataset

    made = extract_dataset(
        data.from_items(documents(count)),
        model=Person,
        llm="gpt-4",
        prompt="From: {text}",
        base_url=str(server),
        **options,
    )
    found: list[dict[str, Any]] = made.take_all()
    return found


def bad(number: int) -> dict[str, Any]:
    return {"text": '{"name": "x", "age": "old"}'} if number % 10 == 3 else {}


def good_and_bad(count: int) -> tuple[set[str], set[str]]:
    wrong = {f"d{number}" for number in range(count) if bad(number)}
    return {f"d{number}" for number in range(count)} - wrong, wrong


def check(found: list[dict[str, Any]]) -> None:
    assert Counter(row["id"] for row in found) == Counter(f"d{n}" for n in range(COUNT))
    for row in found:
        number = int(row["id"][1:])
        if number % 10 == 3:
            assert row["value"] is None
            assert '"location": ["age"]' in row["error"]
            assert '"name": "x"' in row["snapshot"]
        else:
            assert row["value"] == answer(number)
            assert row["error"] is row["snapshot"] is None
        assert row["output_tokens"] > 0


def test_every_row_gets_its_value_on_both_nodes(cluster: Any) -> None:
    del cluster
    with replay.serve(recordings(COUNT, bad)) as server:
        found = rows(server, actors=2, streams=16, max_retries=0)
        assert len(server.exchanges) == COUNT
    check(found)


@contextmanager
def losing(cluster: Any, server: replay.Server) -> Generator[None, None, None]:
    """Kill the second node half-way: some results are known, some not, some are under way."""
    [victim] = [node for node in cluster.list_all_nodes() if not node.head]
    over = threading.Event()

    def kill() -> None:
        while len(server.exchanges) < COUNT // 2:
            if over.wait(0.02):
                return
        cluster.remove_node(victim, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


def test_a_node_that_is_lost_loses_nothing(cluster: Any) -> None:
    with replay.serve(recordings(COUNT, bad), rate=20) as server:
        with losing(cluster, server):
            # Ray spreads its actors over the nodes as long as there is room on both.
            found = rows(server, actors=4, streams=8, max_retries=0)
        requests = Counter(asked(each) for each in server.exchanges)
    assert set(requests) == {f"d{number}" for number in range(COUNT)}
    # The loss was one: something was asked again.
    assert sum(requests.values()) > COUNT, "the lost node had nothing in hand"
    check(found)


def test_limits_hold_across_the_cluster(cluster: Any) -> None:
    del cluster
    with replay.serve(recordings(60)) as server:
        rows(server, 60, actors=2, streams=32, rpm=600)
        starts = sorted(exchange.started for exchange in server.exchanges)
    # Ten a second, whoever asks: at most a second's worth more in any window.
    assert len(starts) == 60
    for first in range(60):
        within = sum(starts[first] <= start < starts[first] + 1 for start in starts)
        assert within <= 10 + 10 + 2
    assert starts[-1] - starts[0] >= 4.5


def test_a_pause_is_everybodys(cluster: Any) -> None:
    del cluster
    limited = {"text": "", "fault": "status:429", "times": 4}
    with replay.serve([limited, *recordings(20)]) as server:
        found = rows(server, 20, actors=2, streams=1)
        refused = [each.started for each in server.exchanges if each.status == 429]
        others = [each.started for each in server.exchanges if each.status != 429]
    assert all(row["error"] is None for row in found)
    assert (len(refused), len(others)) == (4, 20)
    # The server says 20 ms. It has been wrong three times then, so the last pause is two seconds
    # at least; and in it nobody asks, on either node.
    assert min(others) - max(refused) >= 1.9


def test_an_endpoint_that_refuses_all_ends_it(cluster: Any) -> None:
    del cluster
    with replay.serve({"text": "", "fault": "status:401"}) as server:
        with pytest.raises(Exception, match="refuses every request"):
            rows(server, 40, actors=1, streams=8)
        assert len(server.exchanges) < 40


def test_the_command_gives_what_one_machine_gives(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", COUNT)
    with replay.serve(recordings(COUNT, bad)) as server:
        for name, more in (("one", []), ("many", ["--ray", cluster.address])):
            words = arguments(source, tmp_path / f"{name}.jsonl", server, "--max-retries", "0")
            assert cli.main([*words, "--limit", "80", *more]) == 3
            assert cli.main([*words, "--resume", *more]) == 3
            assert "80 were finished before" in capsys.readouterr().err
        assert len(server.exchanges) == 2 * COUNT

    def essence(name: str) -> list[Any]:
        found = lines(tmp_path / f"{name}.jsonl") + lines(tmp_path / f"{name}.errors.jsonl")
        return sorted(
            (line["id"], str(line.get("value")), str(line.get("error"))) for line in found
        )

    assert essence("one") == essence("many")
    assert len(essence("one")) == COUNT


def test_the_command_keeps_to_its_concurrency(cluster: Any, tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 24)
    with replay.serve(recordings(24), rate=100) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--ray", cluster.address)
        assert cli.main([*words, "--concurrency", "3"]) == 0
        exchanges = server.exchanges
    most = max(
        sum(other.started <= each.started < (other.ended or 0) for other in exchanges)
        for each in exchanges
    )
    # Of two actors, each has a part of the three.
    assert most == 2


def test_the_command_loses_nothing_with_a_node(cluster: Any, tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", COUNT)
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT, bad), rate=20) as server, losing(cluster, server):
        words = arguments(source, output, server, "--ray", cluster.address)
        assert cli.main([*words, "--max-retries", "0", "--concurrency", "32"]) == 3
        assert len(server.exchanges) > COUNT, "the lost node had nothing in hand"
    check_lines(output, tmp_path / "out.errors.jsonl", *good_and_bad(COUNT))


def test_a_killed_command_asks_again_only_for_what_was_in_flight(
    cluster: Any, tmp_path: Path
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 64)
    output = tmp_path / "out.jsonl"

    def stuck(number: int) -> dict[str, Any]:
        # So that no block of four is ever finished.
        return {"fault": "stall@60:60"} if number % 4 == 1 else {}

    with replay.serve(recordings(64, stuck)) as server, (tmp_path / "err.txt").open("w") as err:
        words = arguments(source, output, server, "--ray", cluster.address, "--concurrency", "32")
        command = [sys.executable, "-m", "partialfast", *words]
        with subprocess.Popen(command, stderr=err, cwd=ROOT) as process:  # noqa: S603 - our own
            try:
                assert eventually(lambda: output.exists() and len(lines(output)) == 48)
            finally:
                process.kill()
        first = Counter(asked(each) for each in server.exchanges)
    assert set(first.values()) == {1}
    with replay.serve(recordings(64)) as server:
        words = arguments(source, output, server, "--ray", cluster.address)
        assert cli.main([*words, "--resume"]) == 0
        again = Counter(asked(each) for each in server.exchanges)
    assert again == Counter(f"d{number}" for number in range(64) if number % 4 == 1)
    assert Counter(line["id"] for line in lines(output)) == Counter(f"d{n}" for n in range(64))


def test_kills_lose_nothing_and_ask_nothing_twice(cluster: Any, tmp_path: Path) -> None:
    """The command is killed 50 times; its actors, on either node, end with it."""
    most, count, jobs = 50, 100, 0
    source = write_documents(tmp_path / "in.jsonl", count)
    with (
        replay.serve(recordings(count, bad), rate=200) as server,
        zygote(tmp_path, "ray.data") as runner,
    ):
        # The actors are told by Ray that nobody wants them any more.
        killer = Killer(runner, most, 8, status=3, settle=settled)
        while not killer.is_done:
            jobs += 1
            output, errors = tmp_path / f"out{jobs}.jsonl", tmp_path / f"out{jobs}.errors.jsonl"
            words = arguments(
                source, output, server, "--resume", "--ray", cluster.address,
                "--concurrency", "8", "--max-retries", "0", "--quiet",
            )  # fmt: skip
            killer.resume_to_the_end(
                server,
                words,
                partial(finished, output, errors),
                moments=range(1, 30),
            )
            check_lines(output, errors, *good_and_bad(count))
            # All that was resumed is one run, for nothing has changed.
            check_one_run(tmp_path / f"out{jobs}.manifest.json", count)
    # Or the kills would have shown nothing.
    assert killer.amid_resumed >= most // 10


def settled(server: replay.Server) -> None:
    """Wait until no request is under way, and none has come for a while."""

    def state() -> tuple[int, bool]:
        exchanges = server.exchanges
        return len(exchanges), all(each.ended is not None for each in exchanges)

    before = state()
    for _ in range(600):
        time.sleep(0.1)
        now = state()
        if now == before and now[1]:
            return
        before = now
    raise AssertionError("the actors of a killed command ask for a minute after it")


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until it holds, a minute at most; tell whether it did."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_without_ray_the_error_says_what_to_install() -> None:
    program = textwrap.dedent("""
        import sys
        sys.modules["ray"] = sys.modules["ray.data"] = None
        from partialfast.batch.ray import extract_dataset
        try:
            extract_dataset(None, model=int, llm="x", base_url="http://127.0.0.1:9")
        except ImportError as error:
            print(error)
    """)
    done = subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 'pip install "partialfast[ray]"' in done.stdout
