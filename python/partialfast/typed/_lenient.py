"""What lenient reading may know of a type: facts that tell for certain how a value was meant."""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partialfast.typed._facts import Facts
    from partialfast.typed._schema import Definitions, Schema

__all__ = ["Help", "help_of"]


class Help(NamedTuple):
    """What a value of a schema may be.

    Attributes:
        accepts: The kinds of JSON values that might be valid; all, where in doubt.
        members: The members of an enumeration, as JSON text, by their names and their values in
            lower case. What could mean either of two members is left out.
        exact: The strings that are valid as they are.
    """

    accepts: frozenset[str]
    members: dict[str, str]
    exact: list[str]


def help_of(schema: Schema, facts: Facts, definitions: Definitions) -> Help:
    """Return what is known of the values of `schema`."""
    members: dict[str, str] = {}
    exact: list[str] = []
    doubtful: set[str] = set()
    for name, value in _members(_bare(schema, definitions)):
        text = json.dumps(value)
        if isinstance(value, str):
            exact.append(value)
        for word in (name, value):
            if not isinstance(word, str):
                continue
            if members.setdefault(word.lower(), text) != text:
                doubtful.add(word.lower())
    known = {word: text for word, text in members.items() if word not in doubtful}
    return Help(facts.accepts(schema), known, exact)


def _bare(schema: Schema, definitions: Definitions) -> Schema:
    """Return the schema of a value that is neither null nor a default."""
    while True:
        kind = schema["type"]
        if kind == "definition-ref":
            schema = definitions[schema["schema_ref"]]
        elif kind == "nullable" or (
            kind == "default" and schema.get("on_error", "raise") == "raise"
        ):
            schema = schema["schema"]
        elif kind == "json-or-python":
            schema = schema["json_schema"]
        else:
            return schema


def _members(schema: Schema) -> Iterator[tuple[str | None, Any]]:
    """Yield names and values of an enumeration whose values are all that it accepts."""
    named: list[tuple[str | None, Any]]
    if schema["type"] == "enum" and not _finds_members(schema):
        members: list[enum.Enum] = schema["members"]
        named = [(member.name, member.value) for member in members]
    elif schema["type"] == "literal":
        named = [(None, _plain(value)) for value in schema["expected"]]
    else:
        return
    if all(isinstance(value, str | int | float) for _, value in named):
        yield from named


def _finds_members(schema: Schema) -> bool:
    """Tell whether the enumeration finds a member for other values itself."""
    own = getattr(schema["cls"]._missing_, "__func__", None)
    return bool(schema.get("missing")) or own is not _NO_MEMBER


#: What looks up members in an enumeration without a ``_missing_`` of its own.
_NO_MEMBER = getattr(enum.Enum._missing_, "__func__", None)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value
