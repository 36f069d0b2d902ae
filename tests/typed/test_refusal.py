"""A snapshot is an instance of the user's class, and no finished one to pydantic."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
import threading
from collections.abc import Callable
from typing import Any, Generic, Optional, TypeVar, Union, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    InstanceOf,
    RootModel,
    TypeAdapter,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
    validate_call,
)
from pydantic import dataclasses as pydantic_dataclasses

import partialfast as pf
from partialfast.typed._partial import partial_origin
from tests.chunkings import bytewise
from tests.generation import Case, Feature, HoleError, annotated, cases, generic, instances

T = TypeVar("T")

INSTANCE = "Input should be a valid dictionary or instance of Invoice"
ATTRIBUTES = "Input should be a valid dictionary or object to extract fields from"


class Line(BaseModel):
    text: str


class Invoice(BaseModel):
    number: str
    total: float | None
    lines: list[Line] = []


class Holder(BaseModel):
    model_config = ConfigDict(validate_assignment=True)

    one: Invoice
    many: list[Invoice] = []
    maybe: Invoice | None = None
    either: Invoice | int = 3
    named: dict[str, Invoice] = {}


class Boxed(BaseModel, Generic[T]):
    value: T


@pydantic_dataclasses.dataclass
class HoldingData:
    one: Invoice


@validate_call
def called_with(invoice: Invoice) -> None:
    raise AssertionError(invoice)


@validate_call(validate_return=True)
def returning(invoice: Any) -> Invoice:
    return cast("Invoice", invoice)


TEXT = '{"number": "A 17", "total": 3.5, "lines": [{"text": "Tea"}]}'

#: Made before any snapshot was, as a program's adapters and routes are.
INVOICES = TypeAdapter(list[Invoice])


PARTIAL: Any = pf.Partial[Invoice]


def snapshot() -> Any:
    return pf.StreamState(Invoice).feed(TEXT[:15])


def final() -> Invoice:
    return pf.stream(Invoice, [TEXT]).final()


def refused(validate: Callable[[Any], Any], given: Any, message: str = INSTANCE) -> None:
    with pytest.raises(ValidationError) as caught:
        validate(given)
    assert message in [error["msg"] for error in caught.value.errors()]


PLACES: dict[str, Callable[[Any], Any]] = {
    "class": Invoice.model_validate,
    "strict": lambda given: Invoice.model_validate(given, strict=True),
    "adapter": TypeAdapter(Invoice).validate_python,
    "made before": lambda given: INVOICES.validate_python([given]),
    "field": lambda given: Holder(one=given),
    "field of a dict": lambda given: Holder.model_validate({"one": given}),
    "list": lambda given: Holder(one=final(), many=[final(), given]),
    "dict": lambda given: Holder(one=final(), named={"a": given}),
    "optional": lambda given: Holder(one=final(), maybe=given),
    "union": lambda given: Holder(one=final(), either=given),
    "assignment": lambda given: setattr(Holder(one=final()), "one", given),
    "root model": RootModel[Invoice],
    "root model, validated": RootModel[Invoice].model_validate,
    "generic": lambda given: Boxed[Invoice](value=given),
    "dataclass": HoldingData,
    "argument": called_with,
    "returned": returning,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_snapshot_does_not_pass_for_a_finished_model(place: str) -> None:
    refused(PLACES[place], snapshot())


def test_nothing_passes_but_the_final_value() -> None:
    """Not even a snapshot of all that the document says, before its last brace has come."""
    *shown, last = pf.stream(Invoice, bytewise(TEXT.encode()))
    assert shown[-1].model_dump() == last.model_dump()
    for each in shown:
        refused(Invoice.model_validate, each)
    assert Invoice.model_validate(last) is last
    assert Holder(one=last, many=[last], maybe=last, either=last).either is last


def test_it_is_refused_where_a_function_puts_it_into_a_document() -> None:
    adapter = TypeAdapter[Any](annotated(Invoice, BeforeValidator(lambda _: snapshot())))
    refused(adapter.validate_json, "1", "Input should be an object")


def test_copies_are_refused_as_what_they_were_made_of_is() -> None:
    for copied in (
        copy.copy(snapshot()),
        copy.deepcopy(snapshot()),
        snapshot().model_copy(),
        pickle.loads(pickle.dumps(snapshot())),  # noqa: S301 - our own
        PARTIAL.model_validate({"number": "A 1"}),
    ):
        assert isinstance(copied, Invoice)
        refused(Invoice.model_validate, copied)


def test_a_base_class_and_any_model_refuse_it_too() -> None:
    class Later(Invoice):
        when: str

    later: Any = pf.StreamState(Later).feed(TEXT[:15])
    refused(Invoice.model_validate, later)
    refused(Later.model_validate, later, INSTANCE.replace("Invoice", "Later"))
    refused(
        TypeAdapter(BaseModel).validate_python,
        later,
        INSTANCE.replace("Invoice", "BaseModel"),
    )
    refused(
        TypeAdapter(InstanceOf[Invoice]).validate_python,
        later,
        "Input should be an instance of Invoice",
    )


def test_it_is_not_read_by_its_attributes() -> None:
    """Half of a text would pass for the whole: so FastAPI validates what it is to send."""

    class Numbered(BaseModel):
        model_config = ConfigDict(from_attributes=True)

        number: str

    adapter = TypeAdapter(Invoice)
    by_attributes = functools.partial(adapter.validate_python, from_attributes=True)
    refused(by_attributes, snapshot(), ATTRIBUTES)
    refused(Numbered.model_validate, snapshot(), ATTRIBUTES)
    assert Numbered.model_validate(final()).number == "A 17"
    # Which is told by its module, and that is the user's to everybody else.
    assert type(snapshot()).__module__ == __name__


def test_a_generic_model_refuses_snapshots_of_the_same_origin() -> None:
    shown: Any = pf.StreamState(Boxed[int]).feed('{"value": 1')
    for class_ in (Boxed[int], Boxed[Any], Boxed):
        with pytest.raises(ValidationError, match="valid dictionary or instance of Boxed"):
            class_.model_validate(shown)


def test_the_config_to_look_into_instances_changes_nothing() -> None:
    for how in ("always", "subclass-instances"):
        config: Any = ConfigDict(revalidate_instances=how)
        made: Any = create_model("Invoice", __config__=config, number=(str, ...))
        shown = pf.StreamState(made).feed('{"number": "A 1')
        refused(made.model_validate, shown)
        assert made.model_validate(made(number="A 17")) == made(number="A 17")


def test_a_class_that_asks_for_complete_values_says_more() -> None:
    class Finished(pf.Complete, BaseModel):
        number: str

    shown: Any = pf.StreamState(Finished).feed('{"number": "A 1')
    asked: list[Any] = [Finished, annotated(Invoice, pf.Complete)]
    for type_, value in zip(asked, [shown, snapshot()], strict=True):
        with pytest.raises(ValidationError, match="an incomplete snapshot of"):
            TypeAdapter[Any](type_).validate_python(value)
        with pytest.raises(ValidationError, match="an incomplete snapshot of"):
            TypeAdapter[Any](type_).validate_python(value, from_attributes=True)


# ---- where a snapshot is asked for, and where nobody validates


def test_partial_classes_take_it() -> None:
    shown = snapshot()
    partial = PARTIAL
    either: list[Any] = [
        partial,
        generic(Union, Invoice, partial),
        generic(Union, partial, Invoice),
        generic(Optional, partial),
    ]
    for type_ in either:
        assert TypeAdapter(type_).validate_python(shown) is shown
        assert TypeAdapter(type_).validate_python(shown, from_attributes=True) is shown
        assert TypeAdapter(generic(list, type_)).validate_python([shown])[0] is shown
    around: Any = create_model("Around", value=(partial, ...))
    assert around(value=shown).value is shown
    assert partial.model_validate({"number": "A", "lines": [{"text": "T"}]}).number == "A"
    outer: Any = pf.Partial[Boxed[Invoice]]
    assert outer.model_validate({"value": shown}).value is shown


def is_invoice(value: Any) -> bool:
    """Ask in the three ways in which Python does."""
    match value:
        case Invoice(number=number):
            matched: bool = number == vars(value)["number"]
        case _:
            matched = False
    asked = [isinstance(value, class_) for class_ in (Invoice, (int, Invoice), BaseModel)]
    return matched and all(asked)


@functools.singledispatch
def number_of(_: object) -> str:
    raise AssertionError


@number_of.register
def _(value: Invoice) -> str:
    return value.number


def test_everybody_else_has_an_instance() -> None:
    shown = snapshot()
    assert is_invoice(shown)
    assert issubclass(type(shown), Invoice)
    assert shown.__class__ is type(shown) is PARTIAL
    assert number_of(shown) == "A 1"
    assert list(map(Invoice.__instancecheck__, [shown])) == [True]
    assert list(filter(functools.partial(is_invoice), [shown, 3])) == [shown]


def test_so_have_functions_that_a_validator_calls() -> None:
    asked: list[bool] = []

    def look(value: Any) -> Any:
        asked.append(is_invoice(value))
        return value

    class Looking(BaseModel):
        model_config = ConfigDict(revalidate_instances="always")

        before: Any = None
        kind: str = ""

        @field_validator("before", mode="before")
        @classmethod
        def _before(cls, value: Any) -> Any:
            return look(value)

        @field_validator("before", mode="after")
        @classmethod
        def _after(cls, value: Any) -> Any:
            return look(value)

        @field_validator("before", mode="wrap")
        @classmethod
        def _around(cls, value: Any, handler: Any) -> Any:
            return look(handler(look(value)))

        @model_validator(mode="before")
        @classmethod
        def _first(cls, data: Any) -> Any:
            look(data["before"])
            return data

        @model_validator(mode="after")
        def _last(self) -> Any:
            look(self.before)
            return self

        def model_post_init(self, _: Any) -> None:
            look(self.before)

    shown = snapshot()
    assert Looking(before=shown).before is shown
    assert asked == [True] * 7
    with pytest.raises(ValidationError):
        TypeAdapter(annotated(Invoice, BeforeValidator(look))).validate_python(shown)
    assert asked == [True] * 8


def test_so_has_a_function_with_an_adapter_of_its_own() -> None:
    adapter = TypeAdapter(Invoice)

    def read(value: Any) -> Any:
        return value if isinstance(value, Invoice) else adapter.validate_python(value)

    shown = snapshot()
    assert read(shown) is shown
    assert read({"number": "A", "total": None}) == Invoice(number="A", total=None)


def test_other_objects_are_what_they_were() -> None:
    snapshot()

    class Later(Invoice):
        pass

    class Claiming:
        __class__: Any = property(lambda _: Invoice)

    for value, expected in [
        (final(), True),
        (Later(number="A", total=None), True),
        (Claiming(), isinstance(Claiming(), Invoice)),
        (Line(text="T"), False),
        ({}, False),
        (None, False),
        (Invoice, False),
        (Claiming, False),
    ]:
        assert isinstance(value, Invoice) is expected
        assert TypeAdapter(Invoice).validator.isinstance_python(value) is expected


def test_threads_are_told_apart() -> None:
    shown = snapshot()
    done: list[str] = []

    def ask() -> None:
        for _ in range(500):
            assert isinstance(shown, Invoice)
        done.append("asked")

    def validate() -> None:
        for _ in range(500):
            refused(INVOICES.validate_python, [shown])
        done.append("validated")

    threads = [threading.Thread(target=target) for target in (ask, validate, ask, validate)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["asked", "asked", "validated", "validated"]


# ---- who else is in between


class Metaclass(type(BaseModel)):  # type: ignore[misc]
    """A metaclass of the user's that asks the one above it."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return bool(super().__instancecheck__(instance))


