"""What the commands say when something is wrong: what, where and what to do, and no traceback."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import partialfast as pf
from partialfast import replay
from partialfast.cli import COMMANDS
from partialfast.replay import RecordingError

pytest.importorskip("pty")

pytestmark = pytest.mark.network

PROGRAM = [sys.executable, "-W", "error", "-m", "partialfast"]
TIMEOUT_S = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(
        "from pydantic import BaseModel\nclass M(BaseModel):\n a: int\n"
    )
    (tmp_path / "boom.py").write_text("x = 1\ny = x / 0\n")
    (tmp_path / "ok.jsonl").write_text('{"id": "1", "text": "a"}\n')
    (tmp_path / "bad.jsonl").write_text('{"id": "1", "text": "a"}\n{"id": "2" "text": "b"}\n')
    (tmp_path / "latin.jsonl").write_bytes('{"id": "1", "text": "café"}\n'.encode("latin-1"))
    return tmp_path


def run(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    done = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "k", **env},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def extract(folder: Path, **changed: str) -> tuple[int, str]:
    given = {"input": "ok.jsonl", "model": "good:M", "prompt": "{text}", "llm": "m"}
    given |= {"output": "out.jsonl", "base_url": "http://127.0.0.1:9/v1"} | changed
    arguments = [part for name, value in given.items() for part in (f"--{name}", value)]
    return run(folder, "extract", *(part.replace("_", "-") for part in arguments))


@pytest.mark.parametrize("command", [["stubs", "boom"], None], ids=["stubs", "extract"])
def test_a_model_module_that_raises_is_shown_with_its_own_line(
    folder: Path, command: list[str] | None
) -> None:
    status, said = run(folder, *command) if command else extract(folder, model="boom:M")
    assert status == 1
    assert re.search(r"cannot import boom: ZeroDivisionError: .*boom\.py\", line 2\)", said)
    done = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, "stubs", "boom", "--debug"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=folder,
    )
    assert "y = x / 0" in done.stderr


def test_a_line_that_is_not_json_has_one_line_number(folder: Path) -> None:
    status, said = extract(folder, input="bad.jsonl")
    assert (status, said) == (
        1,
        "partialfast: bad.jsonl:2: not JSON: expecting ',' delimiter, at column 12\n",
    )
    (folder / "recorded.jsonl").write_text('{"text": "a"}\n{"text" "b"}\n')
    with pytest.raises(RecordingError, match=r"recorded\.jsonl:2: not JSON: .*, at column 9$"):
        replay.load(folder / "recorded.jsonl")
    (folder / "schema.json").write_text('{\n"type": }')
    _, said = extract(folder, model="schema.json")
    assert "schema.json: not JSON: expecting value, at line 2, column 9" in said


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    status, said = extract(folder, input="latin.jsonl")
    assert status == 1
    assert re.match(r"partialfast: latin\.jsonl:1 \(or soon after\): not UTF-8: .*; save it", said)


def test_a_port_in_use_is_said_with_what_to_do(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments in (["replay", "--port", port], ["demo", "--web", "--port", port]):
            status, said = run(folder, *arguments)
            assert status == 1
            assert said == (
                f"partialfast: another program listens on port {port}; take another with --port, "
                "or 0 for a free one\n"
            )


@pytest.mark.parametrize("arguments", [["replay"], ["demo", "--web"]], ids=" ".join)
@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_cannot_be_is_refused(folder: Path, arguments: list[str], port: str) -> None:
    status, said = run(folder, *arguments, "--port", port)
    assert status == 2
    assert f"argument --port: a port is 0 to 65535: {port}" in said


def test_a_refused_connection_is_no_timeout(folder: Path) -> None:
    _, said = extract(folder)
    assert "Connect call failed ('127.0.0.1', 9)" in said
    assert "timeout" not in said.lower()
    status, said = run(folder, "demo", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert status == 1
    assert "cannot reach http://127.0.0.1:9/v1" in said


def test_a_base_url_without_v1_is_suspected(folder: Path) -> None:
    with replay.serve({"text": "{}"}) as server:
        url = server.origin
        status, said = run(folder, "demo", "--base-url", url, "--model", "m")
        assert status == 1
        assert said.endswith(f"; {url} has no /v1 at its end, which most servers want\n")
        _, said = extract(folder, base_url=url)
        assert f"{url} has no /v1 at its end" in said
        assert "no /v1" not in run(folder, "demo", "--base-url", server, "--model", "m")[1]


def test_an_output_in_an_odd_folder_is_refused_before_anything_is_asked(folder: Path) -> None:
    assert extract(folder, output="/nowhere/x.jsonl") == (
        1,
        "partialfast: cannot write /nowhere/x.jsonl: there is no folder /nowhere\n",
    )
    status, said = extract(folder, output=str(folder))
    assert status == 1
    assert "its name must end in .jsonl or .parquet" in said
    status, said = run(folder, "stubs", "good", "--output", str(folder))
    assert (status, said) == (1, f"partialfast: cannot write {folder}: Is a directory\n")


@pytest.mark.parametrize("arguments", [["demo", "--rate", "-1"], ["replay", "--rate", "-1"]])
def test_a_negative_rate_is_refused(folder: Path, arguments: list[str]) -> None:
    status, said = run(folder, *arguments)
    assert status == 2
    assert "-1" in said.splitlines()[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize(
    ("command", "unbuffered"),
    [
        ("demo", ""),
        ("--version", ""),
        ("--help", ""),
        ("--help", "1"),
        *((f"{name} --help", "") for name in COMMANDS),
    ],
)
def test_a_full_disk_is_said(folder: Path, command: str, unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - our own program
            [*PROGRAM, *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert (done.returncode, done.stderr) == (1, "partialfast: No space left on device\n")


def test_closed_standard_error_does_no_harm(folder: Path) -> None:
    command = " ".join([*PROGRAM, "stubs", "nothing.there", "2>&-"])
    done = subprocess.run(  # noqa: S602 - our own program, with a stream closed
        command, shell=True, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=folder
    )
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_do_no_harm(folder: Path, closed: str) -> None:
    command = " ".join([*PROGRAM, "demo", "--rate", "0", closed])
    done = subprocess.run(  # noqa: S602 - our own program, with streams closed
        command, shell=True, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert (b"snapshots" in done.stderr) == ("2>" not in closed)
    assert (b"{" in done.stdout) == (closed in {"2>&-", "<&-"})


_INTERRUPTED_WHILE = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["partialfast", "doctor"]
from partialfast.__main__ import run
sys.exit(run())
"""


