"""The replay server over loopback, as the real SDK sees it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI

from partialfast import replay
from tests.openai_driver import HTTP
from tests.patience import STALL, with_time_enough
from tests.replaying import FLAT_FORCED, FLAT_TOOLS, FORCED, MESSAGES, TEXT, TOOLS

pytestmark = pytest.mark.network

CHAT: dict[str, Any] = {"model": "gpt-4", "messages": MESSAGES}


@pytest.fixture(scope="module")
def server() -> Iterator[replay.Server]:
    with replay.serve({"match": "Ada", "text": TEXT}) as running:
        yield running


@pytest.fixture
def client(server: replay.Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=server, api_key="replay", max_retries=0) as made:
        yield made


def headers(**options: str) -> dict[str, str]:
    return {f"x-replay-{name}": value for name, value in options.items()}


def text_of(chunk: Any) -> str:
    """Give what a chunk adds to the answer, whichever way it comes."""
    found = ""
    for choice in chunk.choices:
        if choice.delta is not None:
            found += choice.delta.content or ""
            found += "".join(call.function.arguments for call in choice.delta.tool_calls or [])
    return found


@pytest.mark.parametrize("shape", replay.SHAPES)
@pytest.mark.parametrize("mode", ["tool", "content"])
def test_the_sdk_reads_every_shape(client: OpenAI, shape: str, mode: str) -> None:
    fields: dict[str, Any] = {"tools": TOOLS, "tool_choice": FORCED} if mode == "tool" else {}
    options = headers(shape=shape, split="7")
    stream = client.chat.completions.create(
        **CHAT, stream=True, stream_options={"include_usage": True}, extra_headers=options, **fields
    )
    text, finish, tokens = "", None, 0
    for chunk in stream:
        text += text_of(chunk)
        finish = next((c.finish_reason for c in chunk.choices if c.finish_reason), finish)
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    assert text == TEXT
    assert finish in {"stop", "tool_calls"}
    assert tokens > 0


@pytest.mark.parametrize("shape", replay.SHAPES)
def test_the_sdk_reads_every_shape_whole(client: OpenAI, shape: str) -> None:
    made = client.chat.completions.create(
        **CHAT, tools=TOOLS, tool_choice=FORCED, extra_headers=headers(shape=shape)
    )
    (call,) = made.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("Person", TEXT)
    assert made.usage
    made = client.chat.completions.create(**CHAT, extra_headers=headers(shape=shape))
    assert made.choices[0].message.content == TEXT


@pytest.mark.parametrize("shape", ["openai", "azure", "vllm", "ollama", "openrouter"])
def test_the_sdk_follows_a_response(client: OpenAI, shape: str) -> None:
    with client.responses.stream(
        model="gpt-4",
        input="Ada of Zürich is 36.",
        tools=FLAT_TOOLS,
        tool_choice=FLAT_FORCED,
        extra_headers=headers(shape=shape),
    ) as stream:
        deltas = "".join(
            event.delta
            for event in stream
            if event.type == "response.function_call_arguments.delta"
        )
        final = stream.get_final_response()
    assert deltas == TEXT
    (item,) = final.output
    assert item.type == "function_call"
    assert item.arguments == TEXT
    made = client.responses.create(
        model="gpt-4", input="Ada of Zürich is 36.", extra_headers=headers(shape=shape)
    )
    assert made.output_text == TEXT
    assert made.usage
    assert made.usage.output_tokens > 0


@pytest.mark.parametrize("deployment", [None, "gpt-4"])
def test_azures_clients_find_their_routes(server: replay.Server, deployment: str | None) -> None:
    fields: dict[str, Any] = {
        "azure_endpoint": server.origin,
        "api_key": "replay",
        "api_version": "2024-10-21",
        "max_retries": 0,
    }
    if deployment is not None:
        fields["azure_deployment"] = deployment
    with AzureOpenAI(**fields) as client:
        made = client.chat.completions.create(**CHAT)
        assert made.choices[0].message.content == TEXT
        assert server.exchanges[-1].path.startswith("/openai/deployments/gpt-4/chat/completions?")
        assert client.responses.create(model="gpt-4", input="Ada?").output_text == TEXT

    async def read() -> str:
        async with AsyncAzureOpenAI(**fields) as async_client:
            stream = await async_client.chat.completions.create(**CHAT, stream=True)
            return "".join([text_of(chunk) async for chunk in stream])

    assert asyncio.run(read()) == TEXT


# Errors


def test_errors_become_the_sdks_own(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"No recording matches .*'Who\?'") as not_found:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Who?"}])
    assert not_found.value.code == "recording_not_found"
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(POST /v1/embeddings\)"):
        client.embeddings.create(model="gpt-4", input="a", encoding_format="float")
    with pytest.raises(openai.BadRequestError, match="Bad header 'x-replay-shape': unknown shape"):
        client.chat.completions.create(**CHAT, extra_headers=headers(shape="acme"))


def test_the_wrong_method_is_not_allowed(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="Not allowed to GET") as caught:
        client.get("/responses", cast_to=object)
    assert caught.value.status_code == 405


def test_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["replay"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status:429", openai.RateLimitError),
        ("status:500", openai.InternalServerError),
        ("status:401", openai.AuthenticationError),
    ],
)
def test_an_error_status_is_the_sdks_error(
    client: OpenAI, fault: str, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error):
        client.chat.completions.create(**CHAT, stream=True, extra_headers=headers(faults=fault))


def test_the_sdk_retries_as_it_does_and_then_succeeds() -> None:
    recordings: list[dict[str, Any]] = [
        {"text": "", "fault": "status:429", "times": 2},
        {"text": TEXT},
    ]
    with (
        replay.serve(recordings) as server,
        OpenAI(base_url=server, api_key="replay", max_retries=2) as client,
    ):
        made = client.chat.completions.create(**CHAT)
        assert made.choices[0].message.content == TEXT
        assert [exchange.status for exchange in server.exchanges] == [429, 429, 200]


# Faults


# What cuts a stream short: SDKs over httpx let its exceptions through, those over httpx2 do not.
_WRAPS = HTTP.__name__ == "httpx2"
LOST: type[Exception] = openai.APIConnectionError if _WRAPS else HTTP.TransportError
TIMED_OUT: type[Exception] = openai.APITimeoutError if _WRAPS else HTTP.ReadTimeout


class CutShort(Exception):  # noqa: N818 - says what happened, is no error of the server
    """A stream that ended badly, with what came before; the SDK's exception is its cause."""


