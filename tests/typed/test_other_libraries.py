"""Snapshots and final values in the hands of other libraries."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import pickle
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import annotated, generic


class Inner(BaseModel):
    value: int


class Meeting(BaseModel):
    title: str
    budget: int | None
    inner: Inner
    words: list[str] = []


@dataclasses.dataclass
class Data:
    title: str
    budget: int | None
    words: list[str] = dataclasses.field(default_factory=list)


TEXT = '{"title": "A walk", "words": ["a", "b"], "inner": {"value": 1}, "budget": 3}'
DATA_TEXT = '{"title": "A walk", "words": ["a", "b"], "budget": 3}'


def open_meeting() -> Any:
    return pf.StreamState(Meeting).feed(TEXT[:30])


class Finished(pf.Complete, BaseModel):
    """Refuses snapshots itself."""

    model_config = ConfigDict(validate_assignment=True)

    title: str
    budget: int | None
    inner: Inner
    words: list[str] = []
    next: Finished | None = None


class Later(Finished):
    when: str


@dataclasses.dataclass
class FinishedData(pf.Complete):
    title: str
    budget: int | None
    words: list[str] = dataclasses.field(default_factory=list)


class Holder(BaseModel):
    one: Finished
    many: list[Finished] = []
    other: Finished | int = 3


#: Made before any snapshot was.
MADE_BEFORE = TypeAdapter(list[Finished])


class Closed(Meeting):
    model_config = ConfigDict(revalidate_instances="subclass-instances")


# ---- a snapshot where the complete class is asked for


@pytest.mark.parametrize("type_", [Meeting, Data])
def test_a_snapshot_is_refused_where_a_complete_value_is_asked_for(type_: Any) -> None:
    text = TEXT if type_ is Meeting else DATA_TEXT
    adapter = TypeAdapter[Any](annotated(type_, pf.Complete))
    snapshots = list(pf.stream(type_, bytewise(text.encode())))
    for shown in snapshots[:-1]:
        with pytest.raises(ValidationError, match="an incomplete snapshot of") as caught:
            adapter.validate_python(shown)
        assert caught.value.errors()[0]["type"] == "incomplete"
    assert adapter.validate_python(snapshots[-1]) is snapshots[-1]
    assert adapter.validate_json(text) == snapshots[-1]
    assert adapter.json_schema() == TypeAdapter(type_).json_schema()


def test_what_asks_for_complete_values_streams_like_the_type_itself() -> None:
    """The marker says nothing of a document, in which everything is as complete as the text."""
    marked: Any = Annotated[Meeting, pf.Complete]
    plain = pf.stream(Meeting, bytewise(TEXT.encode()))
    for shown, expected in zip(pf.stream(marked, bytewise(TEXT.encode())), plain, strict=True):
        assert shown == expected


@pytest.mark.parametrize("type_", [Finished, FinishedData, Later])
def test_a_class_that_says_so_refuses_its_snapshots_everywhere(type_: Any) -> None:
    text = {Finished: TEXT, FinishedData: DATA_TEXT, Later: TEXT[:-1] + ', "when": "now"}'}[type_]
    adapter = TypeAdapter[Any](type_)
    shown = list(pf.stream(type_, bytewise(text.encode())))
    final = shown.pop()
    for snapshot in shown:
        with pytest.raises(ValidationError, match=f"an incomplete snapshot of {type_.__name__}"):
            adapter.validate_python(snapshot)
        with pytest.raises(ValidationError, match="an incomplete snapshot of"):
            adapter.validate_python(snapshot, from_attributes=True)
        partial: Any = TypeAdapter(generic(pf.Partial, type_))
        assert partial.validate_python(snapshot) is snapshot
        snapshot_again = pickle.loads(pickle.dumps(snapshot))  # noqa: S301 - our own
        assert snapshot_again == snapshot
    assert pf.is_partial(shown[0])
    assert adapter.validate_python(final) is final
    assert adapter.validate_json(text) == final


@pytest.mark.parametrize(
    "place", ["class", "field", "list", "union", "adapter", "subclass", "next"]
)
def test_it_does_so_wherever_its_validator_was_built(place: str) -> None:
    shown: Any = pf.StreamState(Finished).feed(TEXT[:30])
    final = pf.stream(Finished, [TEXT]).final()
    ways: dict[str, Any] = {
        "class": lambda: Finished.model_validate(shown),
        "field": lambda: Holder(one=shown),
        "list": lambda: Holder(one=final, many=[final, shown]),
        "union": lambda: Holder(one=final, other=shown),
        "adapter": lambda: MADE_BEFORE.validate_python([shown]),
        "subclass": lambda: Finished.model_validate(pf.StreamState(Later).feed(TEXT[:30])),
        "next": lambda: setattr(final, "next", shown),
    }
    with pytest.raises(ValidationError, match="an incomplete snapshot of"):
        ways[place]()
    again = Holder(one=final, many=[final])
    assert again.one is final
    # Nothing else is another class's than before.
    final.budget = 4
    assert final.model_copy(update={"budget": 5}).budget == 5
    schema = Finished.model_json_schema()["$defs"]["Finished"]
    plain = Meeting.model_json_schema()
    assert schema["required"] == plain["required"]
    assert {**schema["properties"], "next": None} == {**plain["properties"], "next": None}


def test_a_class_that_says_so_streams_like_any_other() -> None:
    """Its parts stay the same objects, as where no code of the user's is involved."""
    stream = pf.StreamState(Finished)
    inner = None
    for chunk in bytewise(TEXT.encode()):
        shown: Any = stream.feed(chunk)
        if inner is None and shown is not None and isinstance(shown.inner, Inner):
            inner = None if pf.is_partial(shown.inner) else shown.inner
    assert stream.finish().inner is inner


