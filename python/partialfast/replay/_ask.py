"""What a request asks for, and the errors that a bad one gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["MISSING", "SERVER_ERROR", "Ask", "Given", "RequestError", "ToolChoice", "parse_body"]

#: How free the model is to call a tool.
ToolChoice = Literal["none", "auto", "required", "named"]


@dataclass(eq=False)
class RequestError(Exception):
    """A request that gets an error response, with the fields of OpenAI's error object."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


#: OpenAI's error for a failure of its own.
SERVER_ERROR = RequestError(
    500, "The server had an error while processing your request. Sorry about that!", "server_error"
)


@dataclass(frozen=True)
class Ask:
    """A request, as far as an answer depends on it."""

    api: str  # `chat`, `responses` or the name of another protocol
    body: dict[str, Any]
    model: str
    stream: bool
    last_user: str  # the text of the last user message
    prompt: str  # all text, for counting its tokens
    tools: tuple[str, ...] = ()
    tool_choice: ToolChoice = "none"
    forced: str | None = None  # the tool it must call, when it must call a certain one
    choices: int = 1  # how many answers are asked for
    include_usage: bool = False  # whether a stream is to end with the usage
    obfuscation: bool = True  # whether deltas may be padded


_JSON_NAMES = {
    str: "a string",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    int: "an integer",
}


@dataclass(frozen=True)
class Given:
    """A value in the body of a request, which may be missing; it knows its place there."""

    value: Any
    place: str = ""

    def of(self, *kinds: type[Any]) -> Any:
        """Give the value, or ``None`` where it is missing, or refuse one of another type."""
        if self.value is not None and type(self.value) not in kinds:
            wanted = " or ".join(_JSON_NAMES[kind] for kind in kinds)
            message = f"expected {wanted}, but got {self.value!r} instead"
            raise self.invalid(f"Invalid type for '{self.place}': {message}.", "invalid_type")
        return self.value

    def need(self, *kinds: type[Any]) -> Any:
        """Give the value, or refuse a request without it."""
        if self.value is None:
            message = f"Missing required parameter: '{self.place}'."
            raise self.invalid(message, "missing_required_parameter")
        return self.of(*kinds)

    def __getitem__(self, name: str) -> Given:
        """Give a member of an object."""
        return Given((self.of(dict) or {}).get(name), f"{self.place}.{name}".lstrip("."))

    def __iter__(self) -> Iterator[Given]:
        """Give the items of an array."""
        for number, item in enumerate(self.of(list) or []):
            found = Given(item, f"{self.place}[{number}]")
            found.need(dict, str)
            yield found

    def text(self) -> str:
        """Join the text of a message: a string, or parts some of which have text."""
        if isinstance(self.of(str, list), str):
            return str(self.value)
        return "\n".join(part["text"].of(str) for part in self if part["text"].value is not None)

    def invalid(self, message: str, code: str | None = None) -> RequestError:
        """Make the error of a request in which the value is wrong."""
        return RequestError(400, message, param=self.place, code=code)


MISSING = Given(None)


def parse_body(raw: bytes) -> Given:
    """Decode the body of a request, or refuse what is not a JSON object."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        message = f"We could not parse the JSON body of your request: {error}"
        raise RequestError(400, message) from error
    if not isinstance(body, dict):
        raise RequestError(400, "The body of the request must be a JSON object.")
    return Given(body)
