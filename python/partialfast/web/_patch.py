"""Ops as JSON Patch (RFC 6902)."""

from __future__ import annotations

from typing import Any

from partialfast.web._document import Path
from partialfast.web._step import Step

__all__ = ["Patches", "check_growth", "pointer"]


def pointer(path: Path) -> str:
    """Write a path as a JSON Pointer (RFC 6901)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def check_growth(growth: float) -> None:
    """Check the growth of a text.

    Args:
        growth: As of `Patches`.

    Raises:
        ValueError: It makes no sense.
    """
    if not 0 <= growth < float("inf"):
        raise ValueError(f"growth must be a finite number that is not negative: {growth!r}")


class Patches:
    """Writes the steps of an answer as JSON Patches, for one reader.

    A patch cannot append to text: the text is sent anew, whole. If each message did that, a text
    would cost the square of its length. With a `growth`, it is sent when it has grown by that share
    of what was sent last, and when it is over: at most ``2 + 1 / growth`` times its length in all.

    Args:
        growth: The share; 0 for every message.
    """

    def __init__(self, growth: float = 0.0) -> None:
        self._growth = growth
        #: The text that is open, how much of it was sent, and the last step if some was not.
        self._path: Path | None = None
        self._sent = 0
        self._held: Step | None = None

    def write(self, step: Step) -> list[dict[str, Any]]:
        """Write a step as a JSON Patch.

        Args:
            step: The step.

        Returns:
            The operations; none where text is held back. A value that was missing is added, never
            replaced (RFC 6902, section 4.3: the target of a replacement must exist).
        """
        operations: list[dict[str, Any]] = []
        touched = [change.path for change in step.changes]
        if self._path is not None and self._path not in touched:
            # The model has moved on. What is set around the text has it already.
            around = any(self._path[: len(path)] == path for path in touched)
            operations += [] if around else self.rest()
            self._path, self._held = None, None
        for change in step.changes:
            if change.op == "append":
                operations += self._grown(step, change.path)
                continue
            if change.path == self._path:
                self._path, self._held = None, None
            op = "add" if change.new else "replace"
            path = pointer(change.path)
            operations.append({"op": op, "path": path, "value": change.value})
        return operations

    def rest(self) -> list[dict[str, Any]]:
        """Return the operations for what is held back, because it is over."""
        if self._held is None or self._path is None:
            return []
        text = self._held.document.at(self._path)
        self._held = None
        return [_replaced(self._path, text)]

    def _grown(self, step: Step, path: Path) -> list[dict[str, Any]]:
        text = step.document.at(path)
        if not self._growth:
            return [_replaced(path, text)]
        if path == step.at:
            if path == self._path and len(text) < self._sent * (1 + self._growth):
                self._held = step
                return []
            self._path, self._sent, self._held = path, len(text), None
        elif path == self._path:
            self._path, self._held = None, None
        return [_replaced(path, text)]


def _replaced(path: Path, text: str) -> dict[str, Any]:
    return {"op": "replace", "path": pointer(path), "value": text}
