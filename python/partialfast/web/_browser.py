"""Where the browser's side is: one ES module without dependencies, and its types."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["MODULE", "TYPES"]

_STATIC: Final = Path(__file__).with_name("static")

#: The ES module, to be served as ``text/javascript``.
MODULE: Final = _STATIC / "partialfast.js"
#: Its types, for TypeScript.
TYPES: Final = _STATIC / "partialfast.d.ts"
