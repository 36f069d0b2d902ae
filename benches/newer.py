"""Reading what there is after every chunk, beside this year's newcomers.

    make bench-newer
    python -m benches.newer .bench/newer.json [--workload meeting --workload orders-1k]

Each reads well-formed JSON, token by token. Asked of each: the CPU time for a chunk with a value
after it; whether the last value is the document's; and after how many chunks something that was
shown is no longer true: a number that is 1, then 12, or a text, list or object that does not grow.
Peers that keep their state are fed; the others read the text so far again. What a peer may change
later is copied for the second and third question, outside the clock.

jsontap hands out single values when they are complete, and no value of the whole before its end; so
there is nothing that it could take back. BAML reads into classes, which are made of the workload's.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import types
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, create_model

import partialfast as pf
from benches.lenient import taken_back
from benches.measuring import best_cpu, head, last
from benches.table import number
from benches.workloads import Workload, workload

__all__ = ["TITLE", "main", "section"]

#: The heading of the section on the page.
TITLE = "## This year's newcomers: a value after every chunk"
_WORKLOADS = ("meeting", "orders-1k")
_WORDS = (
    "`make bench-newer`. Well-formed JSON, token by token; CPU time for a chunk with a value after "
    "it. *Right*: the last value is the document's. *Taken back*: after so many chunks something "
    "that was shown was no longer true, such as a number that is 1, then 12, or a text that does "
    "not go on as it began. jsontap hands out single values, each when it is complete; its time "
    "is for the whole, without snapshots. The repairers, partial-json-parser and BAML read the "
    "text so far again. The typed rows give instances of classes, the others dicts and lists."
)

#: Reads a workload's chunks, and gives what there is after each.
Reader = Callable[[Sequence[str]], Iterator[Any]]


def partialfast(chunks: Iterable[str], *, lenient: bool = False) -> Iterator[Any]:
    parser = pf.JsonParser(lenient=lenient)
    for chunk in chunks:
        parser.feed(chunk)
        yield parser.snapshot()
    yield parser.finish()


def streaming_json_parser(*, copy: bool) -> Reader:
    def reader(chunks: Sequence[str]) -> Iterator[Any]:
        parser: Any = importlib.import_module("streaming_json_parser").StreamingJsonParser()
        for chunk in chunks:
            yield parser.feed(chunk, copy_value=copy).value

    return reader


def partial_json_stream(chunks: Iterable[str]) -> Iterator[Any]:
    parser: Any = importlib.import_module("partial_json_stream").JsonStreamParser()
    for chunk in chunks:
        parser.push(chunk)
        yield parser.snapshot().value
    parser.end()
    yield parser.snapshot().value


def jsontap(chunks: Iterable[str]) -> Iterator[Any]:
    tap: Any = importlib.import_module("jsontap").jsontap

    async def source() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    async def whole() -> Any:
        return await tap(source())

    yield asyncio.run(whole())


def again(read: Callable[[str], Any], failures: tuple[type[Exception], ...] = ()) -> Reader:
    """Return a reader that reads the text so far again, and keeps what it had where it fails."""

    def reader(chunks: Iterable[str]) -> Iterator[Any]:
        text, shown = "", None
        for chunk in chunks:
            text += chunk
            with suppress(*failures):
                shown = read(text)
            yield shown

    return reader


@cache
def _baml_classes(model: type[BaseModel]) -> dict[str, tuple[type[BaseModel], str]]:
    """Return BAML's text and a class whose fields may be absent, by name, innermost first."""
    made: dict[str, tuple[type[BaseModel], str]] = {}

    def typed(annotation: Any) -> tuple[Any, str]:
        if get_origin(annotation) is list:
            item, words = typed(get_args(annotation)[0])
            return types.GenericAlias(list, (item,)), f"{words}[]"
        if get_args(annotation):  # X | None
            return typed(get_args(annotation)[0])
        if issubclass(annotation, BaseModel):
            made.update(_baml_classes(annotation))
            return made[annotation.__name__][0], annotation.__name__
        names = {str: "string", int: "int", float: "float", bool: "bool"}
        return annotation, names[annotation]

    fields: dict[str, Any] = {}
    lines: list[str] = []
    for name, field in model.model_fields.items():
        annotation, words = typed(field.annotation)
        fields[name] = (annotation, []) if words.endswith("[]") else (annotation | None, None)
        lines.append(f"  {name} {words if words.endswith('[]') else words + '?'}\n")
    partial = create_model(model.__name__, **fields)
    made[model.__name__] = partial, f"class {model.__name__} {{\n{''.join(lines)}}}\n"
    return made


def baml(model: type[BaseModel]) -> Reader:
    module: Any = importlib.import_module("baml_py")
    made = _baml_classes(model)
    text = (
        'client<llm> Nobody {\n  provider openai\n  options {\n    model "none"\n'
        '    api_key "none"\n  }\n}\n'
        + "".join(words for _, words in made.values())
        + f"function Read(text: string) -> {model.__name__} {{\n  client Nobody\n"
        '  prompt #"{{ ctx.output_format }}"#\n}\n'
    )
    runtime = module.BamlRuntime.from_files("/baml", {"/baml/read.baml": text}, {})
    context = runtime.create_context_manager()
    enums, classes = types.ModuleType("enums"), types.ModuleType("classes")
    vars(classes).update({name: partial for name, (partial, _) in made.items()})

    def read(text: str) -> Any:
        return runtime.parse_llm_response(
            "Read",
            text,
            enums,
            classes,
            classes,
            True,  # noqa: FBT003 - its own signature
            context,
            None,
            None,
            {},
        )

    return again(read, (importlib.import_module("baml_py.internal_monkeypatch").BamlError,))


