"""Reads files that have an end, and makes files that nobody else reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from partialfast.batch.loop._result import BatchError

__all__ = ["is_endless", "is_shared", "open_for_owner", "read_regular", "read_short_text"]

#: Bytes of a file with a prompt.
_MOST_WORDS = 1 << 22


def is_endless(path: Path) -> bool:
    """Tell whether it is a device other than a terminal, such as ``/dev/zero``.

    Args:
        path: What exists.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
        return False
    if path.resolve() == Path(os.devnull).resolve():
        return False
    try:
        with path.open("rb", buffering=0) as file:
            return not file.isatty()
    except OSError:
        return True


def read_regular(path: Path, *, most_bytes: int) -> bytes:
    """Read a regular file, or one that a link leads to.

    Args:
        path: The file.
        most_bytes: The largest that is read.

    Returns:
        What is in it.

    Raises:
        BatchError: It is not a regular file, is larger, or cannot be read.
    """
    try:
        # Opened without waiting: what was a file a moment ago may be a pipe by now.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BatchError(f"{path} is not a regular file")
            found = _read(file.read, most_bytes)
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror}") from error
    if found is None:
        raise BatchError(f"{path} is longer than {most_bytes:,} bytes")
    return found


_BINARY = getattr(os, "O_BINARY", 0)


def read_short_text(path: Path, *, what: str) -> str:
    """Read what somebody says in a file or a pipe, such as a prompt.

    Args:
        path: Where it is.
        what: What to call it in an error.

    Returns:
        The text.

    Raises:
        BatchError: It cannot be read, is not text, or has no end.
    """
    try:
        if path.exists() and is_endless(path):
            raise BatchError(f"cannot read {what} {path}: it is a device, and has no end")
        with path.open("rb", buffering=0) as file:
            found = _read(file.read, _MOST_WORDS)
    except OSError as error:
        raise BatchError(f"cannot read {what} {path}: {error.strerror}") from error
    if found is None:
        raise BatchError(f"cannot read {what} {path}: it is longer than {_MOST_WORDS:,} bytes")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise BatchError(f"cannot read {what} {path}: not UTF-8: {error}") from error


def _read(read: Callable[[int], bytes | None], most_bytes: int) -> bytes | None:
    """Read to the end; ``None`` if there are more bytes than that."""
    parts: list[bytes] = []
    left = most_bytes + 1
    while left > 0:
        part = read(min(left, 1 << 20))
        if not part:
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    return None


def is_shared(folder: Path) -> bool:
    """Tell whether others than the owner can put files into a folder.

    Args:
        folder: What exists.
    """
    return os.name == "posix" and bool(folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def open_for_owner(path: Path, flags: int) -> int:
    """Open a file, readable by its owner alone where it is made in a folder of many.

    Args:
        path: The file.
        flags: As `os.open` takes them.

    Returns:
        A descriptor.

    Raises:
        OSError: As of `os.open`.
    """
    # In such a folder, a link that somebody put there would lead the results elsewhere.
    shared = is_shared(path.parent)
    extra = getattr(os, "O_NOFOLLOW", 0) if shared and flags & os.O_CREAT else 0
    return os.open(path, flags | _BINARY | extra, 0o600 if shared else 0o666)
