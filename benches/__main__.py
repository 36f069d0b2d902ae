"""Measure, and print what was found as Markdown.

    python -m benches NAME... [--page=PAGE] [--OPTION=VALUE ...]

Each NAME is a module of this folder with a function ``lines``, whose arguments are the options, and
``PACKAGES``, whose versions stand at the head of its figures. With ``--page`` they also take the
place of what stands on the page between ``<!-- NAME -->`` and ``<!-- /NAME -->``; pictures go to
the folder that is named as the page is, otherwise to ``.bench``.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path

from pydantic import validate_call

from benches.measuring import head
from benches.pages import put


def _measure(name: str, page: Path | None, options: dict[str, object]) -> None:
    module = import_module(f"benches.{name}")
    if page and "pictures" in inspect.signature(module.lines).parameters:
        options["pictures"] = page.with_suffix("")
    parts: list[str] = []
    for part in chain([f"{head(*module.PACKAGES)}."], validate_call(module.lines)(**options)):
        print(f"{part}\n", flush=True)
        parts.append(part)
    if page:
        put(page, name, "\n\n".join(parts))


def main(words: list[str]) -> None:
    """Run what the command line names."""
    given = (word[2:].partition("=") for word in words if word.startswith("--"))
    options: dict[str, object] = {key: value or True for key, _, value in given}
    page = options.pop("page", None)
    names = [word for word in words if not word.startswith("--")]
    if not names:
        sys.exit(__doc__)
    for name in names:
        _measure(name, None if page is None else Path(str(page)), options.copy())


if __name__ == "__main__":
    main(sys.argv[1:])
