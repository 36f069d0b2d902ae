"""What other jobs left: whole answers are values, those that were cut off never are."""

from __future__ import annotations

import json
import random
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from partialfast import cli, replay
from partialfast.batch import BatchError
from partialfast.batch.io import _recorded
from partialfast.batch.io._recorded import detect, file_blocks, read_block
from partialfast.batch.run._salvage import salvage
from tests.batching import answer, lines

MODEL = "tests.batching:Person"
WHOLE = json.dumps(answer(1), ensure_ascii=False)


def run(tmp_path: Path, content: str | bytes, *words: str, model: str = MODEL) -> int:
    source = tmp_path / "answers.txt"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    output = tmp_path / "out.jsonl"
    return cli.main(
        ["salvage", str(source), "--model", model, "--output", str(output), "--overwrite", *words]
    )


def found(tmp_path: Path) -> list[dict[str, Any]]:
    return lines(tmp_path / "out.jsonl")


def failed(tmp_path: Path) -> list[dict[str, Any]]:
    return lines(tmp_path / "out.errors.jsonl")


def test_one_answer_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fenced = f"Sure! ```json {WHOLE} ``` Anything else?"
    content = "\n".join(
        [WHOLE, WHOLE[:29], "", fenced, '{"name": "x", "age": "old"}', "no idea", '{"name" 1}']
    )
    assert run(tmp_path, content) == 3
    assert found(tmp_path) == [
        {"id": "1", "value": answer(1)},
        {
            "id": "2",
            "partial": {"name": "Person 1"},
            "writing": ["age"],
            "why": found(tmp_path)[1]["why"],
        },
        {"id": "4", "value": answer(1)},
    ]
    assert "ended after 29 bytes" in found(tmp_path)[1]["why"]
    kinds = {line["id"]: line["error"]["kind"] for line in failed(tmp_path)}
    assert kinds == {"5": "invalid", "6": "json", "7": "json"}
    [invalid] = [line for line in failed(tmp_path) if line["id"] == "5"]
    assert invalid["error"]["location"] == ["age"]
    assert invalid["text"] == '{"name": "x", "age": "old"}'
    assert invalid["snapshot"] == {"name": "x"}
    said = capsys.readouterr().err
    assert "6 answers (text): 2 complete, 1 partial, 2 json, 1 invalid" in said
    assert "MB/s with 1 process" in said


def test_what_is_not_quite_json_is_read_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = "Sure: {name: 'Person 1', 'age': 1_1, 'tags': ['a', None],}"
    content = f"{WHOLE}\n{written}\n{{name: New York}}\n{{'name': 'P"
    assert run(tmp_path, content) == 3
    assert [line["id"] for line in found(tmp_path)] == ["1"]
    assert run(tmp_path, content, "--lenient", model="tests.batch.test_salvage:Loose") == 3
    whole, repaired, partial = found(tmp_path)
    assert "repairs" not in whole
    assert repaired["value"] == {"name": "Person 1", "age": 11, "tags": ["a", None]}
    assert repaired["repairs"][0] == {"kind": "unquoted_key", "offset": 7, "line": 1, "column": 8}
    assert partial["partial"] == {"name": "P"}
    [refused] = failed(tmp_path)
    assert "more than one word" in refused["error"]["message"]
    said = capsys.readouterr().err
    assert (
        "1 answer needed repairs: 4 other quotes, 1 unquoted key, 1 number in another notation, "
        "1 literal in another word, 1 extra comma"
    ) in said


class Loose(BaseModel):
    name: str
    age: int = 0
    tags: list[str | None] = []


def test_all_complete_is_success(tmp_path: Path) -> None:
    assert run(tmp_path, WHOLE + "\r\n" + WHOLE) == 0
    assert [line["value"] for line in found(tmp_path)] == [answer(1)] * 2


def test_no_prefix_of_an_answer_is_complete(tmp_path: Path) -> None:
    data = WHOLE.encode()
    # As strings: some of the prefixes end within a character.
    content = b"\n".join(data[:size] for size in range(1, len(data)))
    assert run(tmp_path, content) == 3
    assert {key for line in found(tmp_path) for key in line} == {"id", "partial", "writing", "why"}
    assert len(found(tmp_path)) + len(failed(tmp_path)) == len(data) - 1
    for line in failed(tmp_path):
        assert "UTF-8" in line["error"]["message"]


