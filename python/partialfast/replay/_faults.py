"""Faults on demand: how a replayed answer goes wrong.

A fault is written as ``KIND``, ``KIND@BYTES`` or ``KIND:VALUE``. ``BYTES``
counts the UTF-8 bytes of the text that the model writes (the arguments or the
content), not those on the wire: so one fault means the same for every server
shape and every way of cutting the stream.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["GARBAGE", "REFUSAL", "Fault", "FaultKind", "parse_fault", "parse_faults"]

#: Written by `garbage`: a raw control character is an error anywhere in a JSON
#: text, inside strings (RFC 8259, section 7) and outside (section 2).
GARBAGE = "\x01garbage\x01"

#: Said by `refuse` when the recording has no refusal of its own.
REFUSAL = "I'm sorry, I can't assist with that request."


class FaultKind(enum.Enum):
    """What goes wrong. The values are the words of the command line."""

    #: The connection is lost in the middle of the event that follows the byte.
    DROP = "drop"
    #: Nothing is sent for some seconds, then the stream goes on.
    STALL = "stall"
    #: The model writes something that is not JSON, then goes on.
    GARBAGE = "garbage"
    #: The answer is cut off there with finish reason ``length``.
    LENGTH = "length"
    #: A content filter cuts the answer off; without ``@``, at half of it.
    FILTER = "filter"
    #: The body ends there, properly closed, but without finish reason or ``[DONE]``.
    END = "end"
    #: An ``error`` object comes instead of the rest.
    ERROR = "error"
    #: As `error`; in the Responses API without the ``error`` event before ``response.failed``.
    FAIL = "fail"
    #: An event comes whose data is not JSON; then the body ends.
    CORRUPT = "corrupt"
    #: The model refuses to answer.
    REFUSE = "refuse"
    #: No stream at all but an error response, such as ``status:429``.
    STATUS = "status"
    #: A request that has the field gets a 400, such as ``reject:stream_options``.
    REJECT = "reject"


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


_FORM = re.compile(r"(?P<kind>[a-z]+)(?:@(?P<at>\d+))?(?::(?P<value>.+))?")
_KINDS = [kind.value for kind in FaultKind]
#: An example of each, by which its form is known: with a place, with a value.
_EXAMPLES = {
    FaultKind.STALL: "stall@120:1.5",
    FaultKind.FILTER: "filter",
    FaultKind.REFUSE: "refuse",
    FaultKind.STATUS: "status:429",
    FaultKind.REJECT: "reject:stream_options",
}


def parse_fault(text: str) -> Fault:
    """Read a fault as it stands on the command line.

    Args:
        text: Such as ``drop@120``, ``stall@40:1.5``, ``status:429`` or ``refuse``.

    Returns:
        The fault.

    Raises:
        ValueError: The text is not a fault; the message says what is wrong with it.
    """
    form = _FORM.fullmatch(text)
    if form is None or form["kind"] not in _KINDS:
        raise ValueError(f"unknown fault {text!r}; known are {', '.join(_KINDS)}")
    kind, at, value = FaultKind(form["kind"]), form["at"], form["value"]
    example = _EXAMPLES.get(kind, f"{kind.value}@120")
    for part, sign, name in ((at, "@", "place"), (value, ":", "value")):
        if part is None and sign in example:
            raise ValueError(f"fault {text!r} needs a {name}, as in {example}")
        # A filter may have a place.
        if part is not None and sign not in example and (kind, sign) != (FaultKind.FILTER, "@"):
            raise ValueError(f"fault {text!r} takes no {name}: {example}")
    fault = Fault(kind, at=None if at is None else int(at))
    try:
        return fault if value is None else _with_value(fault, value)
    except ValueError:
        message = f"fault {text!r} has a bad value; it is written as in {example}"
        raise ValueError(message) from None


def _with_value(fault: Fault, value: str) -> Fault:
    if fault.kind is FaultKind.REJECT:
        return replace(fault, field=value)
    stalls = fault.kind is FaultKind.STALL
    given = replace(fault, seconds=float(value)) if stalls else replace(fault, status=int(value))
    # The two classes of error status; any time that ends.
    if not (0 <= given.seconds < float("inf") if stalls else 400 <= given.status <= 599):  # noqa: PLR2004
        raise ValueError(value)
    return given


def parse_faults(given: str | Fault | Iterable[str | Fault]) -> tuple[Fault, ...]:
    """Read one fault or several; see `parse_fault`."""
    several = [given] if isinstance(given, str | Fault) else given
    return tuple(each if isinstance(each, Fault) else parse_fault(each) for each in several)
