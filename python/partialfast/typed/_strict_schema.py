"""JSON schemas by the rules that OpenAI has for strict ones.

The rules are those of OpenAI's guide on structured outputs, "Supported schemas" and "Some
type-specific keywords are not yet supported": every object is closed and has all its properties,
there are ``anyOf`` and references, and few keywords besides. A keyword that is left out here still
holds for the answer, which the type itself validates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["OPENAI", "NotStrictError", "Rules", "strict_schema"]

Json = dict[str, Any]

#: A schema without any of these takes whatever there is.
_SAYS_WHAT = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "properties", "type"})
#: What a pattern may not have: lookaround.
_LOOKS_AROUND = ("(?=", "(?!", "(?<")
#: Limits of a whole schema.
_MOST_PROPERTIES = 5_000
_MOST_NESTED = 10
_MOST_VALUES = 1_000
_MOST_CHARACTERS = 120_000

_WAY_OUT = "or ask in a mode that is not strict, such as Mode.TOOLS"


@dataclass(frozen=True)
class Rules:
    """What a server takes in a strict schema.

    Attributes:
        schemas: What the server calls them, for messages.
        kept: Keywords that stay as they are.
        formats: The formats of strings that are supported.
        patterns: Whether strings may have a pattern.
        least_items: The most that ``minItems`` may say; ``None`` for any number.
        every_required: Whether each property has to be required. Else the type says.
        recursion: Whether a type may stand in itself.
        limits: Whether there is a limit to properties, values, characters and levels.
        tells: Whether what is left out is put into the description, for the model to read.
    """

    schemas: str
    kept: tuple[str, ...]
    formats: frozenset[str]
    patterns: bool = False
    least_items: int | None = None
    every_required: bool = False
    recursion: bool = False
    limits: bool = False
    tells: bool = False


OPENAI = Rules(
    "OpenAI's strict schemas",
    kept=(
        "title",
        "description",
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
    ),
    formats=frozenset(
        {
            "date",
            "date-time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "time",
            "uuid",
        }
    ),
    patterns=True,
    every_required=True,
    recursion=True,
    limits=True,
)
#: What a schema says by its structure, which is rewritten; and what nobody has to read.
_STRUCTURE = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "default",
        "discriminator",
        "items",
        "oneOf",
        "prefixItems",
        "properties",
        "required",
    }
)


class NotStrictError(TypeError):
    """The rules cannot say what a type takes; its schema may be sent as one that is not strict.

    The message names the field, and a way out.
    """


def strict_schema(schema: Json, rules: Rules = OPENAI) -> Json:
    """Return a JSON schema by the rules that a server has for strict ones.

    Args:
        schema: As pydantic makes it of a type; it is left as it is.
        rules: Those of the server.

    Returns:
        A schema that allows nothing that `schema` does not allow, as far as the rules can say it.

    Raises:
        NotStrictError: The rules cannot say it: an object with free keys, a value of any type, or,
            where that is not allowed, a type that stands in itself.
        TypeError: It has more than a schema may have.
    """
    made = _StrictRewriter(rules).rewrite(schema, ())
    if not rules.recursion:
        _check_recursion(made, rules)
    if rules.limits:
        _check_limits(made)
    return made


def _where(path: tuple[str, ...]) -> str:
    return f"the field {'.'.join(path)!r}" if path else "the type"


def _plain(schema: Json, rules: Rules) -> Json:
    """Return what is kept of `schema` without a look at what is inside."""
    made = {key: schema[key] for key in rules.kept if key in schema}
    if schema.get("format") in rules.formats:
        made["format"] = schema["format"]
    pattern = schema.get("pattern")
    if (
        rules.patterns
        and isinstance(pattern, str)
        and not any(look in pattern for look in _LOOKS_AROUND)
    ):
        made["pattern"] = pattern
    least = made.get("minItems")
    if least is not None and rules.least_items is not None and least > rules.least_items:
        del made["minItems"]
    if rules.tells:
        unsaid = [
            f"{key}: {value}"
            for key, value in schema.items()
            if key not in made and key not in _STRUCTURE
        ]
        if unsaid:
            words = (made.get("description"), f"{{{', '.join(unsaid)}}}")
            made["description"] = "\n\n".join(word for word in words if word)
    return made


class _StrictRewriter:
    """Rewrites a schema and what is inside."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._unsaid = f"which {rules.schemas} cannot say"

    def rewrite(self, schema: Any, path: tuple[str, ...]) -> Json:
        """Return `schema`, which stands at `path`, by the rules.

        Raises:
            NotStrictError: The rules cannot say it.
        """
        if not isinstance(schema, dict) or schema.keys().isdisjoint(_SAYS_WHAT):
            raise NotStrictError(
                f"{_where(path)} may have a value of any type, {self._unsaid}: declare what it is, "
                f"{_WAY_OUT}"
            )
        made = _plain(schema, self._rules)
        if "$ref" in schema:
            made |= self._reference(schema["$ref"], made)
        if "allOf" in schema:
            made |= self._all_of(schema["allOf"], path)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                made["anyOf"] = [self.rewrite(member, path) for member in schema[key]]
        if schema.get("type") == "object" or "properties" in schema:
            made |= self._object(schema, path)
        if schema.get("type") == "array":
            made |= self._array(schema, path)
        if "$defs" in schema:
            made["$defs"] = {
                name: self.rewrite(inner, (name,)) for name, inner in schema["$defs"].items()
            }
        return made

    @staticmethod
    def _reference(name: str, beside: Json) -> Json:
        """Return a reference, which stands alone: what is beside it goes around it."""
        return {"anyOf": [{"$ref": name}]} if beside else {"$ref": name}

    def _all_of(self, members: list[Any], path: tuple[str, ...]) -> Json:
        if len(members) != 1:
            raise NotStrictError(
                f"{_where(path)} is to follow several schemas at once (allOf), {self._unsaid}: "
                f"declare one type, {_WAY_OUT}"
            )
        return self.rewrite(members[0], path)

    def _object(self, schema: Json, path: tuple[str, ...]) -> Json:
        properties = schema.get("properties", {})
        free = schema.get("additionalProperties")
        declared = "properties" in schema and free in (None, False)
        if "patternProperties" in schema or not (properties or declared or free is False):
            self._refuse_free_keys(path)
        return {
            "properties": {
                name: self.rewrite(inner, (*path, name)) for name, inner in properties.items()
            },
            "required": list(
                properties if self._rules.every_required else schema.get("required", ())
            ),
            "additionalProperties": False,
        }

    def _refuse_free_keys(self, path: tuple[str, ...]) -> None:
        raise NotStrictError(
            f"{_where(path)} is an object with free keys, {self._unsaid}: declare its fields, or a "
            f"list of objects with a key and a value, {_WAY_OUT}"
        )

    def _array(self, schema: Json, path: tuple[str, ...]) -> Json:
        prefix = schema.get("prefixItems")
        if not prefix:
            return {"items": self.rewrite(schema.get("items", {}), (*path, "[]"))}
        # Which item is which cannot be said: each may be any of them. The type tells in the end.
        every = [*prefix, schema["items"]] if isinstance(schema.get("items"), dict) else prefix
        members: list[Json] = []
        for item in every:
            member = self.rewrite(item, (*path, "[]"))
            if member not in members:
                members.append(member)
        return {"items": members[0] if len(members) == 1 else {"anyOf": members}}


