"""OpenAI's files, in requests for chat completions."""

from __future__ import annotations

from typing import Any

__all__ = ["OpenAIUploads"]

#: Of one file in a request: https://platform.openai.com/docs/guides/pdf-files
_MOST_BYTES = 50_000_000


class OpenAIUploads:
    """Uploads PDFs. An image has no place for a file's id in a chat completion.

    Args:
        client: A client of `from_openai` over an ``AsyncOpenAI``.
    """

    def __init__(self, client: Any) -> None:
        self._files = client.files

    def takes(self, type_: str, size: int) -> bool:
        """Tell whether a request can name such a file; see `Uploader`."""
        return type_ == "application/pdf" and size <= _MOST_BYTES

    async def upload(self, name: str, type_: str, data: bytes) -> str:
        """Upload a file; give its id."""
        file = await self._files.create(file=(name, data, type_), purpose="user_data")
        return str(file.id)

    async def has(self, file: str) -> bool:
        """Tell whether the provider still has a file."""
        from openai import NotFoundError  # noqa: PLC0415 - there is a client

        try:
            await self._files.retrieve(file)
        except NotFoundError:
            return False
        return True

    def part(self, file: str, type_: str) -> dict[str, Any]:
        """Give the part of a message that names a file."""
        del type_
        return {"type": "file", "file": {"file_id": file}}
