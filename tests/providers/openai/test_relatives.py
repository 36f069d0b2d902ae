"""Relatives of the streams that were reported: the same deviations in other forms, and together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests import wire
from tests.openai_driver import EVERY_WAY, Way
from tests.providers.openai.test_wire import check, read

pytestmark = pytest.mark.network

ADA = '{"name": "Ada", "age": 36}'
ROME = '{"city": "Rome", "country": "IT"}'
USER = {"name": "Ada", "age": 36}
PLACE = {"city": "Rome", "country": "IT"}
BOB = {"name": "Bob", "age": 41}


def sse(*events: Any, done: bool = True, name: bool = False) -> str:
    """Write events as a server does."""
    lines: list[str] = []
    for event in events:
        if isinstance(event, str):
            lines.append(event)
            continue
        if name:
            lines.append(f"event: {event['type']}\n")
        lines.append(f"data: {json.dumps(event)}\n\n")
    return "".join(lines) + ("data: [DONE]\n\n" if done else "")


def chunk(delta: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": reason} | more
    return {"id": "1", "object": "chat.completion.chunk", "choices": [choice]}


def call(arguments: Any, index: Any = 0, id: Any = None, name: Any = None) -> dict[str, Any]:  # noqa: A002
    function: dict[str, Any] = {"arguments": arguments}
    if name is not None:
        function["name"] = name
    made: dict[str, Any] = {"function": function}
    if index is not None:
        made["index"] = index
    if id is not None:
        made["id"] = id
    return {"tool_calls": [made]}


def cut(text: str, *places: int) -> list[str]:
    """Cut a text at some places."""
    at = [0, *places, len(text)]
    return [text[begin:end] for begin, end in pairwise(at)]


def part(type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, **fields}


def response(status: str = "completed", **fields: Any) -> dict[str, Any]:
    made = {"id": "r", "object": "response", "status": status, **fields}
    return {"type": f"response.{status}", "response": made}


def item(name: str, arguments: str, id: str = "i", **more: Any) -> dict[str, Any]:  # noqa: A002
    made = {"type": "function_call", "id": id, "call_id": f"c{id}", "name": name}
    return {**made, "arguments": arguments, **more}


A, B, C = cut(ADA, 6, 17)
LEGACY: list[Any] = [
    {"function_call": {"name": "User", "arguments": A}},
    *({"function_call": {"arguments": each}} for each in (B, C)),
]
RELATIVES: list[tuple[str, str, str, str, str, str, list[Any]]] = []


def add(  # noqa: PLR0913, PLR0917 - one row of a table
    name: str,
    body: str,
    right: Any,
    mode: str = "TOOLS",
    model: str = "User",
    api: str = "chat",
    *,
    many: bool = False,
) -> None:
    many = many or isinstance(right, list)
    method = "create_iterable" if many else "create_partial"
    expected = right if isinstance(right, tuple) else ("value", right)
    RELATIVES.append((name, api, mode, method, model, body, list(expected)))


add("legacy function_call", sse(*map(chunk, LEGACY), chunk(reason="function_call")), USER)
add(
    "growing index a fragment",
    sse(
        chunk(call(A, 0, "c", "User")),
        chunk(call(B, 1)),
        chunk(call(C, 2)),
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "growing index with names null",
    sse(
        chunk(call(A, 0, "c", "User")),
        chunk(
            {"tool_calls": [{"index": 1, "id": None, "function": {"name": None, "arguments": B}}]}
        ),
        chunk(call(C, 2)),
        chunk(reason="stop"),
    ),
    USER,
)
add(
    "channel suffix of a name",
    sse(chunk(call(ADA, 0, "c", "User<|channel|>commentary")), chunk(reason="tool_calls")),
    USER,
)
add(
    "functions. and suffix",
    sse(chunk(call(ADA, 0, "c", "functions.User:0")), chunk(reason="tool_calls")),
    USER,
)
add(
    "name in two pieces",
    sse(
        chunk(call("", 0, "c", "Us")),
        chunk(call("", 0, None, "er")),
        chunk(call(ADA)),
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "name in two pieces of two functions",
    sse(
        chunk(call("", 0, "c", "Pla")),
        chunk(call("", 0, None, "ce")),
        chunk(call(ROME)),
        chunk(reason="tool_calls"),
    ),
    PLACE,
    model="User | Place",
)
add(
    "whole arguments again at the end",
    sse(
        *[
            chunk(call(each, 0, "c" if each == A else None, "User" if each == A else None))
            for each in (A, B, C)
        ],
        chunk(call(ADA, 0, "c", "User"), "tool_calls"),
    ),
    USER,
)
add(
    "empty object first",
    sse(
        chunk(call("{}", 0, "c", "User")),
        *[chunk(call(each)) for each in (A, B, C)],
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "tool_calls is an object",
    sse(
        chunk({"tool_calls": call(ADA, 0, "c", "User")["tool_calls"][0]}),
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "tool_calls an object, in pieces",
    sse(
        chunk({"tool_calls": call(A, 0, "c", "User")["tool_calls"][0]}),
        chunk({"tool_calls": call(B + C)["tool_calls"][0]}),
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "arguments encoded twice",
    sse(chunk(call(json.dumps(ADA), 0, "c", "User")), chunk(reason="tool_calls")),
    USER,
)
add(
    "arguments encoded twice, in pieces",
    sse(
        *[
            chunk(call(each, 0, "c" if not at else None, "User" if not at else None))
            for at, each in enumerate(cut(json.dumps(ADA), 5, 14))
        ],
        chunk(reason="tool_calls"),
    ),
    USER,
)
add("arguments an object", sse(chunk(call(USER, 0, "c", "User")), chunk(reason="tool_calls")), USER)
add(
    "everything in the last chunk",
    sse(chunk({"role": "assistant"}), chunk(call(ADA, 0, "c", "User"), "tool_calls")),
    USER,
)
add(
    "crlf",
    sse(chunk(call(ADA, 0, "c", "User")), chunk(reason="tool_calls")).replace("\n", "\r\n"),
    USER,
)
add(
    "cr",
    sse(chunk(call(ADA, 0, "c", "User")), chunk(reason="tool_calls")).replace("\n", "\r"),
    USER,
)
add("bom", "\ufeff" + sse(chunk(call(ADA, 0, "c", "User")), chunk(reason="tool_calls")), USER)
add(
    "comments between",
    sse(
        ": OPENROUTER PROCESSING\n\n",
        chunk(call(A, 0, "c", "User")),
        ": ping\n\n",
        chunk(call(B + C)),
        chunk(reason="tool_calls"),
    ),
    USER,
)
add(
    "data in two lines",
    "data: "
    + json.dumps(chunk({"content": ADA}, "stop")).replace(', "object"', ',\ndata: "object"')
    + "\n\n",
    USER,
    "JSON",
)
add(
    "heartbeats",
    sse(
        "data:\n\n",
        chunk({"content": A}),
        "data: \n\n",
        chunk({"content": B + C}, "stop"),
        "data:\n\n",
    ),
    USER,
    "JSON",
)
add(
    "parts as content",
    sse(
        chunk({"content": [{"type": "text", "text": A}]}),
        chunk({"content": [{"type": "output_text", "text": B + C}]}),
        chunk(reason="stop"),
    ),
    USER,
    "JSON",
)
add(
    "content an object",
    sse(chunk({"content": {"type": "text", "text": ADA}}), chunk(reason="stop")),
    USER,
    "JSON",
)
for tag in ("think", "thought", "thinking", "reasoning", "seed:think", "THINK", "think id='1'"):
    close = tag.split()[0]
    add(
        f"<{tag}> with a draft",
        sse(
            chunk({"content": f'<{tag}> {{"name": "Bob"}}? </{close}>'}),
            chunk({"content": ADA}, "stop"),
        ),
        USER,
        "JSON",
    )
    add(
        f"</{close}> alone",
        sse(
            chunk({"content": 'Maybe {"name": "Bob", "age": 1}? '}),
            chunk({"content": f"</{close}>\n\n"}),
            chunk({"content": ADA}, "stop"),
        ),
        USER,
        "MD_JSON",
    )
add(
    "harmony channels",
    sse(
        chunk(
            {
                "content": '<|channel|>analysis<|message|>Maybe {"name": "Bob"}<|end|>'
                f"<|start|>assistant<|channel|>final<|message|>{ADA}"
            },
            "stop",
        )
    ),
    USER,
    "JSON",
)
add("stop tokens after text", sse(chunk({"content": ADA + "<|im_end|>"}, "stop")), USER, "JSON")
for token in (
    "<|eot_id|>",
    "</s>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<|call|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "</tool_call>",
):
    add(
        f"{token} after arguments",
        sse(chunk(call(ADA + token, 0, "c", "User")), chunk(reason="tool_calls")),
        USER,
    )
for reason in (
    "eos",
    "end_turn",
    "tool_use",
    "COMPLETE",
    "stop",
    "STOP",
    "tool_calls",
    "function_call",
):
    add(
        f"{reason} completes calls",
        sse(
            chunk(call(ADA, 0, "a", "User")),
            chunk(call(ROME, 1, "b", "Place")),
            chunk(reason=reason),
        ),
        [USER, PLACE],
        model="User | Place",
    )
    add(
        f"{reason} completes a call without arguments",
        sse(chunk(call("", 0, "a", "Opt")), chunk(reason=reason)),
        {},
        model="Opt",
    )
for reason in (
    "network_error",
    "abort",
    "max_tokens",
    "sensitive",
    "guardrail_intervened",
    "SAFETY",
    "RECITATION",
    "what?",
    "model_length",
):
    add(
        f"{reason} completes no calls",
        sse(
            chunk(call(ADA, 0, "a", "User")),
            chunk(call(ROME, 1, "b", "Place")),
            chunk(reason=reason),
        ),
        ("error", "StreamError"),
        model="User | Place",
        many=True,
    )
    add(
        f"{reason} completes no call without arguments",
        sse(chunk(call("", 0, "a", "Opt")), chunk(reason=reason)),
        ("error", "StreamError"),
        model="Opt",
    )
    add(
        f"{reason} after whole JSON",
        sse(chunk({"content": ADA}), chunk(reason=reason)),
        USER,
        "JSON",
    )
add(
    "stop on every chunk",
    sse(chunk(call(A, 0, "c", "User"), "stop"), chunk(call(B + C), "stop"), chunk(reason="stop")),
    USER,
)
add(
    "usage in the choice",
    sse(
        chunk(call(ADA, 0, "c", "User")), chunk(reason="tool_calls", usage={"completion_tokens": 3})
    ),
    USER,
)
add(
    "the answer in choice 1",
    sse(
        chunk({"content": "Let me see."}),
        chunk(call(ADA, 0, "c", "User"), index=1),
        chunk(reason="tool_calls", index=1),
    ),
    USER,
)
for name, said in {
    "error object": {"error": {"message": "the disk is full", "type": "x"}},
    "error words": {"error": "the disk is full"},
    "a list": [{"error": {"message": "the disk is full"}}],
    "base_resp": {"base_resp": {"status_code": 1, "status_msg": "the disk is full"}},
    "object error": {"object": "error", "message": "the disk is full"},
    "detail": {"detail": "the disk is full"},
    "details": {"detail": [{"msg": "the disk is full", "loc": ["body"]}]},
    "in the choice": {
        "choices": [{"index": 0, "delta": {}, "error": {"message": "the disk is full"}}]
    },
    "message and code": {"code": 500, "message": "the disk is full"},
}.items():
    add(f"{name} at once", sse(said), ("error", "ServerError", "the disk is full"))
    add(
        f"{name} in the middle",
        sse(chunk(call(A, 0, "c", "User")), said, done=False),
        ("error", "ServerError", "the disk is full"),
    )
add(
    "event: error",
    'event: error\ndata: {"message": "the disk is full"}\n\n',
    ("error", "ServerError", "the disk is full"),
)
add("error field", "error: the disk is full\n\n", ("error", "StreamError", "the disk is full"))
add("nothing", "", ("error", "TruncatedError", "sent nothing"))
add("only done", sse(), ("error", "TruncatedError"))
add(
    "own tool",
    sse(chunk(call("{}", 0, "c", "weather")), chunk(reason="tool_calls")),
    ("error", "StreamError", "weather"),
    model="User | Place",
)

DELTA = "response.function_call_arguments.delta"
DONE = "response.function_call_arguments.done"
ADDED = "response.output_item.added"
ITEM_DONE = "response.output_item.done"
TEXT = "response.output_text.delta"
ADD_USER = part(ADDED, output_index=0, item=item("User", ""))
ANSWERS: dict[str, list[Any]] = {
    "[DONE] before completed": [
        ADD_USER,
        part(DELTA, output_index=0, item_id="i", delta=ADA),
        "data: [DONE]\n\n",
        response(),
    ],
    "incomplete between no calls": [
        ADD_USER,
        part(DELTA, output_index=0, delta=ADA),
        part(DONE, output_index=0, arguments=ADA),
        response(),
    ],
    "only item_id tells": [
        part(ADDED, item=item("User", "")),
        part(DELTA, item_id="i", delta=A),
        part(DELTA, item_id="i", delta=B + C),
        response(),
    ],
    "added missing, done has the name": [
        part(DELTA, item_id="i", output_index=0, delta=ADA),
        part(ITEM_DONE, output_index=0, item=item("User", ADA)),
        response(),
    ],
    "other index of the deltas": [
        part(ADDED, output_index=1, item=item("User", "")),
        part(DELTA, output_index=0, item_id="i", delta=ADA),
        response(),
    ],
    "encoded twice": [ADD_USER, part(DELTA, output_index=0, delta=json.dumps(ADA)), response()],
    "arguments in added and again": [
        part(ADDED, output_index=0, item=item("User", ADA)),
        part(DONE, output_index=0, item_id="i", arguments=ADA),
        response(),
    ],
    "the rest in done": [
        ADD_USER,
        part(DELTA, output_index=0, item_id="i", delta=A),
        part(DONE, output_index=0, item_id="i", arguments=ADA),
        response(),
    ],
    "the rest in completed": [
        ADD_USER,
        part(DELTA, output_index=0, item_id="i", delta=A),
        response(output=[item("User", ADA)]),
    ],
    "names with a prefix": [
        part(ADDED, output_index=0, item=item("functions.User", "")),
        part(DELTA, output_index=0, delta=ADA),
        response(),
    ],
    "reasoning first": [
        part(ADDED, output_index=0, item={"type": "reasoning", "id": "rs"}),
        part("response.reasoning_text.delta", output_index=0, delta="{"),
        part(ADDED, output_index=1, item=item("User", "")),
        part(DELTA, output_index=1, delta=ADA),
        response(),
    ],
}
for name, events in ANSWERS.items():
    add(f"responses: {name}", sse(*events, done=False, name=True), USER, api="responses")
    add(f"responses: {name}, types in data only", sse(*events, done=False), USER, api="responses")
TWO = [
    part(ADDED, item=item("User", "", "a")),
    part(ADDED, item=item("Place", "", "b")),
    part(DELTA, item_id="a", delta=ADA[:9]),
    part(DELTA, item_id="b", delta=ROME),
    part(DELTA, item_id="a", delta=ADA[9:]),
]
add(
    "responses: two calls by item_id",
    sse(*TWO, response(), done=False),
    [PLACE, USER],
    model="User | Place",
    api="responses",
)
add(
    "responses: incomplete between two calls",
    sse(
        *TWO[:1],
        part(DELTA, item_id="a", delta=ADA),
        response("incomplete", incomplete_details={"reason": "max_output_tokens"}),
        done=False,
    ),
    ("error", "TruncatedError"),
    model="User | Place",
    api="responses",
    many=True,
)
for name, said in {
    "failed": response("failed", error={"code": "x", "message": "the disk is full"}),
    "error event": part("error", message="the disk is full", code="x"),
    "error object": {"error": {"message": "the disk is full"}},
    "detail": {"detail": "the disk is full"},
}.items():
    add(
        f"responses: {name}",
        sse(ADD_USER, said, done=False),
        ("error", "ServerError", "the disk is full"),
        api="responses",
    )
add(
    "responses: text only in part done",
    sse(
        part("response.output_text.done", output_index=0, content_index=0, text=ADA),
        response(),
        done=False,
    ),
    USER,
    "JSON",
    api="responses",
)
add(
    "responses: refusal",
    sse(
        part("response.refusal.delta", output_index=0, delta="No."),
        part("response.refusal.done", refusal="No."),
        response(),
        done=False,
    ),
    ("error", "RefusalError", "No."),
    "JSON",
    api="responses",
)

CASES = [
    wire.Case(name, api, mode, method, model, [{"send": body}], right)
    for name, api, mode, method, model, body, right in RELATIVES
]


@pytest.fixture(scope="module")
def server() -> Iterator[wire.WireServer]:
    with wire.serve(CASES) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_relative_ends_right_in_one_way(
    case: wire.Case, way: Way, server: wire.WireServer, sync_http: Any
) -> None:
    check(case, *read(case, way, server.url(case, 7), sync_http))


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@EVERY_WAY
@pytest.mark.parametrize("cut_at", [0, 7])
def test_each_relative_ends_right(
    case: wire.Case, way: Way, cut_at: int, server: wire.WireServer, sync_http: Any
) -> None:
    check(case, *read(case, way, server.url(case, cut_at), sync_http))
