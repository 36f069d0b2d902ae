"""pydantic's verdict for classes as people write them, each text whole and byte by byte.

What has a rule of its own is held by an example; `tests/generation` draws the relatives.
"""

from __future__ import annotations

import abc
import dataclasses
import enum
import gc
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Generic, List, Literal, Optional, TypeVar, Union  # noqa: UP035

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    Base64Str,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    HttpUrl,
    NameEmail,
    RootModel,
    SecretStr,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    conlist,
    create_model,
    field_validator,
)
from pydantic_core import PydanticOmit, PydanticUseDefault

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import annotated, generic, picture

Verdict = tuple[str, Any]


def verdict(work: Callable[[], Any]) -> Verdict:
    """Return what `work` gives, or the errors that it raises."""
    try:
        return "valid", picture(work())
    except ValidationError as error:
        return error.title, [(e["type"], e["loc"], e["msg"]) for e in error.errors()]


def check(type_: Any, text: str, **options: Any) -> Verdict:
    """Hold streams of `text` to pydantic's verdict, and return that."""
    expected = verdict(lambda: TypeAdapter(type_).validate_json(text, **options))
    for chunks in ([text.encode()], bytewise(text)):
        deferred = pf.stream(type_, chunks, on_invalid="defer", **options)
        assert verdict(deferred.final) == expected
        kind, found = verdict(pf.stream(type_, chunks, **options).final)
        assert kind == expected[0]
        if kind == "valid":
            assert found == expected[1]
        else:
            assert {repr(error) for error in found} <= {repr(error) for error in expected[1]}
    return expected


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    z: int = 1


@pytest.mark.parametrize(
    ("field", "config"),
    [
        (Field(alias="item"), ConfigDict(populate_by_name=True)),
        (Field(validation_alias=AliasChoices("item", "the_item")), ConfigDict()),
        (Field(validation_alias=AliasChoices(AliasPath("x", 0), "the_item")), ConfigDict()),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '{"the_item": {"zz": 1}}',
        '{"the_item": {"z": "x"}}',
        '{"the_item": {"zz": 1}, "item": {}}',
        '{"item": {}, "the_item": {"zz": 1}}',
        '{"the_item": {"zz": 1}, "x": [{}]}',
        '{"the_item": [1]}',
    ],
)
@pytest.mark.parametrize("wrap", [Strict, list[Strict] | Strict, Strict | None])
def test_an_error_below_a_second_best_key_counts(
    field: Any, config: ConfigDict, text: str, wrap: Any
) -> None:
    check(create_model("Aliased", __config__=config, the_item=(wrap, field)), text)


def _halved(number: int) -> int:
    if number % 2:
        message = f"{number} cannot be halved"
        raise RuntimeError(message)
    return number // 2


@pytest.mark.parametrize("field", [Field(alias="item"), Field(alias="item", default=4)])
@pytest.mark.parametrize(
    "text",
    ['{"the_item": 3, "item": 2}', '{"item": 2, "the_item": 3}', '{"item": 3}', '{"the_item": 3}'],
)
def test_what_a_function_raises_below_a_second_best_key_counts_if_pydantic_calls_it(
    field: Any, text: str
) -> None:
    """It need not be an error of validation: pydantic looks at the best key alone."""
    config = ConfigDict(populate_by_name=True)
    item = annotated(int, AfterValidator(_halved))
    for type_ in (item, create_model("Around", value=(item, ...))):
        made: Any = create_model("Aliased", __config__=config, the_item=(type_, field))
        written = text if type_ is item else text.replace("3", '{"value": 3}')
        written = written if type_ is item else written.replace("2", '{"value": 2}')
        try:
            expected = made.model_validate_json(written)
        except RuntimeError as error:
            with pytest.raises(RuntimeError, match=str(error)):
                list(pf.stream(made, bytewise(written)))
        else:
            assert pf.stream(made, bytewise(written)).final() == expected


class Named(BaseModel):
    model_config = ConfigDict(extra="allow")
    first_name: str = Field(alias="firstName")
    age: int = Field(default=3, alias="theAge")


@pytest.mark.parametrize(
    "text",
    [
        '{"first_name": "Ada"}',
        '{"first_name": "Ada", "firstName": "B"}',
        '{"firstName": "B", "first_name": {"x": 1}, "age": 7}',
        '{"firstName": "B", "age": 7}',
    ],
)
def test_an_extra_key_with_the_name_of_a_field_is_none_of_its_keys(text: str) -> None:
    check(Named, text)
    check(list[Named], f"[{text}]")


SCALAR_TYPES = [EmailStr, Base64Str, NameEmail, SecretStr, HttpUrl, enum.Enum("E", {"A": "YWJj"})]


