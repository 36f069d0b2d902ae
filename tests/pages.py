"""The Python examples of a page of documentation.

    python -m tests.pages README.md
    python -m tests.pages docs/recipes.md tests/data/docs.jsonl

runs them with what is installed: those that need no server, or, with recordings, all of them. A
comment ``#> text`` is a line that the example prints there. A comment ``<!-- needs NAME -->`` on
the line before a block names the module that it needs beside the package's own requirements.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

__all__ = ["Block", "blocks"]

_BLOCK = re.compile(
    r"(?:^<!-- needs ([\w.]+) -->\n)?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_OUTPUT = re.compile(r"^\s*#> ?(.*)$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced Python block of a page."""

    line: int
    source: str
    needs: str | None = None

    @property
    def printed(self) -> list[str]:
        return _OUTPUT.findall(self.source)

    @property
    def can_run(self) -> bool:
        """Tell whether the module that the block needs is installed."""
        # Of a module in a package, `find_spec` imports the package, which may not be there either.
        package = (self.needs or "sys").partition(".")[0]
        return find_spec(package) is not None

    def compile(self, page: Path) -> CodeType:
        # Leading newlines put the page's own line numbers into tracebacks.
        return compile("\n" * self.line + self.source, str(page), "exec", dont_inherit=True)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, match.start(2)), match[2], match[1])
        for match in _BLOCK.finditer(text)
    ]


def _main(page: Path, recordings: Path | None = None) -> None:
    with contextlib.ExitStack() as opened:
        if recordings is not None:
            # Not above: the server needs packages that a bare installation has not.
            from partialfast import replay

            url = opened.enter_context(replay.serve(recordings))
            os.environ.update(OPENAI_BASE_URL=url, OPENAI_API_KEY="nothing-secret")
        _run(page, server=recordings is not None)


def _run(page: Path, *, server: bool) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = 0
    for block in blocks(page):
        if not block.can_run or ("openai" in block.source and not server):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block.compile(page), namespace)  # noqa: S102 - the project's own pages
        if printed.getvalue().splitlines() != block.printed:
            sys.exit(f"{page}, line {block.line + 1}: printed {printed.getvalue()!r}")
        ran += 1
    if not ran:
        sys.exit(f"{page} has no example that runs without a server")
    print(f"{page.name}: {ran} of {len(blocks(page))} examples ran and print what they say")


if __name__ == "__main__":
    _main(*map(Path, sys.argv[1:]))
