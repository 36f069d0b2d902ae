"""Faults on demand: how a replayed answer goes wrong.

A fault is written as ``KIND``, ``KIND@BYTES`` or ``KIND:VALUE``. ``BYTES``
counts the UTF-8 bytes of the text that the model writes (the arguments or the
content), not those on the wire: so one fault means the same for every server
shape and every way of cutting the stream.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["GARBAGE", "REFUSAL", "Fault", "FaultKind", "parse_fault", "parse_faults"]

#: Written by `garbage`: a raw control character is an error anywhere in a JSON
#: text, inside strings (RFC 8259, section 7) and outside (section 2).
GARBAGE = "\x01garbage\x01"

#: Said by `refuse` when the recording has no refusal of its own.
REFUSAL = "I'm sorry, I can't assist with that request."


class FaultKind(enum.Enum):
    """What goes wrong. The values are the words of the command line."""

    DROP = "drop"  #: The connection is lost in the middle of the event that follows the byte.
    STALL = "stall"  #: Nothing is sent for some seconds, then the stream goes on.
    GARBAGE = "garbage"  #: The model writes something that is not JSON, then goes on.
    LENGTH = "length"  #: The answer is cut off there with finish reason ``length``.
    FILTER = "filter"  #: A content filter cuts the answer off; without ``@``, at half of it.
    END = "end"  #: The body ends there, properly closed, but without finish reason or ``[DONE]``.
    ERROR = "error"  #: An ``error`` object comes instead of the rest.
    #: As `error`; in the Responses API without the ``error`` event before ``response.failed``.
    FAIL = "fail"
    CORRUPT = "corrupt"  #: An event comes whose data is not JSON; then the body ends.
    REFUSE = "refuse"  #: The model refuses to answer.
    STATUS = "status"  #: No stream at all but an error response, such as ``status:429``.
    REJECT = "reject"  #: A request that has the field gets a 400: ``reject:stream_options``.


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        kind: What goes wrong.
        at: Bytes of the text that come before it, for the kinds with a place.
        seconds: How long a stall lasts.
        status: The HTTP status of an error response.
        field: The request field that is rejected.
    """

    kind: FaultKind
    at: int | None = None
    seconds: float = 0.0
    status: int = 0
    field: str = ""


_KINDS = [kind.value for kind in FaultKind]
_PLACE = r"@(?P<at>\d+)"
#: How a fault is written after its kind, and an example; all others have a place.
_FORMS = {
    FaultKind.STALL: (_PLACE + r":(?P<seconds>\d*\.?\d+)", "stall@120:1.5"),
    FaultKind.FILTER: (f"({_PLACE})?", "filter"),
    FaultKind.REFUSE: ("", "refuse"),
    FaultKind.STATUS: (r":(?P<status>[45]\d\d)", "status:429"),
    FaultKind.REJECT: (r":(?P<field>.+)", "reject:stream_options"),
}
_READ: dict[str, Callable[[str], Any]] = {"at": int, "seconds": float, "status": int, "field": str}


def parse_fault(text: str) -> Fault:
    """Read a fault as it stands on the command line.

    Args:
        text: Such as ``drop@120``, ``stall@40:1.5``, ``status:429`` or ``refuse``.

    Returns:
        The fault.

    Raises:
        ValueError: The text is not a fault; the message says how it is written.
    """
    kind = re.split("[@:]", text)[0]
    if kind not in _KINDS:
        raise ValueError(f"unknown fault {text!r}; known are {', '.join(_KINDS)}")
    form, example = _FORMS.get(FaultKind(kind), (_PLACE, f"{kind}@120"))
    found = re.fullmatch(kind + form, text)
    if found is None:
        raise ValueError(f"fault {text!r} is not written like {example}")
    given = {name: _READ[name](value) for name, value in found.groupdict().items() if value}
    return Fault(FaultKind(kind), **given)


def parse_faults(given: str | Fault | Iterable[str | Fault]) -> tuple[Fault, ...]:
    """Read one fault or several; see `parse_fault`."""
    several = [given] if isinstance(given, str | Fault) else given
    return tuple(each if isinstance(each, Fault) else parse_fault(each) for each in several)
