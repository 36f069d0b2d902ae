"""OpenAI's two APIs, in the shape of any server that speaks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from typing_extensions import Self

from partialfast.replay import _responses_api
from partialfast.replay._ask import Api, Ask, RequestError, read_request
from partialfast.replay._protocols._base import Protocol
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent
from partialfast.replay._shapes import ChatWriter, shape_named

__all__ = ["Chat", "Responses"]


class _OpenAI(Protocol):
    """What both share."""

    api: ClassVar[Api]
    corrupt = b'data: {"choices":[{\n\n'

    def __init__(self, shape: ChatWriter | None = None) -> None:
        self.writer = shape_named("openai") if shape is None else shape
        self.ignored_choices = self.writer.shape.ignored_choices

    def shaped(self, shape: str) -> Self:
        return type(self)(shape_named(shape))

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        return read_request(self.api, body, model=path.get("model"))

    def error(self, error: RequestError) -> Json:
        return self.writer.error(error)

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        return self.writer.headers(reply)


class Chat(_OpenAI):
    """Chat completions."""

    name = api = "chat"
    paths = (
        "/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/{model}/chat/completions",
    )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        return self.writer.stream(reply)

    def whole(self, reply: ReplayedAnswer) -> Json:
        return self.writer.completion(reply)

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        return self.writer.failure(reply, upto)


class Responses(_OpenAI):
    """The Responses API."""

    name = api = "responses"
    paths = ("/v1/responses", "/openai/v1/responses", "/openai/responses")

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        return _responses_api.stream(self.writer, reply)

    def whole(self, reply: ReplayedAnswer) -> Json:
        return _responses_api.response(self.writer, reply)

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        return _responses_api.failed(self.writer, reply, upto, announced=True)

    def quiet_failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        return _responses_api.failed(self.writer, reply, upto, announced=False)
