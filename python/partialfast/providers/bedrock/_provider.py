"""How Converse is asked for a value, how it is read, and how a mistake is shown."""

# The SDK has none.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

from partialfast._core import Delta
from partialfast._errors import ServerError
from partialfast.answer._mode import Mode
from partialfast.answer._seam import (
    AsyncReply,
    Block,
    Mistake,
    Provider,
    Question,
    Reply,
    Request,
    Tokens,
)
from partialfast.answer._target import Shape
from partialfast.answer._words import instructions
from partialfast.providers._failures import failure_class
from partialfast.providers._http import aclose_generators, pool_waker
from partialfast.providers._messages import (
    arguments_of,
    as_list,
    calls_of,
    file_of,
    image_of,
    is_system,
    text_of,
)
from partialfast.providers._observed import at_once

__all__ = ["Converse"]


@functools.cache
def _error_class() -> Any:
    from botocore.exceptions import EventStreamError  # noqa: PLC0415 - the caller has a client

    def fill(error: Any, words: str, request: Any) -> None:
        del request
        said = error.body
        code = next(iter(said)) if isinstance(said, dict) and len(said) == 1 else "Unknown"
        error.response = {"Error": {"Code": code, "Message": words}}
        error.operation_name = "ConverseStream"

    return failure_class(EventStreamError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class Converse(Provider):
    """``client.converse``.

    Args:
        client: The SDK's.
    """

    name = "bedrock.converse"
    dialect = "bedrock"
    modes = (Mode.TOOLS, Mode.TOOLS_STRICT, Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON)

    def __init__(self, client: Any) -> None:
        self.client = client

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return "aws.bedrock"

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self.client.converse(**_native(arguments))

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``converse`` what asks for the target."""
        sent = _native(question.arguments)
        mode, shapes = question.mode, question.target.shapes
        if mode.is_tools:
            given = dict(sent.get("toolConfig") or {})
            ours = [_tool(shape, mode) for shape in shapes]
            given["tools"] = [*(given.get("tools") or ()), *ours]
            one = {"tool": {"name": shapes[0].name}}
            # A caller who sets it knows a model that cannot be forced.
            given.setdefault("toolChoice", one if len(shapes) == 1 else {"any": {}})
            sent["toolConfig"] = given
            return sent
        shape = shapes[0]
        if mode is Mode.JSON_SCHEMA:
            schema = {
                "name": shape.name,
                "description": shape.description,
                "schema": json.dumps(shape.schema),
            }
            given = dict(sent.get("outputConfig") or {})
            if "textFormat" in given:
                raise TypeError(f"outputConfig.textFormat is what {mode} sets: leave it out")
            given["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
            sent["outputConfig"] = given
            return sent
        sent["system"] = [*(sent.get("system") or ()), {"text": instructions(shape, mode)}]
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        value = None if mistake.call_id is None else arguments_of(mistake.text)
        answer: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = [{"text": mistake.explanation}]
        if value is not None:
            use = {"toolUseId": mistake.call_id, "name": mistake.name, "input": value}
            answer.append({"role": "assistant", "content": [{"toolUse": use}]})
            result = {"toolUseId": mistake.call_id, "content": said, "status": "error"}
            said = [{"toolResult": result}]
        elif mistake.text.strip():
            # The API refuses a text of white space, and one that ends with it.
            answer.append({"role": "assistant", "content": [{"text": mistake.text.rstrip()}]})
        messages = [*(arguments.get("messages") or ()), *answer, {"role": "user", "content": said}]
        return {**arguments, "messages": messages}

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        if not request.stream:
            return _whole(self.client.converse(**request.arguments))
        try:
            answer = self.client.converse_stream(**request.arguments)
        except Exception as error:
            _add_status(error)
            raise
        stream = answer["stream"]
        # The bytes as they come. Taking an event apart by the service's model takes the SDK longer
        # than all that is done here.
        raw: Any = getattr(stream, "_raw_stream", None)
        blocks: Iterator[Block]
        blocks = raw.stream() if hasattr(raw, "stream") else _events(stream)
        return Reply(
            blocks=blocks,
            close=stream.close,
            wake=pool_waker(raw),
            request_id=_request_id(answer),
            content_type="application/vnd.amazon.eventstream",
        )

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        if not request.stream:
            return at_once(_whole(await self.client.converse(**request.arguments)))
        try:
            answer = await self.client.converse_stream(**request.arguments)
        except Exception as error:
            _add_status(error)
            raise
        stream = answer["stream"]

        blocks = _aevents(stream)

        async def aclose() -> None:
            stream.close()
            # The SDK's stream keeps a generator that keeps the stream.
            await aclose_generators(blocks, *vars(stream).values())

        return AsyncReply(
            blocks=blocks,
            aclose=aclose,
            request_id=_request_id(answer),
            content_type="application/vnd.amazon.eventstream",
        )

    def offers_tools(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether the caller offers tools of their own."""
        return bool((arguments.get("toolConfig") or {}).get("tools"))

    def usage(self, reported: Any) -> Any:
        """Return decoded usage; the SDK makes no object of it."""
        return reported if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers; what was cached is not among Bedrock's input tokens."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        fresh, read = usage.get("inputTokens"), usage.get("cacheReadInputTokens")
        cached = (read or 0) + (usage.get("cacheWriteInputTokens") or 0)
        return Tokens(
            None if fresh is None else fresh + cached, usage.get("outputTokens"), read, None
        )

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``EventStreamError``."""
        del request
        return _error(message, said)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        from botocore.exceptions import HTTPClientError  # noqa: PLC0415 - loaded, as above
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

        return error if isinstance(error, HTTPClientError | HTTPError) else super().lost(error)


def _add_status(error: Any) -> None:
    """Let an exception of the SDK's say its status as those of other SDKs do."""
    response: Any = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if status is not None:
        error.status_code = status


def _request_id(answer: Mapping[str, Any]) -> str | None:
    request_id = answer.get("ResponseMetadata", {}).get("RequestId")
    return request_id if isinstance(request_id, str) else None


def _whole(answer: Mapping[str, Any]) -> Reply:
    return Reply(blocks=iter([_json(answer)]), request_id=_request_id(answer), completion=answer)


def _json(value: Any) -> str:
    # Redacted reasoning, documents and images are bytes.
    return json.dumps(value, default=lambda each: base64.b64encode(each).decode())


def _events(stream: Any) -> Iterator[Block]:
    try:
        for event in stream:
            yield _json(event)
    except Exception as error:  # noqa: BLE001 - raised again where it is not known
        yield _failed(error)


async def _aevents(stream: Any) -> AsyncIterator[Block]:
    try:
        async for event in stream:
            yield _json(event)
    except Exception as error:  # noqa: BLE001 - as above
        yield _failed(error)


def _failed(error: Exception) -> Block:
    """Return what the SDK found wrong in a stream, or raise what does not concern the answer."""
    from botocore.eventstream import ParserError  # noqa: PLC0415 - loaded, as above
    from botocore.exceptions import EventStreamError  # noqa: PLC0415 - as above

    if isinstance(error, EventStreamError):
        return Delta.ServerError(_said(error))
    if isinstance(error, ParserError):
        return Delta.Corrupt(str(error))
    raise error


def _said(error: Any) -> str:
    """Return what an exception of the stream's was made from."""
    said: Mapping[str, Any] = error.response.get("Error", {})
    return json.dumps({said.get("Code", "error"): {"message": said.get("Message", str(error))}})


def _tool(shape: Shape, mode: Mode) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "name": shape.name,
        "description": shape.description,
        "inputSchema": {"json": shape.schema},
    }
    if mode.is_strict:
        spec["strict"] = True
    return {"toolSpec": spec}