def drain(client: OpenAI, fault: str, **fields: Any) -> tuple[str, str | None]:
    """Read a stream to its end, and give its text and finish reason."""
    options = headers(faults=fault, **fields.pop("options", {}))
    stream = client.chat.completions.create(**CHAT, stream=True, extra_headers=options, **fields)
    text, finish = "", None
    try:
        for chunk in stream:
            text += text_of(chunk)
            finish = next((c.finish_reason for c in chunk.choices if c.finish_reason), finish)
    except (openai.APIError, HTTP.TransportError, json.JSONDecodeError) as error:
        raise CutShort(text) from error
    return text, finish


def cut_short(client: OpenAI, fault: str, **fields: Any) -> tuple[str, BaseException | None]:
    """Read a stream that ends badly, and give its text and the SDK's exception."""
    with pytest.raises(CutShort) as caught:
        drain(client, fault, **fields)
    return str(caught.value), caught.value.__cause__


@pytest.mark.parametrize("split", ["1", "7", "4096"])
def test_a_dropped_connection_is_noticed_by_the_client(
    server: replay.Server, client: OpenAI, split: str
) -> None:
    text, error = cut_short(client, "drop@17", options={"split": split})
    assert text == TEXT[:17]
    assert isinstance(error, LOST)
    assert server.wait_ended(timeout=STALL).ending == "dropped"


def test_a_dropped_whole_answer_is_noticed(client: OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**CHAT, extra_headers=headers(faults="drop@17"))


def test_a_stall_outlasts_a_read_timeout(client: OpenAI) -> None:
    def cut_within(seconds: float) -> tuple[str, BaseException | None]:
        return cut_short(client, f"stall@17:{STALL}", timeout=seconds)

    text, error = with_time_enough(cut_within, lambda cut: cut[0] == TEXT[:17])
    assert text == TEXT[:17]
    assert isinstance(error, TIMED_OUT)


def test_a_short_stall_only_delays(client: OpenAI) -> None:
    started = time.monotonic()
    assert drain(client, "stall@17:0.3") == (TEXT, "stop")
    assert time.monotonic() - started >= 0.3


def test_length_filter_end_and_garbage(client: OpenAI) -> None:
    assert drain(client, "length@17") == (TEXT[:17], "length")
    assert drain(client, "filter@17") == (TEXT[:17], "content_filter")
    assert drain(client, "end@17") == (TEXT[:17], None)
    garbled, finish = drain(client, "garbage@17")
    assert (garbled.replace("\x01garbage\x01", ""), finish) == (TEXT, "stop")
    with pytest.raises(json.JSONDecodeError):
        json.loads(garbled)


def test_a_refusal_is_not_content(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        **CHAT, stream=True, extra_headers=headers(faults="refuse")
    )
    chunks = list(stream)
    refusal = "".join(c.choices[0].delta.refusal or "" for c in chunks if c.choices)
    assert refusal == "I'm sorry, I can't assist with that request."
    assert not any(text_of(chunk) for chunk in chunks)


def test_an_error_inside_the_stream_is_the_sdks_error(client: OpenAI) -> None:
    text, error = cut_short(client, "error@17")
    assert text == TEXT[:17]
    assert type(error) is openai.APIError
    assert "server had an error" in str(error)


def test_corrupt_data_is_an_error(client: OpenAI) -> None:
    text, error = cut_short(client, "corrupt@17")
    assert text == TEXT[:17]
    assert isinstance(error, json.JSONDecodeError)


