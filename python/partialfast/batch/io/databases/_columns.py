"""The columns of a type, whatever the database: from its JSON schema to a few kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any, Literal

from pydantic import TypeAdapter

from partialfast.batch.io._output import Record

__all__ = ["Column", "ColumnKind", "Columns"]

#: What a column holds. What has no kind of its own (objects, arrays, unions, any value) is JSON.
ColumnKind = Literal["text", "integer", "number", "boolean", "date", "time", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Args:
        name: Its name.
        kind: What it holds.
    """

    name: str
    kind: ColumnKind


class Columns:
    """The columns of a type, and how values get into them.

    Args:
        model: Any type that pydantic can validate.
    """

    def __init__(self, model: Any) -> None:
        whole = TypeAdapter(model).json_schema(mode="serialization")
        self._definitions: Mapping[str, Any] = whole.get("$defs", {})
        root = self._resolved(whole)
        properties: Mapping[str, Any] = root.get("properties", {})
        self._is_flat = root.get("type") == "object" and bool(properties)
        fields = properties if self._is_flat else {"value": root}
        self.id = "id"
        while self.id in fields:
            self.id = f"_{self.id}"
        self._fields = [Column(name, self._kind(each)) for name, each in fields.items()]

    @property
    def all(self) -> list[Column]:
        """The id, then a column for each field; one column ``value`` if it is not an object."""
        return [Column(self.id, "text"), *self._fields]

    def row(self, record: Record) -> list[Any]:
        """Turn a record into the values of the columns.

        Args:
            record: A line of the journal.

        Returns:
            Text, numbers, booleans, dates, times with a zone; JSON as text.
        """
        value = record["value"]
        cells = [value.get(each.name) if self._is_flat else value for each in self._fields]
        pairs = zip(self._fields, cells, strict=True)
        return [record["id"], *(_CONVERT[column.kind](cell) for column, cell in pairs)]

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        seen: set[str] = set()
        while isinstance(reference := schema.get("$ref"), str) and reference not in seen:
            seen.add(reference)
            schema = self._definitions.get(reference.rpartition("/")[2], {})
        return schema

    def _kind(self, schema: Any) -> ColumnKind:
        if not isinstance(schema, Mapping):
            return "json"
        schema = self._resolved(schema)
        members = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if members:
            kept = [each for each in members if each != {"type": "null"}]
            return self._kind(kept[0]) if len(kept) == 1 else "json"
        values = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if values is not None:
            kinds = {type(value) for value in values if value is not None}
            return _OF_TYPES.get(next(iter(kinds)), "json") if len(kinds) == 1 else "json"
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = {each for each in kind if each != "null"}
            kind = next(iter(kinds)) if len(kinds) == 1 else None
        if kind == "string":
            return _OF_FORMATS.get(schema.get("format"), "text")
        return kind if kind in {"integer", "number", "boolean"} else "json"


_OF_TYPES: Mapping[type, ColumnKind] = {
    str: "text",
    int: "integer",
    bool: "boolean",
    float: "number",
}
_OF_FORMATS: Mapping[Any, ColumnKind] = {"date": "date", "date-time": "time"}


def _time(value: Any) -> Any:
    if value is None:
        return None
    # Python 3.10 does not know that Z is an offset.
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _same(value: Any) -> Any:
    return value


_CONVERT: Mapping[ColumnKind, Callable[[Any], Any]] = {
    "text": _same,
    "integer": _same,
    "number": lambda value: None if value is None else float(value),
    "boolean": _same,
    "date": lambda value: None if value is None else date.fromisoformat(value),
    "time": _time,
    "json": lambda value: None if value is None else json.dumps(value, ensure_ascii=False),
}
