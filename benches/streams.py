"""Time for each chunk beside the peers: snapshots, feeding alone, one growing string, whole texts.

Measured by pytest-benchmark, one test a figure. Times are CPU time of this process, the garbage
collector as users have it. A figure's key is ``SUBJECT/INPUT``, where the subject is one of
`benches.peers.SUBJECTS`, or a peer, which may be read ``whole`` or in ``windows``; the last value
of each reader is compared with the standard library's own reading before the clock starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from math import isnan, nan
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.measuring import frozen, last
from benches.pages import Row, curves, section
from benches.peers import LOADS, READERS, SUBJECTS, imported, plain
from benches.workloads import source, workload

__all__ = ["PACKAGES", "lines", "test_stream", "test_window"]

PACKAGES = ("partialfast", "pydantic", "instructor", "jiter", "jsonriver", "ijson")
#: How many windows a long document is sampled in, and how many chunks each has.
WINDOWS, WINDOW = 5, 40
# At least 2 ms a round: below that the timer's own cost would show.
_CLOCK = ("timer=time.process_time", "max-time=1", "min-time=0.002", "min-rounds=2", "quiet")

TYPED = "Typed, validated snapshot at every chunk, us/chunk"
FLAT = "The same on a larger document against a smaller, us/chunk"
UNTYPED = "Untyped snapshot at every chunk, us/chunk"
FEEDING = "Feed alone, us/chunk"
WHOLE = "A whole document in one piece, ms"
ESSAY = "One open string: growth of a chunk's cost, against that of a bytes copy, us/chunk"
_SECTIONS = (TYPED, FLAT, ESSAY, UNTYPED, FEEDING, WHOLE)

_THREE = ("meeting", "orders-10k", "orders-100k")
#: The files that JSON libraries publish figures on, and documents of the same kinds.
_DOCUMENTS = ("twitter", "citm_catalog", "canada", "essay-1000k", "orders-1000k", "outlines-1000k")
# Peers, with a goal or none for each input. Those whose cost grows with the text would take minutes
# on large ones; there, and once beside their full run to show what that is worth, they are read in
# windows.
_PEERS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    (TYPED, "typed", "instructor", {"meeting": ">= 30", "orders-10k": ">= 300"}),
    (TYPED, "typed", "instructor, windows", {"orders-10k": "", "orders-100k": ">= 3000"}),
    (TYPED, "typed", "pydantic", {"meeting": "", "orders-10k": ""}),
    (TYPED, "typed", "pydantic, windows", {"orders-100k": ""}),
    (TYPED, "typed", "pydantic-once", {"orders-10k": ""}),
    (UNTYPED, "untyped", "jsonriver", dict.fromkeys(_THREE, ">= 10")),
    (UNTYPED, "untyped", "jiter", dict.fromkeys(_THREE, "")),
    (FEEDING, "fed", "fed_ijson", dict.fromkeys(_THREE, ">= 1")),
    (WHOLE, "partialfast, whole", "jiter, whole", dict.fromkeys(_DOCUMENTS, ">= 1")),
    (WHOLE, "partialfast, whole", "pydantic-core, whole", dict.fromkeys(_DOCUMENTS, "")),
    (WHOLE, "partialfast, whole", "json, whole", dict.fromkeys(_DOCUMENTS, "")),
)
# A figure, the smaller one it is set against, and the bound of the ratio.
_GROWTHS = (
    (TYPED, "meeting, all kept", "kept/meeting", "typed/meeting", ""),
    (TYPED, "orders-10k, all kept", "kept/orders-10k", "typed/orders-10k", ""),
    (FLAT, "typed orders-1000k", "typed/orders-1000k", "typed/orders-1k", "<= 1.5"),
    (FLAT, "typed nested-100k", "typed/nested-100k", "typed/nested-10k", "<= 1.5"),
    (FLAT, "untyped orders-1000k", "untyped/orders-1000k", "untyped/meeting", ""),
)
# The picture. A peer that reads again is not followed to where one window would take minutes.
_SIZES = (1, 3, 10, 30, 100, 300, 1000)
_CURVES = {
    "partialfast, typed": ("typed", _SIZES),
    "partialfast, untyped": ("untyped", _SIZES),
    "jsonriver": ("jsonriver", _SIZES),
    **{
        name: (f"{name}, windows", _SIZES[:5])
        for name in ("instructor", "pydantic", "langchain", "jiter")
    },
}


def _rows(us: Mapping[str, float]) -> Iterator[tuple[str, Row]]:
    """Yield each row with its section, of microseconds by key; a lookup says what is needed."""
    for title, subject, peer, goals in _PEERS:
        for name, goal in goals.items():
            scale = 1e-3 if title == WHOLE else 1
            ours, theirs = (us[f"{who}/{name}"] * scale for who in (subject, peer))
            label = peer.removeprefix("fed_").removesuffix(", whole")
            label = label.replace("windows", f"{WINDOWS} windows of {WINDOW} chunks")
            yield title, Row(name, ours, label, theirs, theirs / ours, goal)
    for title, what, large, small, goal in _GROWTHS:
        beside = "dropped" if title == TYPED else small.partition("/")[2]
        yield title, Row(what, us[large], beside, us[small], us[large] / us[small], goal)
    for large in ("essay-100k", "essay-300k"):
        ours, theirs = (
            us[f"{who}/{large}"] - us[f"{who}/essay-10k"] for who in ("typed", "copied")
        )
        # One copy and no more; a quarter is allowed for the noise of two differences.
        row = Row(f"essay-10k to {large}", ours, "bytes copy", theirs, ours / theirs, "<= 1.25")
        yield ESSAY, row


def _curves(us: Mapping[str, float]) -> dict[str, dict[int, float]]:
    return {
        name: {size: us[f"{subject}/orders-{size}k"] for size in sizes}
        for name, (subject, sizes) in _CURVES.items()
    }


def _keys() -> list[str]:
    """Return what has to be measured for the rows and the picture."""
    asked: defaultdict[str, float] = defaultdict(lambda: nan)
    _ = [*_rows(asked)], _curves(asked)
    return [*asked]


@pytest.fixture(autouse=True)
def _own_objects_only() -> Iterator[None]:
    with frozen():
        yield


def _before_window(who: str, name: str, number: int) -> Iterator[Any]:
    """Return a peer's stream to which all before a window has gone in as one chunk."""
    work = workload(name)
    start = max(int((number + 0.5) / WINDOWS * len(work.chunks)) - WINDOW // 2, 1)
    chunks = ["".join(work.chunks[:start]), *work.chunks[start : start + WINDOW]]
    stream = iter(READERS[who](work.model, chunks))
    next(stream)
    return stream


def _read_window(stream: Iterable[Any]) -> None:
    # Not to the end, since what a reader does there is not the chunks' cost.
    last(islice(stream, WINDOW))


@pytest.mark.parametrize("number", range(WINDOWS))
@pytest.mark.parametrize("key", [key for key in _keys() if ", windows/" in key])
def test_window(benchmark: BenchmarkFixture, key: str, number: int) -> None:
    who, name = key.split(", windows/")
    benchmark.group = key
    benchmark.extra_info["units"] = WINDOW
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        _read_window, setup=lambda: ((_before_window(who, name, number),), {}), rounds=4
    )