def _parts(schema: Json) -> Iterator[Json]:
    """Yield `schema` and all schemas in it, what it refers to left out."""
    yield schema
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        yield from _parts(inner)
    for inner in schema.get("anyOf", ()):
        yield from _parts(inner)
    if "items" in schema:
        yield from _parts(schema["items"])


def _check_recursion(schema: Json, rules: Rules) -> None:
    """Refuse a type that stands in itself.

    Raises:
        NotStrictError: One does.
    """
    refers = {
        name: {part["$ref"].rsplit("/", 1)[-1] for part in _parts(inner) if "$ref" in part}
        for name, inner in schema.get("$defs", {}).items()
    }
    for name, others in refers.items():
        reached, pending = set[str](), list(others)
        while pending:
            other = pending.pop()
            if other not in reached:
                reached.add(other)
                pending.extend(refers.get(other, ()))
        if name in reached:
            raise NotStrictError(
                f"the type {name!r} stands in itself, which {rules.schemas} cannot say: give it as "
                f"many levels as are needed, {_WAY_OUT}"
            )


def _check_limits(schema: Json) -> None:
    """Refuse what is larger than a schema may be.

    Raises:
        TypeError: It is.
    """
    parts = list(_parts(schema))
    names = [name for part in parts for name in part.get("properties", ())]
    values = [str(value) for part in parts for value in part.get("enum", ())]
    values += [str(part["const"]) for part in parts if "const" in part]
    texts = [*names, *values, *schema.get("$defs", ())]
    found = (
        (len(names), _MOST_PROPERTIES, "properties"),
        (len(values), _MOST_VALUES, "values of enums"),
        (sum(map(len, texts)), _MOST_CHARACTERS, "characters of names and values"),
        (_depth(schema, schema, frozenset()), _MOST_NESTED, "levels of objects"),
    )
    for count, most, what in found:
        if count > most:
            raise TypeError(
                f"the type has {count} {what}, and OpenAI takes {most} in a strict schema: ask for "
                f"less at once, {_WAY_OUT}"
            )


def _depth(schema: Json, root: Json, seen: frozenset[str]) -> int:
    """Return how many objects stand in one another; one that stands in itself counts once."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        if name in seen or name not in root.get("$defs", ()):
            return 0
        return _depth(root["$defs"][name], root, seen | {name})
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if "items" in schema else []
    deepest = max((_depth(part, root, seen) for part in inner), default=0)
    return deepest + ("properties" in schema)
