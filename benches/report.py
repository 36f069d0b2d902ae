"""One table from the measured figures.

    python -m benches.report FOLDER                            print it
    python -m benches.report FOLDER --page docs/benchmarks.md  write the page and its pictures
    python -m benches.report FOLDER --newer docs/benchmarks.md write the newcomers' section alone

The folder holds ``times.json`` (pytest-benchmark's), ``memory.json`` (`benches.memory`'s),
``client.json`` (`benches.client`'s) and ``criterion`` (criterion's, of the core alone); for the
page also ``growth.json`` (`benches.growth`'s) and ``newer.json`` (`benches.newer`'s). Each row sets
this package beside one peer from the same run, with the ratio, and the goal where there is one. A
goal that was missed is shown as missed; the report itself does not fail.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from benches import newer
from benches.client import rows as client_rows
from benches.table import Row, at_least, at_most, cells, layout, number
from benches.workloads import source

__all__ = ["Figures", "rows", "table"]


class Core(NamedTuple):
    """What criterion measured of one job of the core, and what a second of it gets through."""

    us: float
    per_second: float
    unit: str


def _criterion(folder: Path) -> Iterator[tuple[str, Core]]:
    for path in sorted(folder.glob("**/new/benchmark.json")):
        benchmark: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        estimates = json.loads(path.with_name("estimates.json").read_text(encoding="utf-8"))
        ns = float(estimates["median"]["point_estimate"])
        [(unit, amount)] = benchmark["throughput"].items()
        yield benchmark["full_id"], Core(ns / 1e3, float(amount) / ns * 1e9, unit.lower())


class Figures:
    """The measured values, looked up by key.

    Args:
        folder: Where the files are. Only ``times.json`` must be there.
    """

    def __init__(self, folder: Path) -> None:
        times: dict[str, Any] = json.loads((folder / "times.json").read_text(encoding="utf-8"))
        self.machine: dict[str, Any] = times["machine_info"]
        self.date = str(times["datetime"])[:10]
        self._times = {
            entry["extra_info"]["key"]: entry["stats"]["min"] / entry["extra_info"]["units"]
            for entry in times["benchmarks"]
        }
        memory = folder / "memory.json"
        self.memory: dict[str, int] = (
            json.loads(memory.read_text(encoding="utf-8")) if memory.is_file() else {}
        )
        client = folder / "client.json"
        self.client: dict[str, float] = (
            json.loads(client.read_text(encoding="utf-8"))["us"] if client.is_file() else {}
        )
        self.core = dict(_criterion(folder / "criterion"))
        path = folder / "newer.json"
        self.newer = newer_section(path) if path.is_file() else []

    def us(self, key: str) -> float | None:
        """Return microseconds per unit, or ``None`` when this was not measured.

        A subject that was timed in windows has a figure for each; theirs is the mean.
        """
        windows = [time for name, time in self._times.items() if name.startswith(f"{key}/")]
        seconds = fmean(windows) if windows else self._times.get(key)
        return None if seconds is None else seconds * 1e6


TYPED = "typed, validated snapshot at every chunk, us/chunk"
FLAT = "the same on a larger document against a smaller, us/chunk"
ESSAY = "one open string: growth of a chunk's cost, against that of a bytes copy, us/chunk"
UNTYPED = "untyped snapshot at every chunk, us/chunk"
FEED = "feed alone, us/chunk"
LOADS = "a whole document in one piece, ms"
MEMORY = "memory, MB"
CLIENT = "the client over HTTP"

_SAMPLED = "5 windows of 40 chunks"
_BESIDE = (
    (TYPED, "typed", "instructor", "meeting", at_least(30)),
    (TYPED, "typed", "instructor", "orders-10k", at_least(300)),
    (TYPED, "typed-sampled", "instructor", "orders-10k", None),
    (TYPED, "typed-sampled", "instructor", "orders-100k", at_least(3_000)),
    (TYPED, "typed", "pydantic", "meeting", None),
    (TYPED, "typed", "pydantic", "orders-10k", None),
    (TYPED, "typed-sampled", "pydantic", "orders-100k", None),
    (TYPED, "typed", "pydantic-once", "orders-10k", None),
    (UNTYPED, "untyped", "jsonriver", "meeting", at_least(10)),
    (UNTYPED, "untyped", "jsonriver", "orders-10k", at_least(10)),
    (UNTYPED, "untyped", "jsonriver", "orders-100k", at_least(10)),
    (UNTYPED, "untyped", "jiter", "meeting", None),
    (UNTYPED, "untyped", "jiter", "orders-10k", None),
    (UNTYPED, "untyped", "jiter", "orders-100k", None),
    (FEED, "feed", "ijson", "meeting", at_least(1)),
    (FEED, "feed", "ijson", "orders-10k", at_least(1)),
    (FEED, "feed", "ijson", "orders-100k", at_least(1)),
)
_FLAT = (
    ("typed", "orders-1k", "orders-1000k", at_most(1.5)),
    ("typed", "nested-10k", "nested-100k", at_most(1.5)),
    ("untyped", "meeting", "orders-1000k", None),
)
_DOCUMENTS = ("twitter", "citm_catalog", "canada", "messages", "catalogue", "outlines")


def _beside(figures: Figures) -> Iterator[Row]:
    for section, kind, peer, name, goal in _BESIDE:
        ours = figures.us(f"{kind.removesuffix('-sampled')}/partialfast/{name}")
        theirs = figures.us(f"{kind}/{peer}/{name}")
        if ours is not None and theirs is not None:
            label = f"{peer} ({_SAMPLED})" if kind.endswith("-sampled") else peer
            yield Row(section, name, ours, label, theirs, theirs / ours, goal)


def _kept(figures: Figures) -> Iterator[Row]:
    for name in ("meeting", "orders-10k"):
        kept = figures.us(f"typed-kept/partialfast/{name}")
        dropped = figures.us(f"typed/partialfast/{name}")
        if kept is not None and dropped is not None:
            yield Row(TYPED, f"{name}, all kept", kept, "dropped", dropped, kept / dropped)


def _flat(figures: Figures) -> Iterator[Row]:
    for kind, small, large, goal in _FLAT:
        little = figures.us(f"{kind}/partialfast/{small}")
        much = figures.us(f"{kind}/partialfast/{large}")
        if little is not None and much is not None:
            yield Row(FLAT, f"{kind} {large}", much, small, little, much / little, goal)


def _essay(figures: Figures) -> Iterator[Row]:
    small = "essay-10k"
    for large in ("essay-100k", "essay-300k"):
        ours = [figures.us(f"typed/partialfast/{name}") for name in (small, large)]
        copy = [figures.us(f"copy/bytes/{name}") for name in (small, large)]
        match [*ours, *copy]:
            case [float(a), float(b), float(c), float(d)]:
                growth, plain = b - a, d - c
                what = f"{small} to {large}"
                # One copy and no more; a quarter is allowed for the noise of two differences.
                goal = at_most(1.25)
                yield Row(ESSAY, what, growth, "bytes copy", plain, growth / plain, goal)
            case _:
                continue


def _loads(figures: Figures) -> Iterator[Row]:
    for peer, goal in (("jiter", at_least(1)), ("pydantic-core", None), ("json", None)):
        for name in _DOCUMENTS:
            ours = figures.us(f"loads/partialfast/{name}")
            theirs = figures.us(f"loads/{peer}/{name}")
            if ours is not None and theirs is not None:
                yield Row(LOADS, name, ours / 1e3, peer, theirs / 1e3, theirs / ours, goal)


def _memory(figures: Figures) -> Iterator[Row]:
    mb = {name: size / 1e6 for name, size in figures.memory.items()}
    if not mb:
        return
    what = "10 MB streamed, untyped: peak"
    ours, theirs = mb["untyped_stream"], mb["loads_stdlib"]
    yield Row(MEMORY, what, ours, "json.loads", theirs, ours / theirs, at_most(3))
    what = "10 MB streamed, typed: peak"
    ours = mb["typed_stream"]
    yield Row(MEMORY, what, ours, "json.loads", theirs, ours / theirs, at_most(3))
    theirs = mb["validate_pydantic"]
    yield Row(MEMORY, what, ours, "model_validate_json", theirs, ours / theirs)
    # One byte a parser would be 0.1 MB; pages that the allocator keeps are not a leak.
    for key, what in (
        ("parsers_dropped", "100,000 parsers dropped: left"),
        ("states_dropped", "100,000 typed states dropped: left"),
    ):
        yield Row(MEMORY, what, mb[key], "1 MB of slack", 1.0, mb[key], at_most(1))


def _client(figures: Figures) -> Iterator[Row]:
    for row in client_rows(figures.client):
        yield row._replace(section=f"{CLIENT}, {row.section}")


def rows(figures: Figures) -> list[Row]:
    """Return every row whose figures were measured."""
    parts = (_beside, _kept, _flat, _essay, _loads, _memory)
    found = [row for part in parts for row in part(figures)]
    order = [TYPED, FLAT, ESSAY, UNTYPED, FEED, LOADS, MEMORY]
    return [*sorted(found, key=lambda row: order.index(row.section)), *_client(figures)]


def table(figures: Figures) -> str:
    """Return the table as text for a terminal."""
    return layout(rows(figures))


_METHOD = (
    "CPU time, best run, garbage collector as users have it, one process. The ratio is the peer's "
    "figure over partialfast's; where growth is bounded, the larger input's over the smaller's; "
    "beside raw bytes and in memory, partialfast's over the peer's."
)
_WINDOWS = (
    "Peers whose cost grows with the text are timed in windows on the large documents: what comes "
    "before a window goes in as one chunk before the clock starts. Their full run on orders-10k "
    "stands beside, to show what the windows are worth."
)


def _head(figures: Figures) -> str:
    cpu = figures.machine.get("cpu", {})
    return (
        f"{figures.date}, {cpu.get('brand_raw', figures.machine.get('machine'))}, "
        f"{cpu.get('count', '?')} cores, Python {figures.machine.get('python_version')}; "
        f"documents of {source()}"
    )


def _versions() -> str:
    ours = ("partialfast", "pydantic", "openai", "httpx2", "aiohttp")
    peers = ("instructor", "jiter", "jsonriver", "ijson", "langchain-core")
    return ", ".join(f"{name} {version(name)}" for name in (*ours, *peers))


_CORE = (
    "`make bench-core`: criterion's medians of wall time, into a sink that wants nothing. Whole "
    "documents, documents token by token, event streams, and providers' chunks in their events."
)


_CAPPED = (
    "How late an event loop comes is measured for two seconds; one that did not come round at all "
    "is drawn at 2,000 ms."
)


def _core(figures: Figures) -> Iterator[str]:
    """Yield the table of the core alone, or nothing."""
    if not figures.core:
        return
    yield from (
        "",
        "## The core alone, without Python",
        "",
        _CORE,
        "",
        "| | time, us | a second |",
        "| --- | ---: | ---: |",
    )
    for name, core in figures.core.items():
        if core.unit == "bytes":
            amount = f"{core.per_second / 1e6:,.0f} MB"
        else:
            what = "tokens" if name.startswith("tokens/") else "events"
            amount = f"{core.per_second / 1e6:,.1f} million {what}"
        yield f"| {name} | {number(core.us)} | {amount} |"


def markdown(figures: Figures, pictures: Mapping[str, str]) -> str:
    """Return the page docs/benchmarks.md.

    Args:
        figures: What was measured.
        pictures: What each picture shows, by the name of its file.
    """
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench-report`; do not edit.",
        "",
        f"{_head(figures)}.",
        "",
        f"{_versions()}.",
        "",
        f"Load average of the machine at the end: {os.getloadavg()[2]:.1f}.",
        "",
        _METHOD,
        "",
        _WINDOWS,
    ]
    section = ""
    for row in rows(figures):
        if row.section != section:
            section = row.section
            lines += [
                "",
                f"## {section[0].upper()}{section[1:]}",
                "",
                "| | partialfast | beside | | ratio | goal | |",
                "| --- | ---: | --- | ---: | ---: | ---: | --- |",
            ]
        lines.append("| " + " | ".join(cells(row)) + " |")
    lines += _core(figures)
    if figures.newer:
        lines += ["", *figures.newer]
    lines += ["", "## Pictures", "", _CAPPED, ""]
    for name, shows in pictures.items():
        lines += [f"![{shows}](benchmarks/{name})", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def newer_section(path: Path) -> list[str]:
    """Return the newcomers' section from their figures."""
    return newer.section(json.loads(path.read_text(encoding="utf-8")))


def with_section(page: str, lines: list[str]) -> str:
    """Return the page with a section in place of its older self, or before the pictures."""
    before = re.compile(rf"^{re.escape(lines[0])}$.*?(?=^## )", re.MULTILINE | re.DOTALL)
    rest, _, after = before.sub("", page).partition("## Pictures\n")
    text = "\n".join(lines)
    return f"{rest}{text}\n\n## Pictures\n{after}"


def _main(arguments: list[str]) -> None:
    if arguments[1:2] == ["--newer"]:
        target = Path(arguments[2])
        lines = newer_section(Path(arguments[0]) / "newer.json")
        target.write_text(with_section(target.read_text(encoding="utf-8"), lines), encoding="utf-8")
        return
    figures = Figures(Path(arguments[0]))
    match arguments[1:]:
        case []:
            print(_head(figures))
            print(_METHOD)
            print(table(figures))
        case ["--page", page]:
            from benches.pictures import draw

            out = Path(page)
            pictures = draw(Path(arguments[0]), out.with_suffix(""))
            out.write_text(markdown(figures, pictures), encoding="utf-8")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main(sys.argv[1:])
