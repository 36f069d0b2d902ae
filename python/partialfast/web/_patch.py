"""Ops as JSON Patch (RFC 6902)."""

from __future__ import annotations

from typing import Any

from partialfast.web._document import Path
from partialfast.web._log import Step

__all__ = ["patch", "pointer"]


def pointer(path: Path) -> str:
    """Write a path as a JSON Pointer (RFC 6901)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def patch(step: Step) -> list[dict[str, Any]]:
    """Write a step as a JSON Patch.

    A patch cannot append to text: the text is sent anew, whole.

    Args:
        step: The step.

    Returns:
        The operations. A value that was missing is added, never replaced (RFC 6902, section 4.3:
        the target of a replacement must exist).
    """
    operations: list[dict[str, Any]] = []
    for change in step.changes:
        value = step.document.at(change.path) if change.op == "append" else change.value
        op = "add" if change.new else "replace"
        operations.append({"op": op, "path": pointer(change.path), "value": value})
    return operations
