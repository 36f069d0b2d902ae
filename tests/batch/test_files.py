"""What a batch reads and writes: documents, journals, Parquet, types by name."""

from __future__ import annotations

import csv
import importlib
import io
import json
import numbers
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, field_serializer

from partialfast.batch import BatchError, Failure, Item, Result, Timings, Usage
from partialfast.batch.io._documents import open_documents
from partialfast.batch.io._journal import Journal, JournalError
from partialfast.batch.io._model import find_model
from partialfast.batch.io._output import checked_rows
from partialfast.batch.io._parquet import ParquetFile, arrow_schema
from partialfast.batch.loop._prompt import make_prompt
from partialfast.batch.loop._result import result_of
from tests.batching import Person, answer, lines

parquet: Any = pytest.importorskip("pyarrow.parquet")
pa: Any = pytest.importorskip("pyarrow")


def write_parquet(model: Any, values: Path, output: Path) -> None:
    sink = ParquetFile(output)
    sink.prepare(model, overwrite=True, has_journal=True)
    sink.write(record for _, record in checked_rows(model, values))


# Documents


def items(path: Path, **options: Any) -> list[Item]:
    return list(open_documents(str(path), **options).items())


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"id": 7, "text": "a\\nb"}\r\n\n{"text": "\xe2\x80\xa8 is no line"}\n'
    )
    assert items(path) == [
        Item("7", {"id": 7, "text": "a\nb"}),
        Item("2", {"text": "\u2028 is no line"}),
    ]


def test_csv_with_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["key", "text"], ["x", 'say "a",\nthen b'], ["y", "z" * 200_000]])
    found = items(path, id_field="key")
    assert [item.id for item in found] == ["x", "y"]
    assert found[0].fields["text"] == 'say "a",\nthen b'
    assert len(found[1].fields["text"]) == 200_000


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"id": [1, 2], "text": ["a", "b"]}), path)
    assert items(path) == [
        Item("1", {"id": 1, "text": "a"}),
        Item("2", {"id": 2, "text": "b"}),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([("text", ["a"]), ("text", ["b"])], "two columns are called 'text'"),
        # After the year 9999.
        ([("text", pa.array([4_000_000], pa.date32()))], "cannot read .*: date value out of range"),
    ],
)
def test_parquet_that_python_cannot_hold(
    tmp_path: Path, columns: list[tuple[str, Any]], message: str
) -> None:
    names, arrays = zip(*columns, strict=True)
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table(list(arrays), names=list(names)), path)
    with pytest.raises(BatchError, match=message):
        items(path)


def test_a_folder_and_a_file_of_text(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "b" / "two.txt").write_text("zwei")
    (tmp_path / "one.md").write_text("eins\nand more")
    (tmp_path / ".git" / "x").write_text("hidden")
    (tmp_path / ".hidden").write_text("hidden")
    found = items(tmp_path)
    assert [(item.id, item.fields["text"]) for item in found] == [
        ("one.md", "eins\nand more"),
        ("b/two.txt", "zwei"),
    ]
    assert [item.id for item in items(tmp_path / "one.md")] == ["one.md"]


@pytest.mark.parametrize(
    ("format_", "sent", "expected"),
    [
        (None, '{"text": "a"}\n{"text": "b"}', ["a", "b"]),
        ("text", "a\n\nb\n", ["a", "b"]),
        ("csv", "text\na\nb\n", ["a", "b"]),
    ],
)
def test_standard_input(
    format_: str | None, sent: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(sent.encode())))
    found = open_documents("-", input_format=format_)
    assert not found.is_repeatable
    assert [item.fields["text"] for item in found.items()] == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.jsonl", b'{"text": "a"}\n{"text": \n', r"in\.jsonl:2: not JSON"),
        (
            "in.jsonl",
            b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            r"in\.jsonl:1: nested too deeply",
        ),
        ("in.jsonl", b'"text"\n', r"in\.jsonl:1: an object is needed.*str"),
        ("in.jsonl", b'{"text": "\xff"}\n', r"in\.jsonl:1.*not UTF-8"),
        (
            "in.jsonl",
            b'{"id": 1, "text": ""}\n{"id": "1"}\n',
            r"in\.jsonl:2: the id '1' is that of",
        ),
        ("in.csv", b"a,b\n1\n", r"in\.csv:2: the row does not have as many fields"),
        ("in.csv", b"a,b\n1,2,3\n", r"in\.csv:2: the row does not have as many fields"),
        ("in.csv", b"id,text,,text,\n1,a,,b,\n", r"in\.csv: two columns are called 'text'"),
        ("in.csv", b'a\n1\n"x\n2\n', r"in\.csv:3: not CSV: unexpected end of data"),
        ("in.csv", b'a\n1\n"x"y\n', r"in\.csv:3: not CSV"),
        ("in.csv", b"a\n1\n\xff\n", r"in\.csv:\d \(or soon after\): not UTF-8"),
        ("in.txt", b"\xff", r"in\.txt: not a text file"),
        ("in.parquet", b"no", r"cannot read .*in\.parquet"),
        ("in.pdf", b"", r"cannot be told from its name"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BatchError, match=message):
        items(tmp_path / name)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="there is no input"):
        items(tmp_path / "none.jsonl")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(BatchError, match=r"in\.jsonl:1: there is no 'key' to be the id.*text"):
        items(tmp_path / "in.jsonl", id_field="key")
    documents = open_documents(str(tmp_path / "in.jsonl"))
    with pytest.raises(BatchError, match=r"in\.jsonl:1: .*no field 'title'.*its fields: text"):
        list(documents.items(make_prompt("{title}", system=None)))
    with pytest.raises(BatchError, match="standard input"):
        open_documents("-", input_format="parquet")


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BatchError, match="standard input is closed"):
        open_documents("-")