@pytest.mark.parametrize("module", ["partialfast.cli", "argparse", "dataclasses"])
def test_an_interrupt_while_modules_are_imported_leaves_no_traceback(
    folder: Path, module: str
) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _INTERRUPTED_WHILE.format(module=module)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=folder,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in {-signal.SIGINT, 130}


_PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
_ROWS = re.findall(r"^\| `([^`]+)` \|.*\| `([^`]+)` \|$", _PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("command", "message"), _ROWS)
def test_the_page_shows_what_is_said(folder: Path, command: str, message: str) -> None:
    if command.startswith("extract"):
        _, option, value, _ = command.split()
        status, said = extract(folder, **{option.removeprefix("--"): value})
    else:
        words, _, disk = command.partition(" > ")
        if disk and not Path(disk).exists():
            pytest.skip("there is no full disk to write to")
        with Path(disk or os.devnull).open("w") as output:
            done = subprocess.run(  # noqa: S603 - our own program
                [*PROGRAM, *words.split()],
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                cwd=folder,
            )
        status, said = done.returncode, done.stderr
    assert status in {1, 2}
    assert re.search(".*".join(map(re.escape, message.split("..."))), said), said


def test_the_page_has_all_its_rows() -> None:
    assert len(_ROWS) == 9


_LOADED_FIRST = """
import __future__, os, sys
sys.path.insert(0, {folder!r})
before = set(sys.modules)
from partialfast.__main__ import run
print(*sorted(set(sys.modules) - before))
"""


