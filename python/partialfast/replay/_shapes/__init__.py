"""The forms that real servers give a chat completion: one engine, and their differences as data."""

from __future__ import annotations

from partialfast.replay._shapes._chat import ChatWriter, server_error
from partialfast.replay._shapes._servers import SERVERS

__all__ = ["SHAPES", "ChatWriter", "server_error", "shape_named"]

#: The servers that can be imitated, by name.
SHAPES: dict[str, ChatWriter] = {shape.name: ChatWriter(shape) for shape in SERVERS}


def shape_named(name: str) -> ChatWriter:
    """Find a shape.

    Args:
        name: One of `SHAPES`.

    Returns:
        What writes answers in it.

    Raises:
        ValueError: There is no shape of that name.
    """
    try:
        return SHAPES[name]
    except KeyError:
        message = f"unknown shape {name!r}; known are {', '.join(SHAPES)}"
        raise ValueError(message) from None
