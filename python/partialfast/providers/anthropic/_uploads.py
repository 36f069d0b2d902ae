"""Anthropic's files."""

from __future__ import annotations

from typing import Any

__all__ = ["HEADERS", "AnthropicUploads"]

#: What a request that names a file has to say:
#: https://platform.claude.com/docs/en/build-with-claude/files
HEADERS = {"anthropic-beta": "files-api-2025-04-14"}
#: Of one file.
_MOST_BYTES = 500_000_000


class AnthropicUploads:
    """Uploads images and PDFs.

    Args:
        client: A client of `from_anthropic` over an ``AsyncAnthropic``.
    """

    def __init__(self, client: Any) -> None:
        self._files = client.beta.files

    def takes(self, type_: str, size: int) -> bool:
        """Tell whether a request can name such a file; see `Uploader`."""
        del type_
        return size <= _MOST_BYTES

    async def upload(self, name: str, type_: str, data: bytes) -> str:
        """Upload a file; give its id."""
        file = await self._files.upload(file=(name, data, type_))
        return str(file.id)

    async def has(self, file: str) -> bool:
        """Tell whether the provider still has a file."""
        from anthropic import NotFoundError  # noqa: PLC0415 - there is a client

        try:
            await self._files.retrieve_metadata(file)
        except NotFoundError:
            return False
        return True

    def part(self, file: str, type_: str) -> dict[str, Any]:
        """Give the part of a message that names a file."""
        kind = "document" if type_ == "application/pdf" else "image"
        return {"type": kind, "source": {"type": "file", "file_id": file}}
