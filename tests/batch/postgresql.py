"""A PostgreSQL server of one's own, from the programs of the system's package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["postgresql"]


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).parent if program else None


@contextmanager
def postgresql() -> Generator[str, None, None]:
    """Run a server in a folder of its own.

    Yields:
        The URL of its database.
    """
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    # Not in pytest's folder, where no other user can look.
    with (
        tempfile.TemporaryDirectory(prefix="partialfast-") as made,
        _running(programs, Path(made)) as url,
    ):
        yield url


@contextmanager
def _running(programs: Path, folder: Path) -> Generator[str, None, None]:
    # It refuses to be run by root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def call(*words: str) -> None:
        done = subprocess.run(  # noqa: S603 - the system's own programs
            [*as_user, *words],
            capture_output=True, text=True, timeout=60, cwd=folder, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    call(str(programs / "initdb"), "--auth=trust", "--username=tester", "--no-sync",
         "--encoding=UTF8", str(data))  # fmt: skip
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -k {folder}"
    control = [str(programs / "pg_ctl"), "--wait", "-D", str(data)]
    call(*control, "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://tester:secret@127.0.0.1:{port}/postgres"
    finally:
        call(*control, "-m", "immediate", "stop")
