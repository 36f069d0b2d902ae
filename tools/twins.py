"""Makes the two resources, with and without asynchrony, from one template.

The template is the asynchronous one, but for the options that the overloads have in common: type
checkers cannot be told of a ``TypedDict`` beside other ``**kwargs``, so that each overload has to
list them.

``python tools/twins.py`` writes them; ``--check``, which a test asks, tells whether they are up to
date.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["MADE", "TEMPLATE", "main", "twins"]

_ROOT = Path(__file__).parents[1]
_ANSWER = _ROOT / "python" / "partialfast" / "answer"

TEMPLATE = Path(__file__).parent / "resource.template"

#: What is made: the asynchronous resource, and the other.
MADE = (_ANSWER / "_aresource.py", _ANSWER / "_resource.py")

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

# Everything in which the twins differ, in the order in which it is replaced.
_DIFFERENCES = (
    ('"""An asynchronous resource', '"""A resource without asynchrony'),
    (
        "from partialfast.answer._astream import AsyncItemStream, AsyncStream, AsyncValue\n",
        "",
    ),
    (
        "from partialfast.answer._resources import Message, NotSent, ResourceBase\n",
        (
            "from partialfast.answer._resources import Message, NotSent, ResourceBase\n"
            "from partialfast.answer._stream import ItemStream, Stream, fetch\n"
        ),
    ),
    ("of an async client", "of a client"),
    ("\n\n    What a call returns can be awaited and iterated alike.", ""),
    ("An object that gives the value when awaited, or the stream.", "The value, or the stream."),
    ("_awaits = True", "_awaits = False"),
    ("AsyncValue[tuple[T, Any]]", "tuple[T, Any]"),
    ("An object that gives both when awaited.", "A pair of the value and the object."),
    ("AsyncValue[T]", "T"),
    ("AsyncValue(", "fetch("),
    ("AsyncItemStream", "ItemStream"),
    ("AsyncStream", "Stream"),
    ("AsyncResource", "Resource"),
)


def twins(template: str) -> tuple[str, str]:
    """Return the asynchronous module and its sync twin.

    Args:
        template: The text of the template.

    Raises:
        ValueError: Something that is to be replaced is not there.
    """
    for place, options in _PLACES.items():
        template = _replaced(template, place, options.replace("\n", "\n" + " " * 8))
    sync = template
    for there, here in _DIFFERENCES:
        sync = _replaced(sync, there, here)
    return template, sync


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
    made = dict(zip(MADE, twins(TEMPLATE.read_text()), strict=True))
    if arguments == ["--check"]:
        stale = [path for path, text in made.items() if not _holds(path, text)]
        for path in stale:
            sys.stderr.write(f"{path} is not what tools/twins.py makes of {TEMPLATE.name}\n")
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text)
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
