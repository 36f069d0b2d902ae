"""Instruction counts of fixed workloads against the committed ones, which ``--record`` writes anew.

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
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pydantic

from benches.pages import table
from benches.peers import SUBJECTS
from benches.workloads import own_workload

__all__ = ["PACKAGES", "counted", "lines", "run_all"]

PACKAGES = ("partialfast", "pydantic")
COMMITTED = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.03
WARM_UP = 3
WORKLOADS = (
    ("typed", "meeting"),
    ("typed", "orders-10k"),
    ("typed", "nested-10k"),
    ("untyped", "orders-10k"),
    ("feed", "essay-10k"),
    ("fed", "orders-10k"),
    ("kept", "orders-10k"),
    ("loads", "orders-100k"),
    ("ops", "orders-10k"),
    # The same work a chunk for ten times the text.
    ("ops", "essay-1k"),
    ("ops", "essay-10k"),
)


def run_all() -> None:
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


def counted(path: str = "") -> dict[str, int]:
    """Count the instructions of every workload.

    Args:
        path: A folder that has another build of the package.

    Returns:
        Instructions by ``subject/workload``.

    Raises:
        FileNotFoundError: Valgrind is not installed, or wrote less than it should.
        subprocess.CalledProcessError: The run under callgrind failed.
    """
    with TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", "--quiet"]
        callgrind += [f"--callgrind-out-file={folder}/out"]
        callgrind += ["--zero-before=getsid", "--dump-before=getpgid"]
        program = "from benches.instructions import run_all; run_all()"
        # Another hash seed or allocator would move the counts from run to run.
        fixed = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "pymalloc", "PYTHONPATH": path}
        command = [*callgrind, sys.executable, "-c", program]
        subprocess.run(command, check=True, env={**os.environ, **fixed})
        found: dict[str, int] = {}
        for dump, key in enumerate(map("/".join, WORKLOADS), start=1):
            text = (Path(folder) / f"out.{dump}").read_text("utf-8")
            [total] = re.findall(r"^summary: (\d+)", text, re.MULTILINE)
            found[key] = int(total)
        return found


def lines(*, record: bool = False) -> Iterator[str]:
    """Compare with the committed counts, or write them; one that grew too far ends the program.

    Args:
        record: Whether to write them.
    """
    rustc = subprocess.check_output(["rustc", "--version"], text=True)  # noqa: S607 - the caller's
    versions = {
        "machine": os.uname().machine,
        "python": sys.version.split()[0],
        "pydantic": pydantic.VERSION,
        "rustc": rustc.split()[1],
    }
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))
    if not record and versions != committed["versions"]:
        sys.exit(
            f"The committed counts were taken with {committed['versions']}, this is {versions}: "
            "they cannot be compared. Check out the last good commit and record there first."
        )
    before, now = committed["instructions"], counted()
    change = {key: count / before.get(key, count) - 1 for key, count in now.items()}
    yield table(
        ["", "committed", "now", "change"],
        [[key, f"{before.get(key, 0):,}", f"{now[key]:,}", f"{change[key]:+.2%}"] for key in now],
    )
    if record:
        document = {"versions": versions, "instructions": now}
        COMMITTED.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    elif grown := [key for key in now if change[key] > TOLERANCE]:
        sys.exit(f"More than {TOLERANCE:.0%} above what is committed: {', '.join(grown)}.")