@pytest.mark.parametrize("type_", SCALAR_TYPES)
@pytest.mark.parametrize("value", ["a@b.com", "xx", "YWJj", "https://a.b/c", 1, None])
def test_a_root_model_of_a_type_of_pydantics_is_validated(type_: Any, value: Any) -> None:
    root = generic(RootModel, type_)
    text = json.dumps(value)
    check(root, text)
    check(generic(list, root), f"[{text}]")
    check(create_model("Holder", root=(root, ...)), f'{{"root": {text}}}')


#: Keys of core schemas.
WORDS = [
    "choices",
    "cls",
    "computed_fields",
    "config",
    "default",
    "default_factory",
    "definitions",
    "discriminator",
    "expected",
    "fields",
    "function",
    "items_schema",
    "members",
    "metadata",
    "python_schema",
    "ref",
    "schema",
    "serialization",
    "steps",
    "type",
]


class Tree(BaseModel):
    below: Tree | None = None


def made() -> int:
    return 5


@pytest.mark.parametrize("word", WORDS)
def test_a_field_or_a_tag_may_be_called_as_parts_of_schemas_are(word: str) -> None:
    def field(name: str, type_: Any, value: Any = ...) -> Any:
        fields: dict[str, Any] = {name: (type_, value)}
        with warnings.catch_warnings():
            # Some are names of methods of models as well.
            warnings.simplefilter("ignore")
            return create_model("Worded", **fields)

    def plus_one(value: int) -> int:
        return value + 1

    check(field(word, list[Annotated[int, AfterValidator(plus_one)]]), json.dumps({word: [1, 2]}))
    check(field(word, int, Field(default_factory=made)), "{}")
    check(field(word, int, Field(default="3", validate_default=True)), "{}")
    check(field(word, Tree), json.dumps({word: {"below": {"below": None}}}))
    tag = generic(Literal, word)
    first = create_model("First", kind=(tag, ...), v=(int, Field(default_factory=made)))
    other_tag = generic(Literal, "other")
    other = create_model("Other", kind=(other_tag, ...), v=(Tree | None, None))
    union = annotated(generic(Union, first, other), Field(discriminator="kind"))
    check(union, json.dumps({"kind": word}))
    check(union, json.dumps({"kind": "other", "v": {"below": {}}}))


def use_default(value: Any) -> Any:
    if value in (0, "d", [0]):
        raise PydanticUseDefault
    return value


def omit(value: Any) -> Any:
    if value == 0:
        raise PydanticOmit
    return value


class Directed(BaseModel):
    before: Annotated[int, BeforeValidator(use_default)] = 7
    after: Annotated[str, AfterValidator(use_default)] = "the default"
    whole: Annotated[list[int], AfterValidator(use_default)] = [5]
    inside: list[Annotated[int, AfterValidator(use_default)]] = [5]
    items: list[Annotated[int, AfterValidator(omit)]] = []
    entries: dict[str, Annotated[int, AfterValidator(omit)]] = {}
    keys: dict[Annotated[str, AfterValidator(use_default)], int] = {}


@pytest.mark.parametrize(
    "text",
    [
        '{"before": 0}',
        '{"after": "d"}',
        '{"whole": [0]}',
        '{"inside": [1, 0, 2]}',
        '{"items": [1, 0, 2]}',
        '{"items": [0]}',
        '{"keys": {"d": 1}}',
        '{"before": 0, "after": 1}',
        '{"before": 0, "items": ["x"]}',
    ],
)
def test_a_validator_may_ask_for_the_default_or_leave_a_value_out(text: str) -> None:
    check(Directed, text)
    check(list[Directed], f"[{text}]")


class Sentinel:
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("there is one only")

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Sentinel()


class Limited(BaseModel):
    limit: Any = UNSET
    a: int


def test_a_default_that_can_be_hashed_is_shown_itself() -> None:
    shown = list(pf.stream(Limited, bytewise('{"a": 1}')))
    assert all(snapshot.limit is UNSET for snapshot in shown)


def test_classes_that_were_rebuilt_are_compiled_anew() -> None:
    class Rebuilt(BaseModel):
        x: int

    for type_ in (Rebuilt, list[Rebuilt], dict[str, Rebuilt | None]):
        pf.StreamState(type_)
    before = pf.Partial[Rebuilt]
    Rebuilt.__annotations__.update(x=str, y=int)
    fields: dict[str, Any] = create_model("Other", x=(str, ...), y=(int, ...)).model_fields
    Rebuilt.__pydantic_fields__ = fields
    Rebuilt.model_rebuild(force=True)
    text = '{"x": "a", "y": 1}'
    assert check(Rebuilt, text)[0] == "valid"
    assert check(list[Rebuilt], f"[{text}]")[0] == "valid"
    assert check(dict[str, Rebuilt | None], f'{{"k": {text}}}')[0] == "valid"
    assert pf.Partial[Rebuilt] is not before
    snapshot: Any = pf.StreamState(Rebuilt).feed('{"x": "a"')
    assert snapshot.y is None
    assert snapshot.model_dump() == {"x": "a", "y": None}