#: What OpenAI's users write beside the messages, and what it is called here.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9 ()\[\]-]+|(?<=\s)\s+")
_OPTIONS = {
    "max_tokens": "maxTokens",
    "stop": "stopSequences",
    "temperature": "temperature",
    "top_p": "topP",
}


def _native(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what is shaped as OpenAI's into Bedrock's."""
    sent = dict(arguments)
    if (model := sent.pop("model", None)) is not None:
        sent.setdefault("modelId", model)
    limits = {own: sent.pop(name) for name, own in _OPTIONS.items() if name in sent}
    if limits:
        sent["inferenceConfig"] = {**limits, **(sent.get("inferenceConfig") or {})}
    messages = as_list(sent.get("messages"))
    system = [{"text": text_of(each["content"])} for each in messages if is_system(each)]
    if system:
        sent["system"] = [*system, *(sent.get("system") or ())]
    sent["messages"] = [_message(each) for each in messages if not is_system(each)]
    return sent


def _message(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    given = cast("Mapping[str, Any]", message)
    content: Any = given.get("content")
    if given.get("role") == "tool":
        said = [{"text": text_of(content)}]
        result = {"toolUseId": given.get("tool_call_id"), "content": said}
        return {"role": "user", "content": [{"toolResult": result}]}
    parts: list[Any]
    if isinstance(content, str):
        parts = [{"text": content}] if content else []
    else:
        parts = [_part(part) for part in content or ()]
    for call in calls_of(given):
        use = {"toolUseId": call.id, "name": call.name, "input": call.arguments}
        parts.append({"toolUse": use})
    return {"role": given.get("role"), "content": parts}


def _part(part: Any) -> Any:
    if (file := file_of(part)) is not None:
        # A name may hold no other characters:
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
        name = _NOT_IN_A_NAME.sub("-", file.name).strip("- ") or "file"
        kind = file.type.partition("/")[2]
        return {"document": {"format": kind, "name": name, "source": {"bytes": file.data}}}
    image = image_of(part)
    if isinstance(image, str):
        raise TypeError(f"Bedrock takes no images by URL: send the bytes of {image}")
    if image is not None:
        kind, data = image
        return {"image": {"format": kind.partition("/")[2], "source": {"bytes": data}}}
    if isinstance(part, Mapping) and cast("Mapping[str, Any]", part).get("type") == "text":
        return {"text": cast("Mapping[str, Any]", part)["text"]}
    return part
