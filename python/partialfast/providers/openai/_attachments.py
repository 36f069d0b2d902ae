"""Images and files in a message of chat completions."""

from __future__ import annotations

import base64
from typing import Any

__all__ = ["attachment"]


def attachment(name: str, type_: str, data: bytes | str) -> dict[str, Any]:
    """Give the part of a message that holds an image or a file.

    See https://platform.openai.com/docs/guides/images-vision and ``pdf-files`` beside it.

    Args:
        name: What it is called.
        type_: Its media type; ``"url"`` for an image that the server is to fetch.
        data: What is in it, or its URL.
    """
    url = (
        data if isinstance(data, str) else f"data:{type_};base64,{base64.b64encode(data).decode()}"
    )
    if type_ == "application/pdf":
        return {"type": "file", "file": {"filename": name, "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url}}
