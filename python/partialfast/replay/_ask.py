"""What a request asks for, and the errors that OpenAI's API gives for a bad one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "SERVER_ERROR",
    "Ask",
    "RequestError",
    "ToolChoice",
    "make_ask",
    "parse_body",
    "read_request",
    "text_of",
]

#: How free the model is to call a tool.
ToolChoice = Literal["none", "auto", "required", "named"]

#: Answers with more choices than this are refused, so that no request can ask for
#: an answer without bound. OpenAI's own limit is 128.
_MAX_CHOICES = 8


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
    500,
    "The server had an error while processing your request. Sorry about that!",
    type="server_error",
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


def make_ask(
    api: str, body: dict[str, Any], texts: Sequence[tuple[object, str]], **fields: Any
) -> Ask:
    """Make the ask of a conversation, given as roles and texts; `fields` are the others."""
    last_user = next((text for role, text in reversed(texts) if role == "user"), "")
    prompt = "\n".join(text for _, text in texts)
    return Ask(api=api, body=body, last_user=last_user, prompt=prompt, **fields)


def read_request(api: str, body: dict[str, Any], *, model: str | None = None) -> Ask:
    """Read a body as OpenAI's two APIs do, or refuse it; Azure's URL names the `model`."""
    body.setdefault("model", model)
    if not body["model"]:
        raise RequestError(400, "you must provide a model parameter")
    _typed(body, "model", str)
    _typed(body, "stream", bool, type(None))
    options = _typed(body, "stream_options", dict, type(None)) or {}
    if options and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RequestError(400, message, param="stream_options")
    if api == "chat":
        texts = _texts(body, "messages", list)
        if not texts:
            message = (
                "Invalid 'messages': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead."
            )
            raise RequestError(400, message, param="messages", code="empty_array")
    else:
        texts = _texts(body, "input", str, list)
        if isinstance(body.get("instructions"), str):
            texts.insert(0, ("system", body["instructions"]))
    given = _typed(body, "tools", list, type(None)) or []
    functions = [
        each for each in given if isinstance(each, dict) and each.get("type") == "function"
    ]
    # The chat API nests the function, the Responses API does not.
    names = [each.get("function", each).get("name") for each in functions]
    tools = tuple(name for name in names if isinstance(name, str))
    tool_choice, forced = _tool_choice(body, tools)
    return make_ask(
        api,
        body,
        texts,
        model=body["model"],
        stream=bool(body.get("stream")),
        tools=tools,
        tool_choice=tool_choice,
        forced=forced,
        choices=_choices(body) if api == "chat" else 1,
        include_usage=bool(options.get("include_usage")),
        obfuscation=options.get("include_obfuscation", True) is not False,
    )


def parse_body(raw: bytes) -> dict[str, Any]:
    """Decode the body of a request, or refuse what is not a JSON object."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        message = (
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, "
            "but what was sent was not valid JSON.)"
        )
        raise RequestError(400, message) from error
    if not isinstance(body, dict):
        raise RequestError(400, "The body of the request must be a JSON object.")
    return body


_JSON_NAMES = {
    str: "a string",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    int: "an integer",
}


def _invalid_type(place: str, wanted: str, value: object) -> RequestError:
    message = f"Invalid type for '{place}': expected {wanted}, but got {value!r} instead."
    return RequestError(400, message, param=place, code="invalid_type")


def _typed(body: dict[str, Any], field: str, *kinds: type[Any]) -> Any:
    value = body.get(field)
    if not isinstance(value, kinds):
        wanted = " or ".join(_JSON_NAMES[kind] for kind in kinds if kind in _JSON_NAMES)
        raise _invalid_type(field, wanted, value)
    return value


def _texts(body: dict[str, Any], field: str, *kinds: type[Any]) -> list[tuple[str, str]]:
    """Give the roles and texts of a conversation."""
    if body.get(field) is None:
        message = f"Missing required parameter: '{field}'."
        raise RequestError(400, message, param=field, code="missing_required_parameter")
    given = _typed(body, field, *kinds)
    if isinstance(given, str):
        return [("user", given)]
    texts: list[tuple[str, str]] = []
    for number, item in enumerate(given):
        if not isinstance(item, dict):
            raise _invalid_type(f"{field}[{number}]", "an object", item)
        # Items of the Responses API that are not messages (such as tool outputs) have no role.
        text = text_of(item.get("content", item.get("output")))
        texts.append((item.get("role") or "", text))
    return texts


def text_of(content: object) -> str:
    """Join the text of a message: a string, or a list of parts some of which are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _tool_choice(body: dict[str, Any], tools: tuple[str, ...]) -> tuple[ToolChoice, str | None]:
    choice, code = body.get("tool_choice"), None
    if choice in (None, "auto"):
        return ("auto" if tools else "none"), None
    if choice == "none" or (tools and choice == "required"):
        return choice, None
    if not tools:
        message = "'tool_choice' is only allowed when 'tools' are specified."
    elif isinstance(choice, dict) and choice.get("type") == "function":
        name = choice.get("function", choice).get("name")
        if name in tools:
            return "named", name
        message = f"Tool choice {name!r} is not one of the specified 'tools'."
    else:
        message, code = f"Invalid value for 'tool_choice': {choice!r}.", "invalid_value"
    raise RequestError(400, message, param="tool_choice", code=code)


def _choices(body: dict[str, Any]) -> int:
    count: int = 1 if body.get("n") is None else _typed(body, "n", int)
    if 1 <= count <= _MAX_CHOICES:
        return count
    message = f"Invalid 'n': expected a value from 1 to {_MAX_CHOICES}, but got {count} instead."
    raise RequestError(400, message, param="n", code="integer_out_of_range")
