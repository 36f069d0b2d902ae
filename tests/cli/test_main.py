"""The command ``partialfast``: its arguments, its output, its exit status."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from openai import OpenAI

from partialfast import cli, replay
from partialfast.demo import MeetingInfo

# Interrupts and terminals are tested as POSIX has them.
pty = pytest.importorskip("pty")

pytestmark = pytest.mark.network

PROGRAM = [sys.executable, "-W", "error", "-m", "partialfast"]
TIMEOUT_S = 60


def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=os.environ | (env or {}),
    )


@contextmanager
def running(*arguments: str) -> Generator[subprocess.Popen[str], None, None]:
    with subprocess.Popen(  # noqa: S603 - our own program
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Or what the program forgets to flush would come all the same.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    assert select.select([process.stdout], [], [], TIMEOUT_S)[0], "nothing was printed"
    return process.stdout.readline()


# The program


def test_help_of_a_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["replay", "--help"])
    assert "Serve recorded answers as OpenAI's API does." in capsys.readouterr().out


def test_help_names_every_command_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert name in shown
        assert command.summary in shown
    program = (
        "import sys\nfrom partialfast import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print({'openai', 'rich', 'partialfast.replay', 'partialfast.demo'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")


def test_the_version_is_the_packages_own() -> None:
    import partialfast

    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"partialfast {partialfast.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["replay", "--shape", "acme"],
        ["replay", "--rate", "-1"],
        ["replay", "--split", "0"],
        ["demo", "--rate", "nan"],
    ],
)
def test_arguments_that_make_no_sense_end_with_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: partialfast" in capsys.readouterr().err


def test_a_command_of_another_module_can_be_registered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "singing.py").write_text(
        "def configure(parser):\n    parser.add_argument('song')\n"
        "def execute(args):\n    print('la', args.song)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.COMMANDS, "sing", cli.Command("sing a song", "singing"))
    assert cli.main(["sing", "la"]) == 0
    assert capsys.readouterr().out == "la la\n"


# replay


def url_in(line: str) -> str:
    return line[line.index("http://") :].split(maxsplit=1)[0]


def test_replay_serves_a_file_until_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text('{"text":"{\\"a\\":1}"}\n')
    arguments = ["--port", "0", "--shape", "vllm", "--chunk", "1", "--fault", "stall@3:0.01"]
    with running("replay", str(file), *arguments) as process:
        line = first_line(process)
        assert line.startswith("Serving 1 recording(s) at http://127.0.0.1:")
        with OpenAI(base_url=url_in(line), api_key="replay", max_retries=0) as client:
            stream = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "?"}], stream=True
            )
            pieces = [chunk.choices[0].delta.content for chunk in stream]
        assert pieces == ["", *'{"a":1}']
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == "\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nothing"], "no built-in recording 'nothing'; there are meeting, servers"),
        (["nothing.jsonl"], "nothing.jsonl: No such file or directory"),
        (["meeting", "--fault", "explode"], "unknown fault 'explode'"),
    ],
)
def test_replay_explains_what_it_cannot_serve(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["replay", *arguments]) == 1
    assert problem in capsys.readouterr().err


def test_replay_says_that_a_port_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with replay.serve({"text": "{}"}) as server:
        assert cli.main(["replay", "--port", server.origin.rpartition(":")[2]]) == 1
    assert "another program listens on port" in capsys.readouterr().err


def test_replay_names_a_file_that_is_not_utf_8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_bytes(b'{"text": "\xff"}')
    assert cli.main(["replay", str(file)]) == 1
    assert f"{file}: not UTF-8 at byte 10" in capsys.readouterr().err


# demo


def grows(earlier: object, later: object) -> bool:
    """Say whether a value is the other one, written on."""
    if isinstance(earlier, dict) and isinstance(later, dict):
        return all(key in later and grows(value, later[key]) for key, value in earlier.items())
    if isinstance(earlier, list) and isinstance(later, list):
        return len(earlier) <= len(later) and all(map(grows, earlier, later))
    if isinstance(earlier, str) and isinstance(later, str):
        return later.startswith(earlier)
    return earlier == later


def test_the_demo_prints_more_than_a_hundred_growing_snapshots() -> None:
    done = run("demo", "--rate", "0")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(set(lines)) > 100
    snapshots = [json.loads(line) for line in lines]
    assert all(grows(one, other) for one, other in pairwise(snapshots))
    (recording,) = replay.builtin("meeting")
    assert snapshots[-1] == json.loads(recording.text)
    MeetingInfo.model_validate(snapshots[-1], strict=True)
    figures = re.fullmatch(
        r"(\d+) chunks · (\d+) snapshots · ([\d.]+) s · first field after (\d+) ms\n", done.stderr
    )
    assert figures
    assert int(figures[1]) > 0
    assert int(figures[2]) == len(lines)
    assert 0 < int(figures[4]) <= float(figures[3]) * 1000 + 10


def test_the_demo_needs_no_settings_of_the_callers() -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": ""}
    assert run("demo", "--rate", "0", env=env).returncode == 0


def test_the_demo_streams_from_another_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    value = {"users": [], "date": "", "location": "Here", "budget": 1, "deadline": ""}
    recordings = {"match": "conference", "text": json.dumps(value)}
    with replay.serve(recordings) as server:
        assert cli.main(["demo", "--base-url", server, "--model", "m1"]) == 0
        (exchange,) = server.exchanges
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == value
    assert exchange.headers["authorization"] == "Bearer a key"
    assert exchange.body
    assert exchange.body["model"] == "m1"


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("length@100", "TruncatedError"),
        ("drop@100", "DroppedError"),
        ("status:401", "AuthenticationError"),
        ("refuse", "RefusalError"),
        ("garbage@100", "InvalidJsonError"),
    ],
)
def test_the_demo_explains_a_bad_ending(
    fault: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with replay.serve(replay.builtin("meeting"), faults=fault) as server:
        assert cli.main(["demo", "--base-url", server]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"partialfast: {problem}: ")
    assert "Traceback" not in shown


def test_the_demo_asks_for_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert cli.main(["demo", "--model", "gpt-4o-mini"]) == 1
    assert "set OPENAI_API_KEY" in capsys.readouterr().err


def test_a_defect_is_not_explained_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr("partialfast.demo.run_terminal", fail)
    assert cli.main(["demo"]) == 70
    error = capsys.readouterr().err
    assert "this should not have happened: ImportError: cannot import name 'x'" in error
    assert "pip install" not in error
    with pytest.raises(ImportError, match="cannot import name"):
        cli.main(["demo", "--debug"])


@pytest.mark.parametrize("command", ["demo", "replay"])
def test_a_missing_package_is_named_with_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "h11", None)
    # The module that imports it, which other tests have imported.
    monkeypatch.delitem(sys.modules, "partialfast.replay._app", raising=False)
    assert cli.main([command]) == 1
    assert 'pip install "partialfast[demo]"' in capsys.readouterr().err


def test_an_interrupt_ends_the_demo_and_its_request() -> None:
    with (
        replay.serve(replay.builtin("meeting"), hold=20) as server,
        running("demo", "--base-url", server) as process,
    ):
        assert first_line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 130
        assert process.stderr
        assert process.stderr.read() == "\n"
        assert server.wait_ended(timeout=TIMEOUT_S).ending == "disconnect"


def test_a_reader_that_goes_away_ends_the_demo_quietly() -> None:
    with running("demo", "--rate", "500") as process:
        assert first_line(process)
        assert process.stdout
        process.stdout.close()
        assert process.wait(20) == 141
        assert process.stderr
        assert process.stderr.read() == ""


@contextmanager
def terminal(*arguments: str) -> Generator[tuple[subprocess.Popen[bytes], int], None, None]:
    """Run the program on a terminal of its own; give the process and the other end."""
    leader, follower = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    try:
        with subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, *arguments], stdin=follower, stdout=follower, stderr=follower, env=env
        ) as process:
            os.close(follower)
            try:
                yield process, leader
            finally:
                process.kill()
    finally:
        os.close(leader)


def read_terminal(leader: int, *, until: bytes | None = None) -> str:
    """Read what was drawn, to the end or until something is there."""
    drawn, deadline = b"", time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if not select.select([leader], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        drawn += piece
        if not piece or (until is not None and until in drawn):
            break
    return drawn.decode()


def test_the_demo_draws_on_a_terminal() -> None:
    with terminal("demo", "--rate", "400") as (process, leader):
        drawn = read_terminal(leader)
        assert process.wait(10) == 0, drawn
    assert "▌" in drawn
    assert "▸" in drawn
    frames = drawn.split("╭")
    assert len(frames) > 5
    last = frames[-1]
    assert "▸" not in last
    assert last.count("✓") == 17
    for text in ("Jane Smith", "@CodeMaster2023", "50000", "chunks", "snapshots", "first field"):
        assert text in last


def test_an_interrupt_gives_the_terminal_back() -> None:
    with terminal("demo", "--rate", "20") as (process, leader):
        read_terminal(leader, until=b"users")
        process.send_signal(signal.SIGINT)
        drawn = read_terminal(leader)
        assert process.wait(10) == 130
    assert "Traceback" not in drawn
    # The cursor, hidden while drawing, is shown again.
    assert drawn.rindex("\x1b[?25h") > drawn.rfind("\x1b[?25l")


def test_growing_is_told_from_changing() -> None:
    assert grows({"a": "x"}, {"a": "xy", "b": 1})
    assert grows({"a": [1, "x"]}, {"a": [1, "xy", 2]})
    assert not grows({"a": "x"}, {"a": "yx"})
    assert not grows({"a": 1}, {"a": 12})
    assert not grows({"a": 1}, {})


# whatever happens


def _failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    (tmp_path / "singing.py").write_text(
        f"def configure(parser):\n    pass\ndef execute(args):\n    {body}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "singing", raising=False)
    monkeypatch.setitem(cli.COMMANDS, "sing", cli.Command("sing a song", "singing"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise OSError(28, 'No space left on device', 'o.jsonl')", (1, "o.jsonl: No space left")),
        ("open('no/such/file')", (1, "no/such/file: No such file or directory")),
        ("{}['x']", (70, "this should not have happened: KeyError: 'x'")),
        ("raise KeyboardInterrupt", (130, "\n")),
    ],
)
def test_no_traceback_reaches_the_user(
    body: str,
    expected: tuple[int, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _failing(monkeypatch, tmp_path, body)
    status, said = expected
    assert cli.main(["sing"]) == status
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _failing(monkeypatch, tmp_path, "{}['x']")
    with pytest.raises(KeyError):
        cli.main(["sing", "--debug"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("closed", ["", " 2>&-"])
def test_a_full_disk_is_an_error_and_no_traceback(closed: str) -> None:
    command = f"{sys.executable} -m partialfast demo --rate 0 > /dev/full{closed}"
    done = subprocess.run(  # noqa: S602 - redirections are the point
        command, shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == ("" if closed else "partialfast: No space left on device\n")
