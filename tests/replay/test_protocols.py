"""Other providers' protocols: each is read by the provider's own SDK, over a socket.

What an SDK accumulates from a stream, and from an answer that is not streamed, is what was
recorded; faults are what the SDK takes them for.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any, NamedTuple, Protocol

import pytest

from partialfast import replay
from partialfast.replay import Recording, Server, ToolCall
from partialfast.replay._script import count_tokens
from tests.replaying import bedrock_anthropic_client, boto3_client, post

# The SDKs warn of things in themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

TOOLS = ("first", "second")
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
ARGUMENTS = {"name": 'Ada "A"\n', "tags": ["x", "é"], "n": 1.5, "none": None, "yes": True}


class Said(NamedTuple):
    """What an SDK made of an answer."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    reason: str
    tokens: tuple[int, int]


class Ask(Protocol):
    """Asks by an SDK."""

    def __call__(self, url: Server, *, tools: bool, stream: bool) -> Said: ...


def anthropic(url: Server, *, tools: bool, stream: bool) -> Said:
    module = pytest.importorskip("anthropic")
    with module.Anthropic(base_url=url.origin, api_key="k", max_retries=0) as client:
        return _anthropic(client, "claude", tools=tools, stream=stream)


def bedrock_anthropic(url: Server, *, tools: bool, stream: bool) -> Said:
    with bedrock_anthropic_client(url) as client:
        return _anthropic(client, "anthropic.claude-v1:0", tools=tools, stream=stream)


def _anthropic(client: Any, model: str, *, tools: bool, stream: bool) -> Said:
    arguments: dict[str, Any] = {
        "model": model,
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    }
    if tools:
        arguments["tools"] = [{"name": name, "input_schema": SCHEMA} for name in TOOLS]
    if stream:
        with client.messages.stream(**arguments) as events:
            message = events.get_final_message()
    else:
        message = client.messages.create(**arguments)
    said: dict[str, str] = {"text": "", "thinking": ""}
    for block in message.content:
        if block.type in said:
            said[block.type] += getattr(block, block.type)
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    tokens = (message.usage.input_tokens, message.usage.output_tokens)
    return Said(said["text"], said["thinking"], calls, message.stop_reason, tokens)


def google(url: Server, *, tools: bool, stream: bool) -> Said:
    module = pytest.importorskip("google.genai")
    declared = [{"name": name, "parameters_json_schema": SCHEMA} for name in TOOLS]
    config = {"tools": [{"function_declarations": declared}]} if tools else {}
    arguments = {"model": "gemini", "contents": "hi", "config": config}
    with closing(module.Client(api_key="k", http_options={"base_url": url.origin})) as client:
        chunks = (
            list(client.models.generate_content_stream(**arguments))
            if stream
            else [client.models.generate_content(**arguments)]
        )
    parts = [
        part
        for chunk in chunks
        for candidate in chunk.candidates or []
        for part in candidate.content.parts or []
    ]
    usage = chunks[-1].usage_metadata
    return Said(
        "".join(part.text or "" for part in parts if not part.thought),
        "".join(part.text or "" for part in parts if part.thought),
        [
            (part.function_call.name, part.function_call.args)
            for part in parts
            if part.function_call is not None
        ],
        chunks[-1].candidates[0].finish_reason.value,
        (
            usage.prompt_token_count,
            usage.candidates_token_count + usage.thoughts_token_count,
        ),
    )


def bedrock(url: Server, *, tools: bool, stream: bool) -> Said:
    arguments: dict[str, Any] = {
        "modelId": "amazon.nova-v1:0",
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
    }
    if tools:
        specs = [{"toolSpec": {"name": n, "inputSchema": {"json": SCHEMA}}} for n in TOOLS]
        arguments["toolConfig"] = {"tools": specs}
    with boto3_client(url) as client:
        if stream:
            return _converse(client.converse_stream(**arguments)["stream"])
        answer = client.converse(**arguments)
    usage = answer["usage"]
    content = answer["output"]["message"]["content"]
    reasons = [part["reasoningContent"] for part in content if "reasoningContent" in part]
    return Said(
        "".join(part.get("text", "") for part in content),
        "".join(reason["reasoningText"]["text"] for reason in reasons),
        [(p["toolUse"]["name"], p["toolUse"]["input"]) for p in content if "toolUse" in p],
        answer["stopReason"],
        (usage["inputTokens"], usage["outputTokens"]),
    )


