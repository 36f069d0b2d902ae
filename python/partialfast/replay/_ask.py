"""What a request asks for, and the errors that OpenAI's API gives for a bad one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Api", "Ask", "RequestError", "parse_body", "parse_request", "read_request", "text_of"]

#: OpenAI's two; any other is asked in a protocol of its own.
Api = Literal["chat", "responses"]

#: Answers with more choices than this are refused, so that no request can ask for
#: an answer without bound. OpenAI's own limit is 128.
_MAX_CHOICES = 8


class RequestError(Exception):
    """A request that gets an error response.

    Args:
        status: The HTTP status.
        message: What is wrong.
        type: OpenAI's error type, such as ``"invalid_request_error"``.
        param: The field that is wrong.
        code: OpenAI's error code.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the field's name in the API
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code


@dataclass(frozen=True)
class Ask:
    """A request, as far as an answer depends on it.

    Args:
        api: Which API it came to: ``"chat"``, ``"responses"`` or the name of another protocol.
        body: The decoded body.
        model: The model it names.
        stream: Whether the answer is to be streamed.
        last_user: Text of the last user message.
        prompt: All text of the request, for counting its tokens.
        tools: Names of the function tools.
        tool_choice: How free the model is to call one.
        forced: The function it must call, when it must call a certain one.
        choices: How many answers are asked for (``n``).
        include_usage: Whether a stream is to end with the usage.
        obfuscation: Whether deltas may be padded.
    """

    api: str
    body: dict[str, Any]
    model: str
    stream: bool
    last_user: str
    prompt: str
    tools: tuple[str, ...] = ()
    tool_choice: Literal["none", "auto", "required", "named"] = "none"
    forced: str | None = None
    choices: int = 1
    include_usage: bool = False
    obfuscation: bool = True

    @classmethod
    def of(
        cls, api: str, body: dict[str, Any], texts: Sequence[tuple[object, str]], **fields: Any
    ) -> Ask:
        """Make the ask of a conversation.

        Args:
            api: Which API it came to.
            body: The decoded body.
            texts: Roles and texts of the conversation.
            **fields: The others.
        """
        last_user = next((text for role, text in reversed(texts) if role == "user"), "")
        prompt = "\n".join(text for _, text in texts)
        return cls(api=api, body=body, last_user=last_user, prompt=prompt, **fields)


def parse_request(api: Api, raw: bytes, *, model: str | None = None) -> Ask:
    """Read the body of a request.

    Args:
        api: Which API it came to.
        raw: The body.
        model: The model when the URL names it, as Azure's does.

    Returns:
        What it asks for.

    Raises:
        RequestError: OpenAI's API would refuse it.
    """
    return read_request(api, parse_body(raw), model=model)


def read_request(api: Api, body: dict[str, Any], *, model: str | None = None) -> Ask:
    """Read the decoded body of a request, as `parse_request` does."""
    body.setdefault("model", model)
    if not body["model"]:
        raise RequestError(400, "you must provide a model parameter")
    _typed(body, "model", str)
    _typed(body, "stream", bool, type(None))
    options = _typed(body, "stream_options", dict, type(None)) or {}
    if options and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RequestError(400, message, param="stream_options")
    messages = _chat_messages(body) if api == "chat" else _response_items(body)
    texts = [(role, text_of(content)) for role, content in messages]
    tools = tuple(_tool_names(body))
    tool_choice, forced = _tool_choice(body, tools)
    return Ask.of(
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
    """Decode the body of a request.

    Args:
        raw: The body.

    Raises:
        RequestError: It is not a JSON object.
    """
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
        message = "The body of the request must be a JSON object."
        raise RequestError(400, message)
    return body


_JSON_NAMES = {
    str: "a string",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    int: "an integer",
}


def _typed(body: dict[str, Any], field: str, *kinds: type[Any]) -> Any:
    value = body.get(field)
    if not isinstance(value, kinds):
        wanted = " or ".join(_JSON_NAMES[kind] for kind in kinds if kind in _JSON_NAMES)
        message = f"Invalid type for '{field}': expected {wanted}, but got {value!r} instead."
        raise RequestError(400, message, param=field, code="invalid_type")
    return value


def _required(body: dict[str, Any], field: str, *kinds: type[Any]) -> Any:
    if body.get(field) is None:
        message = f"Missing required parameter: '{field}'."
        raise RequestError(400, message, param=field, code="missing_required_parameter")
    return _typed(body, field, *kinds)


def _chat_messages(body: dict[str, Any]) -> list[tuple[str, Any]]:
    messages = _required(body, "messages", list)
    if not messages:
        message = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead."
        )
        raise RequestError(400, message, param="messages", code="empty_array")
    return list(_roles(messages, "messages"))


def _response_items(body: dict[str, Any]) -> list[tuple[str, Any]]:
    given = _required(body, "input", str, list)
    items = [("user", given)] if isinstance(given, str) else list(_roles(given, "input"))
    instructions = body.get("instructions")
    return [("system", instructions), *items] if isinstance(instructions, str) else items


def _roles(items: list[Any], field: str) -> Iterator[tuple[str, Any]]:
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            place = f"{field}[{number}]"
            message = f"Invalid type for '{place}': expected an object, but got {item!r} instead."
            raise RequestError(400, message, param=place, code="invalid_type")
        # Items of the Responses API that are not messages (such as tool outputs) have no role.
        yield item.get("role") or "", item.get("content", item.get("output"))


def text_of(content: object) -> str:
    """Join the text of a message: a string, or a list of parts some of which are text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _tool_names(body: dict[str, Any]) -> Iterator[str]:
    for tool in _typed(body, "tools", list, type(None)) or []:
        if not isinstance(tool, dict) or tool.get("type") != "function":
            continue
        # The chat API nests the function, the Responses API does not.
        name = tool.get("function", tool).get("name")
        if isinstance(name, str):
            yield name


def _tool_choice(
    body: dict[str, Any], tools: tuple[str, ...]
) -> tuple[Literal["none", "auto", "required", "named"], str | None]:
    choice = body.get("tool_choice")
    if not tools:
        if choice not in (None, "none", "auto"):
            message = "'tool_choice' is only allowed when 'tools' are specified."
            raise RequestError(400, message, param="tool_choice")
        return "none", None
    if choice is None or choice == "auto":
        return "auto", None
    if choice == "none" or choice == "required":  # noqa: PLR1714 - may be unhashable
        return choice, None
    if isinstance(choice, dict) and choice.get("type") == "function":
        name = choice.get("function", choice).get("name")
        if name not in tools:
            message = f"Tool choice {name!r} is not one of the specified 'tools'."
            raise RequestError(400, message, param="tool_choice")
        return "named", name
    message = f"Invalid value for 'tool_choice': {choice!r}."
    raise RequestError(400, message, param="tool_choice", code="invalid_value")


def _choices(body: dict[str, Any]) -> int:
    count: int = 1 if body.get("n") is None else _typed(body, "n", int)
    if not 1 <= count <= _MAX_CHOICES:
        message = (
            f"Invalid 'n': expected a value from 1 to {_MAX_CHOICES}, but got {count} instead."
        )
        raise RequestError(400, message, param="n", code="integer_out_of_range")
    return count
