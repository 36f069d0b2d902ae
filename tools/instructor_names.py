"""Writes docs/instructor-names.md: what became of each public name of instructor's.

``python tools/instructor_names.py`` writes it; a test holds the page to the package.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import partialfast as pf
from partialfast._hints import HINTS, OF_ARGUMENTS, OF_CLIENTS, OF_COMMANDS
from partialfast.answer._hooks import EVENTS
from partialfast.answer._options import OURS

__all__ = ["PAGE", "SURFACE", "page"]

_ROOT = Path(__file__).resolve().parents[1]
#: The page.
PAGE = _ROOT / "docs" / "instructor-names.md"
#: What `tools/instructor_surface.py` listed.
SURFACE: dict[str, Any] = json.loads(
    (_ROOT / "tests" / "data" / "instructor.json").read_text(encoding="utf-8")
)

#: Names of the package that are others' of its own.
_SAME_AS = {
    "Instructor": "what clients are instances of",
    "AsyncInstructor": "what async clients are instances of",
    "IncompleteOutputException": "`TruncatedError`",
    "InstructorRetryException": "`InvalidAnswerError`",
    "InstructorError": "`PartialFastError`",
}

_LIKE_OPENAI = {each for each in pf.__all__ if getattr(pf, each) is pf.from_openai}

_HEAD = """# Every name in instructor

The public surface of instructor {version}, as `tools/instructor_surface.py` lists it: what each of
its {modules} modules declares in `__all__` (without one, whatever in it is its own), the members of
`Mode`, the attributes of a client, the arguments of its calls, its events and its commands.
`tools/instructor_names.py` writes this page, and a test holds it to the package: what is called
*same* is there, what is *refused* raises an error with the text shown.

Its modules can be imported by their names as well, with `partialfast` in the place of `instructor`
(`from partialfast.dsl.partial import Partial`); their names are those of `partialfast` itself.

"""


def _home(name: str, modules: dict[str, list[str]]) -> str:
    homes = sorted((m for m, names in modules.items() if name in names), key=lambda m: (len(m), m))
    return homes[0]


def _row(name: str, verdict: str, what: str = "") -> str:
    escaped = what.replace("|", "\\|")
    return f"| `{name}` | {verdict} | {escaped} |\n"


def _names() -> Iterator[tuple[str, str, str]]:
    modules = SURFACE["modules"]
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted({name for names in modules.values() for name in names}):
        homes[_home(name, modules)].append(name)
    for home in sorted(homes):
        for name in homes[home]:
            yield f"{home}.{name}", *verdict(name)


def verdict(name: str) -> tuple[str, str]:
    """Say what became of a name of a module of instructor's.

    Args:
        name: The name.

    Returns:
        The verdict, and what to use.
    """
    if name in pf.__all__:
        if name in _LIKE_OPENAI and name != "from_openai":
            return "same", "`from_openai`"
        return ("other name", _SAME_AS[name]) if name in _SAME_AS else ("same", "")
    if name == "BatchError":
        return "other name", "`partialfast.batch.Failure`; `BatchError` of `batch` is an exception"
    if name in {"hooks", "providers", "v2"}:
        return "same", "a module"
    return "refused", HINTS[name]


def _client(name: str) -> tuple[str, str]:
    if name == "completions":
        return "other name", "`client.chat.completions`; `client.completions` is the SDK's own"
    if name in OF_CLIENTS:
        return "refused", OF_CLIENTS[name]
    return "same", ""


def _argument(name: str) -> tuple[str, str]:
    if name in OF_ARGUMENTS:
        return "refused", OF_ARGUMENTS[name]
    if name in OURS or name in {"response_model", "kwargs"}:
        return "same", ""
    return "same", "the SDK's own argument"


def _mode(name: str) -> tuple[str, str]:
    mode = pf.Mode[name]
    return ("same", "") if mode.name == name else ("other name", f"`Mode.{mode.name}`")


def page() -> str:
    """Write the page.

    Returns:
        Its text.
    """
    sections = {
        "Modules' names": list(_names()),
        "Modes": [(f"Mode.{each}", *_mode(each)) for each in SURFACE["modes"]],
        "Attributes of a client": [
            (f"client.{each}", *_client(each)) for each in SURFACE["client"]
        ],
        "Arguments": [
            (f"{call}({each})", *_argument(each))
            for call, names in SURFACE["arguments"].items()
            for each in names
        ],
        "Events": [(each, "same", EVENTS[each]) for each in SURFACE["events"]],
        "Commands": [
            (f"instructor {each}", "refused", OF_COMMANDS[each.split()[0]])
            for each in SURFACE["commands"]
        ],
    }
    text = _HEAD.format(version=SURFACE["version"], modules=len(SURFACE["modules"]))
    text += (
        "| | names | same | other name | refused with a hint |\n| --- | --- | --- | --- | --- |\n"
    )
    for title, rows in sections.items():
        counts = [sum(row[1] == kind for row in rows) for kind in ("same", "other name", "refused")]
        text += f"| {title} | {len(rows)} | {' | '.join(map(str, counts))} |\n"
    for title, rows in sections.items():
        text += f"\n## {title}\n\n| instructor | here | what to use |\n| --- | --- | --- |\n"
        text += "".join(_row(*row) for row in rows)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
