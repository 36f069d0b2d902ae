"""Long documents: cut into parts that overlap, asked about one by one, their values put together.

A part is a document of its own, called ``id#2/5``: it has a line of its own, and is resumed like
any other. When all parts of a document have a value, these are merged.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from partialfast.batch.io._documents import Documents
from partialfast.batch.io._output import Record, Sink
from partialfast.batch.io._regular import open_for_owner
from partialfast.batch.loop._classify import classify
from partialfast.batch.loop._result import BatchError, Item

__all__ = ["Merged", "PartMerger", "Split", "SplitDocuments", "parts_of"]

#: Bytes of a token of plain English; other scripts take a token for a character or so.
_BYTES = 4
#: Where a text is best cut, within the last fifth of a part.
_CUTS = ("\n\n", "\n", ". ", " ")
_SHARE = 0.8
#: References that are followed; whoever has more goes in circles.
_REFERENCES = 32
_PART = re.compile(r"(?s)(.*)#(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Split:
    """How documents are cut.

    Args:
        tokens: About how many a part has at most.
        overlap: About how many of a part are those at the end of the one before.
        field: What is cut.
    """

    tokens: int
    overlap: int
    field: str = "text"

    def __post_init__(self) -> None:
        """Refuse an overlap that is too long for the parts to get ahead.

        Raises:
            BatchError: It is half of a part or more.
        """
        if 2 * self.overlap >= self.tokens:
            raise BatchError(
                f"--overlap {self.overlap} must be less than half of --split {self.tokens}"
            )


def _cost(character: str) -> float:
    return 1 / _BYTES if character.isascii() else 1.0


def parts_of(text: str, split: Split) -> list[str]:
    """Cut a text.

    Args:
        text: The text.
        split: How.

    Returns:
        The parts, each at most as long as it may be; together all of it.
    """
    parts: list[str] = []
    start = 0
    while True:
        end = _reach(text, start, split.tokens)
        if end == len(text):
            return [*parts, text[start:]]
        end = _cut(text, start, end)
        parts.append(text[start:end])
        start = max(start + 1, _back(text, end, split.overlap))


def _reach(text: str, start: int, tokens: float) -> int:
    spent = 0.0
    for place in range(start, len(text)):
        spent += _cost(text[place])
        if spent > tokens:
            return max(place, start + 1)
    return len(text)


def _back(text: str, end: int, tokens: float) -> int:
    """Go back as far as the overlap, to the beginning of a word."""
    spent, place = 0.0, end
    while place > 0 and spent + _cost(text[place - 1]) <= tokens:
        place -= 1
        spent += _cost(text[place])
    if place in {end, 0}:
        return place
    word = text.find(" ", place, end)
    return place if word < 0 else word + 1


def _cut(text: str, start: int, end: int) -> int:
    """Find a good place at or shortly before `end`."""
    earliest = start + int((end - start) * _SHARE)
    for mark in _CUTS:
        found = text.rfind(mark, earliest, end)
        if found >= 0:
            return found + len(mark)
    return end


class SplitDocuments(Documents):
    """The parts of documents.

    Args:
        whole: The documents.
        split: How they are cut.
    """

    def __init__(self, whole: Documents, split: Split) -> None:
        super().__init__(whole.where, None, 0)
        self._whole = whole
        self._split = split

    @property
    def is_repeatable(self) -> bool:
        """As the documents themselves."""
        return self._whole.is_repeatable

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Give the documents, uncut."""
        return self._whole.records()

    def items(self, check: Callable[[Item], object] | None = None) -> Iterator[Item]:
        """Give the parts."""
        for item in self._whole.items():
            text = item.fields.get(self._split.field)
            if not isinstance(text, str):
                raise BatchError(
                    f"item {item.id!r} has no text in {self._split.field!r} that could be split"
                )
            parts = parts_of(text, self._split)
            for number, part in enumerate(parts, start=1):
                fields = {**item.fields, self._split.field: part}
                made = Item(f"{item.id}#{number}/{len(parts)}", fields)
                if check is not None:
                    check(made)
                yield made


