"""What a protocol has to say, and what protocols share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from partialfast.replay._ask import MISSING, Ask, Given, RequestError, ToolChoice
from partialfast.replay._events import Json, ReplayEvent, dump
from partialfast.replay._script import Kind, ReplayedAnswer, count_tokens

__all__ = ["Block", "Protocol", "Told", "arguments", "blocks"]

_FINISHES: Final = ("stop", "tool_calls", "length", "content_filter")


@dataclass(frozen=True)
class Block:
    """Deltas that belong together: a text, the reasoning, a call."""

    reply: ReplayedAnswer
    kind: Kind
    call: int
    choice: int
    index: int
    first: int  # the number of its first delta
    last: int
    text: str
    begins: bool = True  # a piece of it: whether it is the first

    @property
    def name(self) -> str:
        """The name of the tool."""
        return self.reply.calls[self.call].name

    def call_id(self, form: str) -> str:
        """Give the id of the call, in the provider's form."""
        return self.reply.call_id(self.call, form)


def blocks(reply: ReplayedAnswer) -> list[Block]:
    """Find the blocks of an answer, in the order in which they begin."""
    found: dict[tuple[Kind, int, int], list[int]] = {}
    for number, delta in enumerate(reply.deltas):
        found.setdefault((delta.kind, delta.call, delta.choice), []).append(number)
    return [
        Block(reply, *key, index, numbers[0], numbers[-1], reply.text(*key))
        for index, (key, numbers) in enumerate(found.items())
    ]


#: An event's name, if it has one, and its data.
Told = tuple[str, Json]


