"""The Python examples of a page of documentation.

    python -m tests.pages README.md

runs those that need no server, with what is installed. A comment ``#> text`` is a line that the
example prints there.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

__all__ = ["Block", "blocks"]

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"^\s*#> ?(.*)$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced Python block of a page."""

    line: int
    source: str

    @property
    def printed(self) -> list[str]:
        return _OUTPUT.findall(self.source)

    def compile(self, page: Path) -> CodeType:
        # Leading newlines put the page's own line numbers into tracebacks.
        return compile("\n" * self.line + self.source, str(page), "exec", dont_inherit=True)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(text.count("\n", 0, match.start(1)), match[1]) for match in _BLOCK.finditer(text)]


def _main(page: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = 0
    for block in blocks(page):
        if "openai" in block.source:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block.compile(page), namespace)  # noqa: S102 - the project's own pages
        if printed.getvalue().splitlines() != block.printed:
            sys.exit(f"{page}, line {block.line + 1}: printed {printed.getvalue()!r}")
        ran += 1
    if not ran:
        sys.exit(f"{page} has no example that runs without a server")
    print(f"{page.name}: {ran} examples print what they say")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