def test_strings(tmp_path: Path) -> None:
    pretty = json.dumps(answer(1), indent=2)
    content = "\n".join([json.dumps(pretty), json.dumps(pretty[:20]), "5", '"open'])
    assert run(tmp_path, content) == 3
    assert found(tmp_path)[0] == {"id": "1", "value": answer(1)}
    assert "partial" in found(tmp_path)[1]
    assert [line["error"]["kind"] for line in failed(tmp_path)] == ["unanswered"] * 2


def batch_line(id_: str, body: dict[str, Any] | None, **more: Any) -> str:
    response = None if body is None else {"status_code": 200, "request_id": "r", "body": body}
    return json.dumps({"id": f"b-{id_}", "custom_id": id_, "response": response, **more})


def completion(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}]}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "Person", "arguments": arguments}
    return {"content": None, "tool_calls": [{"type": "function", "function": function}]}


def test_results_of_the_batch_api(tmp_path: Path) -> None:
    text = {"type": "message", "content": [{"type": "output_text", "text": WHOLE}]}
    content = "\n".join(
        [
            batch_line("tool", completion(call(WHOLE), "tool_calls")),
            batch_line("text", completion({"content": WHOLE})),
            batch_line("cut", completion({"content": WHOLE[:25]}, "length")),
            batch_line("refused", completion({"content": None, "refusal": "No."})),
            batch_line("responses", {"output": [{"type": "reasoning"}, text]}),
            batch_line("function", {"output": [{"type": "function_call", "arguments": WHOLE}]}),
            batch_line("failed", None, error={"code": "batch_expired", "message": "expired"}),
            batch_line("bad", {"error": {"message": "too long"}}),
            "{}",
            "{",
        ]
    )
    assert run(tmp_path, content) == 3
    assert {line["id"]: "value" in line for line in found(tmp_path)} == {
        "tool": True, "text": True, "cut": False, "responses": True, "function": True,
    }  # fmt: skip
    assert {line["id"]: line["error"]["message"] for line in failed(tmp_path)} == {
        "refused": "the model refused: No.",
        "failed": "the request failed: expired",
        "bad": "the request failed: too long",
        "9": "the line is not a result of the Batch API: no custom_id",
        "10": failed(tmp_path)[-1]["error"]["message"],
    }


@pytest.mark.parametrize(
    "line",
    [
        batch_line("odd", None, response="<html>"),
        batch_line("odd", None, response={"status_code": 502, "body": "<html>502</html>"}),
        batch_line("odd", None, response={"status_code": 502, "body": [1]}),
        batch_line("odd", {"choices": "none"}),
        batch_line("odd", {"choices": [None]}),
        batch_line("odd", completion({"content": [{"text": 5}]})),
        batch_line("odd", completion({"tool_calls": [{"type": "custom", "custom": {}}]})),
        batch_line("odd", {"choices": [{"message": 1, "finish_reason": []}]}),
        batch_line("odd", {"output": "none"}),
        batch_line("odd", {"output": [1, {"content": [2, {"type": "output_text", "text": 3}]}]}),
        '{"custom_id": "odd", "response": ' + "[" * 100_000,
        "[1]",
    ],
)
def test_an_odd_result_costs_no_other(tmp_path: Path, line: str) -> None:
    content = "\n".join(batch_line(id_, completion({"content": WHOLE})) for id_ in ("a", "b"))
    assert run(tmp_path, content.replace("\n", f"\n{line}\n")) == 3
    assert [line["id"] for line in found(tmp_path)] == ["a", "b"]
    [failure] = failed(tmp_path)
    assert failure["error"]["kind"] in {"unanswered", "json"}


# Half of a surrogate pair is what Python's reader of JSON takes and others refuse.
_any_text = st.text(st.characters(exclude_categories=()), max_size=20)
_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_any_text, inner, max_size=3),
    max_leaves=10,
)


def _nested(value: Any, depth: int) -> Any:
    return value if depth == 0 else [_nested(value, depth - 1)]


def _refuse(*_: object) -> Any:
    raise ValueError


@given(
    text=_any_text | st.just('{"n":1}'),
    other=_any_json,
    depth=st.sampled_from([0, 0, 0, 250]),
    plain=st.booleans(),
)
def test_a_result_is_read_as_python_reads_it(
    text: str, other: Any, depth: int, *, plain: bool
) -> None:
    body = completion(call(text)) | {"usage": other, "other": _nested(other, depth)}
    line = json.dumps(
        {"custom_id": "a", "response": {"status_code": 200, "body": body}, "other": other},
        ensure_ascii=plain,
    ).encode("utf-8", "surrogatepass")
    read = [*read_block("batch", 1, line)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_recorded, "from_json", _refuse)
        patch.setattr(_recorded, "to_json", _refuse)
        assert read == [*read_block("batch", 1, line)]