class Kept(BaseModel, metaclass=Metaclass):
    number: str


def test_a_metaclass_of_the_users_that_asks_pydantics_changes_nothing() -> None:
    shown: Any = pf.StreamState(Kept).feed('{"number": "A 1')
    assert isinstance(shown, Kept)
    assert isinstance(type(shown), Metaclass)
    refused(Kept.model_validate, shown, INSTANCE.replace("Invoice", "Kept"))


def test_a_plugin_of_pydantics_changes_nothing() -> None:
    plugins = pytest.importorskip("pydantic.plugin._schema_validator")

    class Seen(BaseModel):
        number: str

    class Handler:
        def on_success(self, result: Any) -> None:
            raise AssertionError(result)

    class Plugin:
        def new_schema_validator(self, *_: Any) -> tuple[Any, None, None]:
            return Handler(), None, None

    made: Any = plugins.PluggableSchemaValidator(
        Seen.__pydantic_core_schema__, Seen, None, "BaseModel", None, [Plugin()], {}
    )
    Seen.__pydantic_validator__ = made
    shown: Any = pf.StreamState(Seen).feed('{"number": "A 1')
    refused(Seen.model_validate, shown, INSTANCE.replace("Invoice", "Seen"))


def test_sqlmodel_calls_validators_itself() -> None:
    sqlmodel = pytest.importorskip("sqlmodel")

    class Hero(sqlmodel.SQLModel):  # type: ignore[misc, name-defined]
        name: str

    shown: Any = pf.StreamState(Hero).feed('{"name": "Spi')
    assert isinstance(shown, Hero)
    refused(Hero.model_validate, shown, ATTRIBUTES)
    assert Hero.model_validate(pf.stream(Hero, ['{"name": "Spider"}']).final()).name == "Spider"


