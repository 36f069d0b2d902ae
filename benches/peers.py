"""Who is measured: this package and its peers, each reading the same chunks.

A reader gives what there is after each chunk. Peers are imported when they are first used, so that
a missing one stops only its own rows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter, create_model

import partialfast as pf
from benches.measuring import last
from benches.workloads import Workload

__all__ = ["LOADS", "PEERS", "SUBJECTS", "Peer", "Reader", "imported", "installed", "plain"]

Model = type[BaseModel]
Chunks = Iterable[str]
Reader = Callable[[type[Any], Iterable[str]], Iterable[Any]]


# This package's own work on one workload, also for profiles and instruction counts.


def typed(work: Workload) -> Any:
    """Stream the document into its model; drop every snapshot but the last."""
    return last(pf.stream(work.model, work.chunks))


def untyped(work: Workload) -> Any:
    """Stream the document into plain values, with a snapshot at every chunk."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
        parser.snapshot()
    return parser.finish()


def feed(work: Workload) -> Any:
    """Stream the document and ask for nothing before the end."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
    return parser.finish()


def ops(work: Workload) -> Any:
    """Stream the document into its model and take the ops of each chunk; make no snapshots."""
    state: pf.StreamState[Any] = pf.StreamState(work.model)
    state.keep_ops(snapshots=False)
    for chunk in work.chunks:
        state.feed(chunk)
        state.take_ops()
    return state.finish()


def loads(work: Workload) -> Any:
    """Parse the document in one piece."""
    return pf.loads(work.text)


def kept(work: Workload) -> Any:
    """Stream the document into its model and keep every snapshot."""
    return [*pf.stream(work.model, work.chunks)][-1]


def fed(work: Workload) -> None:
    """Take bytes in, and build what the parser builds; ask for nothing."""
    parser = pf.JsonParser()
    for chunk in work.byte_chunks:
        parser.feed(chunk)
    if not parser.done:
        raise AssertionError("the document did not end")


def fed_ijson(work: Workload) -> None:
    """Take bytes in, and collect ijson's basic events, in C (yajl)."""
    events = import_module("ijson").sendable_list()
    parser = import_module("ijson.backends.yajl2_c").basic_parse_coro(events)
    for chunk in work.byte_chunks:
        parser.send(chunk)
    parser.close()
    if not events:
        raise AssertionError("no events")


def copied(work: Workload) -> None:
    """Copy, at every chunk, as many bytes as a Python string of the text so far takes."""
    # CPython stores one, two or four bytes a character (PEP 393), by the widest of them.
    width = 1 if max(work.text) <= "\xff" else 2 if max(work.text) <= "\uffff" else 4
    storage = memoryview(bytes(len(work.text) * width))
    for end in accumulate(len(chunk) * width for chunk in work.chunks):
        bytes(storage[:end])


SUBJECTS: dict[str, Callable[[Workload], Any]] = {
    function.__name__: function
    for function in (typed, untyped, feed, loads, ops, kept, fed, fed_ijson, copied)
}

#: Those who read a whole document of bytes, as ``MODULE:FUNCTION``.
LOADS = {
    "partialfast": "partialfast:loads",
    "jiter": "jiter:from_json",
    "pydantic-core": "pydantic_core:from_json",
    "json": "json:loads",
}


def imported(name: str, **options: Any) -> Callable[[Any], Any]:
    """Return the function ``MODULE:FUNCTION``, with some arguments given."""
    module, _, function = name.partition(":")
    return partial(getattr(import_module(module), function), **options)


# Readers, each of a model and the chunks.


def _ours(_model: Model, chunks: Chunks, *, lenient: bool = False) -> Iterator[Any]:
    parser = pf.JsonParser(lenient=lenient)
    for chunk in chunks:
        parser.feed(chunk)
        yield parser.snapshot()
    yield parser.finish()


def _instructor(model: Model, chunks: Chunks) -> Iterator[Any]:
    partial_of: Any = import_module("instructor.dsl.partial").Partial
    # Each call of instructor's makes the class anew.
    yield from partial_of[model].model_from_chunks(iter(chunks))


def _streaming_json_parser(_model: Model, chunks: Chunks, *, copy: bool = False) -> Iterator[Any]:
    parser: Any = import_module("streaming_json_parser").StreamingJsonParser()
    for chunk in chunks:
        yield parser.feed(chunk, copy_value=copy).value


def _partial_json_stream(_model: Model, chunks: Chunks) -> Iterator[Any]:
    parser: Any = import_module("partial_json_stream").JsonStreamParser()
    for chunk in chunks:
        parser.push(chunk)
        yield parser.snapshot().value
    parser.end()
    yield parser.snapshot().value


async def _source(chunks: Chunks) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk


def _jsontap(_model: Model, chunks: Chunks) -> Iterator[Any]:
    async def run() -> Any:
        return await import_module("jsontap").jsontap(_source(chunks))

    yield asyncio.run(run())