@pytest.mark.parametrize("key", [key for key in _keys() if ", windows/" not in key])
def test_stream(benchmark: BenchmarkFixture, key: str) -> None:
    subject, name = key.split("/")
    try:
        work = workload(name)
    except FileNotFoundError:
        pytest.skip("the document is absent")
    units = len(work.chunks)
    run: Callable[[], Any]
    if subject.endswith(", whole"):
        read = imported(LOADS[subject.removesuffix(", whole")])
        run, units = partial(read, work.text.encode()), 1
    elif subject in SUBJECTS:
        run = partial(SUBJECTS[subject], work)
    else:
        run = lambda: last(READERS[subject](work.model, work.chunks))  # noqa: E731
    benchmark.group = key
    benchmark.extra_info["units"] = units
    got: Any = benchmark(run)
    if subject not in {"fed", "fed_ijson", "copied"}:  # They give nothing.
        assert plain(got) == json.loads(work.text)


def _measured(only: str) -> defaultdict[str, float]:
    """Run the tests of this file; return microseconds a chunk or document by key."""
    out = Path(".bench") / "times.json"
    out.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest", __file__, "--quiet", f"-k={only}"]
    command += ["--override-ini=filterwarnings=default", f"--benchmark-json={out}"]
    command += [f"--benchmark-{word}" for word in _CLOCK]
    subprocess.run(command, check=True, stdout=sys.stderr)
    us: defaultdict[str, list[float]] = defaultdict(list)
    for each in json.loads(out.read_text(encoding="utf-8"))["benchmarks"]:
        us[each["group"]].append(each["stats"]["min"] / each["extra_info"]["units"] * 1e6)
    # Of what was sampled in windows, the mean of them.
    return defaultdict(lambda: nan, {key: mean(each) for key, each in us.items()})


def lines(*, only: str = "", runs: int = 1, pictures: Path = Path(".bench")) -> Iterator[str]:
    """Measure; yield a table for each section, and draw ``cost.png``.

    Args:
        only: Part of the keys of what is measured, such as ``fed``; everything by default.
        runs: How often all of it is done.
        pictures: The folder of the picture.
    """
    yield f"Documents of {source()}."
    for _ in range(runs):
        us = _measured(only)
        for title in _SECTIONS:
            found = (row for its, row in _rows(us) if its == title and not isnan(row.ratio))
            yield from section(title, found)
        if not only:
            curves(
                pictures / "cost.png",
                _curves(us),
                xlabel="document, thousand characters",
                ylabel="CPU time per chunk, microseconds",
                title="A snapshot at every chunk (orders)",
            )
