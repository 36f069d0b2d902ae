"""How a command says that it cannot go on."""

from __future__ import annotations

import os
import re

__all__ = ["CommandError", "missing", "without_password", "without_v1"]


class CommandError(Exception):
    """A command cannot go on. Its message is shown without a traceback."""


def missing(error: ImportError) -> Exception:
    """Explain a package that is not installed; any other failing import is a defect.

    Args:
        error: What was raised.

    Returns:
        What to raise instead.
    """
    explained = isinstance(error.__cause__, ModuleNotFoundError)
    return CommandError(str(error)) if explained else error


def without_password(url: str) -> str:
    """Return a URL as it may be shown: without the name and password before its host.

    Args:
        url: A URL; what cannot be read as one is returned as it is.
    """
    return re.sub(r"(?<=://)[^/?#]*@", "", url)


def without_v1(base_url: str | None) -> str:
    """Say what may be wrong with a base URL at which nothing was found.

    Args:
        base_url: As it was given; ``None`` for the environment's.

    Returns:
        An addition to a message; empty where the URL has a version in its path.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL")
    if url is None or re.search(r"/v\d", url):
        return ""
    return f"; {without_password(url)} has no /v1 at its end, which most servers want"
