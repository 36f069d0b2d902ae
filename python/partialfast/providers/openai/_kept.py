"""What was found out about an endpoint, kept in a file of the user's cache folder.

A file for each endpoint, API and model. Its name is a digest: a URL may have a key in it, so only
the host is written down. Nothing that a server said is kept. Others who have an account on the
machine cannot read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

__all__ = ["KeptFacts", "cache_folder"]

logger = logging.getLogger("partialfast")

#: Names another folder; if it is empty, nothing is kept.
_VARIABLE: Final = "PARTIALFAST_CACHE_DIR"
_VERSION: Final = 1
#: Servers are updated.
_MOST_DAYS: Final = 7
_DAY_S: Final = 86_400.0
_MOST_BYTES: Final = 1 << 16


def cache_folder() -> Path | None:
    """Return the folder for what is kept between runs; ``None`` where nothing is to be kept.

    It is what ``PARTIALFAST_CACHE_DIR`` names, or else the user's own by the conventions of the
    system: the XDG Base Directory Specification, Apple's "File System Programming Guide", and the
    known folders of Windows.
    """
    named = os.environ.get(_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    try:
        home = Path.home()
    except RuntimeError:
        # A user without a home.
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "partialfast"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "partialfast" / "Cache"
    given = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is to be ignored, says the specification.
    return (Path(given) if given.startswith("/") else home / ".cache") / "partialfast"


class KeptFacts:
    """What is kept of one endpoint, API and model.

    Args:
        base_url: The endpoint.
        api: The API that was asked.
        model: The model.
        clock: Gives the time in seconds since 1970.
    """

    def __init__(
        self, base_url: str, api: str, model: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._host = urlsplit(base_url).hostname or ""
        self._api = api
        self._model = model
        self._clock = clock
        folder = cache_folder()
        digest = hashlib.blake2b(
            json.dumps([_VERSION, base_url, api, model]).encode(), digest_size=16
        ).hexdigest()
        self._path = None if folder is None else folder / "endpoints" / f"{digest}.json"

    def read(self) -> dict[str, bool]:
        """Return which ways to ask are honoured, as far as that is known and not too old.

        Returns:
            Whether it is honoured, for each name of a way.
        """
        try:
            found: object = json.loads(self._text())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        kept = cast("Mapping[str, Any]", found)
        when, honoured = kept.get("asked"), kept.get("honoured")
        if kept.get("version") != _VERSION or not isinstance(when, (int, float)):
            return {}
        # Not from the future either, as after a clock was set back.
        if not 0 <= self._clock() - when < _MOST_DAYS * _DAY_S or not isinstance(honoured, dict):
            return {}
        facts = cast("Mapping[str, Any]", honoured)
        return {name: fact for name, fact in facts.items() if isinstance(fact, bool)}

    def _text(self) -> str:
        if self._path is None:
            return ""
        with self._path.open("rb") as file:
            return file.read(_MOST_BYTES).decode()

    def write(self, honoured: Mapping[str, bool]) -> Path | None:
        """Keep which ways to ask are honoured.

        Args:
            honoured: Whether it is honoured, for each name of a way.

        Returns:
            The file; ``None`` where nothing can be kept, which is logged.
        """
        if self._path is None:
            return None
        kept = {
            "version": _VERSION,
            "asked": int(self._clock()),
            "host": self._host,
            "api": self._api,
            "model": self._model,
            "honoured": dict(honoured),
        }
        try:
            _write(self._path, json.dumps(kept, indent=1) + "\n")
        except OSError as error:
            # A folder that cannot be written costs a few requests more the next time.
            logger.debug("what the endpoint honours cannot be kept: %s", error)
            return None
        return self._path


def _write(path: Path, text: str) -> None:
    """Write a file that is private, and there as a whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        half.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            half.unlink()
        raise
