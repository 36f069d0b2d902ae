"""Promise 15: ops, applied one after the other, are the JSON dump of the snapshot at every step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Optional, Union, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    Base64Str,
    BaseModel,
    Field,
    PlainSerializer,
    RootModel,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
    computed_field,
    create_model,
    field_serializer,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import PydanticSerializationError

import partialfast as pf
from tests.generation import Case, Feature, annotated, cases, generic

seeds = st.integers(0, 2**32)

#: Types with code of the user's, with keys that are there twice, and with text that is rewritten.
any_valid = cases(Feature.ALL & ~Feature.INVALID)
#: The same without what may be told twice: code of the user's.
plain = cases(Feature.NONE)


def held(case: Case) -> Case:
    """Return `case` as the field of a model, whose dump says what is right."""
    holder = create_model("Holder", value=(case.type, ...))
    return Case(holder, f'{{"value": {case.text}}}', case.options)


def dumped(value: Any, *, by_alias: bool | None = None) -> Any:
    return value.model_dump(mode="json", exclude_unset=True, by_alias=by_alias, warnings=False)


def canonical(value: Any) -> Any:
    """Return a JSON value as something to compare: the items of a set have no order."""
    if isinstance(value, dict):
        return [(key, canonical(value[key])) for key in sorted(value)]
    if isinstance(value, list):
        return sorted((canonical(item) for item in value), key=repr)
    return exact(value)


def exact(value: Any) -> Any:
    """Return a JSON value as something to compare: in Python, ``True`` equals ``1``."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return (bool, value) if isinstance(value, bool) else value


def has_sets(type_: Any) -> bool:
    return "set'" in repr(TypeAdapter(type_).core_schema)


def check_steps(
    case: Case, chunks: list[bytes], *, by_alias: bool | None = None, dump: Any = None
) -> None:
    """Apply the ops of each chunk and compare with the dump of the snapshot there."""
    picture = canonical if has_sets(case.type) else exact
    dump = dump or dumped
    state = case.state()
    state.keep_ops(by_alias=by_alias)
    document: Any = None
    for chunk in chunks:
        state.feed(chunk)
        document = pf.apply_ops(document, state.take_ops())
        if state.snapshot is not None:
            assert picture(document) == picture(dump(state.snapshot, by_alias=by_alias))
    final = state.finish()
    document = pf.apply_ops(document, state.take_ops())
    assert picture(document) == picture(dump(final, by_alias=by_alias))


#: The last one is what pydantic itself raises for a default that its type has no use for.
NO_DUMP = (PydanticSerializationError, AttributeError)