def test_what_a_function_of_the_users_hands_on_passes() -> None:
    """It asks in the name of that function, which may ask `isinstance` as well.

    A class that inherits from `pf.Complete` looks at what it has in the end.
    """

    class Passing(BaseModel):
        number: str

        @model_validator(mode="wrap")
        @classmethod
        def _around(cls, value: Any, handler: Any) -> Any:
            return handler(value)

    class Finished(pf.Complete, Passing):
        pass

    passing, finished = (
        cast("Any", pf.StreamState(class_).feed('{"number": "A 1'))
        for class_ in (Passing, Finished)
    )
    assert Passing.model_validate(passing) is passing
    with pytest.raises(ValidationError, match="an incomplete snapshot of Finished"):
        Finished.model_validate(finished)


def test_a_dataclass_takes_a_snapshot_unless_it_asks_for_complete_values() -> None:
    """Python does not ask anybody what is an instance of a class without a metaclass."""

    @dataclasses.dataclass
    class Plain:
        number: str

    shown: Any = pf.StreamState(Plain).feed('{"number": "A 1')
    assert TypeAdapter(Plain).validate_python(shown) is shown
    marked: Any = annotated(Plain, pf.Complete)
    refused(
        TypeAdapter(marked).validate_python,
        shown,
        "this is an incomplete snapshot of Plain: wait for the final value, or say "
        "pf.Partial[Plain] where snapshots are meant",
    )


