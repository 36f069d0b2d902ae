"""Documents that are no plain text: images and PDFs beside the prompt, HTML and DOCX as text."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from partialfast.batch import BatchError, Item
from partialfast.batch.io._attachments import Attachments
from partialfast.batch.io._documents import open_documents
from partialfast.providers.openai._attachments import attachment
from tests.batching import answer, arguments, lines

pytest.importorskip("filelock")

PNG = b"\x89PNG\r\n\x1a\nrest"
JPEG = b"\xff\xd8\xff\xe0rest"
WEBP = b"RIFF\x10\x00\x00\x00WEBPrest"
PDF = b"%PDF-1.7 rest"


def url(type_: str, data: bytes) -> str:
    return f"data:{type_};base64,{base64.b64encode(data).decode()}"


def ask_all(tmp_path: Path, source: Path, *more: str) -> list[Any]:
    """Extract; give the content of each message that was sent, by the order of its text."""
    answers = [{"text": json.dumps(answer(1))}]
    with replay.serve(answers) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, *more)
        assert cli.main(words) == 0
    bodies: list[Any] = [exchange.body for exchange in server.exchanges]
    return sorted((body["messages"][-1]["content"] for body in bodies), key=str)


@pytest.mark.network
def test_a_folder_of_images_and_pdfs(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in (("a.png", PNG), ("b.jpg", JPEG), ("c.webp", WEBP), ("d.pdf", PDF)):
        (folder / name).write_bytes(data)
    (folder / "e.txt").write_text("a text")
    found = ask_all(tmp_path, folder, "--attach", "path", "--prompt", "Read {id}. {text}")
    by_text = {each[0]["text"] if isinstance(each, list) else each: each for each in found}
    assert by_text["Read e.txt. a text"] == "Read e.txt. a text"
    for name, type_, data in (
        ("a.png", "image/png", PNG), ("b.jpg", "image/jpeg", JPEG), ("c.webp", "image/webp", WEBP),
    ):  # fmt: skip
        assert by_text[f"Read {name}. "][1:] == [
            {"type": "image_url", "image_url": {"url": url(type_, data)}}
        ]
    assert by_text["Read d.pdf. "][1:] == [
        {"type": "file", "file": {"filename": "d.pdf", "file_data": url("application/pdf", PDF)}}
    ]
    assert {line["id"] for line in lines(tmp_path / "out.jsonl")} == {
        "a.png", "b.jpg", "c.webp", "d.pdf", "e.txt",
    }  # fmt: skip


@pytest.mark.network
def test_a_field_names_one_file_or_several(tmp_path: Path) -> None:
    (tmp_path / "page1.png").write_bytes(PNG)
    (tmp_path / "page2.png").write_bytes(JPEG)
    documents = [
        {"id": "a", "pages": ["page1.png", "page2.png"]},
        {"id": "b", "pages": "https://example.org/x.png"},
        {"id": "c", "pages": None},
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in documents))
    # The attachments make the difference: the prompt may name no field.
    found = ask_all(tmp_path, source, "--attach", "pages", "--prompt", "Read it.")
    counts = sorted(len(each) if isinstance(each, list) else 0 for each in found)
    assert counts == [0, 2, 3]
    [remote] = [each for each in found if isinstance(each, list) and len(each) == 2]
    assert remote[1]["image_url"]["url"] == "https://example.org/x.png"


def parts_of(folder: Path, value: Any, **options: Any) -> Any:
    return Attachments("file", folder, attachment, **options)(Item("a", {"file": value}))


def test_what_cannot_be_attached_is_said_before(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").write_bytes(b"<svg/>")
    assert len(parts_of(tmp_path, ["a.png", "a.png"], most_bytes=2 * len(PNG))) == 2
    with pytest.raises(BatchError, match=f"is longer than {len(PNG) - 1} bytes"):
        parts_of(tmp_path, ["a.png", "a.png"], most_bytes=2 * len(PNG) - 1)
    with pytest.raises(BatchError, match=r"b\.png is not a PNG, JPEG, WebP, GIF or PDF file"):
        parts_of(tmp_path, "b.png")
    with pytest.raises(BatchError, match=r"cannot read .*c\.png: No such file"):
        parts_of(tmp_path, "c.png")
    with pytest.raises(BatchError, match="is a int, and no path"):
        parts_of(tmp_path, 5)
    with pytest.raises(BatchError, match="has no field 'file' to attach; its fields: x"):
        Attachments("file", tmp_path, attachment)(Item("a", {"x": 1}))


def test_a_provider_that_takes_them_in_another_form_is_not_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "x", "file": "a.png"}\n')
    words = ["extract", "--model", "tests.batching:Person", "--input", str(source), "--output",
             str(tmp_path / "out.jsonl"), "--prompt", "{text}", "--llm", "cohere/command",
             "--attach", "file"]  # fmt: skip
    assert cli.main(words) == 1
    assert "sends images and PDFs, which cohere does not take" in capsys.readouterr().err


def texts(path: Path, **options: Any) -> list[str]:
    return [item.fields["text"] for item in open_documents(str(path), **options).items()]


def test_html_becomes_text(tmp_path: Path) -> None:
    pytest.importorskip("markdownify")
    (tmp_path / "a.html").write_bytes(
        "<html><head><meta charset=latin-1><style>x{}</style></head><body><h1>Zürich</h1>"
        "<script>evil()</script><p>One <b>two</b></p><ul><li>three</ul>"
        "<table><tr><th>a</th></tr><tr><td>1</td></tr></table></body></html>".encode("latin-1")
    )
    [text] = texts(tmp_path)
    assert text.startswith("# Zürich\n")
    assert "One **two**" in text
    assert "- three" in text
    assert "| 1 |" in text
    assert "evil" not in text
    assert "x{}" not in text
    assert texts(tmp_path / "a.html") == [text]
    (tmp_path / "a.html").write_text("<div>" * 50_000 + "x")
    with pytest.raises(BatchError, match="nested too deeply"):
        texts(tmp_path)


def docx(paragraphs: list[str], *, more: bytes = b"") -> bytes:
    """Make the smallest file that is one: Office Open XML, ECMA-376."""
    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in paragraphs)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    package = "http://schemas.openxmlformats.org/package/2006"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types">'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        )
        parts.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{rel}" Target="word/document.xml"/></Relationships>',
        )
        parts.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{w}"><w:body>{body}</w:body></w:document>',
        )
        if more:
            parts.writestr("word/more", more)
    return file.getvalue()


def test_docx_becomes_text(tmp_path: Path) -> None:
    pytest.importorskip("mammoth")
    path = tmp_path / "a.docx"
    path.write_bytes(docx(["Zürich", "two"]))
    assert texts(path) == ["Zürich\n\ntwo"]
    path.write_bytes(docx(["x"], more=bytes(10_000_000)))
    with pytest.raises(BatchError, match="unpacked, it is 10,"):
        texts(path)
    for data in (b"", b"PK\x03\x04", docx(["<w:p>"]), docx(["x"])[:-30]):
        path.write_bytes(data)
        with pytest.raises(BatchError, match="not a DOCX file"):
            texts(path)
