"""How Gemini is asked for a value, how it is read, and how a mistake is shown."""

from __future__ import annotations

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
from partialfast.answer._words import instructions
from partialfast.providers._failures import failure_class
from partialfast.providers._http import areply_of, reply_of
from partialfast.providers._messages import (
    arguments_of,
    as_list,
    calls_of,
    file_of,
    image_of,
    is_system,
    text_of,
)
from partialfast.providers._objects import aopen_objects, has_all, open_objects
from partialfast.providers._observed import at_once, whole
from partialfast.providers.google._schema_subset import gemini_schema

__all__ = ["GenerateContent"]


@functools.cache
def _error_class() -> Any:
    from google.genai.errors import APIError  # noqa: PLC0415 - the caller has a client

    def fill(error: Any, words: str, request: Any) -> None:
        del request
        said: dict[str, Any] = error.body if isinstance(error.body, dict) else {}
        code = said.get("code")
        error.code = code if isinstance(code, int) else 0
        error.status, error.message, error.response = said.get("status"), words, None
        error.details = {"error": error.body}

    return failure_class(APIError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class _SentError(Exception):
    """Unwinds the SDK's own reading: the request was sent, and its response is with us."""


class _Taken:
    """Stands for the SDK's API client while a request is made, and takes its response.

    Everything that is asked of it but to stream is the SDK's.
    """

    def __init__(self, api: Any) -> None:
        self._api = api
        self.response: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def request_streamed(
        self, method: str, path: str, body: dict[str, object], options: Any = None
    ) -> Any:
        request = self._api._build_request(method, path, body, options)  # noqa: SLF001
        self.response = self._api._request(request, options, stream=True)  # noqa: SLF001
        raise _SentError

    async def async_request_streamed(
        self, method: str, path: str, body: dict[str, object], options: Any = None
    ) -> Any:
        request = self._api._build_request(method, path, body, options)  # noqa: SLF001
        self.response = await self._api._async_request(  # noqa: SLF001
            http_request=request, http_options=options, stream=True
        )
        raise _SentError


class GenerateContent(Provider):
    """``client.models.generate_content``.

    Args:
        resource: The SDK's ``client.models``, or that of its ``aio``.
    """

    name = "google.generate_content"
    operation = "generate_content"
    dialect = "google"
    # Arguments come whole, so a response schema is the best for streams.
    modes = (Mode.JSON_SCHEMA, Mode.TOOLS, Mode.JSON, Mode.MD_JSON)

    def __init__(self, resource: Any) -> None:
        self.resource = resource

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return "gcp.gen_ai"

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self.resource.generate_content(**_native(arguments))

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``generate_content`` what asks for the target."""
        sent = _native(question.arguments)
        config = sent["config"]
        mode, shapes = question.mode, question.target.shapes
        if mode is Mode.TOOLS:
            ours = [
                {
                    "name": shape.name,
                    "description": shape.description,
                    "parameters_json_schema": gemini_schema(shape.schema),
                }
                for shape in shapes
            ]
            config["tools"] = [*(config.get("tools") or ()), {"function_declarations": ours}]
            calling: dict[str, Any] = {"mode": "ANY"}
            calling["allowed_function_names"] = [shape.name for shape in shapes]
            if question.stream and self._is_vertex():
                calling["stream_function_call_arguments"] = True
            # A caller who sets it knows a model that cannot be forced.
            config.setdefault("tool_config", {"function_calling_config": calling})
            return sent
        for name in ("response_schema", "response_json_schema", "response_mime_type"):
            if config.get(name) is not None:
                raise TypeError(f"config.{name} is what {mode} sets: leave it out")
        if mode is not Mode.MD_JSON:
            config["response_mime_type"] = "application/json"
        if mode is Mode.JSON_SCHEMA:
            config["response_json_schema"] = shapes[0].schema
        else:
            asked = instructions(shapes[0], mode)
            config["system_instruction"] = _joined(config.get("system_instruction"), asked)
        return sent

    def _is_vertex(self) -> bool:
        return bool(getattr(getattr(self.resource, "_api_client", None), "vertexai", False))

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the response of its call or as what the user says."""
        contents: list[Any] = list(arguments.get("contents") or ())
        value = arguments_of(mistake.text) if mistake.name is not None else None
        if value is not None:
            named = {"name": mistake.name, **({"id": mistake.call_id} if mistake.call_id else {})}
            call = {"function_call": {**named, "args": value}}
            response = {"function_response": {**named, "response": {"error": mistake.explanation}}}
            contents += [_content("model", [call]), _content("user", [response])]
        else:
            if mistake.text:
                contents.append(_content("model", [{"text": mistake.text}]))
            contents.append(_content("user", [{"text": mistake.explanation}]))
        return {**arguments, "contents": contents}

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        if not request.stream:
            answer = self.resource.generate_content(**request.arguments)
            return whole(answer)
        if not has_all(getattr(self.resource, "_api_client", None), "_build_request", "_request"):
            return open_objects(self.resource.generate_content_stream(**_in_time(request)))
        taken = _Taken(self.resource._api_client)  # noqa: SLF001 - it alone has the bytes
        models = type(self.resource)(taken)
        try:
            for _ in models.generate_content_stream(**_in_time(request)):
                break
        except _SentError:
            pass
        except Exception as error:
            _add_status(error)
            raise
        return reply_of(taken.response.response_stream)

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        if not request.stream:
            answer = await self.resource.generate_content(**request.arguments)
            return at_once(whole(answer))
        api = getattr(self.resource, "_api_client", None)
        if not has_all(api, "_build_request", "_async_request"):
            chunks = await self.resource.generate_content_stream(**_in_time(request))
            return await aopen_objects(chunks)
        taken = _Taken(api)
        models = type(self.resource)(taken)
        try:
            async for _ in await models.generate_content_stream(**_in_time(request)):
                break
        except _SentError:
            pass
        except Exception as error:
            _add_status(error)
            raise
        return areply_of(taken.response.response_stream)

    def choices(self, arguments: Mapping[str, Any]) -> int:
        """Return how many candidates are asked for at once."""
        return _config(arguments).get("candidate_count") or 1

    def offers_tools(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether the caller offers tools of their own."""
        return bool(_config(arguments).get("tools"))

    @staticmethod
    def strict_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
        """Return the JSON schema of a type in Gemini's subset, or say what it cannot say."""
        return gemini_schema(adapter.json_schema())

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from google.genai.types import (  # noqa: PLC0415 - loaded, as there is a client
            GenerateContentResponseUsageMetadata as Usage,
        )

        return Usage.model_validate(reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers; thoughts are not among Gemini's tokens of candidates."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)

        def number(camel: str, snake: str) -> int | None:
            value = usage.get(camel, usage.get(snake))
            return value if isinstance(value, int) else None

        answer = number("candidatesTokenCount", "candidates_token_count")
        thoughts = number("thoughtsTokenCount", "thoughts_token_count")
        written = None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0)
        return Tokens(
            number("promptTokenCount", "prompt_token_count"),
            written,
            number("cachedContentTokenCount", "cached_content_token_count"),
            thoughts,
        )

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``APIError``."""
        del request
        return _error(message, said)


def _add_status(error: Any) -> None:
    """Let an exception of the SDK's say its status as those of other SDKs do."""
    if isinstance(getattr(error, "code", None), int):
        error.status_code = error.code


def _in_time(request: Request) -> dict[str, Any]:
    """Let the SDK give up when the response does not begin in time."""
    arguments = request.arguments
    if request.first_timeout is None or arguments["config"].get("http_options"):
        return arguments
    # In milliseconds.
    options = {"timeout": round(request.first_timeout * 1000)}
    return {**arguments, "config": {**arguments["config"], "http_options": options}}


#: What OpenAI's users write besides the messages, and what it is called here.
_OPTIONS = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "n": "candidate_count",
    "seed": "seed",
    "stop": "stop_sequences",
    "temperature": "temperature",
    "top_p": "top_p",
}


def _native(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what may be OpenAI's into ``contents`` and ``config``, of which the latter is a copy."""
    sent = dict(arguments)
    config = sent["config"] = _config(arguments)
    for name, own in _OPTIONS.items():
        if name in sent:
            config.setdefault(own, sent.pop(name))
    messages = sent.pop("messages", None)
    if messages is None:
        said = sent.get("contents")
        if not isinstance(said, (list, tuple)):
            sent["contents"] = [] if said is None else [said]
        return sent
    if "contents" in sent:
        raise TypeError("messages and contents are the same: pass one of them")
    contents: list[Any] = []
    names: dict[Any, str] = {}
    for message in as_list(messages):
        if is_system(message):
            text = text_of(message["content"])
            config["system_instruction"] = _joined(config.get("system_instruction"), text)
        else:
            contents.append(_message(message, names))
    sent["contents"] = contents
    return sent


def _config(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the caller's ``config`` as a dict of what was set; the SDK takes both."""
    given = arguments.get("config")
    dump = getattr(given, "model_dump", None)
    return dict(dump(exclude_unset=True)) if dump is not None else dict(given or {})


def _content(role: str, parts: list[Any]) -> dict[str, Any]:
    return {"role": role, "parts": parts}


def _message(message: Any, names: dict[Any, str]) -> Any:
    """Turn a message of OpenAI's into a content; `names` are the functions of earlier calls."""
    if not isinstance(message, Mapping):
        return message
    given = cast("Mapping[str, Any]", message)
    if "parts" in given:
        return given
    content: Any = given.get("content")
    if given.get("role") == "tool":
        name = names.get(given.get("tool_call_id"), given.get("name") or "function")
        result = {"name": name, "response": {"result": text_of(content)}}
        return _content("user", [{"function_response": result}])
    parts: list[Any] = []
    if isinstance(content, str):
        parts.append({"text": content})
    else:
        parts += [_part(part) for part in content or ()]
    for call in calls_of(given):
        names[call.id] = call.name
        parts.append({"function_call": {"name": call.name, "args": call.arguments}})
    return _content("model" if given.get("role") == "assistant" else "user", parts)


def _part(part: Any) -> Any:
    if (file := file_of(part)) is not None:
        return {"inline_data": {"mime_type": file.type, "data": file.data}}
    image = image_of(part)
    if isinstance(image, str):
        return {"file_data": {"file_uri": image}}
    if image is not None:
        kind, data = image
        return {"inline_data": {"mime_type": kind, "data": data}}
    if isinstance(part, Mapping) and "text" in part:
        return {"text": cast("Mapping[str, Any]", part)["text"]}
    return part


def _joined(instruction: Any, text: str) -> Any:
    """Add to a system instruction: a text, a part, a content or a list of them."""
    if not instruction:
        return text
    if isinstance(instruction, str):
        return f"{instruction}\n\n{text}"
    if isinstance(instruction, Mapping) and "parts" in instruction:
        known = cast("Mapping[str, Any]", instruction)
        return {**known, "parts": [*known["parts"], {"text": text}]}
    rest = instruction if isinstance(instruction, list) else [instruction]
    return [*rest, text]
