"""JSON that a model writes as content where a call was asked for, as the calls that it means.

Models behind servers without a parser for their own format of calls write it into the content, and
others answer with the JSON alone. Nothing is taken that does not fit a function that was offered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError

from partialfast._errors import JsonError, StreamError
from partialfast.answer._target import Shape, Target
from partialfast.answer._text import Answer, StateOptions

__all__ = ["read_lines", "read_words"]

_BEGIN = re.compile(r"[{\[]")
# How many beginnings are looked at: what looks like JSON, and is not, costs a look each.
_MOST = 1_000


def read_words(words: str, target: Target, options: StateOptions) -> list[tuple[Shape, str]]:
    """Read content as calls.

    Args:
        words: The content.
        target: What was asked for.
        options: Options of the parsers.

    Returns:
        The functions that were meant, each with its arguments as JSON; nothing where the content
        does not fit.
    """
    calls: list[tuple[Shape, str]] = []
    for text, value in _values(words):
        calls += _calls(text, value, target, options)
        if calls and not target.items:
            break
    return calls if target.items else calls[:1]


def _values(words: str) -> Iterator[tuple[str, Any]]:
    """Yield the JSON objects and arrays among the words, each with its value."""
    decoder = json.JSONDecoder()
    at, tried = 0, 0
    while tried < _MOST and (begin := _BEGIN.search(words, at)) is not None:
        tried += 1
        try:
            value, at = decoder.raw_decode(words, begin.start())
        except (ValueError, RecursionError):
            at = begin.end()
            continue
        yield words[begin.start() : at], value


def read_lines(text: str, shape: Shape, options: StateOptions) -> list[Any] | None:
    """Read the items of a list that was written as one object after the other.

    Args:
        text: What the model wrote.
        shape: What it was asked for: an object around the list.
        options: Options of the parsers.

    Returns:
        The items; ``None`` where the text is something else.
    """
    items = [item for item, value in _values(text) if isinstance(value, dict)]
    if not items:
        return None
    answer = Answer(0, Shape("", "", shape.wanted, None, {}), options, noisy=False, items=False)
    try:
        answer.reader.feed(f"[{','.join(items)}]")
        return cast("list[Any]", answer.finish())
    except (JsonError, StreamError, ValidationError):
        return None


def _calls(
    text: str, value: Any, target: Target, options: StateOptions
) -> Iterator[tuple[Shape, str]]:
    for shape in target.shapes:
        if _fits(text, shape, options):
            yield shape, text
            return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            call = _as_call(cast("Mapping[str, Any]", each), target)
            if call is not None and _fits(call[1], call[0], options):
                yield call


def _as_call(value: Mapping[str, Any], target: Target) -> tuple[Shape, str] | None:
    """Read ``{"name": ..., "arguments": ...}`` in the forms that models write it."""
    from partialfast.answer._route import named  # noqa: PLC0415 - it reads answers too

    function: Any = value.get("function", value)
    if isinstance(function, str):
        function = {**value, "name": function}
    if not isinstance(function, Mapping):
        return None
    known = cast("Mapping[str, Any]", function)
    name = known.get("name")
    arguments = known.get("arguments", known.get("parameters"))
    shape = named(name, target.shapes) if isinstance(name, str) else None
    if shape is None or arguments is None:
        return None
    return shape, arguments if isinstance(arguments, str) else json.dumps(arguments)


def _fits(text: str, shape: Shape, options: StateOptions) -> bool:
    answer = Answer(0, shape, options, noisy=False, items=False)
    try:
        answer.reader.feed(text)
        answer.finish()
    except (JsonError, StreamError, ValidationError):
        return False
    return True