def can_be_dumped(case: Case) -> bool:
    """Tell whether pydantic dumps the value, and what is shown before a key comes again."""
    try:
        dumped(case.expected())
    except (*NO_DUMP, ValidationError):
        return False
    firsts = json.loads(case.text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    try:
        dumped(Case(case.type, json.dumps(firsts), case.options).expected())
    except NO_DUMP:
        return False
    except ValidationError:
        # Then the stream ends there, or has waited.
        pass
    return True


@given(any_valid, seeds, st.sampled_from([None, True, False]))
def test_15_ops_are_the_dump_of_every_snapshot(case: Case, seed: int, by_alias: Any) -> None:
    case = held(case)
    assume(can_be_dumped(case))
    for chunks in case.splits(seed):
        check_steps(case, chunks, by_alias=by_alias)


@given(plain, seeds)
def test_15_ops_of_any_type_are_what_its_snapshots_are_dumped_as(case: Case, seed: int) -> None:
    # Of those, values tell by themselves what they are dumped as.
    assume("'serialization':" not in repr(TypeAdapter(case.type).core_schema))
    assume(can_be_dumped(held(case)))
    by_value = TypeAdapter[Any](Any)

    def dump(value: Any, *, by_alias: bool | None) -> Any:
        return by_value.dump_python(
            value, mode="json", exclude_unset=True, by_alias=by_alias, warnings=False
        )

    for chunks in case.splits(seed):
        # By name, since an alias that a class asks for by its config depends on who dumps it.
        check_steps(case, chunks, by_alias=False, dump=dump)


@given(any_valid, seeds)
def test_15_what_the_ops_tell_is_linear_in_the_text(case: Case, seed: int) -> None:
    case = held(case)
    assume(can_be_dumped(case))
    whole = len(case.text) + len(json.dumps(dumped(case.expected())))
    for chunks in case.splits(seed):
        ops = [op for batch in ops_of(case, chunks) for op in batch]
        assert len(ops) <= whole
        assert sum(len(json.dumps(op.value)) for op in ops) <= 4 * whole


def ops_of(case: Case, chunks: list[bytes]) -> Iterator[list[pf.Op]]:
    state = case.state()
    state.keep_ops(snapshots=False)
    for chunk in chunks:
        assert state.feed(chunk) is None
        yield state.take_ops()


@given(cases(), seeds)
def test_15_ops_of_the_document_are_what_is_written(case: Case, seed: int) -> None:
    for chunks in case.splits(seed):
        state = case.state(on_invalid="defer")
        state.keep_ops(of="document")
        parser, document = pf.JsonParser(), None
        own: Any = None
        for chunk in chunks:
            parser.feed(chunk)
            state.feed(chunk)
            document = pf.apply_ops(document, state.take_ops())
            own = pf.apply_ops(own, parser.take_ops())
            assert exact(document) == exact(own) == exact(parser.snapshot())


@given(any_valid, seeds)
def test_15_ops_may_begin_in_the_middle(case: Case, seed: int) -> None:
    case = held(case)
    assume(can_be_dumped(case))
    picture = canonical if has_sets(case.type) else exact
    for chunks in case.splits(seed):
        state, document = case.state(), None
        begin = seed % (len(chunks) + 1)
        for index, chunk in enumerate(chunks):
            state.feed(chunk)
            if index >= begin:
                document = pf.apply_ops(document, state.take_ops())
                if state.snapshot is not None:
                    assert picture(document) == picture(dumped(state.snapshot))
        document = pf.apply_ops(document, state.take_ops())
        assert picture(document) == picture(dumped(state.finish()))


def refuse(value: Any) -> Any:
    raise ValueError(f"no dump of {value!r}")


class Emptied(BaseModel):
    """Its validator puts there what pydantic's own serializer cannot dump."""

    name: str
    data: Base64Str = ""

    @model_validator(mode="after")
    def _empty(self) -> Emptied:
        self.data = None  # type: ignore[assignment]
        return self


class Computing(BaseModel):
    name: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def other(self) -> int:
        return cast("int", refuse(self.name))


class Refusing(BaseModel):
    name: Annotated[str, PlainSerializer(refuse)]
    number: int = 0


Refused = Annotated[str, PlainSerializer(refuse)]
RefusedInt = Annotated[int, PlainSerializer(refuse)]

#: Types of values that cannot be dumped, each with a document.
UNDUMPED: list[tuple[Any, Any]] = [
    (Emptied, {"name": "ada", "data": "YQ=="}),
    (Computing, {"name": "ada"}),
    (Refusing, {"number": 3, "name": "ada"}),
    (Refused, "text"),
    (RefusedInt, 12),
    (dict[RefusedInt, str], {"1": "one", "2": "two"}),
]
#: What they stand in. Not a union: one that cannot be dumped as a member may be as a snapshot.
AROUND: list[tuple[Any, Callable[[Any], Any]]] = [
    (lambda type_: type_, lambda document: document),
    (lambda type_: generic(list, type_), lambda document: [document, document]),
    (lambda type_: generic(tuple, int, type_), lambda document: [1, document]),
    (lambda type_: generic(dict, str, type_), lambda document: {"b": document, "a": document}),
    (lambda type_: create_model("Holder", x=(type_, ...)), lambda document: {"x": document}),
    (lambda type_: generic(RootModel, generic(list, type_)), lambda document: [document]),
    (lambda type_: generic(Optional, type_), lambda document: document),
    (lambda type_: generic(list, generic(Optional, type_)), lambda document: [None, document]),
    (lambda type_: create_model("Held", x=(type_, None)), lambda document: {"x": document}),
]


def hide(value: Any) -> str:
    del value
    return "hidden"


def with_field_serializer(type_: Any) -> Any:
    serializers: Any = {"serializer": field_serializer("value")(hide)}
    return create_model("Hiding", value=(type_, ...), after=(str, ""), __validators__=serializers)


def with_model_serializer(type_: Any) -> Any:
    def hide_all(self: Any) -> str:
        return hide(self)

    serializers: Any = {"serializer": model_serializer(mode="plain")(hide_all)}
    return create_model("Hiding", value=(type_, ...), after=(str, ""), __validators__=serializers)


#: Fields and models that hide what they hold, and one that does not.
HIDERS: list[Callable[[Any], Any]] = [
    with_field_serializer,
    with_model_serializer,
    lambda type_: create_model(
        "Hiding", value=(annotated(type_, PlainSerializer(hide)), ...), after=(str, "")
    ),
    lambda type_: create_model("Hiding", value=(type_, Field(exclude=True)), after=(str, "")),
    lambda type_: create_model("Showing", value=(type_, ...), after=(str, "")),
]


@given(
    st.sampled_from(UNDUMPED),
    st.sampled_from(AROUND),
    st.sampled_from(HIDERS),
    st.booleans(),
    seeds,
)
def test_15_a_value_that_cannot_be_dumped_ends_no_stream(
    inner: tuple[Any, Any],
    around: tuple[Any, Callable[[Any], Any]],
    hiding: Callable[[Any], Any],
    nested: bool,  # noqa: FBT001 - drawn
    seed: int,
) -> None:
    """Where it is hidden, the ops lead to the dump; else taking them says why there is none."""
    (type_, document), (put, written) = inner, around
    whole, text = hiding(put(type_)), {"value": written(document), "after": "end"}
    if nested:
        whole, text = (
            create_model("Outer", first=(whole, ...), last=(int, ...)),
            {
                "first": text,
                "last": 1,
            },
        )
    case = Case(whole, json.dumps(text))
    expected = case.expected()
    for chunks in case.splits(seed):
        state, told = case.state(), None
        state.keep_ops()
        for chunk in chunks:
            state.feed(chunk)
            told = pf.apply_ops(told, state.take_ops()) if not state.done else told
        assert state.finish() == expected
        refused = None
        try:
            while ops := state.take_ops():
                told = pf.apply_ops(told, ops)
        except (PydanticSerializationError, ValueError) as error:
            refused = str(error)
        right = why = None
        try:
            right = dumped(expected)
        except (PydanticSerializationError, ValueError) as error:
            why = str(error)
        assert refused == why
        if why is None:
            assert told == right


class Counting(BaseModel):
    """What a dump shows of it there is nothing of in a document."""

    name: str = ""
    many: list[int] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.many)

    @field_serializer("name")
    def _shout(self, name: str) -> str:
        return name.upper() if self.many else name


