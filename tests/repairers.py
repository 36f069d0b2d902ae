"""What other repairers' tests expect, beside lenient reading: ``python -m tests.repairers FILE``.

Prints how many texts are equal, how many are refused (by which row of docs/lenient.md), and how
many are different (why what is read here is right); ``--all`` prints each text. Exits with 1 if any
text is different without a reason, or takes back in any prefix what was shown of it.
"""

# ruff: noqa: T201 - a report
from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import partialfast as pf
from partialfast._repairs import Lenient
from tests.chunkings import bytewise
from tests.generation import check_growth

__all__ = ["Verdict", "check_prefixes", "verdict"]

#: Why a text is refused, by the kind of error: the rows of the page, in their words.
REFUSED = {
    "truncated": "truncation stays truncation",
    "unquoted_text": "several unquoted words, or one that no , } ] follows",
    "unquoted_date": "unquoted dates (and fractions, which look the same)",
    "leading_zero": "leading zeros",
    "thousands_separator": "thousands separators",
    "concatenated_strings": "concatenated strings",
    "missing_colon": "missing colons",
    "several_documents": "several documents",
    "unescaped_quote": 'an unescaped quote (lenient="quotes" guesses)',
    "repair_limit": "more repairs than max_repairs",
    "invalid_number": "a number that breaks off: which one it would be is a guess",
    "lone_surrogate": "half of a character",
}
#: Of any other kind: brackets that close nothing, tuples, calls.
NOT_IN_THE_TABLE = "no row accepts it, as in strict reading"


class Verdict(NamedTuple):
    """What came of a text.

    Args:
        what: ``"equal"``, ``"refused"`` or ``"different"``.
        why: The row, or why what is read here is right; empty for a difference without a reason.
    """

    what: str
    why: str


def verdict(text: str, theirs: Any) -> Verdict:
    """Read a text, and compare.

    Args:
        text: What a model may have written.
        theirs: What a repairer makes of it.

    Returns:
        What came of it.
    """
    try:
        ours = pf.loads(text, lenient=True)
    except pf.JsonError as error:
        if _with_envelope(text) is not None:
            return Verdict("refused", "fences and prose around JSON: envelope=True takes them off")
        return Verdict("refused", REFUSED.get(error.kind, NOT_IN_THE_TABLE))
    if _same(ours, theirs):
        return Verdict("equal", "")
    reasons = set(_reasons(ours, theirs))
    return Verdict("different", "" if "" in reasons else "; ".join(sorted(reasons)))


def _with_envelope(text: str) -> Any:
    """Return what the text is without what stands around it; ``None`` if it is refused then too."""
    if text.lstrip()[:1] in {"{", "["}:
        return None
    try:
        return pf.stream(Any, [text], lenient=True, envelope=True).final()
    except (pf.JsonError, pf.TruncatedError):
        return None


def _same(ours: Any, theirs: Any) -> bool:
    """Compare as JSON: the order of keys says nothing, and 1 is 1.0, but not true."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    return bool(ours == theirs)


def _reasons(ours: Any, theirs: Any) -> Iterator[str]:
    """Yield why each difference is right here; an empty text for one that is not explained."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs:
                yield ""
            elif not _same(value, theirs[key]):
                yield from _reasons(value, theirs[key])
        for key in theirs.keys() - ours.keys():
            made_up = theirs[key] in (None, "")
            yield "a key without a value is absent: no value is made up" if made_up else ""
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            if not _same(one, other):
                yield from _reasons(one, other)
    else:
        yield _reason(ours, theirs)


def _reason(ours: Any, theirs: Any) -> str:  # noqa: PLR0911 - a reason a line
    if isinstance(ours, str) and isinstance(theirs, str):
        if ours.strip() == theirs.strip():
            return "white space at the end of a text is part of it"
        if "\\" in ours and ours.replace("\\", "") == theirs.replace("\\", ""):
            return "an escape that JSON has not is kept with its backslash"
        return ""
    if isinstance(theirs, str):
        written = theirs.strip().lower()
        if ours is None and written in {"", "null", "none", "undefined"}:
            return "null in any case is null, not a text"
        if isinstance(ours, bool) and written == str(ours).lower():
            return "true and false in any case are no texts"
        if isinstance(ours, float) and not math.isfinite(ours):
            return "NaN and infinity are floats, no texts"
        if isinstance(ours, int | float) and written[:1] in "+-.0123456789":
            return "a number in another notation is a number, not a text"
    if isinstance(ours, float) and not math.isfinite(ours) and theirs is None:
        return "NaN and infinity are floats, not null"
    return ""


def check_prefixes(text: str, *, lenient: Lenient) -> int:
    """See that no prefix of a text takes back what was shown of it.

    Args:
        text: The text; it may be refused anywhere.
        lenient: How it is read.

    Returns:
        How many prefixes there are.

    Raises:
        AssertionError: One takes something back.
    """
    parser, before, count = pf.JsonParser(lenient=lenient), None, 0
    for byte in bytewise(text.encode()):
        try:
            parser.feed(byte)
        except pf.JsonError:
            break
        shown = parser.snapshot()
        if before is not None:
            check_growth(before, shown)
        before, count = shown, count + 1
    return count


def main() -> int:
    """Print the report; return the exit status."""
    arguments = argparse.ArgumentParser(description="Compare lenient reading with other repairers.")
    arguments.add_argument("file", type=Path, help="JSON Lines with input and peer_value")
    arguments.add_argument("--all", action="store_true", help="print each text")
    args = arguments.parse_args()
    pairs = [json.loads(line) for line in args.file.read_text(encoding="utf-8").splitlines()]
    verdicts = [verdict(pair["input"], pair["peer_value"]) for pair in pairs]
    totals, counts = Counter(each.what for each in verdicts), Counter(verdicts)
    print(f"{len(pairs)} texts: " + ", ".join(f"{n} {what}" for what, n in totals.most_common()))
    for each, count in counts.most_common():
        if each.what != "equal":
            print(f"  {count:4} {each.what}: {each.why or 'NOT EXPLAINED'}")
    for pair, each in zip(pairs, verdicts, strict=True):
        if args.all or each == Verdict("different", ""):
            print(f"{each.what}: {each.why}\n    {pair['input']!r}\n    {pair['peer_value']!r}")
    prefixes = sum(
        check_prefixes(pair["input"], lenient=lenient) for pair in pairs for lenient in MODES
    )
    print(f"no take-back in {prefixes:,} prefixes, each read byte by byte in both lenient modes")
    return int(Verdict("different", "") in verdicts)


MODES: tuple[Lenient, ...] = (True, "quotes")

if __name__ == "__main__":
    sys.exit(main())