# Journals


def result(number: int, error: Failure | None = None, value: Any = None) -> Result[Any]:
    return result_of(
        id=f"d{number}",
        value=Person(**answer(number)) if error is None and value is None else value,
        error=error,
        text="{}",
        snapshot=None if error is None else {"name": "x"},
        usage=Usage(3, 4),
        attempts=1,
        timings=Timings(0.0, 0.1, 0.2),
        index=number,
    )


INVALID = Failure("invalid", "age: bad", ("people", 0, "age"), ({"type": "int_parsing"},))


def journal(folder: Path, start: Any = "resume", **options: Any) -> Journal:
    return Journal(
        options.pop("model", Person), folder / "out.jsonl", folder / "out.errors.jsonl",
        start=start, **options,
    )  # fmt: skip


def test_a_line_for_each_result(tmp_path: Path) -> None:
    with journal(tmp_path, "new") as written:
        written.write(result(1))
        written.write(result(2, INVALID))
    [value] = lines(tmp_path / "out.jsonl")
    [error] = lines(tmp_path / "out.errors.jsonl")
    assert (value["id"], value["value"], value["attempts"]) == ("d1", answer(1), 1)
    assert value["usage"] == {"input_tokens": 3, "output_tokens": 4, "estimated": False}
    assert value["seconds"] == {"queued": 0.0, "first_token": 0.1, "total": 0.2}
    assert error["error"] == {
        "kind": "invalid", "message": "age: bad", "location": ["people", 0, "age"],
        "details": [{"type": "int_parsing"}], "status": None,
    }  # fmt: skip
    assert (error["text"], error["snapshot"]) == ("{}", {"name": "x"})


def test_a_torn_last_line_is_cut_off_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with journal(tmp_path, "new") as written:
        written.write(result(1))
        whole = path.stat().st_size
        written.write(result(2))
    data = path.read_bytes()
    for size in range(whole, len(data)):
        path.write_bytes(data[:size])
        with journal(tmp_path) as resumed:
            assert set(resumed.done) == {"d1"}
            resumed.write(result(2))
        assert path.read_bytes() == data
    # What a computer that loses its power may leave.
    path.write_bytes(data[:whole] + b"\0" * 50)
    with journal(tmp_path) as resumed:
        assert set(resumed.done) == {"d1"}
    assert path.read_bytes() == data[:whole]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"id":"a","value":1}\nnonsense\n{"id":"b","value":1}\n', ":2 is not a result"),
        (b"my only notes", ":1 is not a result"),
        (b'{"id":5}\n', ":1 is not a result"),
        (b'{"id":"a"}\n{"id":"a"}\n', ":2: the id 'a' is there twice"),
    ],
)
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "out.jsonl").write_bytes(content)
    with pytest.raises(JournalError, match=message):
        journal(tmp_path)
    assert (tmp_path / "out.jsonl").read_bytes() == content


def test_results_are_not_overwritten_unasked(tmp_path: Path) -> None:
    with journal(tmp_path, "new") as written:
        written.write(result(1))
        written.write(result(2, INVALID))
    with pytest.raises(JournalError, match=r"out\.jsonl is there already: --resume.*--overwrite"):
        journal(tmp_path, "new")
    with journal(tmp_path) as resumed:
        assert (set(resumed.done), set(resumed.failed)) == ({"d1"}, {"d2"})
    with journal(tmp_path, retry_failed=True) as resumed:
        assert (set(resumed.done), set(resumed.failed)) == ({"d1"}, set())
    with journal(tmp_path, "overwrite") as begun:
        assert not begun.done
    assert lines(tmp_path / "out.jsonl") == []