#: Ways to write a type of which the values are those of another.
SAME: list[Callable[[Any], Any]] = [
    lambda type_: type_,
    lambda type_: generic(Optional, type_),
    lambda type_: annotated(generic(Optional, type_), "a note"),
    lambda type_: annotated(type_, pf.Complete),
    lambda type_: annotated(type_, AfterValidator(lambda value: value)),
    lambda type_: generic(Union, type_, int),
    lambda type_: generic(Optional, generic(Optional, annotated(type_, pf.Complete))),
]


@pytest.mark.parametrize("same", SAME)
@pytest.mark.parametrize("default", [..., None])
def test_15_what_a_class_adds_to_its_dump_is_told_however_it_is_declared(
    same: Callable[[Any], Any], default: Any
) -> None:
    holder = create_model("Holder", value=(same(Counting), default), after=(int, 0))
    text = '{"value": {"many": [1, 2], "name": "ada"}, "after": 1}'
    for case in (Case(holder, text), held(Case(generic(list, same(Counting)), "[{}, {}]"))):
        for chunks in case.splits(0):
            check_steps(case, chunks)


class TwoKeys(BaseModel):
    """A field whose alias is another one's name, and the two in the other order."""

    first: list[str]
    second: str = Field(serialization_alias="first")


@pydantic_dataclass
class TwoKeysData:
    field_0: list[str] | None = None
    config: str = Field(default="", validation_alias="text", serialization_alias="field_0")


@pytest.mark.parametrize("type_", [TwoKeys, TwoKeysData])
@pytest.mark.parametrize("turned", [False, True])
def test_15_of_two_fields_with_one_key_the_ops_tell_what_the_dump_shows(
    type_: type[Any], *, turned: bool
) -> None:
    names = ("first", "second") if type_ is TwoKeys else ("field_0", "text")
    fields = [(names[0], ["one", "two"]), (names[1], "some text")]
    text = json.dumps(dict(fields[::-1] if turned else fields))
    case = held(Case(type_, text, {}))
    for size in range(1, len(case.text)):
        chunks = [case.text[at : at + size].encode() for at in range(0, len(case.text), size)]
        check_steps(case, chunks, by_alias=True)


class HeldPart(BaseModel):
    """A part that is validated by itself."""

    text: str


class Wrapped(BaseModel):
    """A field whose serializer is called on what is validated, and one with two keys."""

    part: dict[str, str] | None = Field(default=None)
    two_keys: str = Field(default="", validation_alias=AliasChoices("first", "second"))

    @field_serializer("part", mode="wrap")
    def _dump_part(self, value: Any, handler: Any) -> Any:
        return {"dumped": handler(value)}


class AnnotatedWrapped(BaseModel):
    """The same, with a serializer of the type instead of the class."""

    part: Annotated[HeldPart, WrapSerializer(lambda value, handler: {"dumped": handler(value)})]
    two_keys: str = Field(default="", validation_alias=AliasChoices("first", "second"))


@pytest.mark.parametrize("type_", [Wrapped, AnnotatedWrapped])
@pytest.mark.parametrize("keys", [("first", "second"), ("second", "first")])
def test_15_after_a_second_key_of_a_field_the_snapshot_is_dumped_anew(
    type_: type[Any], keys: tuple[str, str]
) -> None:
    text = json.dumps({"part": {"text": "x"}, **dict.fromkeys(keys, "value")})
    case = held(Case(type_, text, {}))
    for size in range(1, len(case.text)):
        chunks = [case.text[at : at + size].encode() for at in range(0, len(case.text), size)]
        check_steps(case, chunks)
