"""Reading what there is after every chunk, beside this year's newcomers.

Each reads well-formed JSON, token by token. Asked of each: the CPU time for a chunk with a value
after it; whether the last value is the document's; and after how many chunks something that was
shown is no longer true: a number that is 1, then 12, or a text, list or object that does not grow.
Peers that keep their state are fed; the others read the text so far again. What a peer may change
later is copied for the second and third question, outside the clock.

jsontap hands out single values when they are complete, and no value of the whole before its end; so
there is nothing that it could take back. BAML reads into classes, which are made of the workload's.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import BaseModel, create_model

import partialfast as pf
from benches.measuring import best_of_each, last
from benches.pages import number, table
from benches.peers import Reader, again, imported, plain, read_again, read_untyped, source_of
from benches.workloads import workload

__all__ = ["PACKAGES", "PEERS", "Peer", "installed", "lines", "taken_back"]

PACKAGES = ()


def _streaming_json_parser(
    _model: type[BaseModel], chunks: Iterable[str], *, copy: bool = False
) -> Iterator[Any]:
    parser: Any = imported("streaming_json_parser:StreamingJsonParser")()
    for chunk in chunks:
        yield parser.feed(chunk, copy_value=copy).value


def _partial_json_stream(_model: type[BaseModel], chunks: Iterable[str]) -> Iterator[Any]:
    parser: Any = imported("partial_json_stream:JsonStreamParser")()
    for chunk in chunks:
        parser.push(chunk)
        yield parser.snapshot().value
    parser.end()
    yield parser.snapshot().value


def _jsontap(_model: type[BaseModel], chunks: Iterable[str]) -> Iterator[Any]:
    async def run() -> Any:
        return await imported("jsontap:jsontap")(source_of(chunks))

    yield asyncio.run(run())


_BAML = """client<llm> Nobody {
  provider openai
  options {
    model "none"
    api_key "none"
  }
}
%s
function Read(text: string) -> %s {
  client Nobody
  prompt #"{{ ctx.output_format }}"#
}
"""


def _baml_type(schema: dict[str, Any]) -> str:
    """Return BAML's word for a type, all but lists optional."""
    if "anyOf" in schema:
        return _baml_type(schema["anyOf"][0])
    if schema.get("type") == "array":
        return f"{_baml_type(schema['items']).rstrip('?')}[]"
    names = {"string": "string", "integer": "int", "number": "float", "boolean": "bool"}
    return (names.get(schema.get("type", "")) or schema["$ref"].rpartition("/")[2]) + "?"


@cache
def _baml_reader(model: Any) -> Callable[[str], Any]:
    """Make classes of BAML's and of pydantic's whose fields may be absent."""
    schema = model.model_json_schema()
    kinds: dict[str, Any] = schema.pop("$defs", {})
    if "properties" in schema:
        kinds[model.__name__] = schema
    text = ""
    classes: dict[str, type[BaseModel]] = {}
    for name, kind in kinds.items():
        fields: Any = dict.fromkeys(kind["properties"], (Any, None))
        classes[name] = create_model(name, **fields)
        lines = [f"  {field} {_baml_type(words)}" for field, words in kind["properties"].items()]
        text += f"class {name} {{\n{chr(10).join(lines)}\n}}\n"
    files = {"/baml/read.baml": _BAML % (text, model.__name__)}
    runtime = imported("baml_py:BamlRuntime").from_files("/baml", files, {})
    given = ModuleType("classes")
    vars(given).update(classes)
    context = runtime.create_context_manager()
    rest: tuple[Any, ...] = (ModuleType("enums"), given, given, True, context, None, None, {})
    return lambda text: runtime.parse_llm_response("Read", text, *rest)


class Peer(NamedTuple):
    """Somebody who reads.

    Attributes:
        read: Gives what there is after each chunk, of a model and the chunks.
        packages: Those whose versions belong to the figure.
        typed: Whether it gives instances of classes.
        snapshots: Whether there is a value of the whole after each chunk.
        lenient: Whether it reads what is not quite JSON.
    """

    read: Reader
    packages: tuple[str, ...]
    typed: bool = False
    snapshots: bool = True
    lenient: bool = False

    @property
    def versions(self) -> str:
        """The versions of its packages.

        Raises:
            importlib.metadata.PackageNotFoundError: One is not installed.
        """
        return " + ".join(map(version, self.packages))


