"""The answer as deltas, before any server gives it its own form.

Here the text is cut into deltas, and the faults that change what the model writes (or mark a place
in it) are applied. No bytes, no event, no server yet.
"""

from __future__ import annotations

import enum
import hashlib
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, zip_longest
from typing import Any, NamedTuple

from partialfast.replay._ask import Ask
from partialfast.replay._faults import GARBAGE, REFUSAL, Fault, FaultKind
from partialfast.replay._recording import Recording, ToolCall

__all__ = ["Delta", "Kind", "PlacedFault", "ReplayedAnswer", "count_tokens", "cut", "write_script"]


class Kind(enum.Enum):
    """What a delta is part of."""

    REASONING = "reasoning"
    CONTENT = "content"
    REFUSAL = "refusal"
    TOOL = "tool"


@dataclass(frozen=True)
class Delta:
    """A piece of the answer."""

    kind: Kind
    text: str
    choice: int = 0  # which of several answers it belongs to
    call: int = 0  # which of several tool calls it belongs to


class PlacedFault(NamedTuple):
    """A fault of the transport, to happen before the delta of that number."""

    before: int
    fault: Fault


class _Ids(dict[str, Any]):
    """What ids are made of: for each purpose, characters that look random."""

    def __missing__(self, purpose: str) -> str:
        return hashlib.sha512(f"{self['answer']}/{purpose}".encode()).hexdigest()


@dataclass(frozen=True)
class ReplayedAnswer:
    """A whole answer: what is said, to which request.

    All ids derive from the number of the answer, so a run repeats byte by byte.
    """

    recording: Recording
    ask: Ask
    deltas: tuple[Delta, ...]  # in the order they are sent
    calls: tuple[ToolCall, ...]
    finish: str  # why it ends: `stop`, `tool_calls`, `length` or `content_filter`
    marks: tuple[PlacedFault, ...]  # in order
    number: int = 0
    created: int = 0

    @cached_property
    def prompt_tokens(self) -> int:
        """Tokens of the request."""
        return count_tokens(self.ask.prompt)

    @cached_property
    def completion_tokens(self) -> int:
        """Tokens of the answer, reasoning included."""
        return count_tokens("".join(delta.text for delta in self.deltas))

    @cached_property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning."""
        return count_tokens(self.recording.reasoning or "") * self.ask.choices

    def counts(self, prompt: str, completion: str, total: str) -> dict[str, Any]:
        """Give the tokens of the request, of the answer and of both by the names that they have."""
        counted = self.prompt_tokens, self.completion_tokens
        return {prompt: counted[0], completion: counted[1], total: sum(counted)}

    def usage(self, counted: dict[str, Any]) -> dict[str, Any]:
        """Give the recorded usage, else what was counted."""
        return dict(self.recording.usage or counted)

    @cached_property
    def ids(self) -> Mapping[str, Any]:
        """What ids are made of; Ollama counts its answers, and begins anew."""
        return _Ids(answer=self.number, number=self.number % 999, created=self.created)

    def fill(self, form: str) -> str:
        """Fill in an id: ``{created}``, ``{number}``, and N made-up characters at ``{WHAT:.N}``."""
        return form.format_map(self.ids)

    def pad(self, upto: int) -> str:
        """Make up what hides how long a delta is."""
        return str(self.ids["pad"][: 1 + (upto + 7) % 16])

    def call_id(self, call: int, form: str) -> str:
        """Give the id of a tool call: the recorded one, else one in the server's form."""
        recorded, name = self.calls[call].id, self.calls[call].name
        return form.format(self.ids[f"call{call}"], name=name) if recorded is None else recorded

    def text(self, kind: Kind, call: int = 0, choice: int = 0) -> str:
        """Join the pieces of one kind, as far as they are written."""
        key = kind, call, choice
        return "".join(d.text for d in self.deltas if (d.kind, d.call, d.choice) == key)


# A word with the space before it, in parts of at most six letters; up to three digits; white
# space; up to two signs: close to the 2.5 characters that a model's token has in JSON.
_TOKEN = re.compile(r" ?[^\W\d_]{1,6}|\d{1,3}|\s+|(?:[^\w\s]|_){1,2}")