def events(*pieces: str, id_: str = "c") -> list[str]:
    deltas = [{"index": 0, "delta": {"content": piece}} for piece in pieces]
    made = [f"data: {json.dumps({'id': id_, 'choices': [each]})}\n\n" for each in deltas]
    return [*made, "data: [DONE]\n\n"]


@pytest.mark.parametrize(
    "event",
    [
        "data: 5",
        'data: {"choices": "none"}',
        'data: {"id": 5, "choices": [1, {"delta": 2}, {"delta": {"tool_calls": [3]}}]}',
        'data: {"choices": [{"delta": {"content": 4, "refusal": 5}, "finish_reason": 6}]}',
        'data: {"type": "response.output_text.delta", "delta": 7, "response": 8}',
    ],
)
def test_an_odd_event_costs_nothing(tmp_path: Path, event: str) -> None:
    content = "".join(events(WHOLE[:9], WHOLE[9:])).replace("\n\n", f"\n\n{event}\n\n", 1)
    assert run(tmp_path, content) == 0
    assert [line["value"] for line in found(tmp_path)] == [answer(1)]


@pytest.mark.parametrize("torn", [1, 2])
def test_a_stream_with_a_hole_is_not_complete(tmp_path: Path, torn: int) -> None:
    broken = events('{"name": "A', "BC", 'D", "age": 3', '6, "city": "Rome"}')
    broken[torn] = broken[torn][:-9] + "\n\n"
    assert run(tmp_path, "".join([*broken, *events(WHOLE, id_="d")])) == 3
    first, second = found(tmp_path)
    assert first["partial"] == {"name": ["A", "ABC"][torn - 1]}
    assert second == {"id": "d", "value": answer(1)}


def test_a_byte_order_mark_costs_no_event(tmp_path: Path) -> None:
    assert run(tmp_path, b"\xef\xbb\xbf" + "".join(events(WHOLE[:9], WHOLE[9:])).encode()) == 0
    assert [line["value"] for line in found(tmp_path)] == [answer(1)]


