"""Images and PDFs that go with a prompt, recognised by their content, not by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from partialfast.batch.io._regular import read_regular
from partialfast.batch.loop._result import BatchError, Item

__all__ = ["ATTACHED", "MOST_ATTACHED", "Attachments"]

#: The suffixes of a folder's files that are attachments.
ATTACHED = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".pdf"})
#: Bytes of all attachments of a document.
MOST_ATTACHED = 32 << 20

#: How each begins: https://www.iana.org/assignments/media-types and the formats' own documents.
_BEGINNINGS: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
}


class Attachments:
    """Finds what goes with a document.

    Args:
        field: The field that names the files: a path, or a list of them; a URL stays one.
        base: The folder that paths are relative to.
        part: Makes of a name, a type and the data (or a URL, and no data) the part of a message
            that the provider takes.
        most_bytes: The most that may go with one document.
    """

    def __init__(
        self,
        field: str,
        base: Path,
        part: Callable[[str, str, bytes | str], Mapping[str, Any]],
        *,
        most_bytes: int = MOST_ATTACHED,
    ) -> None:
        self._field = field
        self._base = base
        self._part = part
        self._most_bytes = most_bytes

    def __call__(self, item: Item) -> list[Mapping[str, Any]]:
        """Give the parts of the message about a document.

        Args:
            item: The document.

        Raises:
            BatchError: A file cannot be read, is too large or nothing that can be attached.
        """
        if self._field not in item.fields:
            there = ", ".join(sorted(map(str, item.fields))) or "none"
            raise BatchError(
                f"item {item.id!r} has no field {self._field!r} to attach; its fields: {there}"
            )
        named: Any = item.fields[self._field]
        names: list[Any] = named if isinstance(named, list) else [named]
        left = self._most_bytes
        parts: list[Mapping[str, Any]] = []
        for name in names:
            if name is None or name == "":
                continue
            if not isinstance(name, str):
                raise BatchError(
                    f"item {item.id!r}: what is to be attached is a {type(name).__name__}, "
                    "and no path"
                )
            if name.startswith(("https://", "http://", "data:")):
                parts.append(self._part(name, "url", name))
                continue
            path = self._base / name
            # A folder gives its texts as texts.
            if item.fields.get("path") == name and path.suffix.lower() not in ATTACHED:
                continue
            data = read_regular(path, most_bytes=left)
            left -= len(data)
            parts.append(self._part(path.name, _type_of(path, data), data))
        return parts


def _type_of(path: Path, data: bytes) -> str:
    for beginning, type_ in _BEGINNINGS.items():
        if data.startswith(beginning):
            return type_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise BatchError(f"{path} is not a PNG, JPEG, WebP, GIF or PDF file, and cannot be attached")