_OURS = ("partialfast",)
_NATIVE = ("streaming-json-parser", "streaming-json-parser-native")
PEERS = {
    "partialfast": Peer(read_untyped, _OURS),
    "partialfast, lenient": Peer(partial(read_untyped, lenient=True), _OURS, lenient=True),
    "partialfast, typed": Peer(pf.stream, _OURS, typed=True),
    "streaming-json-parser with its native part, one value that changes,": Peer(
        _streaming_json_parser, _NATIVE
    ),
    "streaming-json-parser with its native part, copies,": Peer(
        partial(_streaming_json_parser, copy=True), _NATIVE
    ),
    "partial-json-stream": Peer(_partial_json_stream, ("partial-json-stream",)),
    "jsontap": Peer(_jsontap, ("jsontap",), snapshots=False),
    "json_repair": Peer(
        again("json_repair:loads", stream_stable=True), ("json-repair",), lenient=True
    ),
    "fast-json-repair": Peer(again("fast_json_repair:loads"), ("fast-json-repair",), lenient=True),
    "partial-json-parser": Peer(
        again("partial_json_parser:loads"), ("partial-json-parser",), lenient=True
    ),
    "BAML, typed": Peer(
        lambda model, chunks: read_again(_baml_reader(model), chunks),
        ("baml-py",),
        typed=True,
        lenient=True,
    ),
}


def installed() -> Iterator[str]:
    """Yield the names of the peers whose packages there are."""
    for name, peer in PEERS.items():
        try:
            _ = peer.versions
        except PackageNotFoundError:
            continue
        yield name


def taken_back(before: Any, after: Any) -> bool:
    """Tell whether `after` has not all that `before` had: texts, lists and objects may grow."""
    if isinstance(before, str) and isinstance(after, str):
        return not after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return len(after) < len(before) or any(map(taken_back, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or taken_back(held, after[key]) for key, held in before.items())
    # What a class fills in for what is absent.
    return before not in (None, [], {}) and before != after


def _judged(name: str, document: str, limit_s: float) -> tuple[str, str] | None:
    """Say whether a peer's last value is right, and after how many chunks something was taken back.

    A peer that takes longer than the limit gets no verdict.
    """
    peer, work = PEERS[name], workload(document)
    end = time.process_time() + limit_s
    shown, back = None, 0
    for value in peer.read(work.model, work.chunks):
        before, shown = shown, plain(value)
        back += taken_back(before, shown)
        if time.process_time() > end:
            return None
    right = "yes" if shown == json.loads(work.text) else "no"
    return right, f"{back:,}" if peer.snapshots else "no snapshots"


def _cells(document: str, peers: Iterable[str], limit_s: float) -> Iterator[list[str]]:
    """Yield the time for a chunk and the verdicts of each peer."""
    work = workload(document)
    judged = {name: _judged(name, document, limit_s) for name in peers}
    runs = {
        name: partial(lambda read: last(read(work.model, work.chunks)), PEERS[name].read)
        for name, verdict in judged.items()
        if verdict
    }
    us = {name: seconds / len(work.chunks) * 1e6 for name, seconds in best_of_each(runs).items()}
    for name, verdict in judged.items():
        yield [number(us[name]), *verdict] if verdict else [f"not in {limit_s:g} s", "", ""]


def lines(
    *, workloads: str = "meeting,orders-1k,orders-10k", limit: float = 300.0
) -> Iterator[str]:
    """Measure all peers that are installed; yield the table.

    Args:
        workloads: The documents.
        limit: Seconds of CPU after which a peer's reading is given up.
    """
    names, peers = workloads.split(","), [*installed()]
    cells = zip(*(_cells(name, peers, limit) for name in names), strict=True)
    rows = [
        [f"{peer} {PEERS[peer].versions}", *chain(*each)]
        for peer, each in zip(peers, cells, strict=True)
    ]
    columns = [word for name in names for word in (f"{name}, us", "right", "taken back")]
    yield table(["", *columns], rows, left=[0, *range(2, len(columns), 3)])
    if missing := sorted({*PEERS} - {*peers}):
        yield f"Not installed, so not measured: {', '.join(missing)}."
