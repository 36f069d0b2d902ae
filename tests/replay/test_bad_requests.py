"""A request that a provider would refuse gets a 400 in the provider's form, whatever is wrong."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partialfast import replay
from partialfast.replay import Server
from tests.patience import STALL
from tests.replaying import bedrock_anthropic_client, boto3_client

# The SDKs warn of things in themselves.
pytestmark = [
    pytest.mark.network,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

MESSAGES: list[Any] = [
    {"role": "system", "content": "Extract."},
    {"role": "user", "content": [{"type": "text", "text": "Ada?"}]},
]
TOOLS: list[Any] = [{"type": "function", "function": {"name": "first", "parameters": {}}}]


class Api(NamedTuple):
    """Where a provider is asked, with a request that has all that is read."""

    path: str
    body: dict[str, Any]
    refused: Callable[[Any, http.client.HTTPMessage], bool]  # whether it is in its form


def _openai(said: Any, _: http.client.HTTPMessage) -> bool:
    error = said["error"]
    return set(error) == {"message", "type", "param", "code"} and (
        error["type"] == "invalid_request_error"
    )


def _anthropic(said: Any, _: http.client.HTTPMessage) -> bool:
    return bool(said["type"] == "error" and said["error"]["type"] == "invalid_request_error")


def _google(said: Any, _: http.client.HTTPMessage) -> bool:
    return (said["error"]["code"], said["error"]["status"]) == (400, "INVALID_ARGUMENT")


def _bedrock(said: Any, headers: http.client.HTTPMessage) -> bool:
    return list(said) == ["message"] and headers["x-amzn-errortype"] == "ValidationException"


_CLAUDE = {
    "max_tokens": 9,
    "system": [{"type": "text", "text": "Extract."}],
    "messages": MESSAGES[1:],
    "stream": False,
    "tools": [{"name": "first", "input_schema": {}}],
    "tool_choice": {"type": "tool", "name": "first"},
}
APIS = {
    "chat": Api(
        "/v1/chat/completions",
        {
            "model": "m",
            "messages": MESSAGES,
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": False},
            "n": 2,
            "tools": TOOLS,
            "tool_choice": {"type": "function", "function": {"name": "first"}},
        },
        _openai,
    ),
    "responses": Api(
        "/v1/responses",
        {
            "model": "m",
            "input": [*MESSAGES, {"type": "function_call_output", "output": "3"}],
            "instructions": "Extract.",
            "stream": False,
            "metadata": {"a": "b"},
            "tools": [{"type": "function", "name": "first", "parameters": {}}],
            "tool_choice": {"type": "function", "name": "first"},
        },
        _openai,
    ),
    "anthropic": Api("/v1/messages", {"model": "m", **_CLAUDE}, _anthropic),
    "vertex": Api(
        "/v1/projects/p/locations/r/publishers/anthropic/models/m:rawPredict", _CLAUDE, _anthropic
    ),
    "bedrock_anthropic": Api("/model/m/invoke", _CLAUDE, _bedrock),
    "google": Api(
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {
            "systemInstruction": {"parts": [{"text": "Extract."}]},
            "contents": [{"role": "user", "parts": [{"text": "Ada?"}]}],
            "tools": [{"functionDeclarations": [{"name": "first", "parametersJsonSchema": {}}]}],
            "toolConfig": {
                "function_calling_config": {
                    "mode": "ANY",
                    "allowedFunctionNames": ["first"],
                    "streamFunctionCallArguments": True,
                }
            },
        },
        _google,
    ),
    "bedrock": Api(
        "/model/m/converse-stream",
        {
            "system": [{"text": "Extract."}],
            "messages": [{"role": "user", "content": [{"text": "Ada?"}]}],
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "first", "inputSchema": {"json": {}}}}],
                "toolChoice": {"tool": {"name": "first"}},
            },
        },
        _bedrock,
    ),
    "cohere": Api(
        "/v2/chat",
        {
            "model": "m",
            "messages": MESSAGES,
            "stream": True,
            "tools": TOOLS,
            "tool_choice": "REQUIRED",
        },
        lambda said, _: list(said) == ["message"],
    ),
    "ollama": Api(
        "/api/chat",
        {"model": "m", "messages": MESSAGES, "stream": True, "tools": TOOLS},
        lambda said, _: list(said) == ["error"],
    ),
    "openai batch": Api(
        "/v1/batches", {"input_file_id": "file-1", "metadata": {"a": "b"}}, _openai
    ),
    "anthropic batch": Api(
        "/v1/messages/batches",
        {"requests": [{"custom_id": "a", "params": {"model": "m"}}]},
        _anthropic,
    ),
}
VALUES: list[Any] = [None, True, -1, 2.5, "", "x", [], [None], [[]], {}, {"a": {"b": 4}}]


@pytest.fixture(scope="module")
def connection() -> Iterator[http.client.HTTPConnection]:
    with (
        replay.serve({"text": '{"name": "Ada"}'}) as url,
        closing(http.client.HTTPConnection(url.origin.removeprefix("http://"))) as made,
    ):
        yield made


def ask(
    connection: http.client.HTTPConnection, path: str, body: bytes
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection.timeout = STALL
    connection.request("POST", path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def places(value: Any) -> list[list[Any]]:
    """Give the way to each value inside of another."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    return [[key, *rest] for key in keys for rest in ([], *places(value[key]))]


@pytest.fixture(params=list(APIS))
def api(request: pytest.FixtureRequest) -> Api:
    return APIS[request.param]


