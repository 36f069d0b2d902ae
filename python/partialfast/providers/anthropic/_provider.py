"""How Anthropic's messages are asked for a value, how they are read, and how a mistake is shown."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter

from partialfast._errors import ServerError
from partialfast.answer._mode import Mode
from partialfast.answer._seam import (
    AsyncReply,
    Mistake,
    Provider,
    Question,
    Reply,
    Request,
    Tokens,
)
from partialfast.answer._target import Shape, Target
from partialfast.answer._words import instructions
from partialfast.providers._failures import failure_class
from partialfast.providers._messages import (
    arguments_of,
    as_list,
    calls_of,
    file_of,
    image_of,
    is_system,
    text_of,
)
from partialfast.providers._observed import aopen_observed, at_once, open_observed, whole
from partialfast.providers._refusals import bounded_refusals
from partialfast.providers._stainless import (
    Transport,
    aopen_raw,
    in_time,
    open_raw,
    reads_bytes,
    server_of,
    take_time_again,
)
from partialfast.typed._strict_schema import OPENAI, Rules, strict_schema

__all__ = ["BedrockMessages", "Messages"]

_PACKAGE = "anthropic"
_ID_HEADER = "request-id"
# The API requires it. The most that a model may write is more, and differs between models.
_MAX_TOKENS = 4096
#: "JSON Schema limitations" in Anthropic's guide on structured outputs.
_RULES = Rules(
    "Anthropic's structured outputs",
    kept=("title", "description", "type", "enum", "const", "minItems"),
    formats=OPENAI.formats | {"uri"},
    least_items=1,
    tells=True,
)


@functools.cache
def _error_class() -> Any:
    from anthropic import APIError  # noqa: PLC0415 - the caller has a client, so it is loaded

    def fill(error: Any, words: str, request: Any) -> None:
        APIError.__init__(error, words, request, body=error.body)

    return failure_class(APIError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class Messages(Provider):
    """``client.messages``.

    Args:
        resource: The SDK's ``client.messages``.
        transport: How to read.
    """

    name = "anthropic.messages"
    dialect = "anthropic"
    # The API has no mode for JSON without a schema: `Mode.JSON` is asked for in words.
    modes = (Mode.TOOLS, Mode.TOOLS_STRICT, Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON)

    def __init__(self, resource: Any, transport: Transport = "auto") -> None:
        self.resource = resource
        self.transport: Transport = transport

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self.resource.create(**arguments)

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``messages.create`` what asks for the target."""
        sent = _native(question.arguments)
        mode, target = question.mode, question.target
        sent.setdefault("max_tokens", _MAX_TOKENS)
        if mode.is_tools:
            _add_tools(sent, target, mode)
            return sent
        shape = target.shapes[0]
        if mode is Mode.JSON_SCHEMA:
            given: Mapping[str, Any] = sent.get("output_config") or {}
            if "format" in given:
                raise TypeError(f"output_config.format is what {mode} sets: leave it out")
            wanted = {"type": "json_schema", "schema": shape.schema}
            sent["output_config"] = {**given, "format": wanted}
            return sent
        sent["system"] = _joined(sent.get("system"), instructions(shape, mode))
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        value = None if mistake.call_id is None else arguments_of(mistake.text)
        answer: list[dict[str, Any]] = []
        said: Any = mistake.explanation
        if value is not None:
            use = {"type": "tool_use", "id": mistake.call_id, "name": mistake.name, "input": value}
            answer.append({"role": "assistant", "content": [use]})
            result = {"type": "tool_result", "tool_use_id": mistake.call_id, "is_error": True}
            said = [{**result, "content": mistake.explanation}]
        elif mistake.text.strip():
            # The API refuses a text of white space, and one that ends with it.
            answer.append({"role": "assistant", "content": mistake.text.rstrip()})
        messages = [*(arguments.get("messages") or ()), *answer, {"role": "user", "content": said}]
        return {**arguments, "messages": messages}

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Host and port of the server."""
        return server_of(self.resource)

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        with bounded_refusals(self.resource):
            return self._open(request)

    def _open(self, request: Request) -> Reply:
        if not request.stream:
            return whole(self.resource.create(**request.arguments))
        sent = _sendable(request)
        if reads_bytes(self.resource, self.transport, _PACKAGE):
            observed = self.transport == "raw"
            reply = open_raw(self.resource, sent, observed=observed, id_header=_ID_HEADER)
        else:
            stream = self.resource.create(**sent.arguments, stream=True)
            reply = open_observed(stream, _PACKAGE, id_header=_ID_HEADER)
        if "timeout" in sent.arguments.keys() - request.arguments.keys():
            take_time_again(reply, self.resource)
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        with bounded_refusals(self.resource):
            return await self._aopen(request)

    async def _aopen(self, request: Request) -> AsyncReply:
        if not request.stream:
            return at_once(whole(await self.resource.create(**request.arguments)))
        request = _sendable(request)
        if reads_bytes(self.resource, self.transport, _PACKAGE):
            observed = self.transport == "raw"
            return await aopen_raw(self.resource, request, observed=observed, id_header=_ID_HEADER)
        stream = await self.resource.create(**request.arguments, stream=True)
        return aopen_observed(stream, _PACKAGE, id_header=_ID_HEADER)

    @property
    def left_out(self) -> tuple[type, ...]:
        """The SDK's ``NOT_GIVEN`` and ``omit``."""
        from anthropic import NotGiven, Omit  # noqa: PLC0415 - loaded, as there is a client

        return (NotGiven, Omit)

    @staticmethod
    def strict_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
        """Return the JSON schema of a type by Anthropic's rules for structured outputs."""
        return strict_schema(adapter.json_schema(), _RULES)

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from anthropic.types import Usage  # noqa: PLC0415 - as above

        return Usage.construct(**reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers; what was cached is not among Anthropic's input tokens."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        read, written = (
            _number(usage.get(f"cache_{name}_input_tokens")) for name in ("read", "creation")
        )
        fresh = _number(usage.get("input_tokens"))
        details = usage.get("output_tokens_details") or {}
        return Tokens(
            None if fresh is None else fresh + (read or 0) + (written or 0),
            _number(usage.get("output_tokens")),
            read,
            _number(details.get("thinking_tokens")),
        )

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``APIError``."""
        return _error(message, said, request)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        from anthropic import APIConnectionError  # noqa: PLC0415 - as above

        if isinstance(error, APIConnectionError):
            # It says less than the exception that caused it.
            lost: BaseException = error
            return lost.__cause__ or lost
        return super().lost(error)


# The SDK wants to see these among the arguments.
_SEEN = frozenset({"max_tokens", "messages", "model"})


def _sendable(request: Request) -> Request:
    """Let the SDK see what it looks for, and give up when the response does not begin in time."""
    request = in_time(request)
    return Request(request.arguments, request.made - _SEEN, request.stream, request.first_timeout)


class BedrockMessages(Messages):
    """``client.messages`` of ``AnthropicBedrock``, whose streams are framed as AWS does it."""

    name = "anthropic.bedrock"
    dialect = "bedrock"

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return "aws.bedrock"


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _add_tools(sent: dict[str, Any], target: Target, mode: Mode) -> None:
    sent["tools"] = [
        *(sent.get("tools") or ()),
        *(_tool(shape, mode) for shape in target.shapes),
    ]
    if (sent.get("thinking") or {}).get("type") in {"enabled", "adaptive"}:
        # A thinking model cannot be forced to call a tool ("Extended thinking", limits of tool
        # use).
        choice: dict[str, Any] = {"type": "auto"}
    elif len(target.shapes) == 1:
        choice = {"type": "tool", "name": target.shapes[0].name}
    else:
        choice = {"type": "any"}
    if not target.items:
        choice["disable_parallel_tool_use"] = True
    # A caller who sets it knows a model that cannot be forced.
    sent.setdefault("tool_choice", choice)


def _tool(shape: Shape, mode: Mode) -> dict[str, Any]:
    tool = {"name": shape.name, "description": shape.description, "input_schema": shape.schema}
    return {**tool, "strict": True} if mode.is_strict else tool


def _joined(system: Any, text: str) -> Any:
    if not system:
        return text
    if isinstance(system, str):
        return f"{system}\n\n{text}"
    return [*system, {"type": "text", "text": text}]


def _native(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Turn messages that are shaped as OpenAI's into Anthropic's."""
    sent = dict(arguments)
    messages = as_list(sent.get("messages"))
    system = [text for each in messages if is_system(each) and (text := text_of(each["content"]))]
    for text in system:
        sent["system"] = _joined(sent.get("system"), text)
    sent["messages"] = [_message(each) for each in messages if not is_system(each)]
    return sent


def _message(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    given = cast("Mapping[str, Any]", message)
    content: Any = given.get("content")
    if given.get("role") == "tool":
        result = {"type": "tool_result", "tool_use_id": given.get("tool_call_id")}
        return {"role": "user", "content": [{**result, "content": content}]}
    if "tool_calls" in given:
        uses = [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            for call in calls_of(given)
        ]
        said = [{"type": "text", "text": text}] if (text := text_of(content)) else []
        return {"role": "assistant", "content": [*said, *uses]}
    if isinstance(content, list):
        return {**given, "content": [_part(part) for part in content]}
    return given


def _part(part: Any) -> Any:
    file = file_of(part)
    if file is not None:
        return {"type": "document", "title": file.name, "source": _source(file.type, file.data)}
    image = image_of(part)
    if image is None:
        return part
    if isinstance(image, str):
        return {"type": "image", "source": {"type": "url", "url": image}}
    return {"type": "image", "source": _source(*image)}


def _source(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode()}