class Peer(NamedTuple):
    """Somebody who reads.

    Attributes:
        name: As shown.
        packages: Those whose versions belong to the figure; one that is missing leaves it out.
        make: Makes the reader for a model.
        snapshots: Whether there is a value of the whole after each chunk.
    """

    name: str
    packages: tuple[str, ...]
    make: Callable[[type[BaseModel]], Reader]
    snapshots: bool = True


def _loads(module: str, **options: Any) -> Callable[[type[BaseModel]], Reader]:
    def make(_model: type[BaseModel]) -> Reader:
        loads: Any = importlib.import_module(module).loads
        return again(lambda text: loads(text, **options), (ValueError,))

    return make


def _lenient(chunks: Sequence[str]) -> Iterator[Any]:
    return partialfast(chunks, lenient=True)


def _typed(model: type[BaseModel]) -> Reader:
    return lambda chunks: iter(pf.stream(model, chunks))


PEERS = (
    Peer("partialfast", ("partialfast",), lambda _: partialfast),
    Peer("partialfast, lenient", ("partialfast",), lambda _: _lenient),
    Peer("partialfast, typed", ("partialfast",), _typed),
    Peer(
        "streaming-json-parser with its native part, one value that changes,",
        ("streaming-json-parser", "streaming-json-parser-native"),
        lambda _: streaming_json_parser(copy=False),
    ),
    Peer(
        "streaming-json-parser with its native part, copies,",
        ("streaming-json-parser", "streaming-json-parser-native"),
        lambda _: streaming_json_parser(copy=True),
    ),
    Peer("partial-json-stream", ("partial-json-stream",), lambda _: partial_json_stream),
    Peer("jsontap", ("jsontap",), lambda _: jsontap, snapshots=False),
    Peer("json_repair", ("json-repair",), _loads("json_repair", stream_stable=True)),
    Peer("fast-json-repair", ("fast-json-repair",), _loads("fast_json_repair")),
    Peer("partial-json-parser", ("partial-json-parser",), _loads("partial_json_parser")),
    Peer("BAML, typed", ("baml-py",), baml),
)


def _plain(value: Any) -> Any:
    """Return a copy that nobody changes, of plain values."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    # jsontap gives numbers as decimals.
    return json.loads(json.dumps(value, default=float))


def measured(peer: Peer, work: Workload, *, budget_s: float) -> dict[str, Any]:
    """Judge and time one peer on one workload.

    Args:
        peer: Who reads.
        work: What is read.
        budget_s: For how long runs are repeated.

    Returns:
        ``us`` a chunk, ``right``, and ``taken_back``: after how many chunks; ``None`` where there
        are no snapshots.
    """
    reader = peer.make(work.model)
    shown = [_plain(value) for value in reader(work.chunks)]
    changes = sum(taken_back(before, after) for before, after in pairwise(shown))
    seconds = best_cpu(lambda: last(reader(work.chunks)), budget_s=budget_s)
    return {
        "us": seconds / len(work.chunks) * 1e6,
        "right": bool(shown) and shown[-1] == json.loads(work.text),
        "taken_back": changes if peer.snapshots else None,
    }


def section(measurements: dict[str, Any]) -> list[str]:
    """Return the section of the page.

    Args:
        measurements: What `main` wrote.

    Returns:
        Its lines, the heading first.
    """
    names: list[str] = measurements["workloads"]
    columns = [f"{name}, us | right | taken back" for name in names]
    lines = [TITLE, "", f"{measurements['head']}.", "", _WORDS, ""]
    lines += [f"| | {' | '.join(columns)} |", "| --- |" + " ---: | --- | ---: |" * len(names)]
    lines[-1] = lines[-1].replace("||", "|")
    for row in measurements["rows"]:
        cells: list[str] = []
        for name in names:
            found = row["figures"][name]
            back = found["taken_back"]
            cells += [number(found["us"]), "yes" if found["right"] else "no"]
            cells.append("no snapshots" if back is None else f"{back:,}")
        lines.append(f"| {row['name']} {row['versions']} | {' | '.join(cells)} |")
    if measurements["missing"]:
        lines += ["", f"Not installed, so not measured: {', '.join(measurements['missing'])}."]
    return lines


def main() -> None:
    """Measure, write the figures, and print the section."""
    arguments = argparse.ArgumentParser(description="Read after every chunk, beside newcomers.")
    arguments.add_argument("out", type=Path, nargs="?", default=Path(".bench/newer.json"))
    arguments.add_argument("--workload", action="append")
    arguments.add_argument("--seconds", type=float, default=1.0)
    args = arguments.parse_args()
    names = args.workload or list(_WORKLOADS)
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    for peer in PEERS:
        try:
            versions = " + ".join(version(package) for package in peer.packages)
        except PackageNotFoundError:
            missing.append(peer.name)
            continue
        figures = {name: measured(peer, workload(name), budget_s=args.seconds) for name in names}
        rows.append({"name": peer.name, "versions": versions, "figures": figures})
    machine = f"{head()}; load average {os.getloadavg()[0]:.0f}"
    found = {"head": machine, "workloads": names, "rows": rows, "missing": missing}
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(section(found)))


if __name__ == "__main__":
    main()
