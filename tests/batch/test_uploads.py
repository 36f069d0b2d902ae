"""Attachments that are uploaded once: requests name them, and a resumed run uploads none again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from tests.batching import answer, arguments, lines

pytest.importorskip("filelock")

pytestmark = pytest.mark.network

PDF, OTHER = b"%PDF-1.7 one", b"%PDF-1.7 two"
PNG = b"\x89PNG\r\n\x1a\nrest"


def source_of(folder: Path, documents: list[dict[str, Any]]) -> Path:
    for name, data in (("a.pdf", PDF), ("b.pdf", OTHER), ("copy.pdf", PDF), ("c.png", PNG)):
        (folder / name).write_bytes(data)
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in documents))
    return source


DOCUMENTS: list[dict[str, Any]] = [
    {"id": "d0", "text": "x", "file": "a.pdf"},
    {"id": "d1", "text": "y", "file": ["b.pdf", "c.png"]},
    {"id": "d2", "text": "z", "file": "copy.pdf"},
    {"id": "d3", "text": "no file", "file": None},
]


def posts(server: replay.Server, path: str) -> list[Any]:
    # Older versions of anthropic write a query after the path.
    made = [each for each in server.exchanges if each.method == "POST"]
    return [each for each in made if each.path.partition("?")[0] == path]


def names_in(path: Path) -> dict[str, str]:
    """Give what the provider calls each file."""
    records = [json.loads(line) for line in path.read_text().splitlines() if line]
    return {each["name"]: each["file"] for each in records}


def parts(server: replay.Server, path: str) -> dict[str, list[Any]]:
    """Give what goes with each text."""
    found: dict[str, list[Any]] = {}
    for exchange in posts(server, path):
        content: Any = exchange.body["messages"][-1]["content"]
        if isinstance(content, list):
            found[content[0]["text"]] = content[1:]
    return found


def test_a_pdf_is_uploaded_once_and_named(tmp_path: Path) -> None:
    source = source_of(tmp_path, DOCUMENTS)
    with replay.serve({"text": json.dumps(answer(1))}) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--attach", "file", "--upload")
        assert cli.main(words) == 0
        uploads = posts(server, "/v1/files")
        assert len(uploads) == 2
        assert all(b'name="purpose"\r\n\r\nuser_data' in each.raw for each in uploads)
        of = names_in(tmp_path / "out.uploads.jsonl")
        one = of.get("a.pdf") or of["copy.pdf"]
        asked = parts(server, "/v1/chat/completions")
        assert asked["From: x"] == asked["From: z"] == [{"type": "file", "file": {"file_id": one}}]
        pdf, png = asked["From: y"]
        assert pdf == {"type": "file", "file": {"file_id": of["b.pdf"]}}
        # It has no place for the id of an image.
        assert png["image_url"]["url"].startswith("data:image/png;base64,")
    assert len(lines(tmp_path / "out.jsonl")) == len(DOCUMENTS)


def test_what_is_resumed_uploads_again_only_what_is_gone(tmp_path: Path) -> None:
    source = source_of(tmp_path, DOCUMENTS[:2])
    output = tmp_path / "out.jsonl"
    with replay.serve({"text": json.dumps(answer(1))}) as server:
        more = ("--attach", "file", "--upload")
        assert cli.main(arguments(source, output, server, *more)) == 0
        assert len(posts(server, "/v1/files")) == 2
        kept = tmp_path / "out.uploads.jsonl"
        # The second was deleted meanwhile, and the run was killed while it noted a third.
        named = names_in(kept)
        kept.write_text(kept.read_text().replace(named["b.pdf"], "file-gone") + '{"sha256": "00')
        source_of(tmp_path, [*DOCUMENTS, {"id": "d4", "text": "again", "file": "b.pdf"}])
        assert cli.main(arguments(source, output, server, "--resume", *more)) == 0
        assert len(posts(server, "/v1/files")) == 3
        asked = parts(server, "/v1/chat/completions")
        assert asked["From: z"] == [{"type": "file", "file": {"file_id": named["a.pdf"]}}]
        [new] = asked["From: again"]
        assert new["file"]["file_id"] not in {*named.values(), "file-gone"}
        # The torn line did not take the new one with it.
        last = json.loads(kept.read_text().split("\n")[-2])
        assert last["file"] == new["file"]["file_id"]
    assert {line["id"] for line in lines(output)} == {"d0", "d1", "d2", "d3", "d4"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_anthropic_takes_images_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anthropic")
    source = source_of(tmp_path, DOCUMENTS)
    with replay.serve({"text": json.dumps(answer(1))}) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        words = arguments(source, tmp_path / "out.jsonl", server, "--attach", "file", "--upload")
        words[words.index("gpt-4")] = "anthropic/claude"
        place = words.index("--base-url")
        assert cli.main(words[:place] + words[place + 2 :]) == 0
        assert len(posts(server, "/v1/files")) == 3
        asked = parts(server, "/v1/messages")
        kinds = [(part["type"], part["source"]["type"]) for part in asked["From: y"]]
        assert kinds == [("document", "file"), ("image", "file")]
        assert asked["From: x"] == asked["From: z"]
        requests = posts(server, "/v1/messages")
        assert all("files-api" in each.headers.get("anthropic-beta", "") for each in requests)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_without_uploading_anthropic_is_sent_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic")
    source = source_of(tmp_path, DOCUMENTS)
    with replay.serve({"text": json.dumps(answer(1))}) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        words = arguments(source, tmp_path / "out.jsonl", server, "--attach", "file")
        words[words.index("gpt-4")] = "anthropic/claude"
        place = words.index("--base-url")
        assert cli.main(words[:place] + words[place + 2 :]) == 0
        document, image = parts(server, "/v1/messages")["From: y"]
        assert (document["type"], document["title"]) == ("document", "b.pdf")
        assert document["source"]["media_type"] == "application/pdf"
        assert image["source"]["media_type"] == "image/png"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--upload goes with --attach"),
        (["--attach", "file", "--batch-api"], "goes with neither --batch-api nor --workers"),
        (["--attach", "file", "--llm", "bedrock/x"], "--upload is for OpenAI and Anthropic"),
    ],
)
def test_what_cannot_be_uploaded_is_said_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    source = source_of(tmp_path, DOCUMENTS)
    with replay.serve({"text": "{}"}) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--upload", *more)
        if "bedrock/x" in more:
            place = words.index("--base-url")
            words = words[:place] + words[place + 2 :]
        assert cli.main(words) == 1
        assert not server.exchanges
    assert said in capsys.readouterr().err


def test_bedrock_and_google_are_sent_pdfs_as_they_take_them() -> None:
    from partialfast.providers.bedrock._provider import _part as bedrock
    from partialfast.providers.google._provider import _part as google
    from partialfast.providers.openai._attachments import attachment

    part = attachment("Bericht_Zürich.pdf", "application/pdf", PDF)
    assert google(part) == {"inline_data": {"mime_type": "application/pdf", "data": PDF}}
    assert bedrock(part) == {
        "document": {"format": "pdf", "name": "Bericht-Z-rich-pdf", "source": {"bytes": PDF}}
    }