def cut(text: str, *, chars: int | None = None) -> list[str]:
    """Cut a text into pieces of `chars` characters, or like a model's tokens."""
    if chars is not None:
        return [text[start : start + chars] for start in range(0, len(text), chars)]
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Count the tokens of a text, as `cut` makes them."""
    return sum(1 for _ in _TOKEN.finditer(text))


#: Faults that happen to the transport at a place of the text.
_TRANSPORT = {FaultKind(word) for word in ("drop", "stall", "end", "error", "fail", "corrupt")}
#: Faults that end the text, with the finish reason.
_CUTS = {FaultKind.LENGTH: "length", FaultKind.FILTER: "content_filter"}
_CHANGES = [FaultKind.GARBAGE, *_CUTS]


def _turn(fault: Fault) -> tuple[int, int]:
    """Order faults: first what changes the text, then what happens at the places of that."""
    changes = fault.kind in _CHANGES
    return (_CHANGES.index(fault.kind), 0) if changes else (len(_CHANGES), fault.at or 0)


def write_script(  # noqa: PLR0913 - the last two are for ids only
    recording: Recording,
    ask: Ask,
    *,
    chars: int | None,
    faults: Sequence[Fault],
    number: int = 0,
    created: int = 0,
) -> ReplayedAnswer:
    """Make the answer to a request, in deltas of `chars` characters or like tokens."""

    def written(kind: Kind, text: str | None) -> list[Delta]:
        return [Delta(kind, piece) for piece in cut(text or "", chars=chars)]

    calls = _calls(recording, ask)
    refuses = any(fault.kind is FaultKind.REFUSE for fault in faults)
    refusal = REFUSAL if refuses and recording.refusal is None else recording.refusal
    before = written(Kind.REASONING, recording.reasoning)
    if refusal is not None:
        calls, body = (), written(Kind.REFUSAL, refusal)
    elif calls:
        before += written(Kind.CONTENT, recording.content)
        body = _call_deltas(recording, calls, chars)
    elif recording.chunks is not None:
        body = [Delta(Kind.CONTENT, piece) for piece in recording.chunks]
    else:
        body = written(Kind.CONTENT, recording.text)
    # A call of a function that the request names ends with `stop`, any other call with
    # `tool_calls` (measured in vllm-project/vllm pull request 25054).
    finish = "tool_calls" if calls and ask.tool_choice != "named" else "stop"
    finish = recording.finish_reason or finish
    marks: list[PlacedFault] = []
    for fault in sorted(faults, key=_turn):
        at = fault.at or 0
        if fault.kind is FaultKind.FILTER and fault.at is None:
            at = sum(sum(_sizes(delta.text)) for delta in body) // 2
        head, tail = _split(body, at)
        if fault.kind is FaultKind.GARBAGE:
            near = (tail or head[-1:])[:1]
            body = [*head, *(replace(each, text=GARBAGE) for each in near), *tail]
        elif fault.kind in _CUTS:
            body, finish = head, _CUTS[fault.kind]
        elif fault.kind in _TRANSPORT:
            body = head + tail
            marks.append(PlacedFault((len(before) + len(head)) * ask.choices, fault))
    deltas = tuple(
        # Each delta is repeated for each choice.
        replace(delta, choice=choice) if choice else delta
        for delta in before + body
        for choice in range(ask.choices)
    )
    return ReplayedAnswer(recording, ask, deltas, calls, finish, tuple(marks), number, created)


def _calls(recording: Recording, ask: Ask) -> tuple[ToolCall, ...]:
    asked = bool(ask.tools) and ask.tool_choice != "none"
    if recording.via == "content" or (recording.via is None and not asked):
        return ()
    name = recording.tool or ask.forced or next(iter(ask.tools), "")
    return recording.tool_calls or (ToolCall(name, recording.text),)


def _call_deltas(
    recording: Recording, calls: tuple[ToolCall, ...], chars: int | None
) -> list[Delta]:
    per_call: list[list[Delta]] = []
    for number, call in enumerate(calls):
        chunks = None if recording.tool_calls else recording.chunks
        pieces = cut(call.arguments, chars=chars) if chunks is None else chunks
        # A call without arguments is a call as well.
        per_call.append([Delta(Kind.TOOL, piece, call=number) for piece in pieces or [""]])
    turns = zip_longest(*per_call) if recording.interleave else per_call
    return [delta for turn in turns for delta in turn if delta is not None]


def _sizes(text: str) -> list[int]:
    # A recording may hold a lone surrogate on purpose; it counts as what UTF-8 would make of it.
    return [len(character.encode("utf-8", "surrogatepass")) for character in text]


def _split(body: list[Delta], size: int) -> tuple[list[Delta], list[Delta]]:
    """Divide deltas at a byte of their text, or before the character that the byte is inside of."""
    for number, delta in enumerate(body):
        ends = list(accumulate(_sizes(delta.text)))
        whole = bisect_right(ends, size)
        if whole < len(ends) or size <= 0:
            head = [replace(delta, text=delta.text[:whole])] if whole else []
            rest = replace(delta, text=delta.text[whole:])
            return body[:number] + head, [rest, *body[number + 1 :]]
        size -= ends[-1] if ends else 0
    return body, []
