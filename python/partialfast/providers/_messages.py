"""Messages as OpenAI shapes them, taken apart for providers that shape them otherwise.

What is native to a provider is passed on as it is: only what nobody but OpenAI writes is changed.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

__all__ = [
    "AttachedFile",
    "MessageCall",
    "arguments_of",
    "as_list",
    "calls_of",
    "file_of",
    "image_of",
    "is_system",
    "text_of",
]

_DATA_URL = re.compile(r"data:(?P<type>[\w/+.-]+);base64,(?P<data>.*)", re.DOTALL)


class MessageCall(NamedTuple):
    """A call of a function, in a message of the assistant's."""

    id: str | None
    name: str
    arguments: dict[str, Any]


class AttachedFile(NamedTuple):
    """A file, in a part of a message."""

    name: str
    type: str
    data: bytes


def as_list(messages: Any) -> list[Any]:
    """Return a conversation as a list; a text is what the user says."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if messages is None:
        return []
    return list(cast("Iterable[Any]", messages))


def is_system(message: Any) -> bool:
    """Tell whether a message is instructions."""
    return isinstance(message, Mapping) and cast("Mapping[str, Any]", message).get("role") in {
        "system",
        "developer",
    }


def text_of(content: Any) -> str:
    """Return the text of a content: a text, or parts some of which are."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    parts = [part for part in content if isinstance(part, Mapping)]
    texts = [cast("Mapping[str, Any]", part).get("text") for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def calls_of(message: Mapping[str, Any]) -> list[MessageCall]:
    """Return the calls in a message of the assistant's, where they are shaped as OpenAI's."""
    found: list[MessageCall] = []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        arguments = arguments_of(function.get("arguments"))
        found.append(MessageCall(call.get("id"), function["name"], arguments or {}))
    return found


def arguments_of(written: Any) -> dict[str, Any] | None:
    """Return the arguments of a call; ``None`` where they are not a JSON object."""
    value: Any = written
    if isinstance(written, str):
        try:
            value = json.loads(written)
        except ValueError:
            return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def image_of(part: Any) -> tuple[str, bytes] | str | None:
    """Return the image in a part that is shaped as OpenAI's.

    Returns:
        Its media type and bytes, or its URL; ``None`` where the part is not an image.
    """
    if not isinstance(part, Mapping):
        return None
    given: Any = cast("Mapping[str, Any]", part).get("image_url")
    url = given.get("url") if isinstance(given, Mapping) else given
    if not isinstance(url, str):
        return None
    if (inline := _DATA_URL.fullmatch(url)) is not None:
        return inline["type"], base64.b64decode(inline["data"])
    return url


def file_of(part: Any) -> AttachedFile | None:
    """Return the file in a part that is shaped as OpenAI's, such as a PDF.

    Returns:
        The file; ``None`` where the part is not one, or only names one.
    """
    if not isinstance(part, Mapping):
        return None
    given: Any = cast("Mapping[str, Any]", part).get("file")
    if not isinstance(given, Mapping):
        return None
    file = cast("Mapping[str, Any]", given)
    inline = _DATA_URL.fullmatch(str(file.get("file_data", "")))
    if inline is None:
        return None
    data = base64.b64decode(inline["data"])
    return AttachedFile(str(file.get("filename") or "file"), inline["type"], data)