def test_what_is_no_json_object(connection: http.client.HTTPConnection, api: Api) -> None:
    deep = b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for body in (b"", b"{", b"[]", b"4", b'"text"', b"\xff", b"[" * 100_000, deep):
        status, said, headers = ask(connection, api.path, body)
        assert status == 400
        assert api.refused(json.loads(said), headers)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_request_is_answered_or_refused(
    connection: http.client.HTTPConnection, api: Api, data: st.DataObject
) -> None:
    body = deepcopy(api.body)
    for _ in range(data.draw(st.integers(0, 2))):
        if ways := places(body):
            *way, last = data.draw(st.sampled_from(ways))
            inside: Any = body
            for key in way:
                inside = inside[key]
            if data.draw(st.booleans()):
                inside[last] = deepcopy(data.draw(st.sampled_from(VALUES)))
            else:
                del inside[last]
    status, said, headers = ask(connection, api.path, json.dumps(body).encode())
    if status != 200:
        assert status in {400, 404}
        assert status == 404 or api.refused(json.loads(said), headers)


@pytest.mark.parametrize(
    "wrong",
    [4, "x", {}, [4], [{"role": 4}], [{"role": "user", "content": 4, "parts": [4]}], None, []],
)
def test_wrong_messages(connection: http.client.HTTPConnection, api: Api, wrong: Any) -> None:
    (field,) = api.body.keys() & {"messages", "contents", "input", "requests", "input_file_id"}
    if (field, wrong) == ("input", "x"):
        pytest.skip("the Responses API takes a text")
    if field == "input_file_id":
        wrong = 4
    status, said, headers = ask(
        connection, api.path, json.dumps(api.body | {field: wrong}).encode()
    )
    assert status == 400
    assert api.refused(json.loads(said), headers)


# By the SDKs. Each is made to send messages that are a number.

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Ada?"}]}


def by_openai(url: Server) -> Any:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**ASKED, extra_body={"messages": 4})
        assert (caught.value.code, caught.value.param) == ("invalid_type", "messages")
        with pytest.raises(openai.BadRequestError, match="'input'"):
            client.responses.create(model="m", input="", extra_body={"input": 4})
    return caught.value


def by_anthropic(url: Server) -> Any:
    anthropic = pytest.importorskip("anthropic")
    with anthropic.Anthropic(base_url=url.origin, api_key="k", max_retries=0) as client:
        error = _by_anthropic(client)
    assert error.body["error"]["type"] == "invalid_request_error"
    return error


def by_bedrock_anthropic(url: Server) -> Any:
    with bedrock_anthropic_client(url) as client:
        error = _by_anthropic(client)
    assert list(error.body) == ["message"]
    return error


def _by_anthropic(client: Any) -> Any:
    anthropic = pytest.importorskip("anthropic")
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**ASKED, max_tokens=9, extra_body={"messages": 4})
    return caught.value


def by_google(url: Server) -> Any:
    genai = pytest.importorskip("google.genai")
    options = {"base_url": url.origin, "extra_body": {"contents": 4}}
    with (
        closing(genai.Client(api_key="k", http_options=options)) as client,
        pytest.raises(genai.errors.ClientError) as caught,
    ):
        client.models.generate_content(model="m", contents="Ada?")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    return caught.value


def by_boto3(url: Server) -> Any:
    def spoil(params: dict[str, Any], **_: Any) -> None:
        params["body"] = b'{"messages": 4}'

    with boto3_client(url) as client:
        client.meta.events.register("before-call.bedrock-runtime.Converse", spoil)
        with pytest.raises(client.exceptions.ValidationException) as caught:
            client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "Ada?"}]}])
    return caught.value


def by_cohere(url: Server) -> Any:
    cohere = pytest.importorskip("cohere")
    httpx = pytest.importorskip("httpx")
    options = {"additional_body_parameters": {"messages": 4}}
    with httpx.Client() as connections:
        client = cohere.ClientV2("k", base_url=url.origin, httpx_client=connections)
        with pytest.raises(cohere.BadRequestError) as caught:
            client.chat(**ASKED, request_options=options)
    return caught.value


def by_ollama(url: Server) -> Any:
    ollama = pytest.importorskip("ollama")
    # It sends nothing but what is right, or no messages.
    with (
        ollama.Client(host=url.origin) as client,
        pytest.raises(ollama.ResponseError) as caught,
    ):
        client.chat(model="m", messages=[])
    assert caught.value.status_code == 400
    return caught.value


def by_mistral(url: Server) -> Any:
    mistralai = pytest.importorskip("mistralai.client")
    with mistralai.Mistral(api_key="k", server_url=url.origin) as client:
        with pytest.raises(mistralai.errors.SDKError) as caught:
            client.chat.complete(model="m", messages=[])
        said = json.loads(caught.value.body)
    assert caught.value.status_code == 400
    assert (said["object"], said["type"]) == ("error", "invalid_request_error")
    return caught.value


def by_huggingface(url: Server) -> Any:
    hub = pytest.importorskip("huggingface_hub")
    with (
        hub.InferenceClient(base_url=url, api_key="k") as client,
        pytest.raises(hub.errors.BadRequestError) as caught,
    ):
        # In old versions an argument counts more than what `extra_body` says.
        client.chat_completion(cast("Any", 4))
    return caught.value


@pytest.mark.parametrize(
    ("ask_it", "shape"),
    [
        (by_openai, "openai"),
        (by_anthropic, "openai"),
        (by_bedrock_anthropic, "openai"),
        (by_google, "openai"),
        (by_boto3, "openai"),
        (by_cohere, "openai"),
        (by_ollama, "openai"),
        (by_mistral, "mistral"),
        (by_huggingface, "vllm"),
    ],
)
def test_an_sdk_raises_its_error(ask_it: Callable[[Server], Any], shape: str) -> None:
    with replay.serve({"text": "{}"}, shape=shape) as url:
        error = ask_it(url)
        assert [exchange.status for exchange in url.exchanges[:1]] == [400]
    assert "messages" in str(error) or "contents" in str(error)
