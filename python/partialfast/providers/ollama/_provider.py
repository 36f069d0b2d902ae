"""How Ollama is asked for a value, how it is read, and how a mistake is shown."""

from __future__ import annotations

import copy
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
from partialfast.providers._messages import arguments_of, as_list
from partialfast.providers._objects import aopen_objects, has_all, open_objects
from partialfast.providers._observed import at_once, whole

__all__ = ["Chat"]

_FAILED = 400


@functools.cache
def _error_class() -> Any:
    from ollama import ResponseError  # noqa: PLC0415 - the caller has a client, so it is loaded

    def fill(error: Any, words: str, request: Any) -> None:
        del request
        error.error, error.status_code = words, -1

    return failure_class(ResponseError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


#: What OpenAI's users write besides the messages, and what it is called here.
_OPTIONS = {
    "max_tokens": "num_predict",
    "seed": "seed",
    "stop": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
}


class _CapturedError(Exception):
    """Unwinds the SDK's own reading: what it wanted to send is known."""


class _Capture:
    """Stands for the HTTP client of the SDK's client, and takes what is to be sent."""

    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = {}

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        self.arguments, self.options = args, kwargs
        raise _CapturedError


class Chat(Provider):
    """``client.chat``.

    Args:
        client: The SDK's.
    """

    name = "ollama.chat"
    dialect = "ollama"
    modes = (Mode.JSON_SCHEMA, Mode.TOOLS, Mode.JSON, Mode.MD_JSON)

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
        sent["messages"] = [_message(each) for each in as_list(sent.get("messages"))]
        limits = {own: sent.pop(name) for name, own in _OPTIONS.items() if name in sent}
        if limits:
            sent["options"] = {**limits, **(sent.get("options") or {})}
        if mode is Mode.TOOLS:
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
            return sent
        if "format" in sent:
            raise TypeError(f"format is what {mode} sets: leave it out, or response_model")
        if mode is Mode.JSON_SCHEMA:
            sent["format"] = shapes[0].schema
            return sent
        if mode is Mode.JSON:
            sent["format"] = "json"
        asked = instructions(shapes[0], mode)
        sent["messages"] = with_instructions(sent["messages"], asked, part="text")
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        answer: list[dict[str, Any]] = []
        value = None if mistake.name is None else arguments_of(mistake.text)
        if value is not None:
            # Calls have no ids.
            call = {"function": {"name": mistake.name, "arguments": value}}
            answer.append({"role": "assistant", "tool_calls": [call]})
            said = {"role": "tool", "tool_name": mistake.name}
        else:
            if mistake.text:
                answer.append({"role": "assistant", "content": mistake.text})
            said = {"role": "user"}
        messages = [*(arguments.get("messages") or ()), *answer]
        return {**arguments, "messages": [*messages, {**said, "content": mistake.explanation}]}

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        if not request.stream:
            return whole(self.client.chat(**request.arguments))
        if not has_all(self.client, "_client"):
            return open_objects(self.client.chat(**request.arguments, stream=True))
        asked = _Capture()
        try:
            for _ in self._asking(asked).chat(**request.arguments, stream=True):
                break
        except _CapturedError:
            pass
        http = self.client._client  # noqa: SLF001 - it alone has the bytes
        sent = http.build_request(*asked.arguments, **_in_time(asked.options, request))
        response = http.send(sent, stream=True)
        if response.status_code >= _FAILED:
            response.read()
            raise _failure(response)
        reply = reply_of(response)
        if request.first_timeout is not None:
            read_for(reply, http.timeout.read)
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        if not request.stream:
            answer = await self.client.chat(**request.arguments)
            return at_once(whole(answer))
        if not has_all(self.client, "_client"):
            return await aopen_objects(await self.client.chat(**request.arguments, stream=True))
        asked = _Capture()
        try:
            async for _ in await self._asking(asked).chat(**request.arguments, stream=True):
                break
        except _CapturedError:
            pass
        http = self.client._client  # noqa: SLF001 - as above
        sent = http.build_request(*asked.arguments, **_in_time(asked.options, request))
        response = await http.send(sent, stream=True)
        if response.status_code >= _FAILED:
            await response.aread()
            raise _failure(response)
        return areply_of(response)

    def _asking(self, asked: _Capture) -> Any:
        client = copy.copy(self.client)
        client._client = asked  # noqa: SLF001 - a copy's
        return client

    def usage(self, reported: Any) -> Any:
        """Return decoded counts, which the SDK has beside the answer."""
        return reported if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        return Tokens(usage.get("prompt_eval_count"), usage.get("eval_count"), None, None)

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``ResponseError``."""
        del request
        return _error(message, said)


def _failure(response: Any) -> Exception:
    from ollama import ResponseError  # noqa: PLC0415 - loaded, as there is a client

    failure: Exception = ResponseError(response.text, response.status_code)
    return failure


def _in_time(options: Mapping[str, Any], request: Request) -> dict[str, Any]:
    if request.first_timeout is None:
        return dict(options)
    return {**options, "timeout": request.first_timeout}


def _message(message: Any) -> Any:
    """Decode arguments, which OpenAI's messages have as a text."""
    calls: Any = message.get("tool_calls") if isinstance(message, Mapping) else None
    if not calls:
        return message
    decoded = [
        {
            "function": {
                "name": call["function"]["name"],
                "arguments": arguments_of(call["function"]["arguments"]) or {},
            }
        }
        for call in calls
    ]
    return {**cast("Mapping[str, Any]", message), "tool_calls": decoded}