class Protocol(ABC):
    """How one provider is asked, and how it answers."""

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]  # with the names of the parts that vary
    media_type: ClassVar[str] = "text/event-stream; charset=utf-8"  # of a streamed answer
    corrupt: ClassVar[bytes] = b'data: {"broken":[{\n\n'  # an event that cannot be read
    speaker: ClassVar[str] = "user"  # of a message without a role
    ignored_choices: tuple[str, ...] = ()  # which forms of `tool_choice` are read as `auto`
    reasons: ClassVar[tuple[str, ...]] = _FINISHES  # the provider's words for these
    # headers of an answer besides the content type, with ids as `ReplayedAnswer.fill` takes them
    answer_headers: tuple[tuple[str, str], ...] = ()
    died: ClassVar[Told]  # what is told when generation dies midway
    whole_calls: bool = False  # a call is told at once, when it is whole
    empty_pieces: ClassVar[bool] = False  # pieces without text are told as well

    def shaped(self, shape: str) -> Protocol:
        """Give the protocol in the shape of a server; most have no shapes."""
        del shape
        return self

    @abstractmethod
    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a body and the parts of the path that vary.

        Raises:
            RequestError: The provider would refuse it.
        """

    def text_of(self, message: Given) -> str:
        """Give the text of a message."""
        return message["content"].text()

    def read(  # noqa: PLR0913 - each is a field of the request
        self,
        body: Given,
        messages: Given,
        *,
        model: Given,
        stream: object,
        tools: Iterable[Given] = (),
        choice: ToolChoice = "auto",
        forced: Given = MISSING,
        system: Given = MISSING,
        **fields: Any,
    ) -> Ask:
        """Make the ask of a request whose parts were found, or refuse it with a `RequestError`.

        Of the `tools` their names are given. Further `fields` are those of an `Ask`.
        """
        if not model.of(str):
            raise RequestError(400, "you must provide a model parameter")
        if not messages.need(list):
            wanted = "Expected an array with minimum length 1, but got an empty array instead."
            raise messages.invalid(
                f"Invalid '{messages.place}': empty array. {wanted}", "empty_array"
            )
        texts = [(each["role"].of(str) or self.speaker, self.text_of(each)) for each in messages]
        if instruction := system.text():
            texts.insert(0, ("system", instruction))
        names = tuple(name for tool in tools if (name := tool.of(str)) is not None)
        if choice == "named" and forced.of(str) not in names:
            message = f"Tool choice {forced.value!r} is not one of the specified 'tools'."
            raise RequestError(400, message, param="tool_choice")
        return Ask(
            api=self.name,
            body=body.value,
            model=model.value,
            stream=bool(stream),
            last_user=next((text for role, text in reversed(texts) if role == "user"), ""),
            prompt="\n".join(text for _, text in texts),
            tools=names,
            tool_choice=choice if names else "none",
            forced=forced.value if choice == "named" else None,
            **fields,
        )

    @abstractmethod
    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""

    def reason(self, reply: ReplayedAnswer) -> str:
        """Say why the answer ends, in the provider's word."""
        finish = reply.finish
        if reply.recording.finish_reason is None and reply.calls and finish == "stop":
            # A forced call ends like any other.
            finish = "tool_calls"
        known = finish in _FINISHES
        return self.reasons[_FINISHES.index(finish)] if known else finish

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        return {"message": error.message}

    def encode(self, event: ReplayEvent) -> bytes:
        """Write an event as it goes over the wire (WHATWG HTML, 9.2.5)."""
        if event.comment is not None:
            return f": {event.comment}\n\n".encode()
        name = f"event: {event.event}\n".encode() if event.event is not None else b""
        return name + b"data: " + event.payload + b"\n\n"

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give the response headers besides the content type."""
        return {name: reply.fill(form) for name, form in self.answer_headers}

    def error_headers(self, error: RequestError) -> dict[str, str]:
        """Give the headers of an error response besides the content type."""
        del error
        return {}

    # A streamed answer is told block by block.

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        """Give what comes before all blocks."""
        del reply
        return ()

    def opened(self, block: Block) -> Iterable[Told]:
        """Announce a block."""
        del block
        return ()

    @abstractmethod
    def piece(self, block: Block) -> Iterable[Told]:
        """Give a piece of a block, given as a block with the text of the piece."""

    def closed(self, block: Block) -> Iterable[Told]:
        """Say that a block is whole."""
        del block
        return ()

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        """Give what comes after all blocks."""
        del reply
        return ()

    def told(self, reply: ReplayedAnswer) -> Iterator[tuple[Told, int, int]]:
        """Give all that is told, each with the number of its delta and how many tokens it has."""
        found = {(block.kind, block.call, block.choice): block for block in blocks(reply)}
        yield from ((told, -1, 0) for told in self.begun(reply))
        for number, delta in enumerate(reply.deltas):
            block = found[delta.kind, delta.call, delta.choice]
            whole = self.whole_calls and delta.kind is Kind.TOOL
            if whole and number != block.last:
                continue
            begins, text = whole or number == block.first, block.text if whole else delta.text
            if begins:
                yield from ((told, number, 0) for told in self.opened(block))
            if text or self.empty_pieces:
                piece, tokens = replace(block, text=text, begins=begins), count_tokens(text)
                yield from ((told, number, tokens) for told in self.piece(piece))
            if number == block.last:
                yield from ((told, number, 0) for told in self.closed(block))
        yield from ((told, len(reply.deltas), 0) for told in self.ended(reply))

    def event(self, told: Told, upto: int, tokens: int = 0) -> ReplayEvent:
        """Make an event; its data has its name too."""
        name, data = told
        data = {"type": name} | data if name else data
        return ReplayEvent(data, event=name or None, upto=upto, tokens=tokens)

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        return (self.event(*each) for each in self.told(reply))

    def failure(self, reply: ReplayedAnswer, upto: int, *, quiet: bool) -> Iterator[ReplayEvent]:
        """Give what comes instead of a delta and the rest when generation dies midway.

        Where an event announces it, that does not come if it is to be `quiet`.
        """
        del reply, quiet
        yield self.event(self.died, upto)


def arguments(text: str) -> dict[str, Any] | None:
    """Read the arguments of a call; ``None`` where they are not a JSON object."""
    try:
        value = json.loads(text)
        dump(value)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
