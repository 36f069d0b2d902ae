"""Makes pairs of resources, with and without asynchrony, each from one template.

A template is the asynchronous one, but for the options that overloads have in common: type checkers
cannot be told of a ``TypedDict`` beside other ``**kwargs``, so that each overload has to list them.

``python tools/twins.py`` writes them; ``--check``, which a test asks, tells whether they are up to
date.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["PAIRS", "Pair", "main"]

_TOOLS = Path(__file__).parent
_PACKAGE = _TOOLS.parent / "python" / "partialfast"

#: The options of every call that are named to type checkers; others are the SDK's own.
_OPTIONS = """\
messages: Iterable[Message] | str = ...,
model: str = ...,
temperature: float | NotSent | None = ...,
top_p: float | NotSent | None = ...,
max_tokens: int | NotSent | None = ...,
seed: int | NotSent | None = ...,
max_retries: int = ...,
context: Any = ...,
strict: bool | None = ...,
on_invalid: OnInvalid = ...,
lenient: Lenient = ...,
max_repairs: int = ...,
coerce: bool = ...,
on_retry: OnRetry = ...,
"""
_PLACES = {
    "$OPTIONS_OF_SNAPSHOTS": _OPTIONS + "every: Every = ...,\n**kwargs: Any,",
    "$OPTIONS": _OPTIONS + "**kwargs: Any,",
}

# What twins differ in, in the order in which it is replaced: all of them, and some before that.
_DIFFERENCES = (
    ('"""An asynchronous resource', '"""A resource without asynchrony'),
    (
        "from partialfast.answer._astream import AsyncItemStream, AsyncStream, AsyncValue\n",
        "",
    ),
    ("of an async client", "of a client"),
    ("AsyncValue[tuple[T, Any]]", "tuple[T, Any]"),
    ("AsyncValue[T]", "T"),
    ("AsyncItemStream", "ItemStream"),
    ("AsyncStream", "Stream"),
    ("AsyncResource", "Resource"),
)
_SIGN = "from partialfast.answer._signatures import sign\n"
_STREAM = "from partialfast.answer._stream import ItemStream, Stream"
_OF_RESOURCE = (
    (_SIGN, f"{_SIGN}{_STREAM}, fetch\n"),
    ("\n\n    What a call returns can be awaited and iterated alike.", ""),
    ("An object that gives the value when awaited, or the stream.", "The value, or the stream."),
    ("_awaits = True", "_awaits = False"),
    ("An object that gives both when awaited.", "A pair of the value and the object."),
    ("AsyncValue(", "fetch("),
)
_OF_CALLS = (
    (_SIGN, f"{_SIGN}{_STREAM}\n"),
    ("_aresource import", "_resource import"),
    ("AsyncCalls", "Calls"),
)


class Pair(NamedTuple):
    """An asynchronous module and its sync twin.

    Args:
        template: What they are made from.
        made: Where they are.
        places: What stands for options in the template, and the options.
        differences: What only these twins differ in.
    """

    template: Path
    made: tuple[Path, Path]
    places: Mapping[str, str]
    differences: tuple[tuple[str, str], ...]

    def twins(self, template: str) -> tuple[str, str]:
        """Return the texts of both.

        Args:
            template: The text of the template.

        Raises:
            ValueError: Something that is to be replaced is not there.
        """
        for place, options in self.places.items():
            template = _replaced(template, place, options.replace("\n", "\n" + " " * 8))
        sync = template
        for there, here in (*self.differences, *_DIFFERENCES):
            sync = _replaced(sync, there, here)
        return template, sync

    def stale(self) -> list[tuple[Path, str]]:
        """Return which of them are not what they ought to be, and what that is."""
        made = zip(self.made, self.twins(self.template.read_text()), strict=True)
        return [
            (path, text) for path, text in made if not path.exists() or path.read_text() != text
        ]


PAIRS = [
    Pair(
        _TOOLS / "resource.template",
        (_PACKAGE / "answer" / "_aresource.py", _PACKAGE / "answer" / "_resource.py"),
        _PLACES,
        _OF_RESOURCE,
    ),
    Pair(
        _TOOLS / "calls.template",
        (
            _PACKAGE / "providers" / "openai" / "_acalls.py",
            _PACKAGE / "providers" / "openai" / "_calls.py",
        ),
        {},
        _OF_CALLS,
    ),
]


def _replaced(text: str, there: str, here: str) -> str:
    if there not in text:
        raise ValueError(f"{there!r} does not stand in the template: correct the table")
    return text.replace(there, here)


def main(arguments: list[str]) -> int:
    """Write the twins, or check them.

    Args:
        arguments: ``["--check"]``, or nothing.

    Returns:
        The exit status: 1 where a twin is not up to date.
    """
    check = arguments == ["--check"]
    stale = [(pair, *each) for pair in PAIRS for each in pair.stale()]
    for pair, path, text in stale:
        if check:
            sys.stderr.write(f"{path} is not what tools/twins.py makes of {pair.template.name}\n")
        else:
            path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
