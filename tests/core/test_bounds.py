"""Whatever an opponent can grow is bounded, or costs time in proportion to what was sent."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel

import partialfast as pf
from tests.bounding import CASES, Case

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@cases
def test_it_ends_as_documented(case: Case) -> None:
    assert case.run(case.small) == case.outcome


def _seconds(case: Case, size: int) -> float:
    """Return the least of three tries: what is above it is other programs'."""

    def once() -> float:
        begin = time.process_time()
        assert case.run(size) == case.outcome
        return time.process_time() - begin

    return min(once() for _ in range(3))


@pytest.mark.deep
@cases
def test_time_is_linear_or_bounded(case: Case) -> None:
    begin = time.monotonic()
    # 16 times as long would be quadratic. The rest is for the cost of memory.
    factor = 1 if not case.grows else 4
    small = max(case.small, case.size // 64)
    first = _seconds(case, small)
    assert _seconds(case, 4 * small) < 2 * factor * max(first, 0.01)
    assert time.monotonic() - begin < 300


# By how many bytes the peak of the resident set grows with each bracket or call.
_GROWN = """
import sys
from pathlib import Path
from tests.bounding import CASES

def peak():
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

case, size = CASES[sys.argv[1]], int(sys.argv[2])
case.run(case.small)
before = peak()
assert case.run(size) == case.outcome
print((peak() - before) // size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own count is read from /proc")
@pytest.mark.skipif(
    any(map(sysconfig.get_config_var, ("Py_DEBUG", "Py_GIL_DISABLED"))),
    reason="the interpreter's own objects are larger",
)
@pytest.mark.parametrize(
    ("name", "size", "most"),
    [
        # An open container: what is built of it and shown of it, 168 bytes of these two lists.
        ("the same with `max_depth=1_000_000`, a snapshot and their ends", 200_000, 560),
        # A call: 480 of these are the instance that the caller gets.
        ("function calls", 20_000, 3_300),
    ],
)
def test_what_is_kept_of_each_is_small(name: str, size: int, most: int) -> None:
    # In an interpreter of its own: what others freed here would be used again, and not seen.
    command = [sys.executable, "-c", _GROWN, name, str(size)]
    done = subprocess.run(  # noqa: S603 - our own program
        command, capture_output=True, text=True, check=True, timeout=300
    )
    assert 0 < int(done.stdout) < most


def test_each_value_is_validated_at_most_once_a_level() -> None:
    calls: dict[str, int] = {}

    def count(value: str) -> str:
        calls[value] = calls.get(value, 0) + 1
        return value

    class Level(BaseModel):
        name: Annotated[str, AfterValidator(count)]
        child: Level | None = None

    depth = 60
    levels = [b'{"name":"%d","child":' % level for level in range(depth)]
    text = b"".join(levels) + b"null" + b"}" * depth
    state = pf.StreamState(Level)
    for at in range(0, len(text), 3):
        state.feed(text[at : at + 3])
    state.finish()
    # Once when it closes, and once with each model around it, its own included.
    assert calls == {str(level): level + 2 for level in range(depth)}
