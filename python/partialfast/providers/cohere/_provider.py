"""How Cohere's chat is asked for a value, how it is read, and how a mistake is shown."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, cast

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
from partialfast.answer._words import instructions, with_instructions
from partialfast.providers._failures import failure_class
from partialfast.providers._http import areply_of, read_for, reply_of
from partialfast.providers._messages import as_list
from partialfast.providers._objects import aopen_objects, open_objects
from partialfast.providers._observed import at_once, whole

__all__ = ["Chat"]


@functools.cache
def _error_class() -> Any:
    from cohere.core.api_error import ApiError  # noqa: PLC0415 - the caller has a client

    def fill(error: Any, words: str, request: Any) -> None:
        del words, request
        error.headers, error.status_code = None, None

    return failure_class(ApiError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class Chat(Provider):
    """``client.chat`` of API version 2.

    Args:
        client: The SDK's.
    """

    name = "cohere.chat"
    dialect = "cohere"
    modes = (Mode.TOOLS, Mode.TOOLS_STRICT, Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON)

    def __init__(self, client: Any) -> None:
        self.client = client

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self.client.chat(**arguments)

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``chat`` what asks for the target."""
        sent = dict(question.arguments)
        mode, shapes = question.mode, question.target.shapes
        sent["messages"] = as_list(sent.get("messages"))
        if mode.is_tools:
            ours = [
                {
                    "type": "function",
                    "function": {
                        "name": shape.name,
                        "description": shape.description,
                        "parameters": shape.schema,
                    },
                }
                for shape in shapes
            ]
            sent["tools"] = [*(sent.get("tools") or ()), *ours]
            # A certain tool cannot be named. A caller who sets this knows a model without tool
            # choice.
            sent.setdefault("tool_choice", "REQUIRED")
            if mode.is_strict:
                sent.setdefault("strict_tools", True)
            return sent
        if "response_format" in sent:
            raise TypeError(f"response_format is what {mode} sets: leave it out, or response_model")
        if mode is Mode.JSON_SCHEMA:
            sent["response_format"] = {"type": "json_object", "schema": shapes[0].schema}
            return sent
        if mode is Mode.JSON:
            sent["response_format"] = {"type": "json_object"}
        asked = instructions(shapes[0], mode)
        sent["messages"] = with_instructions(sent["messages"], asked, part="text")
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        answer: list[dict[str, Any]] = []
        if mistake.call_id is not None:
            function = {"name": mistake.name, "arguments": mistake.text}
            call = {"id": mistake.call_id, "type": "function", "function": function}
            answer.append({"role": "assistant", "tool_calls": [call]})
            said = {"role": "tool", "tool_call_id": mistake.call_id}
        else:
            if mistake.text:
                answer.append({"role": "assistant", "content": mistake.text})
            said = {"role": "user"}
        said["content"] = mistake.explanation
        return {**arguments, "messages": [*(arguments.get("messages") or ()), *answer, said]}

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        if not request.stream:
            return whole(self.client.chat(**request.arguments))
        arguments = _in_time(request)
        if not hasattr(self.client, "with_raw_response"):
            return open_objects(self.client.chat_stream(**arguments))
        manager = self.client.with_raw_response.chat_stream(**arguments)
        opened = manager.__enter__()
        close = functools.partial(manager.__exit__, None, None, None)
        http = getattr(opened, "_response", None)
        if http is None:
            return open_objects(opened.data, close)
        reply = reply_of(http, close=close, id_header="x-debug-trace-id")
        if arguments is not request.arguments:
            wrapper = getattr(self.client, "_client_wrapper", None)
            read_for(reply, None if wrapper is None else wrapper.get_timeout())
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        if not request.stream:
            answer = await self.client.chat(**request.arguments)
            return at_once(whole(answer))
        if not hasattr(self.client, "with_raw_response"):
            return await aopen_objects(self.client.chat_stream(**_in_time(request)))
        manager = self.client.with_raw_response.chat_stream(**_in_time(request))
        opened = await manager.__aenter__()
        close = functools.partial(manager.__aexit__, None, None, None)
        http = getattr(opened, "_response", None)
        if http is None:
            return await aopen_objects(opened.data, close)
        return areply_of(http, close=close, id_header="x-debug-trace-id")

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from cohere.types import Usage  # noqa: PLC0415 - loaded, as there is a client

        return Usage.model_validate(reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        counted: Mapping[str, Any] = usage.get("tokens") or usage.get("billed_units") or {}
        numbers = (
            counted.get("input_tokens"),
            counted.get("output_tokens"),
            usage.get("cached_tokens"),
        )
        # The API counts in floats.
        return Tokens(*(None if number is None else int(number) for number in numbers))

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``ApiError``."""
        del request
        return _error(message, said)


def _in_time(request: Request) -> dict[str, Any]:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "request_options" in request.arguments:
        return request.arguments
    # In whole seconds.
    options = {"timeout_in_seconds": max(1, round(request.first_timeout))}
    return {**request.arguments, "request_options": options}