def _converse(events: Any) -> Said:
    said = {"text": "", "reasoning": "", "reason": ""}
    calls: dict[int, list[str]] = {}
    tokens = (0, 0)
    for event in events:
        ((name, value),) = event.items()
        if name == "contentBlockStart":
            calls[value["contentBlockIndex"]] = [value["start"]["toolUse"]["name"], ""]
        elif name == "contentBlockDelta":
            delta = value["delta"]
            said["text"] += delta.get("text", "")
            said["reasoning"] += delta.get("reasoningContent", {}).get("text", "")
            if "toolUse" in delta:
                calls[value["contentBlockIndex"]][1] += delta["toolUse"]["input"]
        elif name == "messageStop":
            said["reason"] = value["stopReason"]
        elif name == "metadata":
            tokens = (value["usage"]["inputTokens"], value["usage"]["outputTokens"])
    read = [(name, json.loads(text)) for name, text in calls.values()]
    return Said(said["text"], said["reasoning"], read, said["reason"], tokens)


def cohere(url: Server, *, tools: bool, stream: bool) -> Said:
    module = pytest.importorskip("cohere")
    httpx = pytest.importorskip("httpx")
    with httpx.Client() as http:
        client = module.ClientV2(api_key="k", base_url=url.origin, httpx_client=http)
        return _cohere(client, tools=tools, stream=stream)


def _cohere(client: Any, *, tools: bool, stream: bool) -> Said:
    arguments: dict[str, Any] = {
        "model": "command",
        "messages": [{"role": "user", "content": "hi"}],
    }
    if tools:
        functions = [{"name": name, "parameters": SCHEMA} for name in TOOLS]
        arguments["tools"] = [{"type": "function", "function": each} for each in functions]
    if not stream:
        answer = client.chat(**arguments)
        content = answer.message.content or []
        called = answer.message.tool_calls or []
        return Said(
            "".join(part.text for part in content if part.type == "text"),
            "".join(part.thinking for part in content if part.type == "thinking"),
            [(call.function.name, json.loads(call.function.arguments)) for call in called],
            answer.finish_reason,
            (int(answer.usage.tokens.input_tokens), int(answer.usage.tokens.output_tokens)),
        )
    said = {"text": "", "thinking": "", "reason": ""}
    calls: dict[int, list[str]] = {}
    tokens = (0, 0)
    for event in client.chat_stream(**arguments):
        if event.type == "content-delta":
            said["text"] += event.delta.message.content.text or ""
            said["thinking"] += event.delta.message.content.thinking or ""
        elif event.type == "tool-call-start":
            calls[event.index] = [event.delta.message.tool_calls.function.name, ""]
        elif event.type == "tool-call-delta":
            calls[event.index][1] += event.delta.message.tool_calls.function.arguments
        elif event.type == "message-end":
            said["reason"] = event.delta.finish_reason
            counted = event.delta.usage.tokens
            tokens = (int(counted.input_tokens), int(counted.output_tokens))
    read = [(name, json.loads(text)) for name, text in calls.values()]
    return Said(said["text"], said["thinking"], read, said["reason"], tokens)


def ollama(url: Server, *, tools: bool, stream: bool) -> Said:
    module = pytest.importorskip("ollama")
    with module.Client(host=url.origin) as client:
        return _ollama(client, tools=tools, stream=stream)


def _ollama(client: Any, *, tools: bool, stream: bool) -> Said:
    arguments: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    if tools:
        functions = [{"name": name, "parameters": SCHEMA} for name in TOOLS]
        arguments["tools"] = [{"type": "function", "function": each} for each in functions]
    answer = client.chat(stream=stream, **arguments)
    chunks = list(answer) if stream else [answer]
    called = [call for chunk in chunks for call in chunk.message.tool_calls or []]
    last = chunks[-1]
    return Said(
        "".join(chunk.message.content or "" for chunk in chunks),
        "".join(chunk.message.thinking or "" for chunk in chunks),
        [(call.function.name, dict(call.function.arguments)) for call in called],
        last.done_reason,
        (last.prompt_eval_count, last.eval_count),
    )