# ---- every kind of model


def takes_anything(class_: Any) -> bool:
    """Tell whether a class validates whatever it is given, or lets code of the user's do it."""
    adapter = TypeAdapter[Any](class_)
    return adapter.validator.isinstance_python(object()) or "function-wrap" in str(
        adapter.core_schema
    )


def check_refused(origin: Any, shown: Any) -> None:
    """Check that a snapshot is an instance, and to pydantic where snapshots are asked for."""
    assert isinstance(shown, origin)
    assert generic(pf.Partial, origin).model_validate(shown) is shown
    if takes_anything(origin):
        return
    around: Any = create_model(
        "Around",
        __config__=ConfigDict(validate_assignment=True),
        one=(generic(Optional, origin), None),
        several=(generic(dict, str, generic(Union, int, origin)), {}),
    )
    ways: list[Callable[[], Any]] = [
        lambda: origin.model_validate(shown),
        lambda: origin.model_validate(shown, strict=True),
        lambda: origin.model_validate(shown, from_attributes=True),
        lambda: TypeAdapter(generic(list, origin)).validate_python([shown]),
        lambda: around(one=shown),
        lambda: around(several={"a": shown}),
        lambda: setattr(around(), "one", shown),
        lambda: around.model_validate({"one": shown}, from_attributes=True),
    ]
    for way in ways:
        # What the generator has for a user's function sees to it that it is given no snapshot.
        with pytest.raises((ValidationError, HoleError)):
            way()


@given(cases(Feature.CODE | Feature.REWRITES | Feature.INVALID), st.integers(0, 2**32))
def test_open_models_of_every_kind_are_refused(case: Case, seed: int) -> None:
    shown: dict[Any, Any] = {}
    state = case.state(on_invalid="defer")
    for chunk in case.splits(seed)[-1]:
        for each in instances(state.feed(chunk)):
            origin = partial_origin(type(each))
            if origin is not None and issubclass(origin, BaseModel):
                shown[origin] = each
    for origin, each in shown.items():
        check_refused(origin, each)