def test_next_to_nothing_is_imported_before_interrupts_are_seen_to() -> None:
    # Without `site`, which may have loaded anything; `os` is what it always loads.
    program = _LOADED_FIRST.format(folder=str(Path(pf.__file__).parents[1]))
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert done.stdout.split() == [
        "partialfast",
        "partialfast.__main__",
        "partialfast._instructor_modules",
    ]


_INTERRUPTED_AT = """
import _signal, atexit, os, signal, sys
from partialfast.__main__ import run
at, sys.argv = int(sys.argv[1]), ["partialfast", *sys.argv[2:]]
events = None
def count(frame, event, called):
    global events
    if events is None:
        # The first moment is after the program's first word on interrupts.
        if event != "c_return" or called is not _signal.signal:
            return
        events = 0
    events += 1
    if events == at:
        os.kill(os.getpid(), signal.SIGINT)
atexit.register(lambda: print("events", events))
sys.setprofile(count)
sys.exit(run())
"""


def _interrupted_at(moment: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _INTERRUPTED_AT, str(moment), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def _interrupted_before_the_end(moment: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    while True:
        done = _interrupted_at(moment, *arguments)
        told = re.search(r"^events (\d+)$", done.stdout, re.MULTILINE)
        if told is None or int(told[1]) >= moment:
            return done
        # Where addresses are hashed, some calls more or less are made from run to run (on Python
        # 3.10), and this one was over before the moment.
        moment = int(told[1]) - 1


@pytest.mark.parametrize("arguments", [["--version"], ["stubs", "nothing.there"]], ids=" ".join)
def test_an_interrupt_at_any_call_leaves_no_traceback(arguments: list[str]) -> None:
    whole = _interrupted_at(-1, *arguments)
    calls = int(whole.stdout.split()[-1])
    assert calls > 1000
    # From the first to the last, in steps that are no multiple of anything.
    for moment in [*range(1, calls, calls // 12), *range(calls - 8, calls, 3)]:
        done = _interrupted_before_the_end(moment, *arguments)
        assert not re.search("Traceback|Exception ignored", done.stderr), (moment, done.stderr)
        assert done.returncode in {-signal.SIGINT, 130}, (moment, done.stderr)


def test_a_program_that_was_told_to_ignore_interrupts_does() -> None:
    program = "import signal, subprocess, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    program += "sys.exit(subprocess.call([sys.executable, '-c', *sys.argv[1:]]))"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, _INTERRUPTED_AT, "500", "--version"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("partialfast ")


# The library's own


@pytest.mark.parametrize("read", [pf.stream, pf.stream_items])
def test_what_stands_around_the_json_is_said_with_what_to_do(read: Any) -> None:
    for text, what in (
        ('```json\n{"a": 1}\n```', "a code fence stands around the JSON"),
        ('Here: {"a": 1}', "words stand before the JSON"),
    ):
        for chunks in ([text], list(text)):
            with pytest.raises(pf.JsonError) as raised:
                list(read(list[int], chunks))
            if "fence" in what or len(chunks) == 1:
                assert len(chunks) > 1 or f"{what}; pass envelope=True" in str(raised.value)
    with pytest.raises(pf.JsonError) as raised:
        list(read(list[int], ["nonsense"]))
    assert "envelope" not in str(raised.value)


def test_places_are_written_in_one_way() -> None:
    with pytest.raises(pf.TruncatedError, match=r"complete, inside \('a', 0\);"):
        list(pf.stream(dict[str, list[int]], ['{"a": [1']))
    with pytest.raises(pf.JsonError, match=r", inside \('a',\)$"):
        list(pf.stream(dict[str, list[int]], ['{"a": [1}']))
