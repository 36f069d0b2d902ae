"""Who is measured: this package and its peers, each reading the same chunks.

A reader gives what there is after each chunk. Peers are imported when they are first used, so that
a missing one stops only its own rows.
"""

from __future__ import annotations

import asyncio
import json
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, create_model

import partialfast as pf
from benches.measuring import last
from benches.workloads import Workload

__all__ = ["FEED", "LOADS", "PEERS", "SUBJECTS", "Peer", "Reader", "imported", "plain"]

Reader = Callable[[Iterable[str]], Iterator[Any]]


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


SUBJECTS: dict[str, Callable[[Workload], Any]] = {
    function.__name__: function for function in (typed, untyped, feed, loads, ops)
}


# Those who feed a parser and ask for nothing.


def _feed_bytes(chunks: Sequence[bytes]) -> None:
    """Take the chunks in; build what the parser builds."""
    parser = pf.JsonParser()
    for chunk in chunks:
        parser.feed(chunk)
    if not parser.done:
        raise AssertionError("the document did not end")


def _feed_ijson(chunks: Sequence[bytes]) -> None:
    """Take the chunks in and collect basic events, in C (yajl)."""
    events = import_module("ijson").sendable_list()
    parser = import_module("ijson.backends.yajl2_c").basic_parse_coro(events)
    for chunk in chunks:
        parser.send(chunk)
    parser.close()
    if not events:
        raise AssertionError("no events")


FEED = {"partialfast": _feed_bytes, "ijson": _feed_ijson}

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


# Readers.


def _ours(_model: type[BaseModel], *, lenient: bool = False) -> Reader:
    def reader(chunks: Iterable[str]) -> Iterator[Any]:
        parser = pf.JsonParser(lenient=lenient)
        for chunk in chunks:
            parser.feed(chunk)
            yield parser.snapshot()
        yield parser.finish()

    return reader


def _ours_typed(model: type[BaseModel], *, lenient: bool = False) -> Reader:
    return lambda chunks: iter(pf.stream(model, chunks, lenient=lenient))


def _instructor(model: type[BaseModel]) -> Reader:
    partial_of: Any = import_module("instructor.dsl.partial").Partial
    # Each call of instructor's makes the class anew.
    return lambda chunks: iter(partial_of[model].model_from_chunks(iter(chunks)))


def _streaming_json_parser(_model: type[BaseModel], *, copy: bool = False) -> Reader:
    def reader(chunks: Iterable[str]) -> Iterator[Any]:
        parser: Any = import_module("streaming_json_parser").StreamingJsonParser()
        for chunk in chunks:
            yield parser.feed(chunk, copy_value=copy).value

    return reader


def _partial_json_stream(_model: type[BaseModel]) -> Reader:
    def reader(chunks: Iterable[str]) -> Iterator[Any]:
        parser: Any = import_module("partial_json_stream").JsonStreamParser()
        for chunk in chunks:
            parser.push(chunk)
            yield parser.snapshot().value
        parser.end()
        yield parser.snapshot().value

    return reader


def _at_the_end(run: Callable[[AsyncIterator[str]], Coroutine[Any, Any, Any]]) -> Reader:
    """Return a reader that gives one value, that of an async function."""

    async def source(chunks: Iterable[str]) -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    return lambda chunks: iter([asyncio.run(run(source(chunks)))])


def _jsontap(_model: type[BaseModel]) -> Reader:
    async def run(source: AsyncIterator[str]) -> Any:
        return await import_module("jsontap").jsontap(source)

    return _at_the_end(run)


def _jsonriver(_model: type[BaseModel]) -> Reader:
    async def run(source: AsyncIterator[str]) -> Any:
        value = None
        # One value, changed in place: the last is all of them.
        async for value in import_module("jsonriver").parse(source):  # noqa: B007
            pass
        return value

    return _at_the_end(run)


