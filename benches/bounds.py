"""Time and memory of inputs that an opponent would send; writes docs/bounds.md.

    python -m benches.bounds                   print the table
    python -m benches.bounds docs/bounds.md    write the page

Each case (`tests.bounding`) runs alone in a fresh interpreter, at its full size and at a quarter of
it. Time is the processor's; memory is how far the peak of the resident set grew.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from benches.measuring import alone, head
from tests.bounding import CASES, Case

__all__ = ["page", "rows"]


def _measure(name: str, size: int) -> tuple[float, float]:
    """Run a case here; return its seconds and by how many MiB the peak grew."""
    case = CASES[name]
    if case.grows:
        case.run(case.small)  # compiles the models
    before = resource.getrusage(resource.RUSAGE_SELF)
    outcome = case.run(size)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert outcome == case.outcome, outcome
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, (after.ru_maxrss - before.ru_maxrss) / 1024


def _row(name: str, case: Case) -> str:
    quarter, _ = alone("benches.bounds", "--case", name, case.size // 4)
    seconds, grown = alone("benches.bounds", "--case", name, case.size)
    growth = f"{seconds / max(quarter, 1e-6):.1f} times" if case.grows else "stops early"
    cells = (
        name,
        f"{case.size:,} {case.unit}",
        case.outcome,
        f"{seconds:.2f} s",
        growth,
        f"{grown:,.0f} MiB",
    )
    return "| " + " | ".join(cells) + " |"


def rows() -> Iterator[str]:
    """Yield the rows of the table, as they are measured."""
    yield "| input | size | what happens | time | against a quarter of the size | memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, case in CASES.items():
        yield _row(name, case)


def page(table: str) -> str:
    """Return the page around the table."""
    return f"""# Bounds

Whatever an opponent can make grow has a limit with a clear error, or costs time in proportion to
what was sent and memory in proportion to what is kept. No input makes the machine recurse.

| limit | default | error |
| --- | --- | --- |
| `max_depth`: containers open at once | 200, as pydantic's | `depth_limit` |
| `max_bytes`: bytes of a text | 1 GiB | `size_limit` |
| characters of a number | 1 MiB | `number_limit` |
| bytes of a key | 1 MiB | `key_limit` |
| an event of a stream (SSE) | 16 MiB | `invalid_event` |
| text beside the answer: words beside function calls, refusals, reasoning | 1 GiB | `size_limit` |
| function calls in an answer | 100,000 | `size_limit` |
| the body of a response that refuses a request, unpacked | 1 MiB | the rest is cut off |
| the body of a request to the replay server | 64 MiB | 413 |
| requests that the replay server remembers | 100,000, or 256 MiB | forgotten |

A `StreamState` keeps the text: the errors carry it, and values are validated from it. A
`JsonParser` keeps only the value, `stream_items` only the item that is being read. What
`max_bytes` allows, a stream may keep: give a smaller one where many streams run at once.

A snapshot copies the open string, so that it can be kept. One string of a million characters, read
character by character with a snapshot after each, costs in the square of its length; ask for
snapshots less often (`JsonParser.feed` makes none).

Where code of yours is involved, a model is validated from its own bytes when it closes, and again
with each model around it: at most `max_depth` times. A union whose tag comes last is read again
once it is known, once for each such union around it. At a fixed depth both are linear, as the rows
with 91 levels show.

## Measured

{head("partialfast", "pydantic")}.

Each row in an interpreter of its own; `make bench-bounds` writes this page. At 4 times the size a
linear row takes about 4 times as long (the memory's caches cost the rest), a quadratic
one would take 16 times; a row that stops early does not depend on the size.

{table}
"""


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["--case", name, size]:
            print(json.dumps(_measure(name, int(size))))
        case [] | [_]:
            lines = []
            for line in rows():
                lines.append(line)
                print(line, file=sys.stderr if arguments else sys.stdout, flush=True)
            if arguments:
                Path(arguments[0]).write_text(page("\n".join(lines)), encoding="utf-8")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main(sys.argv[1:])
