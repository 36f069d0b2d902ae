"""Time for each chunk beside the peers: snapshots, feeding alone, one growing string, whole texts.

Measured by pytest-benchmark (`benches.test_streams`), one test a figure. Times are CPU time of this
process, the garbage collector as users have it. What is measured is what the rows need. A figure's
key is ``KIND/SUBJECT/INPUT``; every subject's last value is compared with pydantic's or the
standard library's own reading before the clock starts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import partialfast as pf
from benches.measuring import before_window, last
from benches.peers import FEED, LOADS, PEERS, SUBJECTS, imported, plain
from benches.table import Goal, Row, at_least, at_most
from benches.workloads import DOCUMENTS, Workload, document, workload

__all__ = ["figures", "rows", "subject", "window"]

TYPED = "typed, validated snapshot at every chunk, us/chunk"
FLAT = "the same on a larger document against a smaller, us/chunk"
ESSAY = "one open string: growth of a chunk's cost, against that of a bytes copy, us/chunk"
UNTYPED = "untyped snapshot at every chunk, us/chunk"
FEEDING = "feed alone, us/chunk"
WHOLE = "a whole document in one piece, ms"

_SECTIONS = (TYPED, FLAT, ESSAY, UNTYPED, FEEDING, WHOLE)
_THREE = ("meeting", "orders-10k", "orders-100k")
# Peers, on each of some inputs. Those whose cost grows with the text would take minutes on large
# ones; there, and once beside their full run to show what that is worth, they are read in windows.
_PEERS: tuple[tuple[str, str, str, Mapping[str, Goal | None]], ...] = (
    (TYPED, "typed", "instructor", {"meeting": at_least(30), "orders-10k": at_least(300)}),
    (TYPED, "windows", "instructor", {"orders-10k": None, "orders-100k": at_least(3_000)}),
    (TYPED, "typed", "pydantic", {"meeting": None, "orders-10k": None}),
    (TYPED, "windows", "pydantic", {"orders-100k": None}),
    (TYPED, "typed", "pydantic-once", {"orders-10k": None}),
    (UNTYPED, "untyped", "jsonriver", dict.fromkeys(_THREE, at_least(10))),
    (UNTYPED, "untyped", "jiter", dict.fromkeys(_THREE)),
    (FEEDING, "feed", "ijson", dict.fromkeys(_THREE, at_least(1))),
    (WHOLE, "loads", "jiter", dict.fromkeys(DOCUMENTS, at_least(1))),
    (WHOLE, "loads", "pydantic-core", dict.fromkeys(DOCUMENTS)),
    (WHOLE, "loads", "json", dict.fromkeys(DOCUMENTS)),
)
_FLAT = (
    ("typed", "orders-1000k", "orders-1k", at_most(1.5)),
    ("typed", "nested-100k", "nested-10k", at_most(1.5)),
    ("untyped", "orders-1000k", "meeting", None),
)
_ESSAYS = ("essay-10k", "essay-100k", "essay-300k")
_GROWING = ("typed/partialfast", "copy/bytes")


class _Pair(NamedTuple):
    """A figure beside another. Where it is a growth, the ratio is the first over the second."""

    section: str
    what: str
    ours: str
    label: str
    theirs: str
    goal: Goal | None
    growth: bool = False


def _pairs() -> Iterator[_Pair]:
    for section, kind, peer, goals in _PEERS:
        own = "typed" if kind == "windows" else kind
        label = f"{peer} (5 windows of 40 chunks)" if kind == "windows" else peer
        for name, goal in goals.items():
            key = f"{own}/partialfast/{name}"
            yield _Pair(section, name, key, label, f"{kind}/{peer}/{name}", goal)
    for name in ("meeting", "orders-10k"):
        keys = f"kept/partialfast/{name}", f"typed/partialfast/{name}"
        yield _Pair(TYPED, f"{name}, all kept", keys[0], "dropped", keys[1], None, growth=True)
    for kind, large, small, goal in _FLAT:
        keys = f"{kind}/partialfast/{large}", f"{kind}/partialfast/{small}"
        yield _Pair(FLAT, f"{kind} {large}", keys[0], small, keys[1], goal, growth=True)


def rows(us: Mapping[str, float]) -> list[Row]:
    """Return the rows whose figures were measured.

    Args:
        us: Microseconds a chunk by ``KIND/SUBJECT/INPUT``.
    """
    found: list[Row] = []
    for section, what, ours_key, label, theirs_key, goal, growth in _pairs():
        if ours_key in us and theirs_key in us:
            scale = 1e-3 if section == WHOLE else 1
            ours, theirs = us[ours_key] * scale, us[theirs_key] * scale
            ratio = ours / theirs if growth else theirs / ours
            found.append(Row(section, what, ours, label, theirs, ratio, goal))
    small, *larger = _ESSAYS
    for large in larger:
        if all(f"{who}/{name}" in us for who in _GROWING for name in (small, large)):
            ours, theirs = (us[f"{who}/{large}"] - us[f"{who}/{small}"] for who in _GROWING)
            what = f"{small} to {large}"
            # One copy and no more; a quarter is allowed for the noise of two differences.
            goal = at_most(1.25)
            found.append(Row(ESSAY, what, ours, "bytes copy", theirs, ours / theirs, goal))
    return sorted(found, key=lambda row: _SECTIONS.index(row.section))


def _copies(work: Workload) -> None:
    """Copy, at every chunk, as many bytes as a Python string of the text so far takes."""
    # CPython stores one, two or four bytes a character (PEP 393), by the widest of them.
    width = 1 if max(work.text) <= "\xff" else 2 if max(work.text) <= "\uffff" else 4
    storage = memoryview(bytes(len(work.text) * width))
    for end in accumulate(len(chunk) * width for chunk in work.chunks):
        bytes(storage[:end])


def _run(kind: str, who: str, work: Workload) -> Callable[[], Any]:
    """Return what is timed, after it has shown that it reads the document right."""
    if kind == "copy":
        return partial(_copies, work)
    if kind == "feed":
        return partial(FEED[who], work.byte_chunks)
    if kind == "kept":
        return lambda: list(pf.stream(work.model, work.chunks))

    def run() -> Any:
        return SUBJECTS[kind](work) if reader is None else last(reader(work.chunks))

    reader = None if who == "partialfast" else PEERS[who].make(work.model)

    assert plain(run()) == json.loads(work.text)
    return run


def figures() -> list[str]:
    """Return what has to be measured for the rows."""
    found = [key for pair in _pairs() for key in (pair.ours, pair.theirs)]
    found += [f"{who}/{name}" for who in _GROWING for name in _ESSAYS]
    return list(dict.fromkeys(found))


def subject(key: str) -> tuple[Callable[[], Any], int] | None:
    """Return what is timed for a figure, and how many chunks or documents one run handles.

    Returns:
        ``None`` where its document is absent.

    Raises:
        AssertionError: The subject did not read the document right.
    """
    kind, who, name = key.split("/")
    if kind == "loads":
        read, data = imported(LOADS[who]), document(name)
        if data is None:
            return None
        assert read(data) == json.loads(data)
        return partial(read, data), 1
    work = workload(name)
    return _run(kind, who, work), len(work.chunks)


def window(key: str, number: int) -> Iterator[Any]:
    """Return a peer's stream just before one of the windows of a document."""
    _, who, name = key.split("/")
    work = workload(name)
    return before_window(PEERS[who].make(work.model), work.chunks, number)
