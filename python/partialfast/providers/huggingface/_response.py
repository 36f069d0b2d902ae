"""The response that a stream of HuggingFace's is made from."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["response_of"]


def response_of(stream: Any) -> Any:
    """Return the HTTP response of a stream; ``None`` where there is no way to it.

    To make the SDK's objects and to turn them back into JSON takes ten times what is done with the
    bytes. The SDK has no way to the response but the variables of its generators: the one that
    makes the objects has the lines, and the one that gives the lines has the response. Where they
    are others, or where somebody has wrapped them, the objects are read.

    Args:
        stream: What ``chat_completion`` returned, of which nothing was read.
    """
    given = _variables(_variables(stream).get("lines"))
    # A function of the SDK's, or a method of the response's.
    response = given.get("response", given.get("self"))
    return response if hasattr(response, "headers") else None


def _variables(generator: Any) -> dict[str, Any]:
    frame: Any = None
    if inspect.isgenerator(generator):
        frame = generator.gi_frame
    elif inspect.isasyncgen(generator):
        frame = generator.ag_frame
    return {} if frame is None else frame.f_locals
