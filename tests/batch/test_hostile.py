"""What lies in a folder or comes from a server: it harms neither the run nor the terminal."""

from __future__ import annotations

import http.server
import io
import json
import os
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli
from partialfast.batch import BatchError, Meter
from partialfast.batch.io._documents import open_documents
from partialfast.batch.io._journal import Journal
from partialfast.batch.io._regular import read_regular, read_short_text
from partialfast.batch.run._figures import escape_unprintable
from partialfast.batch.run._terminal import draw_progress
from tests.batching import Person, arguments, write_documents

pytest.importorskip("filelock")
rich_console: Any = pytest.importorskip("rich.console")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")


def test_a_folder_is_read_past_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a-pipe.txt")
    (tmp_path / "b-zero.txt").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "c-socket.txt"))
        (tmp_path / "d.txt").write_text("a document")
        (tmp_path / "e-link.txt").symlink_to(tmp_path / "d.txt")
        (tmp_path / "f-folder").symlink_to(tmp_path)
        found = list(open_documents(str(tmp_path)).items())
    assert [item.id for item in found] == ["d.txt", "e-link.txt"]
    assert found[1].fields["text"] == "a document"


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(BatchError, match=r"cannot read .*a\.txt: No such file"):
        list(open_documents(str(tmp_path)).items())


def test_what_has_become_a_pipe_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BatchError, match="is not a regular file"):
        read_regular(tmp_path / "pipe", most_bytes=10)


def test_an_input_without_an_end_is_refused() -> None:
    with pytest.raises(BatchError, match="is a device, and has no end"):
        open_documents("/dev/zero", input_format="jsonl")
    with pytest.raises(BatchError, match="is a device, and has no end"):
        read_short_text(Path("/dev/zero"), what="the prompt")
    assert list(open_documents("/dev/null", input_format="jsonl").items()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"text": "%s"}\n' % ("x" * 100)),
        ("a.csv", "text\n" + "x" * 100 + "\n"),
        ("a.csv", 'text\n"' + "x\n" * 50 + '"\n'),
        ("a.txt", "x" * 100),
    ],
)
def test_a_document_has_a_limit(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert len(list(open_documents(str(path), most_bytes=200).items())) == 1
    with pytest.raises(BatchError, match=r"longer than 60 bytes|larger than field limit \(60\)"):
        list(open_documents(str(path), most_bytes=60).items())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\nb\r", "a\\nb\\r"),
        ("\x9b1m \u2066x \ud800", "\\x9b1m \\u2066x \\ud800"),
        ("Zürich 日本 👩‍🚀 [/x]", "Zürich 日本 👩‍🚀 [/x]"),
    ],
)
def test_what_a_terminal_would_act_upon_is_escaped(text: str, shown: str) -> None:
    assert escape_unprintable(text) == shown
    assert escape_unprintable(f"{text}\n\t", lines=True).endswith("\n\t")


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    out = io.StringIO()
    console = rich_console.Console(file=out, width=100, force_terminal=True)
    meter = Meter()
    meter.note = "[/x] \x1b[31m"
    console.print(draw_progress(meter.figures(), title="[/x].jsonl \x1b]0;owned\x07 → out"))
    said = out.getvalue()
    assert "[/x].jsonl \\x1b]0;owned\\x07 → out" in said
    assert "[/x] \\x1b[31m" in said


@pytest.mark.parametrize("command", ["salvage", "unknown"])
def test_names_of_files_reach_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """A shell fills them in."""
    name = "\x1b[2J\x07[_x].jsonl"
    (tmp_path / name).write_text('{"name": 1}\n')
    words = ["salvage", str(tmp_path / name), "--model", "tests.batching:Person"]
    words += ["--output", str(tmp_path / f"out{name}")]
    if command == "unknown":
        words.append(name)
        with pytest.raises(SystemExit):
            cli.main(words)
    else:
        cli.main(words)
    said = capsys.readouterr().err
    assert "\\x1b[2J\\x07[_x]" in said
    assert not set(said) & {"\x1b", "\x07"}


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Refuses every request, in words that a terminal would act upon."""

    def do_POST(self) -> None:
        said = "no \x1b[2J\x07\u202e[/x] key"
        body = json.dumps({"error": {"message": said}}).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass


@pytest.mark.network
def test_what_a_server_says_reaches_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/v1"
            status = cli.main(arguments(source, tmp_path / "[out].jsonl", url))
        finally:
            server.shutdown()
            thread.join()
    said = capsys.readouterr().err
    assert status == 1
    assert "no \\x1b[2J\\x07\\u202e[/x] key" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
    # A path of a command that is wrong comes from whoever typed it, or from another program.
    assert cli.main(arguments(tmp_path / "\x1b[2J", tmp_path / "out.jsonl", url)) == 1
    assert "there is no input" in (said := capsys.readouterr().err)
    assert "\x1b" not in said


@pytest.mark.parametrize(("mode", "made"), [(0o777, 0o600), (0o755, 0o644)])
def test_results_in_a_shared_folder_are_the_owners(tmp_path: Path, mode: int, made: int) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    folder.chmod(mode)
    before = os.umask(0o022)
    try:
        with Journal(Person, folder / "a.jsonl", folder / "a.errors.jsonl", start="new"):
            pass
    finally:
        os.umask(before)
    for name in ("a.jsonl", "a.errors.jsonl"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == made


def test_results_follow_no_link_in_a_shared_folder(tmp_path: Path) -> None:
    folder, target = tmp_path / "results", tmp_path / "precious"
    folder.mkdir()
    folder.chmod(0o777)
    target.write_text("")
    (folder / "a.jsonl").symlink_to(target)
    with pytest.raises(BatchError, match=r"cannot write .*a\.jsonl"):
        Journal(Person, folder / "a.jsonl", folder / "a.errors.jsonl", start="overwrite")