def _jsonriver(_model: Model, chunks: Chunks) -> Iterator[Any]:
    async def run() -> Any:
        value = None
        # One value, changed in place: the last is all of them.
        async for value in import_module("jsonriver").parse(_source(chunks)):  # noqa: B007
            pass
        return value

    yield asyncio.run(run())


def _again(read: Callable[[Any], Any], chunks: Iterable[Any], *, empty: Any = "") -> Iterator[Any]:
    """Read the text so far again after each chunk."""
    text = empty
    shown, failure = None, None
    for chunk in chunks:
        text += chunk
        # What it cannot read yet, it may be able to read later: what was shown stays.
        try:
            shown, failure = read(text), None
        except Exception as error:  # noqa: BLE001 - each has errors of its own
            failure = error
        yield shown
    if failure is not None:
        raise failure


def _function(name: str, **options: Any) -> Reader:
    return lambda _, chunks: _again(imported(name, **options), chunks)


def _jiter(_model: Model, chunks: Chunks) -> Iterator[Any]:
    read = imported("jiter:from_json", partial_mode="trailing-strings")
    return _again(read, (chunk.encode() for chunk in chunks), empty=b"")


def _pydantic(model: Model, chunks: Chunks) -> Iterator[Any]:
    # A required field that is still missing makes it an error: then nothing new is shown.
    partly: Any = {"experimental_allow_partial": "trailing-strings"}
    return _again(partial(TypeAdapter(model).validate_json, **partly), chunks)


def _pydantic_once(model: Model, chunks: Chunks) -> Iterator[Any]:
    yield model.model_validate_json("".join(chunks))


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
def _baml_reader(model: Model) -> Callable[[str], Any]:
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
    module: Any = import_module("baml_py")
    files = {"/baml/read.baml": _BAML % (text, model.__name__)}
    runtime = module.BamlRuntime.from_files("/baml", files, {})
    given = ModuleType("classes")
    vars(given).update(classes)
    context = runtime.create_context_manager()
    rest: tuple[Any, ...] = (ModuleType("enums"), given, given, True, context, None, None, {})
    return lambda text: runtime.parse_llm_response("Read", text, *rest)


def _baml(model: Model, chunks: Chunks) -> Iterator[Any]:
    return _again(_baml_reader(model), chunks)


class Peer(NamedTuple):
    """Somebody who reads.

    Attributes:
        read: Gives what there is after each chunk, of a model and the chunks.
        packages: Those whose versions belong to the figure.
        typed: Whether it gives instances of classes.
        snapshots: Whether there is a value of the whole after each chunk.
    """

    read: Reader
    packages: tuple[str, ...]
    typed: bool = False
    snapshots: bool = True

    @property
    def versions(self) -> str:
        """The versions of its packages.

        Raises:
            importlib.metadata.PackageNotFoundError: One is not installed.
        """
        return " + ".join(map(version, self.packages))


_NATIVE = ("streaming-json-parser", "streaming-json-parser-native")
PEERS = {
    "partialfast": Peer(_ours, ("partialfast",)),
    "partialfast, lenient": Peer(partial(_ours, lenient=True), ("partialfast",)),
    "partialfast, typed": Peer(pf.stream, ("partialfast",), typed=True),
    "partialfast, typed, lenient": Peer(
        partial(pf.stream, lenient=True), ("partialfast",), typed=True
    ),
    "streaming-json-parser with its native part, one value that changes,": Peer(
        _streaming_json_parser, _NATIVE
    ),
    "streaming-json-parser with its native part, copies,": Peer(
        partial(_streaming_json_parser, copy=True), _NATIVE
    ),
    "partial-json-stream": Peer(_partial_json_stream, ("partial-json-stream",)),
    "jsontap": Peer(_jsontap, ("jsontap",), snapshots=False),
    "jsonriver": Peer(_jsonriver, ("jsonriver",), snapshots=False),
    "json_repair": Peer(_function("json_repair:loads", stream_stable=True), ("json-repair",)),
    "fast-json-repair": Peer(_function("fast_json_repair:loads"), ("fast-json-repair",)),
    "partial-json-parser": Peer(_function("partial_json_parser:loads"), ("partial-json-parser",)),
    "langchain": Peer(
        _function("langchain_core.utils.json:parse_json_markdown"), ("langchain-core",)
    ),
    "jiter": Peer(_jiter, ("jiter",)),
    "instructor": Peer(_instructor, ("instructor",), typed=True),
    "pydantic": Peer(_pydantic, ("pydantic",), typed=True),
    "pydantic-once": Peer(_pydantic_once, ("pydantic",), typed=True, snapshots=False),
    "BAML, typed": Peer(_baml, ("baml-py",), typed=True),
}


def installed(names: Iterable[str]) -> list[str]:
    """Return those of some keys of `PEERS` whose packages there are."""

    def there(name: str) -> bool:
        try:
            return bool(PEERS[name].versions)
        except PackageNotFoundError:
            return False

    return [*filter(there, names)]


def plain(value: Any) -> Any:
    """Return a copy that nobody changes, of plain values."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    # jsontap gives numbers as decimals.
    return json.loads(json.dumps(value, default=float))
