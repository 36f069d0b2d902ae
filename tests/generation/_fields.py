"""Fields of drawn classes: types, defaults, aliases, and where a document has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import AfterValidator, AliasChoices, AliasPath, ConfigDict, Field
from pydantic.alias_generators import to_camel

from ._code import UNCOPIED, look, omit_some, use_default_for_some
from ._spec import Draw, Feature, Spec, annotated, generic
from .scalars import PLAIN_TEXT

__all__ = ["EXTRA", "DrawnField", "Parts", "draw_alias", "draw_config", "draw_fields", "objects"]

#: Draws the type of a part.
Parts = Callable[[], Spec]


@dataclass
class DrawnField:
    """A field that is being drawn.

    Attributes:
        name: Its name.
        type: Its annotation.
        value: What stands after the annotation in the class, if anything.
        documents: What JSON may have for it.
        keys: Where a document may have it: keys, or paths of keys and indices.
        required: Whether a document must have it.
    """

    name: str
    type: Any
    value: Any
    documents: st.SearchStrategy[Any]
    keys: list[Any]
    required: bool


def _at(path: Any, value: Any) -> tuple[str, Any]:
    """Return the key and the value under it that put `value` at `path`."""
    if isinstance(path, str):
        return path, value
    for step in reversed(path[1:]):
        value = [*([None] * step), value] if isinstance(step, int) else {step: value}
    return path[0], value


def _is_twice(field: DrawnField, document: Mapping[str, Any]) -> bool:
    """Tell whether `document` has two keys that a field may be found under.

    Its name counts: with ``by_name`` of the call or of a config a field has it for a key.
    """
    places = {field.name, *(_at(key, None)[0] for key in field.keys)}
    return sum(place in document for place in places) > 1


def objects(
    fields: list[DrawnField],
    extra: st.SearchStrategy[Any] | None = None,
    features: Feature = Feature.NONE,
) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of objects with `fields`, in any order.

    Args:
        fields: What may be in them.
        extra: What stands under other keys, if there are such.
        features: With `Feature.TWICE` a field may be there under two keys.
    """

    @st.composite
    def draw_document(draw: Draw) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for field in draw(st.permutations(fields)):
            if not field.required and draw(st.booleans()):
                continue
            keys = [draw(st.sampled_from(field.keys))]
            if Feature.TWICE in features and draw(st.integers(0, 5)) == 0:
                keys.append(draw(st.sampled_from([*field.keys, field.name])))
            for place in keys:
                key, value = _at(place, draw(field.documents))
                made[key] = value
        if extra is not None and draw(st.integers(0, 3)) == 0:
            # A field that has an alias leaves its name to others.
            taken = {_at(key, None)[0] for field in fields for key in field.keys}
            names = [field.name for field in fields if field.name not in taken]
            made[draw(st.sampled_from(["unknown", "field_9", "", *names]))] = draw(extra)
        assume(Feature.TWICE in features or not any(_is_twice(field, made) for field in fields))
        return made

    return draw_document()


#: What a key has that no field declares.
EXTRA: st.SearchStrategy[Any] = st.sampled_from([1, "more", [1, {"a": None}], {"b": ["c"]}])


def draw_alias(draw: Draw, name: str) -> tuple[dict[str, Any], list[Any]]:
    """Return arguments of `Field` that say where it is found, and those places."""
    alias = f"a_{name}"
    ways: list[tuple[dict[str, Any], list[Any]]] = [({}, [name])] * 3
    ways += [
        ({"alias": alias}, [alias]),
        ({"validation_alias": alias}, [alias]),
        ({"serialization_alias": alias}, [name]),
        ({"validation_alias": AliasChoices(alias, name)}, [alias, name]),
        (
            {"validation_alias": AliasChoices(alias, AliasPath("path", 0))},
            [alias, ["path", 0]],
        ),
        ({"validation_alias": AliasPath("inner", name)}, [["inner", name]]),
        # Another field may have the same.
        ({"alias": "shared"}, ["shared"]),
        # One may have another's name: in a dump by alias, two fields have one key.
        ({"alias": "field_0"}, ["field_0"]),
        ({"validation_alias": AliasChoices("field_1", alias)}, ["field_1", alias]),
    ]
    made: tuple[dict[str, Any], list[Any]] = draw(st.sampled_from(ways))
    return made


