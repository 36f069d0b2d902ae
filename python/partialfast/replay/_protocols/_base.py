"""What a protocol has to say, and what protocols share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from partialfast.replay._ask import Ask, RequestError, text_of
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent, dump, encode
from partialfast.replay._script import Delta, Kind

__all__ = ["Block", "Protocol", "Step", "arguments", "blocks", "make_ask", "text_of"]


class Protocol(ABC):
    """How one provider is asked, and how it answers.

    Attributes:
        name: What the protocol is called.
        paths: Where it is asked, as Starlette writes routes.
        media_type: Of a streamed answer.
        corrupt: What is sent as an event that cannot be read.
        ignored_choices: Which forms of ``tool_choice`` are read as ``auto``.
    """

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    media_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    corrupt: ClassVar[bytes] = b'data: {"broken":[{\n\n'
    ignored_choices: tuple[str, ...] = ()

    def shaped(self, shape: str) -> Protocol:
        """Give the protocol in the shape of a server; most have no shapes.

        Args:
            shape: One of `SHAPES`.

        Raises:
            ValueError: There is no such shape.
        """
        del shape
        return self

    @abstractmethod
    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request.

        Args:
            body: The decoded body.
            path: The parts of the path that vary.

        Returns:
            What it asks for.

        Raises:
            RequestError: The provider would refuse it.
        """

    @abstractmethod
    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""

    @abstractmethod
    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""

    @abstractmethod
    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Give what comes instead of the rest when generation dies midway."""

    def quiet_failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Give the same without the event that announces it, where there is one."""
        return self.failure(reply, upto)

    @abstractmethod
    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""

    def encode(self, event: ReplayEvent) -> bytes:
        """Write an event as it goes over the wire."""
        return encode(event)

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give the response headers beside the content type."""
        return {"request-id": "req_" + reply.token("request", 24)}

    def error_headers(self, error: RequestError) -> dict[str, str]:
        """Give the headers of an error response beside the content type."""
        del error
        return {}


@dataclass
class Block:
    """A run of deltas that belong together: a text, the reasoning, a call."""

    kind: Kind
    call: int
    index: int
    last: int
    opened: bool = False
    text: str = ""


Step = tuple[Literal["open", "delta", "close"], Block, Delta, int]


def blocks(reply: ReplayedAnswer) -> Iterator[Step]:
    """Give the deltas of the first choice with the beginnings and ends of their blocks.

    Yields:
        What happens, to which block, and the delta with its number.
    """
    found: dict[tuple[Kind, int], Block] = {}
    deltas = [(n, d) for n, d in enumerate(reply.script.deltas) if d.choice == 0]
    for number, delta in deltas:
        key = (delta.kind, delta.call)
        block = found.setdefault(key, Block(delta.kind, delta.call, len(found), number))
        block.last = number
    for number, delta in deltas:
        block = found[delta.kind, delta.call]
        if not block.opened:
            block.opened = True
            yield "open", block, delta, number
        block.text += delta.text
        yield "delta", block, delta, number
        if number == block.last:
            yield "close", block, delta, number


def make_ask(  # noqa: PLR0913 - each is a field of the request
    api: str,
    body: Json,
    *,
    model: object,
    stream: bool,
    texts: Sequence[tuple[object, str]],
    tools: Sequence[object] = (),
    choice: Literal["none", "auto", "required", "named"] = "auto",
    forced: object = None,
    choices: int = 1,
) -> Ask:
    """Make the ask of a request whose parts were found.

    Args:
        api: The protocol.
        body: The decoded body.
        model: The model.
        stream: Whether the answer is to be streamed.
        texts: Roles and texts of the conversation.
        tools: Names of the tools.
        choice: How free the model is to call one.
        forced: The tool that it must call.
        choices: How many answers are asked for.

    Raises:
        RequestError: There is no model or no conversation.
    """
    if not isinstance(model, str) or not model:
        raise RequestError(400, "model: Field required", param="model")
    if not texts:
        raise RequestError(400, "messages: at least one message is required", param="messages")
    names = tuple(name for name in tools if isinstance(name, str))
    if forced is not None and forced not in names:
        raise RequestError(400, f"the tool {forced!r} is not among the tools", param="tool_choice")
    return Ask.of(
        api,
        body,
        texts,
        model=model,
        stream=stream,
        tools=names,
        tool_choice=choice if names else "none",
        forced=forced if isinstance(forced, str) else None,
        choices=choices,
    )


def arguments(text: str) -> dict[str, Any] | None:
    """Read the arguments of a call; ``None`` where they are not a JSON object."""
    try:
        value = json.loads(text)
        dump(value)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