def test_rebuilding_it_changes_nothing() -> None:
    shown = pf.StreamState(Finished).feed(TEXT[:30])
    Finished.model_rebuild(force=True)
    with pytest.raises(ValidationError, match="an incomplete snapshot of"):
        Finished.model_validate(shown)
    assert str(Finished.__pydantic_core_schema__).count("refuse_partial") == 1


def test_a_config_that_looks_into_subclasses_refuses_a_snapshot_too() -> None:
    shown: Any = pf.StreamState(Closed).feed(TEXT[:30])
    with pytest.raises(ValidationError):
        Closed.model_validate(shown)


def answer_of(app: Any) -> tuple[int, bytes]:
    """Ask an ASGI application for ``/``, without a server."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
        "server": ("test", 80),
        "client": ("test", 1),
    }
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body


def test_fastapi_refuses_a_snapshot_where_the_answer_is_to_be_complete() -> None:
    fastapi = pytest.importorskip("fastapi")
    errors = pytest.importorskip("fastapi.exceptions")

    def app(response_model: Any, value: Any) -> Any:
        made = fastapi.FastAPI()
        made.get("/", response_model=response_model)(lambda: value)
        return made

    shown: Any = pf.StreamState(Finished).feed(TEXT[:30])
    asks: list[tuple[Any, Any]] = [
        (Finished, shown),
        (list[Finished], [shown]),
        (Holder, {"one": shown}),
    ]
    for asked, given in asks:
        with pytest.raises(errors.ResponseValidationError) as caught:
            answer_of(app(asked, given))
        assert "an incomplete snapshot of Finished" in str(caught.value.errors())
    # A class that does not ask for it is validated by its attributes otherwise.
    reason = "Input should be a valid dictionary or object to extract fields from"
    asks = [
        (Meeting, open_meeting()),
        (list[Meeting], [open_meeting()]),
        (dict[str, Meeting | None], {"a": open_meeting()}),
    ]
    for asked, given in asks:
        with pytest.raises(errors.ResponseValidationError) as caught:
            answer_of(app(asked, given))
        assert [error["msg"] for error in caught.value.errors()] == [reason]
    complete: Any = Annotated[Meeting, pf.Complete]
    with pytest.raises(errors.ResponseValidationError) as caught:
        answer_of(app(complete, open_meeting()))
    assert "an incomplete snapshot of Meeting" in str(caught.value.errors())
    final = pf.stream(Meeting, [TEXT]).final()
    for asked in (Meeting, complete):
        assert answer_of(app(asked, final)) == (200, final.model_dump_json().encode())
    status, body = answer_of(app(pf.Partial[Meeting], open_meeting()))
    assert status == 200
    assert json.loads(body) == open_meeting().model_dump(mode="json")


# ---- libraries that take objects apart, and put them together


def test_cattrs_takes_every_snapshot_apart() -> None:
    cattrs = pytest.importorskip("cattrs")
    snapshots = list(pf.stream(Data, bytewise(DATA_TEXT.encode())))
    for shown in snapshots:
        assert cattrs.unstructure(shown) == dataclasses.asdict(shown)
    assert cattrs.structure(cattrs.unstructure(snapshots[-1]), Data) == snapshots[-1]


def test_sqlmodel_inserts_a_final_value_with_what_it_refers_to() -> None:
    sqlmodel = pytest.importorskip("sqlmodel")
    tables: Any = pytest.importorskip("tests.typed.tables")
    engine = sqlmodel.create_engine("sqlite://")
    sqlmodel.SQLModel.metadata.create_all(engine)
    *shown, author = pf.stream(tables.Author, bytewise(b'{"id": null, "name": "Ada"}'))
    assert all(pf.is_partial(snapshot) for snapshot in shown)
    assert type(author) is tables.Author
    book = pf.stream(tables.Book, ['{"title": "Notes"}']).final()
    book.author = author
    with sqlmodel.Session(engine) as session:
        session.add(book)
        session.commit()
        found = session.exec(sqlmodel.select(tables.Book)).one()
        assert (found.title, found.author.name, author.id) == ("Notes", "Ada", 1)
    engine.dispose()


def test_langgraph_gives_a_snapshot_back_as_what_it_shows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jsonplus = pytest.importorskip("langgraph.checkpoint.serde.jsonplus")
    serde = jsonplus.JsonPlusSerializer()
    partial: Any = pf.Partial[Meeting]
    with caplog.at_level(logging.ERROR):
        for shown in pf.stream(Meeting, bytewise(TEXT.encode())):
            back = serde.loads_typed(serde.dumps_typed({"meeting": shown}))["meeting"]
            if pf.is_partial(shown):
                assert back == shown.model_dump()
                assert pf.is_partial(partial.model_validate(back))
            else:
                assert back == shown
                assert type(back) is Meeting
