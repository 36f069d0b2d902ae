"""Events and their bytes, in every protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

__all__ = ["DONE", "Json", "ReplayEvent", "dump"]

Json = dict[str, Any]

#: Data of the event that ends a chat completion stream.
DONE = "[DONE]"


@dataclass(frozen=True)
class ReplayEvent:
    """One server-sent event, or a comment."""

    data: Json | str = ""  # a string is sent as it is
    event: str | None = None
    comment: str | None = None  # sent instead
    upto: int = -1  # the number of the last delta in it; -1 when it comes before all
    tokens: int = 0  # how many tokens of the answer it carries

    @property
    def payload(self) -> bytes:
        """The data as bytes."""
        return self.data.encode() if isinstance(self.data, str) else dump(self.data)


def dump(value: object) -> bytes:
    """Encode JSON as the servers do: compact, in UTF-8."""
    try:
        return to_json(value, inf_nan_mode="constants")
    except PydanticSerializationError:
        # A lone surrogate, recorded on purpose, can only travel as an escape.
        return json.dumps(value, separators=(",", ":")).encode()
