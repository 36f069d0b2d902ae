"""xAI's own SDK against a server that speaks its protocol, gRPC, over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast import Mode
from partialfast.providers import Tokens
from partialfast.providers.xai import from_xai
from partialfast.replay._script import cut

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

TEXT = '{"name": "Ada Lovelace", "age": 36}'


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


ADA = User(name="Ada Lovelace", age=36)


class _Server:
    """Plays texts, one for each request, the last one for all that follow."""

    def __init__(self, *texts: str, after: str | None = None) -> None:
        self.texts = list(texts)
        #: What comes in place of the end: the name of a finish reason or of a status.
        self.after = after
        self.asked: list[Any] = []
        self.cancelled = Event()
        self.hold = False

    def __enter__(self) -> str:
        grpc = pytest.importorskip("grpc")
        pytest.importorskip("xai_sdk")
        from xai_sdk.proto import chat_pb2_grpc as stubs

        servicer = type("Servicer", (stubs.ChatServicer,), {})()
        servicer.GetCompletionChunk = self._stream
        servicer.GetCompletion = self._whole
        self._server = grpc.server(ThreadPoolExecutor(4))
        stubs.add_ChatServicer_to_server(servicer, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def _text(self, request: Any) -> str:
        self.asked.append(request)
        return self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]

    def _said(self, request: Any, text: str, part: str) -> dict[str, Any]:
        if not request.tools:
            return {part: {"content": text}}
        function = {"name": request.tools[0].function.name, "arguments": text}
        return {part: {"tool_calls": [{"id": "c1", "function": function}]}}

    def _ending(self, request: Any) -> dict[str, Any]:
        reason = self.after or ("REASON_TOOL_CALLS" if request.tools else "REASON_STOP")
        return {"finish_reason": reason}

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": 3, "completion_tokens": 5, "reasoning_tokens": 2}

    def _stream(self, request: Any, context: Any) -> Iterator[Any]:
        from xai_sdk.proto import chat_pb2

        def chunk(output: Any, **more: Any) -> Any:
            return chat_pb2.GetChatCompletionChunk(
                id="r1", model="grok", outputs=[{"index": 0, **output}], **more
            )

        context.add_callback(self.cancelled.set)
        text = self._text(request)
        yield chunk({"delta": {"reasoning_content": "hm"}})
        for piece in [text] if request.tools else cut(text):
            yield chunk(self._said(request, piece, "delta"))
        if self.hold:
            self.cancelled.wait(5)
            return
        if self.after in {"INTERNAL", "UNAVAILABLE"}:
            grpc = pytest.importorskip("grpc")
            context.abort(getattr(grpc.StatusCode, self.after), "it broke")
        yield chunk(self._ending(request), usage=self._usage())

    def _whole(self, request: Any, context: Any) -> Any:
        from xai_sdk.proto import chat_pb2

        del context
        said = self._said(request, self._text(request), "message")
        output = {"index": 0, **said, **self._ending(request)}
        return chat_pb2.GetChatCompletionResponse(
            id="r1", model="grok", outputs=[output], usage=self._usage()
        )


def _client(host: str, *, is_async: bool = False) -> Any:
    sdk = pytest.importorskip("xai_sdk")
    kind = sdk.AsyncClient if is_async else sdk.Client
    made: Any = from_xai(kind(api_key="k", api_host=host, use_insecure_channel=True), model="grok")
    return made


SAID = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}]


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS, Mode.JSON, Mode.MD_JSON])
def test_snapshots(mode: Mode) -> None:
    server = _Server(TEXT)
    with server as host, _client(host) as client:
        client._settings.mode = mode
        stream = client.create_partial(User, messages=SAID)
        snapshots = list(stream)
        assert snapshots[-1] == ADA
        assert (len(snapshots) > 3) is not mode.is_tools
        assert stream.reasoning_text == "hm"
        assert stream.tokens == Tokens(3, 7, 0, 2)
        assert type(stream.usage).__name__ == "SamplingUsage"
        assert (stream.model, stream.response_id) == ("grok", "r1")
        assert client.create(User, messages=SAID) == ADA
        assert [message.role for message in server.asked[0].messages][-2:] == [3, 1]


def test_asynchronously() -> None:
    async def run(host: str) -> None:
        async with _client(host, is_async=True) as client:
            stream = client.create_partial(User, messages=SAID)
            assert [snapshot async for snapshot in stream][-1] == ADA
            assert await client.create(User, messages=SAID) == ADA

    with _Server(TEXT) as host:
        asyncio.run(run(host))


def test_items() -> None:
    text = '{"items": [{"name": "Ada", "age": 36}, {"name": "Alan", "age": 41}]}'
    with _Server(text) as host, _client(host) as client:
        users = list(client.create_iterable(User, messages="Who?"))
        assert [user.name for user in users] == ["Ada", "Alan"]


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS])
def test_a_mistake_is_shown(mode: Mode) -> None:
    server = _Server('{"name": "Ada", "age": -1}', TEXT)
    with server as host, _client(host) as client:
        client._settings.mode = mode
        assert list(client.create_partial(User, messages=SAID, max_retries=1))[-1] == ADA
        shown = str(server.asked[1])
        assert "greater than or equal to 0" in shown
        assert "ROLE_TOOL" in shown if mode.is_tools else "ROLE_USER" in shown


@pytest.mark.parametrize(
    ("after", "error"),
    [
        ("REASON_MAX_LEN", pf.TruncatedError),
        ("REASON_TIME_LIMIT", pf.TruncatedError),
        ("INTERNAL", pf.ServerError),
        ("UNAVAILABLE", pf.DroppedError),
    ],
)
def test_endings(after: str, error: type[pf.StreamError]) -> None:
    grpc = pytest.importorskip("grpc")
    with _Server('{"name": "Ada', after=after) as host, _client(host) as client:
        with pytest.raises(error) as caught:
            list(client.create_partial(User, messages=SAID))
        assert caught.value.text == '{"name": "Ada'
        assert (after == "INTERNAL") is isinstance(caught.value, grpc.RpcError)


def test_closing_cancels_the_call() -> None:
    server = _Server('{"name": "Ada')
    server.hold = True
    with server as host, _client(host) as client:
        stream = client.create_partial(User, messages=SAID)
        next(iter(stream))
        stream.close()
        assert server.cancelled.wait(5)
