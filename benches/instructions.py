"""Instruction counts of fixed workloads against the committed ones.

    python -m benches.instructions            compare; exit with 1 above the tolerance
    python -m benches.instructions --record   write benches/instructions.json anew

Callgrind counts instructions, so the figures do not depend on how busy the machine is; they do
depend on the compiler and the interpreter, whose versions are kept beside them. The documents are
always this package's own, whatever stands in ``../shared``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pydantic

from benches.peers import SUBJECTS
from benches.workloads import own_workload

__all__ = ["WORKLOADS", "measured"]

COMMITTED = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.03
WARM_UP = 3
WORKLOADS = (
    ("typed", "meeting"),
    ("typed", "orders-10k"),
    ("typed", "nested-10k"),
    ("untyped", "orders-10k"),
    ("feed", "essay-10k"),
    ("loads", "orders-100k"),
    ("ops", "orders-10k"),
    # The same work a chunk for ten times the text.
    ("ops", "essay-1k"),
    ("ops", "essay-10k"),
)


def _versions() -> dict[str, str]:
    rustc = subprocess.run(
        ["rustc", "--version"],  # noqa: S607 - the caller's toolchain
        check=True,
        capture_output=True,
        text=True,
    )
    return {
        "machine": os.uname().machine,
        "python": sys.version.split()[0],
        "pydantic": pydantic.VERSION,
        "rustc": rustc.stdout.split()[1],
    }


def _child() -> None:
    """Run each workload between two system calls that callgrind is told to watch.

    Nothing else in the process makes them: the first sets the counters to zero, the second writes
    them to a file of their own.
    """
    for subject, name in WORKLOADS:
        run, work = SUBJECTS[subject], own_workload(name)
        for _ in range(WARM_UP):
            run(work)
        os.getsid(0)
        run(work)
        os.getpgid(0)


def measured() -> dict[str, int]:
    """Count the instructions of every workload.

    Returns:
        Instructions by ``subject/workload``.

    Raises:
        FileNotFoundError: Valgrind is not installed, or wrote less than it should.
        subprocess.CalledProcessError: The run under callgrind failed.
    """
    with TemporaryDirectory() as folder:
        callgrind = [
            "valgrind",
            "--tool=callgrind",
            "--quiet",
            f"--callgrind-out-file={folder}/out",
        ]
        watched = ["--zero-before=getsid", "--dump-before=getpgid"]
        subprocess.run(
            [*callgrind, *watched, sys.executable, "-m", "benches.instructions", "--child"],
            check=True,
            # Both would move the counts from run to run.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONMALLOC": "pymalloc"},
        )
        return {
            f"{subject}/{name}": _total(Path(folder) / f"out.{dump}")
            for dump, (subject, name) in enumerate(WORKLOADS, start=1)
        }


def _total(dump: Path) -> int:
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"callgrind wrote no total into {dump}")
    return int(found[1])


def _record() -> None:
    document = {"versions": _versions(), "instructions": measured()}
    COMMITTED.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _compare() -> bool:
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    versions = _versions()
    if versions != committed["versions"]:
        print(f"committed figures were taken with {committed['versions']}, this is {versions}")
        print("they cannot be compared; check out the last good commit and record there first")
        return False
    good = True
    for key, count in measured().items():
        before = committed["instructions"][key]
        change = count / before - 1
        verdict = "ok" if change <= TOLERANCE else "MORE"
        good = good and change <= TOLERANCE
        print(f"{key:24s} {before:14,d} {count:14,d} {change:+8.2%}  {verdict}")
    return good


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--child"]:
            _child()
        case ["--record"]:
            _record()
        case []:
            sys.exit(0 if _compare() else 1)
        case _:
            sys.exit(__doc__)