# Time


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_text_is_held_back_until_it_is_released(api: str) -> None:
    with (
        replay.serve({"text": TEXT}, hold=3) as server,
        OpenAI(base_url=server, api_key="replay", max_retries=0, timeout=10) as client,
    ):
        pieces: Iterator[str]
        if api == "chat":
            chat = client.chat.completions.create(**CHAT, stream=True)
            pieces = (text_of(chunk) for chunk in chat if text_of(chunk))
        else:
            made = client.responses.create(model="gpt-4", input="Ada?", stream=True)
            pieces = (e.delta for e in made if e.type == "response.output_text.delta")
        # These are in the caller's hands while the server holds all others back.
        early = "".join(next(pieces) for _ in range(3))
        assert server.exchanges[-1].ending is None
        server.release(2)
        early += "".join(next(pieces) for _ in range(2))
        assert early == '{"name":"Ada'
        with pytest.raises(TimeoutError, match=r"no end of the exchange within 0\.01 s"):
            server.wait_ended(timeout=0.01)
        server.release()
        assert early + "".join(pieces) == TEXT
        assert server.wait_ended(timeout=STALL).ending == "complete"


def test_the_rate_slows_a_stream_down() -> None:
    with (
        replay.serve({"text": TEXT}, rate=100) as server,
        OpenAI(base_url=server, api_key="replay", max_retries=0) as client,
    ):
        started = time.monotonic()
        assert drain(client, "stall@0:0")[0] == TEXT
        assert time.monotonic() - started >= 0.17


# What the server saw


def test_requests_are_entered(server: replay.Server, client: OpenAI) -> None:
    client.chat.completions.create(**CHAT, temperature=0.5)
    exchange = server.wait_ended(timeout=STALL)
    assert (exchange.method, exchange.path, exchange.status) == (
        "POST",
        "/v1/chat/completions",
        200,
    )
    assert exchange.body
    assert exchange.body["temperature"] == 0.5
    assert exchange.headers["authorization"] == "Bearer replay"
    assert exchange.recording
    assert exchange.recording.text == TEXT
    assert exchange.ending == "complete"
    assert exchange.sent > len(TEXT)


def test_a_client_that_goes_away_is_noticed_by_a_server_that_waits() -> None:
    with (
        replay.serve({"text": TEXT}, hold=2) as server,
        OpenAI(base_url=server, api_key="replay", max_retries=0) as client,
    ):
        stream = client.chat.completions.create(**CHAT, stream=True)
        next(iter(stream))
        closed = time.monotonic()
        stream.close()
        exchange = server.wait_ended(timeout=STALL)
        assert exchange.ending == "disconnect"
        assert exchange.ended is not None
        assert exchange.ended >= closed
        assert server.disconnects == [exchange]


def test_a_client_that_goes_away_is_noticed_by_a_server_that_never_pauses() -> None:
    text = json.dumps({"name": "Ada " * 100_000})
    with (
        replay.serve({"text": text}, chunk=4) as server,
        OpenAI(base_url=server, api_key="replay", max_retries=0) as client,
    ):
        stream = client.chat.completions.create(**CHAT, stream=True)
        next(iter(stream))
        stream.close()
        exchange = server.wait_ended(timeout=STALL)
        assert exchange.ending == "disconnect"
        # It is not written on for nobody: there is much more than sockets hold.
        assert exchange.sent < 30 * len(text)


def test_stopping_drops_a_client_that_is_still_there() -> None:
    before = set(threading.enumerate())
    with ExitStack() as stack:
        with replay.serve({"text": TEXT}, hold=2) as server:
            client = stack.enter_context(OpenAI(base_url=server, api_key="replay", max_retries=0))
            stream = client.chat.completions.create(**CHAT, stream=True)
            next(iter(stream))
        assert server.exchanges[-1].ending == "stopped"
        with pytest.raises(LOST):
            list(stream)
    assert set(threading.enumerate()) == before


def test_the_server_is_its_url(server: replay.Server) -> None:
    assert server.startswith("http://127.0.0.1:")
    assert server.endswith("/v1")
    assert type(server.url) is str
    assert server.url == server == server.origin + "/v1"


def test_a_taken_port_is_an_os_error(server: replay.Server) -> None:
    port = int(server.origin.rpartition(":")[2])
    with pytest.raises(OSError), replay.serve({"text": "{}"}, port=port):  # noqa: PT011
        pass


def test_nothing_is_logged(
    client: OpenAI, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    cut_short(client, "drop@17")
    drain(client, "length@17")
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_named_with_what_to_install(tmp_path: Path) -> None:
    # A module of that name that cannot be imported stands in for one that is not installed.
    blocker = "import sys\nsys.modules['h11'] = None\n"
    program = (
        blocker + "from partialfast import replay\n"
        "assert 'anyio' not in sys.modules\n"
        "try:\n"
        "    with replay.serve({'text': ''}):\n"
        "        pass\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == (
        'the replay server needs h11, which is not installed: pip install "partialfast[demo]"'
    )