class Registered(BaseModel):
    seen: list[str] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        raise TypeError("there is to be no other")


@dataclasses.dataclass
class RegisteredData:
    x: int = 1

    def __init_subclass__(cls) -> None:
        raise TypeError("there is to be no other")


class Alone(type(BaseModel)):  # type: ignore[misc]
    def __new__(cls, name: str, bases: Any, namespace: Any, **kwargs: Any) -> Any:
        if bases != (BaseModel,):
            raise TypeError("there is to be no other")
        return super().__new__(cls, name, bases, namespace, **kwargs)


class OfAlone(BaseModel, metaclass=Alone):
    x: int = 1


@pytest.mark.parametrize("class_", [Registered, RegisteredData, OfAlone])
def test_a_partial_class_is_not_in_the_users_tree(class_: Any) -> None:
    assert check(class_, "{}")[0] == "valid"
    assert issubclass(pf.Partial[class_], class_)
    assert class_.__subclasses__() == []
    name = "__subclasses__"
    with pytest.raises(AttributeError):
        _ = getattr(pf.Partial[class_](), name)


def test_the_users_own_subclasses_are_still_listed() -> None:
    class Base(BaseModel):
        pass

    class Derived(Base):
        pass

    for class_ in (Base, Derived):
        pf.StreamState(class_)
    assert Base.__subclasses__() == [Derived]
    assert Derived.__subclasses__() == []


def test_warnings_about_a_class_are_not_given_again() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        class Shadowing(BaseModel):
            json: int = 1  # type: ignore[assignment]
            model_x: int = 1

    assert check(Shadowing, '{"json": 2}')[0] == "valid"


class Abstract(BaseModel, abc.ABC):
    x: int = 1

    @abc.abstractmethod
    def work(self) -> None: ...


def test_an_abstract_class_fails_as_pydantic_does() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Abstract.model_validate_json("{}")
    with pytest.raises(TypeError, match="abstract"):
        pf.stream(Abstract, bytewise("{}")).final()
    with pytest.raises(TypeError, match="incomplete"):
        _ = pf.Partial[Abstract]


V = TypeVar("V", bound=BaseModel)


class Bound(BaseModel, Generic[V]):
    v: V
    many: list[V] = []


def test_a_field_may_be_any_model() -> None:
    holder = create_model("Holder", base=(BaseModel, ...), many=(list[BaseModel], []))
    text = '{"base": {"a": 1}, "many": [{}]}'
    final: Any = pf.stream(holder, bytewise(text)).final()
    # Such an instance cannot be printed, nor compared: pydantic has nothing to do it with.
    assert [type(each) for each in (final.base, *final.many)] == [BaseModel] * 2
    bound: Any = pf.stream(Bound, bytewise('{"v": {}, "many": [{}]}')).final()
    assert type(bound.v) is BaseModel


def test_metadata_need_not_be_hashable() -> None:
    lists = (generic(List, annotated(int, [1])), generic(List, annotated(Strict, [])))  # noqa: UP006
    for type_ in (*lists, annotated(list[int], {})):
        check(type_, "[1]")
        check(type_, '[{"z": 2}]')


class Cat(BaseModel):
    kind: Literal["cat"]
    x: int


class Dog(BaseModel):
    kind: Literal["dog"]
    y: int


def same(value: Any) -> Any:
    return value


def around(value: Any, handler: Any) -> Any:
    return handler(value)


UNIONS = [
    annotated(generic(Union, Cat, Dog), Field(discriminator="kind")),
    generic(Union, Cat, Dog),
    generic(Union, int, list[int]),
    generic(Union, Cat, list[Dog], int),
]


@pytest.mark.parametrize("union", UNIONS)
@pytest.mark.parametrize("validator", [AfterValidator(same), WrapValidator(around)])
@pytest.mark.parametrize(
    "value",
    [{"kind": "cat", "x": "z"}, {"kind": "dog"}, ["z"], "z", [{"kind": "dog", "y": "z"}], {}],
)
def test_an_error_is_at_its_place_once_whatever_is_around_a_union(
    union: Any, validator: Any, value: Any
) -> None:
    text = json.dumps(value)
    check(annotated(union, validator), text)
    check(create_model("Holder", u=(annotated(union, validator), ...)), f'{{"u": {text}}}')
    check(generic(list, generic(Optional, annotated(union, validator))), f"[{text}]")


class ByName(BaseModel):
    model_config = ConfigDict(loc_by_alias=False)
    x: int = Field(alias="X")
    cat: Cat = Field(alias="CAT")