class PartMerger:
    """Puts the values of a document's parts together.

    Of a list that is named, the items of all parts follow each other; an item that is the same as
    an earlier one, or has the same key, is left out, for parts overlap. Of everything else, the
    first part that says something is right.

    Args:
        lists: The lists: ``people`` or ``people:email`` with the key of an item; ``:email`` where
            the value itself is a list.
    """

    def __init__(self, lists: Sequence[str]) -> None:
        named = [each.partition(":") for each in lists]
        self._keys = {field: key or None for field, _, key in named}

    def check(self, model: Any) -> None:
        """Make sure that a model has the lists and the keys, as far as its schema tells.

        Args:
            model: The type of the values.

        Raises:
            BatchError: It does not: nothing would ever be merged by that name.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        # Values are written by alias, for which there may be several that are read.
        schemas = [adapter.json_schema(by_alias=by_alias) for by_alias in (True, False)]
        for name, key in self._keys.items():
            faults = [_fault_of_merge(schema, name, key) for schema in schemas]
            if all(faults):
                said = name if key is None else f"{name}:{key}"
                raise BatchError(f"--merge {said}: {faults[0]}")

    def __call__(self, values: Sequence[Any]) -> Any:
        """Merge values, as JSON has them."""
        if all(isinstance(each, list) for each in values):
            return self._joined(values, self._keys.get(""))
        if not all(isinstance(each, dict) for each in values):
            return next((each for each in values if each is not None), None)
        merged: dict[str, Any] = {}
        for name in dict.fromkeys(name for value in values for name in value):
            found = [value.get(name) for value in values]
            if name in self._keys:
                lists = [each for each in found if isinstance(each, list)]
                merged[name] = self._joined(lists, self._keys[name])
            else:
                merged[name] = _first(found)
        return merged

    @staticmethod
    def _joined(lists: Sequence[Any], key: str | None) -> list[Any]:
        seen: set[str] = set()
        joined: list[Any] = []
        for each in lists:
            for item in each:
                mark = item.get(key) if key is not None and isinstance(item, dict) else item
                # What has no key is the same only as what equals it.
                text = json.dumps(item if mark is None else mark, sort_keys=True)
                if text not in seen:
                    seen.add(text)
                    joined.append(item)
        return joined


def _fault_of_merge(schema: Mapping[str, Any], name: str, key: str | None) -> str | None:
    """Say why values of a schema cannot be merged so; ``None`` if they can, or it does not tell."""
    place = _resolved(schema, schema)
    if name:
        fields = _fields(place)
        if fields is None:
            return None
        if name not in fields:
            return f"the model has no such field; its fields: {', '.join(fields)}"
        place = _resolved(schema, fields[name])
    choices = place.get("anyOf") or place.get("oneOf") or [place]
    lists = [
        each
        for each in (_resolved(schema, choice) for choice in choices)
        if each.get("type", "array") == "array"
    ]
    if not lists:
        return f"{'the field' if name else 'the value'} is not a list; write --merge LIST:KEY"
    fields = _fields(_resolved(schema, lists[0].get("items")))
    if key is None or fields is None or key in fields or len(lists) > 1:
        return None
    return f"the items have no field {key!r}; their fields: {', '.join(fields)}"


def _resolved(root: Mapping[str, Any], schema: Any) -> Mapping[str, Any]:
    """Follow references within a document; what cannot be followed says nothing."""
    for _ in range(_REFERENCES):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            break
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            step_name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step_name) if isinstance(target, dict) else None
        schema = target
    return schema if isinstance(schema, dict) else {}


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the fields of an object; ``None`` where it may have others, or is not an object."""
    fields = schema.get("properties")
    return fields if isinstance(fields, dict) and not schema.get("additionalProperties") else None


def _first(values: Sequence[Any]) -> Any:
    """Return the first value that says something, or else the first that is not ``None``."""
    there = [each for each in values if each is not None]
    return next((each for each in there if each not in ("", [], {})), there[0] if there else None)


class Merged(Sink):
    """Takes the values of parts, and writes those of documents where they were wanted.

    Args:
        path: A file of JSON Lines that is made of them.
        merge: How they are put together.
        sink: What takes them instead of the file.
    """

    def __init__(self, path: Path, merge: PartMerger, sink: Sink | None) -> None:
        super().__init__(sink.name if sink is not None else str(path))
        self._path = path
        self._merge = merge
        self._sink = sink
        self._adapter: TypeAdapter[Any]

    def prepare(self, model: Any, *, overwrite: bool, has_journal: bool) -> None:
        """Refuse to replace a file that could not be made again."""
        self._adapter = TypeAdapter(model)
        if self._sink is not None:
            self._sink.prepare(model, overwrite=overwrite, has_journal=has_journal)
        elif self._path.exists() and not overwrite and not has_journal:
            raise BatchError(f"{self._path} is there already: --overwrite begins anew")

    def write(self, records: Iterator[Record]) -> None:
        """Merge values, and write the documents of which all parts have one."""
        merged = self._documents(records)
        if self._sink is not None:
            self._sink.write(merged)
            return
        unfinished = self._path.with_name(f".{self._path.name}.unfinished")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(open_for_owner(unfinished, flags), "wb") as file:
                for record in merged:
                    file.write(json.dumps(record).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path)
        except OSError as error:
            raise BatchError(f"cannot write {self._path}: {error.strerror}") from error

    def _documents(self, records: Iterator[Record]) -> Iterator[Record]:
        found = sorted(_parsed(each) for each in records)
        for id_, parts in groupby(found, key=lambda part: part[0]):
            kept = list(parts)
            if len(kept) < kept[0][2]:
                # The others have failed, and stand among the failures.
                continue
            value = self._merge([json.loads(part[3]) for part in kept])
            try:
                self._adapter.validate_json(json.dumps(value), by_alias=True)
            except ValidationError as error:
                why = classify(error)
                said = why.failure.message if why is not None else str(error)
                raise BatchError(
                    f"the parts of {id_!r} make no valid value: {said}; name its lists with --merge"
                ) from error
            yield {"id": id_, "value": value, "parts": len(kept)}


def _parsed(record: Record) -> tuple[str, int, int, str]:
    found = _PART.fullmatch(record["id"])
    if found is None:
        raise BatchError(f"{record['id']!r} is not a part of a document")
    # As text, for values of two documents cannot be compared.
    return found[1], int(found[2]), int(found[3]), json.dumps(record["value"])
