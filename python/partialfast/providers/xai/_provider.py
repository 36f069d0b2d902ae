"""How xAI's chat is asked for a value, how it is read, and how a mistake is shown.

The SDK speaks gRPC, so there are no bytes to be had: its messages become deltas here.
"""

# The SDK has none.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

from partialfast._core import Delta
from partialfast._errors import ServerError
from partialfast.answer._delta import Outcome
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
from partialfast.answer._words import instructions
from partialfast.providers._failures import failure_class
from partialfast.providers._messages import as_list, calls_of, text_of

__all__ = ["Chat"]

_OUTCOMES: dict[str, Outcome] = {
    "REASON_STOP": "whole",
    "REASON_TOOL_CALLS": "whole",
    "REASON_MAX_LEN": "cut_off",
    "REASON_MAX_CONTEXT": "cut_off",
    "REASON_TIME_LIMIT": "cut_off",
}
_SAID = {"developer": "developer", "system": "system", "user": "user", "assistant": "assistant"}


@functools.cache
def _error_class() -> Any:
    from grpc import RpcError  # noqa: PLC0415 - the caller has a client, so it is loaded

    def fill(error: Any, words: str, request: Any) -> None:
        del error, words, request

    return failure_class(RpcError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class Chat(Provider):
    """``client.chat``.

    Args:
        resource: The SDK's ``client.chat``.
    """

    name = "xai.chat"
    modes = (Mode.JSON_SCHEMA, Mode.TOOLS, Mode.JSON, Mode.MD_JSON)

    def __init__(self, resource: Any) -> None:
        self.resource = resource

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return "x_ai"

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self._chat(arguments).sample()

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``chat.create`` what asks for the target."""
        from xai_sdk import chat  # noqa: PLC0415 - loaded, as there is a client
        from xai_sdk.proto import chat_pb2  # noqa: PLC0415 - as above

        sent = dict(question.arguments)
        mode, shapes = question.mode, question.target.shapes
        sent["messages"] = [
            part for each in as_list(sent.get("messages")) for part in _message(each)
        ]
        if mode is Mode.TOOLS:
            ours = [chat.tool(each.name, each.description, each.schema) for each in shapes]
            sent["tools"] = [*(sent.get("tools") or ()), *ours]
            one = chat.required_tool(shapes[0].name)
            # A caller who sets it knows a model that cannot be forced.
            sent.setdefault("tool_choice", one if len(shapes) == 1 else "required")
            return sent
        if "response_format" in sent:
            raise TypeError(f"response_format is what {mode} sets: leave it out, or response_model")
        if mode is Mode.JSON_SCHEMA:
            kind: Any = chat_pb2.FORMAT_TYPE_JSON_SCHEMA
            schema = json.dumps(shapes[0].schema)
            sent["response_format"] = chat_pb2.ResponseFormat(format_type=kind, schema=schema)
            return sent
        if mode is Mode.JSON:
            sent["response_format"] = "json_object"
        sent["messages"] = [chat.system(instructions(shapes[0], mode)), *sent["messages"]]
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        from xai_sdk import chat  # noqa: PLC0415 - loaded, as there is a client

        answer: list[Any] = []
        said = chat.user(mistake.explanation)
        if mistake.call_id is not None and mistake.name is not None:
            answer.append(_called([(mistake.call_id, mistake.name, mistake.text)]))
            said = chat.tool_result(mistake.explanation, mistake.call_id)
        elif mistake.text:
            answer.append(chat.assistant(mistake.text))
        return {**arguments, "messages": [*(arguments.get("messages") or ()), *answer, said]}

    def _chat(self, arguments: Mapping[str, Any]) -> Any:
        given = dict(arguments)
        given["messages"] = [
            part for each in as_list(given.get("messages")) for part in _message(each)
        ]
        return self.resource.create(**given)

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        asked = self._chat(request.arguments)
        if not request.stream:
            return Reply(blocks=_Reading().answer(asked.sample().proto))
        # The call itself, which can be cancelled; `stream` would add up the answer as well.
        call = asked._stub.GetCompletionChunk(asked._make_request(1))  # noqa: SLF001
        return Reply(blocks=_Reading().chunks(call), close=call.cancel)

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        asked = self._chat(request.arguments)

        async def nothing() -> None:
            pass

        if not request.stream:
            answer = (await asked.sample()).proto

            async def whole() -> AsyncIterator[Block]:
                for block in _Reading().answer(answer):
                    yield block

            return AsyncReply(blocks=whole(), aclose=nothing)
        call = asked._stub.GetCompletionChunk(asked._make_request(1))  # noqa: SLF001 - as above

        async def aclose() -> None:
            call.cancel()

        return AsyncReply(blocks=_Reading().achunks(call), aclose=aclose)

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the SDK's message."""
        from google.protobuf.json_format import ParseDict  # noqa: PLC0415 - comes with the SDK
        from xai_sdk.proto import usage_pb2  # noqa: PLC0415 - loaded, as there is a client

        if not isinstance(reported, dict):
            return None
        return ParseDict(reported, usage_pb2.SamplingUsage(), ignore_unknown_fields=True)

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers; reasoning is not among xAI's tokens of the completion."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, int]", reported)
        thought = usage.get("reasoning_tokens", 0)
        return Tokens(
            usage.get("prompt_tokens"),
            usage.get("completion_tokens", 0) + thought,
            usage.get("cached_prompt_text_tokens", 0),
            thought,
        )

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `ServerError` and gRPC's ``RpcError``."""
        return _error(message, said, request)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        return error if _code(error) == "UNAVAILABLE" else super().lost(error)


def _code(error: BaseException) -> str | None:
    """Return the name of gRPC's status, of an exception of gRPC's."""
    code: Any = getattr(error, "code", None)
    status: Any = code() if callable(code) else None
    return None if status is None else str(status.name)


class _Reading:
    """What an answer says, message by message."""

    def __init__(self) -> None:
        self._begun = False
        #: Ids of the calls of each choice.
        self._calls: dict[int, list[str]] = {}

    def chunks(self, call: Any) -> Iterator[Block]:
        """Say what the chunks of a call say."""
        try:
            for chunk in call:
                yield from self._message(chunk, "delta")
        except Exception as error:  # noqa: BLE001 - raised again where it is not known
            yield self._failed(error)

    async def achunks(self, call: Any) -> AsyncIterator[Block]:
        """Say what the chunks of a call say; the twin of `chunks`."""
        try:
            async for chunk in call:
                for block in self._message(chunk, "delta"):
                    yield block
        except Exception as error:  # noqa: BLE001 - as above
            yield self._failed(error)

    def answer(self, answer: Any) -> Iterator[Block]:
        """Say what a whole answer says."""
        return self._message(answer, "message")

    def _failed(self, error: Exception) -> Block:
        # What comes before the answer is left to the SDK.
        code = _code(error)
        if not self._begun or code is None or code == "UNAVAILABLE":
            raise error
        details: Any = getattr(error, "details", None)
        said = details() if callable(details) else str(error)
        return Delta.ServerError(json.dumps({"code": code, "message": said}))

    def _message(self, message: Any, part: str) -> Iterator[Block]:
        from google.protobuf.json_format import MessageToJson  # noqa: PLC0415 - as above
        from xai_sdk.proto import sample_pb2  # noqa: PLC0415 - as above

        if not self._begun and message.id:
            self._begun = True
            yield Delta.Head(message.id, message.model or None)
        for output in message.outputs:
            choice, said = output.index, getattr(output, part)
            if said.reasoning_content:
                yield Delta.Piece(choice, "reasoning", None, said.reasoning_content)
            if said.content:
                yield Delta.Piece(choice, "text", None, said.content)
            for called in said.tool_calls:
                yield from self._call(choice, called)
            if output.finish_reason:
                reason: str = sample_pb2.FinishReason.Name(output.finish_reason)
                yield Delta.Finish(choice, reason, _OUTCOMES.get(reason, "unknown"))
        if message.HasField("usage"):
            yield Delta.Usage(MessageToJson(message.usage, preserving_proto_field_name=True))

    def _call(self, choice: int, called: Any) -> Iterator[Block]:
        known = self._calls.setdefault(choice, [])
        if not called.id or called.id not in known:
            known.append(called.id)
        number = known.index(called.id) if called.id else len(known) - 1
        yield Delta.CallBegins(choice, number, called.id or None, called.function.name or None)
        if called.function.arguments:
            yield Delta.Piece(choice, "call", number, called.function.arguments)


def _message(message: Any) -> Iterator[Any]:
    """Turn a message that is shaped as OpenAI's into the SDK's."""
    from xai_sdk import chat  # noqa: PLC0415 - loaded, as there is a client

    if not isinstance(message, Mapping):
        yield message
        return
    given = cast("Mapping[str, Any]", message)
    content: Any = given.get("content")
    role = given.get("role")
    if role == "tool":
        yield chat.tool_result(text_of(content), given.get("tool_call_id"))
    elif calls := calls_of(given):
        yield _called([(call.id, call.name, json.dumps(call.arguments)) for call in calls])
    else:
        make: Any = getattr(chat, _SAID.get(str(role), "user"))
        parts = [content] if isinstance(content, str) else content or ()
        yield make(*(_part(part) for part in parts))


def _part(part: Any) -> Any:
    from xai_sdk import chat  # noqa: PLC0415 - loaded, as there is a client

    if not isinstance(part, Mapping):
        return part
    given = cast("Mapping[str, Any]", part)
    image: Any = given.get("image_url")
    if image is not None:
        return chat.image(image["url"] if isinstance(image, Mapping) else image)
    return given.get("text", "")


def _called(calls: list[tuple[str | None, str, str]]) -> Any:
    from xai_sdk.proto import chat_pb2  # noqa: PLC0415 - loaded, as there is a client

    made = [
        chat_pb2.ToolCall(
            id=id_ or "", function=chat_pb2.FunctionCall(name=name, arguments=arguments)
        )
        for id_, name, arguments in calls
    ]
    return chat_pb2.Message(role=chat_pb2.MessageRole.ROLE_ASSISTANT, tool_calls=made)