@pytest.mark.parametrize(
    "text",
    ['{"X": "a", "CAT": {"kind": "cat", "x": 1}}', '{"X": 1, "CAT": {"kind": "cat", "x": "z"}}'],
)
def test_an_error_is_located_by_name_where_the_config_says_so(text: str) -> None:
    check(ByName, text)
    check(create_model("Outer", inner=(ByName, Field(alias="in"))), f'{{"in": {text}}}')


class Caused(BaseModel):
    model_config = ConfigDict(validation_error_cause=True, hide_input_in_errors=True)
    x: int

    @field_validator("x")
    @classmethod
    def refuse(cls, value: int) -> int:
        raise ValueError(f"not {value}")


class CausedOutside(BaseModel):
    model_config = ConfigDict(validation_error_cause=True)
    inner: Caused


@pytest.mark.parametrize(
    ("type_", "text"), [(Caused, '{"x": 1}'), (CausedOutside, '{"inner": {"x": 1}}')]
)
def test_an_error_shows_what_the_config_says(type_: Any, text: str) -> None:
    shown: list[tuple[str, str]] = []
    works: list[Callable[[], Any]] = [
        lambda: type_.model_validate_json(text),
        lambda: pf.stream(type_, bytewise(text)).final(),
    ]
    for work in works:
        with pytest.raises(ValidationError) as caught:
            work()
        shown.append((str(caught.value), repr(caught.value.__cause__)))
    assert shown[0] == shown[1]
    assert shown[0][1] != "None"


HUGE = 2**70


Huge: Any = create_model("Huge", kind=(generic(Literal, HUGE), ...))


class Small(BaseModel):
    kind: Literal[3]


@pytest.mark.parametrize("kind", [HUGE, 3, 4, HUGE + 1])
def test_a_tag_may_be_any_integer(kind: int) -> None:
    text = json.dumps({"kind": kind})
    union = generic(Union, Huge, Small)
    check(union, text)
    check(annotated(union, Field(discriminator="kind")), text)


class Items(RootModel[list[Cat]]):
    pass


@pytest.mark.parametrize(
    "type_",
    [
        Cat,
        list[Cat],
        conlist(Cat, min_length=1, max_length=2),
        generic(Optional, list[Cat]),
        Items,
        generic(Optional, Items),
        annotated(list[Cat], "a note"),
        annotated(list[Cat], [1]),
    ],
)
def test_items_are_streamed_of_whatever_is_a_list(type_: Any) -> None:
    text = '[{"kind": "cat", "x": 1}, {"kind": "cat", "x": 2}]'
    expected = [Cat(kind="cat", x=1), Cat(kind="cat", x=2)]
    assert list(pf.stream_items(type_, bytewise(text))) == expected


def test_the_items_of_a_bare_list_are_anything() -> None:
    assert list(pf.stream_items(list, bytewise('[1, {"a": []}]'))) == [1, {"a": []}]


@pytest.mark.parametrize("size", range(5))
def test_the_length_of_a_list_counts_when_its_items_are_streamed(size: int) -> None:
    type_ = conlist(int, min_length=1, max_length=3)
    text = json.dumps(list(range(size)))
    for on_invalid in ("raise", "defer"):
        taken: list[int] = []

        def work(options: Any = on_invalid, taken: list[int] = taken) -> None:
            taken.extend(pf.stream_items(type_, bytewise(text), on_invalid=options))

        expected = verdict(lambda: TypeAdapter(type_).validate_json(text))
        found = verdict(work)
        assert taken == list(range(size))
        assert (found[0] == "valid") == (expected[0] == "valid")
        if found[0] != "valid":
            assert [error[0] for error in found[1]] == [error[0] for error in expected[1]]


@pytest.mark.parametrize(
    "type_",
    [
        annotated(list[int], AfterValidator(same)),
        annotated(set[int], Field(min_length=2)),
        generic(RootModel, annotated(list[int], BeforeValidator(same))),
    ],
)
def test_items_are_not_streamed_where_it_takes_all_of_them(type_: Any) -> None:
    with pytest.raises(TypeError, match="use `stream` instead"):
        pf.stream_items(type_, [])


def test_what_is_kept_with_a_class_is_no_part_of_it() -> None:
    """As cloudpickle does it, which takes the namespace of a class apart."""
    pf.StreamState(Strict)
    for value in vars(Strict).values():
        if type(value).__module__.startswith("partialfast"):
            assert not vars(pickle.loads(pickle.dumps(value))).get("plans")  # noqa: S301 - its own


def test_a_class_and_its_plans_can_be_collected() -> None:
    def use() -> int:
        class Passing(BaseModel):
            x: int

        pf.stream(Passing, bytewise('{"x": 1}')).final()
        return id(Passing)

    address = use()
    gc.collect()
    assert not any(id(found) == address for found in BaseModel.__subclasses__())
