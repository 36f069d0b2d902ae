"""Turns documents that are not plain text into text: HTML and DOCX."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partialfast.batch._needs import import_extra
from partialfast.batch.loop._result import BatchError

__all__ = ["CONVERTED", "to_text"]

#: How large a document may become when it is unpacked, besides its own size.
_MOST_GROWTH = 50
_MOST_PARTS = 10_000
#: Elements that hold no text for a reader.
_NO_TEXT = ("script", "style", "template", "noscript")


def to_text(path: Path, data: bytes) -> str:
    """Read a document.

    Args:
        path: Its file, whose name says what it is.
        data: What is in it.

    Returns:
        Its text; of HTML and DOCX as Markdown, which keeps headings, lists and tables.

    Raises:
        BatchError: It cannot be read.
        ImportError: A package is not installed.
    """
    convert = CONVERTED.get(path.suffix.lower())
    try:
        return data.decode() if convert is None else convert(path, data)
    except UnicodeDecodeError as error:
        raise BatchError(f"{path}: not a text file in UTF-8: {error}") from error
    except RecursionError as error:
        raise BatchError(f"{path}: nested too deeply") from error


def _of_html(path: Path, data: bytes) -> str:
    del path
    # The parser finds the encoding as a browser does; HTML need not be UTF-8.
    soup: Any = import_extra("bs4", what="HTML", extra="documents").BeautifulSoup(
        data, "html.parser"
    )
    for element in soup.find_all(_NO_TEXT):
        element.decompose()
    return _markdown(soup)


def _of_docx(path: Path, data: bytes) -> str:
    mammoth = import_extra("mammoth", what="DOCX", extra="documents")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            sizes = [part.file_size for part in parts.infolist()]
    except zipfile.BadZipFile as error:
        raise BatchError(f"{path}: not a DOCX file: {error}") from error
    if len(sizes) > _MOST_PARTS or sum(sizes) > _MOST_GROWTH * len(data):
        raise BatchError(f"{path}: unpacked, it is {sum(sizes):,} bytes in {len(sizes):,} parts")
    try:
        html = mammoth.convert_to_html(
            io.BytesIO(data), convert_image=mammoth.images.img_element(lambda _: {})
        ).value
    except RecursionError:
        raise
    except Exception as error:  # whatever a document makes the converter raise
        raise BatchError(f"{path}: not a DOCX file that can be read: {error}") from error
    soup: Any = import_extra("bs4", what="DOCX", extra="documents").BeautifulSoup(
        html, "html.parser"
    )
    return _markdown(soup)


def _markdown(soup: Any) -> str:
    converter = import_extra("markdownify", what="HTML", extra="documents").MarkdownConverter
    said: str = converter(strip=["img"], heading_style="ATX", bullets="-").convert_soup(soup)
    lines = [line.rstrip() for line in said.splitlines()]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip()


#: What is converted, by the end of its name.
CONVERTED: Mapping[str, Callable[[Path, bytes], str]] = {
    ".html": _of_html, ".htm": _of_html, ".xhtml": _of_html, ".docx": _of_docx,
}  # fmt: skip