def _again(read: Callable[[Any], Any], *, encode: bool = False) -> Reader:
    """Return a reader that reads the text so far again."""

    def reader(chunks: Iterable[str]) -> Iterator[Any]:
        text: Any = b"" if encode else ""
        shown, failure = None, None
        for chunk in chunks:
            text += chunk.encode() if encode else chunk
            # What it cannot read yet, it may be able to read later: what was shown stays.
            try:
                shown, failure = read(text), None
            except Exception as error:  # noqa: BLE001 - each has errors of its own
                failure = error
            yield shown
        if failure is not None:
            raise failure

    return reader


def _function(
    name: str, *, encode: bool = False, **options: Any
) -> Callable[[type[BaseModel]], Reader]:
    return lambda _: _again(imported(name, **options), encode=encode)


def _pydantic(model: type[BaseModel]) -> Reader:
    read = TypeAdapter(model).validate_json
    # A required field that is still missing makes it an error: then nothing new is shown.
    return _again(lambda text: read(text, experimental_allow_partial="trailing-strings"))


def _pydantic_once(model: type[BaseModel]) -> Reader:
    return lambda chunks: iter([model.model_validate_json("".join(chunks))])


@cache
def _baml_classes(model: type[BaseModel]) -> dict[str, tuple[type[BaseModel], str]]:
    """Return a class whose fields may be absent and BAML's text, by name, innermost first."""
    made: dict[str, tuple[type[BaseModel], str]] = {}

    def described(annotation: Any) -> tuple[Any, str]:
        if get_origin(annotation) is list:
            item, words = described(get_args(annotation)[0])
            return types.GenericAlias(list, (item,)), f"{words}[]"
        if get_args(annotation):  # X | None
            return described(get_args(annotation)[0])
        if issubclass(annotation, BaseModel):
            made.update(_baml_classes(annotation))
            return made[annotation.__name__][0], annotation.__name__
        names = {str: "string", int: "int", float: "float", bool: "bool"}
        return annotation, names[annotation]

    fields: dict[str, Any] = {}
    lines: list[str] = []
    for name, field in model.model_fields.items():
        annotation, words = described(field.annotation)
        fields[name] = (annotation, []) if words.endswith("[]") else (annotation | None, None)
        lines.append(f"  {name} {words if words.endswith('[]') else words + '?'}\n")
    made[model.__name__] = (
        create_model(model.__name__, **fields),
        f"class {model.__name__} {{\n{''.join(lines)}}}\n",
    )
    return made


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


def _baml(model: type[BaseModel]) -> Reader:
    module: Any = import_module("baml_py")
    made = _baml_classes(model)
    text = _BAML % ("".join(words for _, words in made.values()), model.__name__)
    runtime = module.BamlRuntime.from_files("/baml", {"/baml/read.baml": text}, {})
    context = runtime.create_context_manager()
    enums, classes = types.ModuleType("enums"), types.ModuleType("classes")
    vars(classes).update({name: kind for name, (kind, _) in made.items()})
    rest: tuple[Any, ...] = (enums, classes, classes, True, context, None, None, {})
    return _again(lambda text: runtime.parse_llm_response("Read", text, *rest))


class Peer(NamedTuple):
    """Somebody who reads.

    Attributes:
        make: Makes the reader for a model.
        packages: Those whose versions belong to the figure.
        typed: Whether it gives instances of classes.
        snapshots: Whether there is a value of the whole after each chunk.
    """

    make: Callable[[type[BaseModel]], Reader]
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
    "partialfast, typed": Peer(_ours_typed, ("partialfast",), typed=True),
    "partialfast, typed, lenient": Peer(
        partial(_ours_typed, lenient=True), ("partialfast",), typed=True
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
    "jiter": Peer(
        _function("jiter:from_json", encode=True, partial_mode="trailing-strings"), ("jiter",)
    ),
    "instructor": Peer(_instructor, ("instructor",), typed=True),
    "pydantic": Peer(_pydantic, ("pydantic",), typed=True),
    "pydantic-once": Peer(_pydantic_once, ("pydantic",), typed=True, snapshots=False),
    "BAML, typed": Peer(_baml, ("baml-py",), typed=True),
}


def plain(value: Any) -> Any:
    """Return a copy that nobody changes, of plain values."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    # jsontap gives numbers as decimals.
    return json.loads(json.dumps(value, default=float))
