"""What is wrong with a text that should be JSON, in a message that names the line itself."""

from __future__ import annotations

import json

__all__ = ["not_json"]


def not_json(error: ValueError) -> str:
    """Say what is wrong with a line or a file.

    Python's own message counts lines as well. For a single line that is always line 1, which reads
    oddly beside the number of the line in its file.

    Args:
        error: What `json.loads` raised.

    Returns:
        What is wrong, and where in the line; in which line of several.
    """
    if not isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    line = f"line {error.lineno}, " if "\n" in error.doc.rstrip("\n") else ""
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}, at {line}column {error.colno}"