#: How each is asked, and its words for an answer, a call, a limit and an overload.
PROVIDERS: dict[str, tuple[Ask, str, str, str]] = {
    "anthropic": (anthropic, "end_turn", "tool_use", "max_tokens"),
    "bedrock_anthropic": (bedrock_anthropic, "end_turn", "tool_use", "max_tokens"),
    "google": (google, "STOP", "STOP", "MAX_TOKENS"),
    "bedrock": (bedrock, "end_turn", "tool_use", "max_tokens"),
    "cohere": (cohere, "COMPLETE", "TOOL_CALL", "MAX_TOKENS"),
    "ollama": (ollama, "stop", "stop", "length"),
}


@pytest.fixture(params=list(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> tuple[Ask, str, str, str]:
    return PROVIDERS[request.param]


@pytest.mark.parametrize("stream", [True, False])
def test_text(provider: tuple[Ask, str, str, str], *, stream: bool) -> None:
    ask, whole, _, _ = provider
    text = json.dumps(ARGUMENTS, ensure_ascii=False)
    with replay.serve({"text": text, "reasoning": "well, well"}) as url:
        said = ask(url, tools=False, stream=stream)
    assert (said.text, said.reasoning, said.calls, said.reason) == (text, "well, well", [], whole)
    assert said.tokens == (1, count_tokens(text) + count_tokens("well, well"))


@pytest.mark.parametrize("stream", [True, False])
def test_calls(provider: tuple[Ask, str, str, str], *, stream: bool) -> None:
    ask, _, called, _ = provider
    calls = (ToolCall("first", json.dumps(ARGUMENTS)), ToolCall("second", "{}"))
    with replay.serve(Recording(tool_calls=calls)) as url:
        said = ask(url, tools=True, stream=stream)
    assert said.calls == [("first", ARGUMENTS), ("second", {})]
    assert (said.text, said.reason) == ("", called)


def test_a_limit(provider: tuple[Ask, str, str, str]) -> None:
    ask, _, _, limited = provider
    with replay.serve({"text": '{"name": "Ada"}'}, faults="length@9") as url:
        said = ask(url, tools=False, stream=True)
    assert (said.text, said.reason) == ('{"name": ', limited)


@pytest.mark.parametrize("fault", ["drop@5", "error@5", "corrupt@5", "status:429", "status:500"])
def test_faults_reach_the_sdk(provider: tuple[Ask, str, str, str], fault: str) -> None:
    ask, _, _, _ = provider
    if ask is cohere and fault in {"error@5", "corrupt@5"}:
        pytest.skip("this SDK says nothing of either")
    if ask is bedrock_anthropic and fault == "error@5":
        decoder = pytest.importorskip("anthropic.lib.bedrock._stream_decoder")
        if not hasattr(decoder, "_chunk_bytes_to_sse"):
            pytest.skip("older versions of this SDK take an event of an error for nothing")
    with replay.serve({"text": '{"name": "Ada"}'}, faults=fault) as url:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK's own, whatever it is
            ask(url, tools=False, stream=True)
        assert not isinstance(caught.value, AssertionError)
        assert len(url.exchanges) == 1


@pytest.mark.parametrize(
    ("config", "in_pieces"),
    [
        ("functionCallingConfig", "streamFunctionCallArguments"),
        ("function_calling_config", "stream_function_call_arguments"),
    ],
)
def test_gemini_knows_a_field_by_both_its_names(config: str, in_pieces: str) -> None:
    """Older versions of google-genai write the second."""
    body = {
        "contents": [{"role": "user", "parts": [{"text": "Who?"}]}],
        "tools": [{"functionDeclarations": [{"name": "first", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {config: {"mode": "ANY", in_pieces: True}},
    }
    with replay.serve(Recording(tool_calls=(ToolCall("first", json.dumps(ARGUMENTS)),))) as url:
        path = "/v1beta1/publishers/google/models/m:streamGenerateContent?alt=sse"
        _, said = post(url, path, json.dumps(body).encode())
    assert said.count(b"partialArgs") > len(ARGUMENTS)