def _default(draw: Draw, spec: Spec, features: Feature) -> tuple[Any, dict[str, Any]]:
    """Return the annotation of an optional field, and its default."""
    optional = generic(Union, spec.type, None)
    ways: list[tuple[Any, dict[str, Any]]] = [
        (optional, {"default": None}),
        (spec.type, {"default": None}),
        (generic(Union, spec.type, str), {"default": "a text"}),
        (generic(Union, spec.type, list[Any]), {"default": [1, [2]]}),
        (generic(Union, spec.type, list[Any]), {"default_factory": list}),
        (generic(Union, spec.type, dict[str, Any]), {"default_factory": dict}),
    ]
    # What the field's type would not take: pydantic does not validate defaults.
    ways += [(spec.type, {"default": default}) for default in ("a text", [1, [2]], 3, UNCOPIED)]
    if Feature.DIRECTS in features:
        directed = annotated(spec.type, AfterValidator(use_default_for_some))
        ways.append((directed, {"default": None}))
        many = generic(list, annotated(spec.type, AfterValidator(omit_some)))
        ways.append((generic(Union, many, directed), {"default": 3}))
    if Feature.CODE in features:
        number = generic(Union, spec.type, int)
        ways.append((number, {"default_factory": lambda: look(7)}))
        ways.append((number, {"default_factory": lambda data: len(look(data))}))
    made: tuple[Any, dict[str, Any]] = draw(st.sampled_from(ways))
    return made


#: Names that core schemas use for their own parts.
WORDS = ["config", "default", "function", "members", "metadata", "cls", "choices", "fields", "type"]

_MARKS: list[dict[str, Any]] = [{"exclude": True}, {"repr": False}]


def draw_fields(draw: Draw, part: Parts, features: Feature) -> list[DrawnField]:
    """Draw one to four fields, required or not, under aliases of every kind."""
    made: list[DrawnField] = []
    for index in range(draw(st.integers(1, 4))):
        name = f"field_{index}"
        if index == 1 and draw(st.integers(0, 3)) == 0:
            name = draw(st.sampled_from(WORDS))
        spec = PLAIN_TEXT if draw(st.integers(0, 4)) == 0 else part()
        arguments, keys = draw_alias(draw, name)
        required = draw(st.booleans())
        type_, default = (spec.type, {}) if required else _default(draw, spec, features)
        if draw(st.integers(0, 9)) == 0:
            arguments = {**arguments, **draw(st.sampled_from(_MARKS))}
        value: Any = Field(**arguments, **default)
        made.append(DrawnField(name, type_, value, spec.documents, keys, required))
    return made


def draw_config(draw: Draw, features: Feature) -> ConfigDict:
    """Draw a config that does not keep the class from being made."""
    made = ConfigDict(
        extra=draw(st.sampled_from(["ignore", "ignore", "allow", "forbid"])),
        populate_by_name=draw(st.sampled_from([False, False, True])),
        frozen=draw(st.sampled_from([False, False, True])),
    )
    others: list[ConfigDict] = [
        ConfigDict(),
        ConfigDict(),
        ConfigDict(),
        ConfigDict(use_enum_values=True),
        ConfigDict(ser_json_timedelta="float", ser_json_bytes="base64", val_json_bytes="base64"),
        ConfigDict(coerce_numbers_to_str=True),
        ConfigDict(alias_generator=to_camel, serialize_by_alias=True),
        ConfigDict(validate_assignment=True, revalidate_instances="always"),
        ConfigDict(strict=True),
        ConfigDict(title="A title", hide_input_in_errors=True),
        ConfigDict(ser_json_inf_nan="strings", allow_inf_nan=False),
        ConfigDict(loc_by_alias=False, validation_error_cause=True),
    ]
    if Feature.CODE in features:
        others.append(ConfigDict(validate_default=True))
    if Feature.REWRITES in features:
        others.append(ConfigDict(str_strip_whitespace=True, str_to_upper=True))
    made.update(draw(st.sampled_from(others)))
    return made