def test_two_runs_on_one_output_refuse_each_other(tmp_path: Path) -> None:
    with (
        journal(tmp_path, "new"),
        pytest.raises(JournalError, match="another run is writing"),
    ):
        journal(tmp_path)
    # Also after a run that could not begin.
    (tmp_path / "out.jsonl").write_text("nonsense\n")
    for _ in range(2):
        with pytest.raises(JournalError, match="is not a result"):
            journal(tmp_path)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot write"):
        journal(tmp_path / "none", "new")
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(JournalError, match="cannot write"):
        journal(tmp_path, "resume")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of a file's size")
def test_a_full_disk_loses_nothing_that_is_finished(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with journal(tmp_path, "new") as written:
        written.write(result(1))
        whole = (tmp_path / "out.jsonl").read_bytes()
        # A part of the second line fits, as on a disk that is nearly full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, limits[1]))
        try:
            with pytest.raises(JournalError, match=r"cannot write .*: File too large.*--resume"):
                written.write(result(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_a_value_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    class Odd(BaseModel):
        age: int

        @field_serializer("age")
        def serialize(self, _: int) -> str:
            raise ValueError("never")

    with journal(tmp_path, "new", model=Odd) as written:
        as_written = written.write(result(1, value=Odd(age=1)))
    assert as_written.error is not None
    assert as_written.error.kind == "serialize"
    assert [line["error"]["kind"] for line in lines(tmp_path / "out.errors.jsonl")] == ["serialize"]
    assert lines(tmp_path / "out.jsonl") == []


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    failed = result(1, Failure("json", "\ud83d is half"))
    with journal(tmp_path, "new") as written:
        written.write(failed)
    [line] = lines(tmp_path / "out.errors.jsonl")
    assert line["error"]["message"] == "\ud83d is half"


def test_an_id_has_one_line(tmp_path: Path) -> None:
    with journal(tmp_path, "new") as written:
        written.write(result(1))
        with pytest.raises(JournalError, match="has a result already"):
            written.write(result(1))


# Parquet


class Kind(Enum):
    TALK = "talk"
    PANEL = "panel"


class Guest(BaseModel):
    name: str
    emails: list[str] = Field(alias="mails")


class Node(BaseModel):
    label: str
    children: list[Node]


class Meeting(BaseModel):
    id: int
    title: str | None
    day: date
    begins: datetime
    kind: Kind
    level: Literal[1, 2]
    cost: Decimal
    share: float
    public: bool
    guests: list[Guest]
    host: Guest | None
    rooms: dict[str, int]
    tree: Node
    note: int | str
    extra: Any


MEETING = Meeting(
    id=3, title=None, day=date(2025, 1, 2),
    begins=datetime(2025, 1, 2, 3, 4, 5, 600, timezone(timedelta(hours=2))),
    kind=Kind.TALK, level=2, cost=Decimal("1.10"), share=1, public=True,
    guests=[Guest(name="Ada", mails=["a@b", "c@d"])], host=None, rooms={"a": 1},
    tree=Node(label="x", children=[Node(label="y", children=[])]), note="n", extra=[1, {"a": None}],
)  # fmt: skip


def test_nested_models_become_nested_columns(tmp_path: Path) -> None:
    with journal(tmp_path, "new", model=Meeting) as written:
        written.write(result(1, value=MEETING))
    output = tmp_path / "out.parquet"
    write_parquet(Meeting, tmp_path / "out.jsonl", output)
    table = parquet.read_table(output)
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "_id": "string", "id": "int64", "title": "string", "day": "date32[day]",
        "begins": "timestamp[us, tz=UTC]", "kind": "string", "level": "int64", "cost": "string",
        "share": "double", "public": "bool",
        "guests": "list<element: struct<name: string, mails: list<element: string>>>",
        "host": "struct<name: string, mails: list<element: string>>",
        "rooms": "map<string, int64 ('rooms')>",
        "tree": "struct<label: string, children: list<element: string>>",
        "note": "string", "extra": "string",
    }  # fmt: skip
    [row] = table.to_pylist()
    assert row["_id"] == "d1"
    assert row["begins"] == MEETING.begins
    assert row["day"] == MEETING.day
    assert row["guests"] == [{"name": "Ada", "mails": ["a@b", "c@d"]}]
    assert row["host"] is row["title"] is None
    assert row["rooms"] == [("a", 1)]
    assert row["cost"] == "1.10"
    assert json.loads(row["extra"]) == [1, {"a": None}]
    assert json.loads(row["note"]) == "n"
    assert row["tree"]["label"] == "x"
    assert arrow_schema(Meeting).equals(table.schema, check_metadata=False)


def test_the_column_of_the_id_is_one_of_its_own() -> None:
    class Record(BaseModel):
        id: str
        key: str = Field(alias="_id")

    assert arrow_schema(Record).names == ["__id", "id", "_id"]


@pytest.mark.parametrize(
    ("model", "value", "cell"),
    [(list[int], [1, 2], [1, 2]), (str, "x", "x"), (dict[str, int], {"a": 1}, [("a", 1)])],
)
def test_what_is_no_object_is_one_column(tmp_path: Path, model: Any, value: Any, cell: Any) -> None:
    with journal(tmp_path, "new", model=model) as written:
        written.write(result(1, value=value))
    write_parquet(model, tmp_path / "out.jsonl", tmp_path / "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == [{"id": "d1", "value": cell}]


def test_a_value_beyond_its_column_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    with journal(tmp_path, "new", model=dict[str, int]) as written:
        written.write(result(1, value={"a": 2**70}))
    output = tmp_path / "out.parquet"
    with pytest.raises(BatchError, match=r"does not fit its column .*all results are in"):
        write_parquet(dict[str, int], tmp_path / "out.jsonl", output)
    assert sorted(path.name for path in tmp_path.iterdir() if "lock" not in path.name) == [
        "out.errors.jsonl", "out.jsonl",
    ]  # fmt: skip


# Types by name


def test_a_type_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model("tests.batching:Person") is Person
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = "from pydantic import BaseModel\nclass Box:\n  class In(BaseModel):\n    x: int\n"
    (tmp_path / "here_it_is.py").write_text(source)
    assert find_model("here_it_is:Box.In").model_fields.keys() == {"x"}
    assert find_model("here_it_is.py:Box.In").model_fields.keys() == {"x"}


def test_a_file_may_be_called_like_a_module_that_others_need(tmp_path: Path) -> None:
    source = tmp_path / "numbers.py"
    source.write_text("from pydantic import BaseModel\nclass M(BaseModel):\n  x: 'list[In]'\n")
    with source.open("a") as file:
        file.write("class In(BaseModel):\n  y: int\n")
    assert find_model(f"{source}:M").model_validate({"x": [{"y": 1}]}).x[0].y == 1
    assert importlib.import_module("numbers") is numbers
    assert hasattr(numbers, "Number")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Person", "neither package.module:Name"),
        ("nowhere.at_all:M", "cannot import nowhere.at_all: ModuleNotFoundError"),
        ("tests.batching:Nobody", "has no Nobody"),
        ("none.py:M", "no file none.py"),
        ("broken.py:M", "cannot import broken.py: ZeroDivisionError"),
        ("none.json", "cannot read none.json"),
        ("bad.json", "bad.json: not JSON"),
        ("list.json", "list.json: a JSON Schema is an object"),
        ("wrong.json", "wrong.json: not a JSON Schema"),
        ("nowhere.json", "nowhere.json: the reference '#/\\$defs/No' leads nowhere in it"),
        ("elsewhere.json", "the reference 'https://example.org/x.json' leads nowhere in it"),
        ("deep.json", "deep.json: nested too deeply"),
        ("odd.py:M", "not a type that pydantic can validate"),
        ("script.py:M", "cannot import script.py: SystemExit: 0"),
        pytest.param(
            "standard.py:M",
            "not a type that pydantic can validate",
            marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic takes it"),
        ),
        ("forward.py:M", "not a type that pydantic can validate: name 'Nowhere' is not defined"),
    ],
)
def test_what_is_no_type_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "odd.py").write_text("class M: pass")
    (tmp_path / "script.py").write_text("class M: pass\nraise SystemExit(0)")
    (tmp_path / "standard.py").write_text("import typing\nclass M(typing.TypedDict):\n  x: int")
    (tmp_path / "forward.py").write_text(
        "import pydantic\nclass M(pydantic.BaseModel):\n  x: 'Nowhere'"
    )
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "wrong.json").write_text('{"type": 5}')
    (tmp_path / "nowhere.json").write_text('{"properties": {"x": {"$ref": "#/$defs/No"}}}')
    (tmp_path / "elsewhere.json").write_text('{"items": {"$ref": "https://example.org/x.json"}}')
    (tmp_path / "deep.json").write_text('{"not": ' * 5000 + "{}" + "}" * 5000)
    with pytest.raises(BatchError, match=message):
        find_model(name)
