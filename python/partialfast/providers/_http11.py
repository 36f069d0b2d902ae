"""A response of HTTP/1.1, read without I/O: bytes in, a head and the bytes of the body out.

It reads what an API answers to a ``POST`` (RFC 9112). What a browser would have to know besides
that (upgrades, content codings, trailers) is not read here: the head says that it is there, and the
caller asks in another way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Head", "HttpError", "ResponseReader"]

# What a server may send before the body, and in a line within it.
_MOST_HEAD: Final = 1 << 16
_MOST_LINE: Final = 1 << 12

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n]*)?\Z")
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
# The size of a chunk, and whatever extensions follow it.
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_CRLF: Final = 2
_LAST_INFORMATIONAL: Final = 199
_NO_CONTENT: Final = frozenset({204, 304})


class HttpError(ConnectionError):
    """What came is not a response of HTTP/1.1, or not all of one."""


@dataclass(frozen=True, slots=True)
class Head:
    """What comes before the body.

    Args:
        status: The status code.
        headers: Names in lower case, and values, in their order.
    """

    status: int
    # They set cookies.
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def get(self, name: str) -> str | None:
        """Give the value of a header; those of several of one name with commas between them.

        Args:
            name: In lower case.
        """
        values = [value for known, value in self.headers if known == name]
        return ", ".join(values) if values else None


class ResponseReader:
    """Reads one response."""

    def __init__(self) -> None:
        #: What comes before the body; ``None`` until all of it has come.
        self.head: Head | None = None
        #: Whether the response is complete.
        self.done = False
        #: Whether another request may be sent over the connection, once all is read.
        self.keeps_alive = False
        self._held = b""
        # Where we are in the body: what is left of it, or of a chunk; `None` if nobody knows.
        self._chunked = False
        self._left: int | None = 0
        self._in_trailers = False

    def feed(self, data: bytes) -> bytes:
        """Take what has come.

        Args:
            data: The bytes, however they were cut.

        Returns:
            What of them is of the body.

        Raises:
            HttpError: They are not a response.
        """
        if self._held:
            data = self._held + data
            self._held = b""
        at = 0
        while self.head is None:
            end = data.find(b"\r\n\r\n", at)
            if end < 0:
                if len(data) - at > _MOST_HEAD:
                    raise HttpError(f"more than {_MOST_HEAD:,} bytes of headers")
                self._held = data[at:]
                return b""
            self._read_head(data[at:end])
            at = end + 4
        if self.done:
            # Nobody has asked for more.
            self.keeps_alive = self.keeps_alive and at == len(data)
            return b""
        if self._chunked:
            return self._read_chunks(data, at)
        return self._read_plain(data[at:])

    def end(self) -> None:
        """Take it that the connection has ended.

        Raises:
            HttpError: It has ended before the response has.
        """
        self.keeps_alive = False
        if self.done:
            return
        if self.head is None:
            raise HttpError("the server closed the connection without a response")
        if self._left is not None:
            raise HttpError("the server closed the connection before the end of the response")
        self.done = True

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        found = _STATUS.match(first)
        if found is None:
            raise HttpError(f"no response of HTTP/1.1, but {first[:40]!r}")
        status = int(found[2])
        if status <= _LAST_INFORMATIONAL:
            if status == 101:  # noqa: PLR2004 - nobody has asked for another protocol
                raise HttpError("the server changes to another protocol")
            # The final one follows (RFC 9110, section 15.2).
            return
        headers = tuple(_header(line) for line in lines)
        self.head = Head(status, headers)
        connection = (self.head.get("connection") or "").lower()
        self.keeps_alive = found[1] == b"1" and "close" not in connection
        self._frame(self.head)

    def _frame(self, head: Head) -> None:
        """Find out where the body ends (RFC 9112, section 6.3)."""
        coding = head.get("transfer-encoding")
        length = head.get("content-length")
        if head.status in _NO_CONTENT:
            self.done = True
        elif coding is not None:
            if coding.strip().lower() != "chunked" or length is not None:
                # A way to smuggle something past whoever reads it otherwise.
                raise HttpError(f"the server sends a body of transfer-encoding {coding[:40]!r}")
            self._chunked = True
        elif length is not None:
            sizes = {each.strip() for each in length.split(",")}
            size = sizes.pop()
            if sizes or not (size.isascii() and size.isdecimal() and len(size) < 16):  # noqa: PLR2004 - less than a petabyte
                raise HttpError(f"the server sends a body of content-length {length[:40]!r}")
            self._left = int(size)
            self.done = not self._left
        else:
            self._left = None
            self.keeps_alive = False

    def _read_plain(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        taken = data[: self._left]
        self.keeps_alive = self.keeps_alive and len(data) == len(taken)
        self._left -= len(taken)
        self.done = not self._left
        return taken

    def _read_chunks(self, data: bytes, at: int) -> bytes:
        parts: list[bytes] = []
        size = len(data)
        # With the end of its line, so that one count is enough.
        left = self._left or 0
        while at < size and not self._in_trailers:
            if left:
                # Of the chunk, then of the end of its line.
                end = min(at + max(left - _CRLF, 0), size)
                parts.append(data[at:end])
                left -= end - at
                at = end
                ending = data[at : at + left] if left <= _CRLF else b""
                if not b"\r\n"[-left:].startswith(ending):
                    raise HttpError("a chunk of the body is longer than the server says")
                at += len(ending)
                left -= len(ending)
                continue
            at = _whole_chunks(data, at, parts)
            found = _SIZE.match(data, at)
            if found is None:
                if size - at > _MOST_LINE or b"\n" in data[at:]:
                    raise HttpError("a chunk of the body does not begin with its size")
                self._held = data[at:]
                break
            at = found.end()
            chunk = int(found[1], 16)
            left = chunk + _CRLF if chunk else 0
            self._in_trailers = not chunk
        self._left = left
        if self._in_trailers:
            self._read_trailers(data, at)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_trailers(self, data: bytes, at: int) -> None:
        while (end := data.find(b"\r\n", at)) != at:
            if end < 0:
                if len(data) - at > _MOST_LINE:
                    raise HttpError("the body ends with what is not a line")
                self._held = data[at:]
                return
            at = end + 2
        self.done = True
        self.keeps_alive = self.keeps_alive and at + 2 == len(data)


def _whole_chunks(data: bytes, at: int, parts: list[bytes]) -> int:
    """Take the chunks that are there as a whole, nearly all, and return where they end."""
    find, take = _SIZE.match, parts.append
    while found := find(data, at):
        begin = found.end()
        end = begin + int(found[1], 16)
        if begin == end or data[end : end + 2] != b"\r\n":
            break
        take(data[begin:end])
        at = end + 2
    return at


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or _NAME.match(name) is None or b"\0" in value or b"\n" in value or b"\r" in value:
        raise HttpError(f"no header of HTTP/1.1: {line[:40]!r}")
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