@pytest.mark.network
@pytest.mark.parametrize("api", ["chat/completions", "responses"])
@pytest.mark.parametrize("tools", [True, False])
def test_recorded_streams(tmp_path: Path, api: str, *, tools: bool) -> None:
    faults: list[Any] = [[], "length@25", "end@30", "refuse"]
    recorded: list[Any] = [{"text": WHOLE, "fault": fault, "times": 1} for fault in faults]
    with replay.serve(recorded) as server:
        bodies = [ask(server, api, tools=tools) for _ in faults]
    # What was being written when the recording stopped.
    bodies.append(bodies[0][: len(bodies[0]) * 2 // 3])
    assert run(tmp_path, b"".join(bodies)) == 3
    values = found(tmp_path)
    assert [line.get("value") for line in values] == [answer(1), None, None, None]
    assert all("partial" in line for line in values[1:])
    [refusal] = failed(tmp_path)
    assert "the model refused" in refusal["error"]["message"]


def ask(server: replay.Server, api: str, *, tools: bool) -> bytes:
    function = {"name": "Person", "parameters": {"type": "object"}}
    body: dict[str, Any] = {"model": "gpt-4", "stream": True}
    if api == "responses":
        body |= {"input": "x", "tools": [{"type": "function", **function}] if tools else []}
    else:
        body |= {"messages": [{"role": "user", "content": "x"}]}
        if tools:
            body["tools"] = [{"type": "function", "function": function}]
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{server}/{api}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        read: bytes = response.read()
    return read


def test_a_value_that_was_wrapped_is_taken_out(tmp_path: Path) -> None:
    content = '{"items": [1, 2]}\n{"items": [1, 2\n[1, 2]\n{"items": [1, 2]\n{"other": 1}'
    (tmp_path / "numbers.py").write_text("Numbers = list[int]\n")
    assert run(tmp_path, content, model=f"{tmp_path}/numbers.py:Numbers") == 3
    assert [line.get("value", line.get("partial")) for line in found(tmp_path)] == [
        [1, 2], [1], [1, 2], [1, 2],
    ]  # fmt: skip
    assert ["value" in line for line in found(tmp_path)] == [True, False, True, False]
    assert [line["error"]["location"] for line in failed(tmp_path)] == [["items"]]


def test_many_processes_find_what_one_does(tmp_path: Path) -> None:
    draw = random.Random(5)  # noqa: S311 - documents, no secrets
    texts = [json.dumps(answer(number) | {"city": "x" * 400}) for number in range(13_500)]
    content = "\n".join(
        text if draw.random() < 0.8 else text[: draw.randrange(len(text))] for text in texts
    )
    assert len(content) > 2 * 2**21  # three blocks
    assert run(tmp_path, content, "--workers", "2") == 3
    several = [(tmp_path / name).read_bytes() for name in ("out.jsonl", "out.errors.jsonl")]
    assert run(tmp_path, content, "--workers", "1") == 3
    assert several == [(tmp_path / name).read_bytes() for name in ("out.jsonl", "out.errors.jsonl")]
    assert len(found(tmp_path)) + len(failed(tmp_path)) == sum(
        1 for line in content.split("\n") if line
    )


CREATED = {"type": "response.created", "response": {"id": "r"}}
DELTA = {"type": "response.output_text.delta", "delta": "1"}


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
@pytest.mark.parametrize(
    ("kind", "text", "each"),
    [
        ("text", b'{"a": 1}', '{"a": 1}\n'),
        ("sse", b"1", "".join(events("1"))),
        ("sse", b"1", "".join(events("1")).replace("\n", "\r\n").replace("data: [", "data:[")),
        ("sse", b"1", f"data: {json.dumps(CREATED)}\n\ndata: {json.dumps(DELTA)}\n\n"),
        (
            "sse",
            b"1",
            (
                "event: response.created\n"
                f"data: {json.dumps(CREATED, separators=(',', ':'))}\n\n"
                f"data: {json.dumps(DELTA)}\n\n"
            ),
        ),
    ],
)
def test_blocks_end_where_an_answer_ends(
    tmp_path: Path, kind: str, text: bytes, each: str, size: int
) -> None:
    content = each.encode() * 5
    path = tmp_path / "in"
    path.write_bytes(content)
    with path.open("rb") as file:
        parts = list(file_blocks(file, kind, size=size))
    assert b"".join(block for _, block in parts) == content
    assert size == 1000 or len(parts) > 1
    read = [each for first, block in parts for each in read_block(kind, first, block)]
    assert [recorded.text for _, recorded in read] == [text] * 5
    if kind == "text":
        assert [number for number, _ in read] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b'{"a": 1}', "text"),
        (b"Sure: {}", "text"),
        (b"", "text"),
        (b'"{}"', "string"),
        (b'\n{"id": "x", "custom_id": "y", "response": {}}', "batch"),
        (b"data: {}", "sse"),
        (b": comment\n\ndata: {}", "sse"),
        (b"\xef\xbb\xbfevent: x\n", "sse"),
    ],
)
def test_the_kind_of_a_file_is_told_from_its_beginning(head: bytes, kind: str) -> None:
    assert detect(head) == kind


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "out.txt"], "must end in .jsonl"),
        (["--output", "answers.jsonl", "--overwrite"], "would go to the input: answers.jsonl"),
        # Failures would go there.
        (["in.errors.jsonl", "--output", "in.jsonl", "--overwrite"], "would go to the input: in.e"),
        (["--output", "there.jsonl"], "there.jsonl is there already: --overwrite replaces it"),
        (["--output", "in.jsonl"], "in.errors.jsonl is there already: --overwrite replaces it"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--model", "nowhere:M"], "cannot import nowhere"),
        (["--output", "none/out.jsonl"], "cannot salvage"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    there = [tmp_path / name for name in ("answers.jsonl", "in.errors.jsonl", "there.jsonl")]
    for path in there:
        path.write_text(WHOLE)
    file = [] if words[0].endswith(".jsonl") else ["answers.jsonl"]
    given = ["salvage", *file, "--model", MODEL, "--output", "out.jsonl", *words]
    assert cli.main(given) == 1
    assert message in capsys.readouterr().err
    assert [path.read_text() for path in there] == [WHOLE] * 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="cannot salvage"):
        salvage(
            tmp_path / "none", model=MODEL, output=tmp_path / "o.jsonl", errors=tmp_path / "e.jsonl"
        )
