"""Makes the module of a sync twin from its asynchronous source.

``python tools/twins.py`` writes it; ``--check``, which a test asks, tells whether it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["TWINS", "main", "twin"]

_ANSWER = Path(__file__).parents[1] / "python" / "partialfast" / "answer"

#: Source, and what is made of it.
TWINS = {_ANSWER / "_aresource.py": _ANSWER / "_resource.py"}

# Everything in which the twins differ, in the order in which it is replaced.
_DIFFERENCES = (
    ('"""An asynchronous resource', '"""A resource without asynchrony'),
    (
        "`partialfast.answer._resource` is made from this file by ``tools/twins.py``.",
        "Made from ``_aresource.py`` by ``tools/twins.py``: change it there.",
    ),
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


def twin(source: str) -> str:
    """Return the sync twin of a module.

    Args:
        source: The text of the asynchronous one.

    Raises:
        ValueError: Something that is to be replaced is not there.
    """
    for there, here in _DIFFERENCES:
        if there not in source:
            raise ValueError(f"{there!r} does not stand in the source: correct the table")
        source = source.replace(there, here)
    return source


def main(arguments: list[str]) -> int:
    """Write the twins, or check them.

    Args:
        arguments: ``["--check"]``, or nothing.

    Returns:
        The exit status: 1 where a twin is not up to date.
    """
    stale = [made for source, made in TWINS.items() if _is_stale(source, made)]
    if arguments == ["--check"]:
        for made in stale:
            sys.stderr.write(f"{made} is not what tools/twins.py makes of its source\n")
        return 1 if stale else 0
    for source, made in TWINS.items():
        made.write_text(twin(source.read_text()))
    return 0


def _is_stale(source: Path, made: Path) -> bool:
    return not made.exists() or made.read_text() != twin(source.read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
