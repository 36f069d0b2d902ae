"""Batch extraction on a Ray cluster: ``pip install "partialfast[ray]"``.

    import ray
    from partialfast.batch.ray import extract_dataset

    found = extract_dataset(ray.data.read_json("docs/"), model=Meeting, llm="gpt-4o-mini",
                            prompt="Get the meeting from: {text}", actors=8)
    found.write_parquet("meetings/")

Each actor runs the loop of `partialfast.batch.extract` on blocks of documents. One more actor keeps
the limits of all: those per minute and pauses hold across the cluster. What a lost node had in hand
is asked for again by another, as Ray does it for any task.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import itertools
import json
import logging
import os
import pickle
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from partialfast.batch._needs import import_extra
from partialfast.batch.io._model import find_model
from partialfast.batch.io._parquet import value_column
from partialfast.batch.io._rows import encode_result, plain
from partialfast.batch.loop._aside import aside
from partialfast.batch.loop._collector import collecting_seldom
from partialfast.batch.loop._extract import extract
from partialfast.batch.loop._limits import EndpointLimiter, RateLimiter
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._result import BatchError, EndpointError, Item, Result, without_content

if TYPE_CHECKING:
    from partialfast.providers.openai._command_client import Endpoint

__all__ = ["extract_dataset", "lines_from"]

#: Blocks that an actor has at a time. Together they are twice as many documents as it has streams:
#: while the last answers of one come, there is another to begin.
_BLOCKS = 8
#: What Ray reserves for an actor, in cores. They mostly wait; and those of a lost node have to find
#: room on the others, where the tasks that bring them their rows need a whole core.
_CPUS = 0.25
#: Streams that one process carries without its event loop being late; see docs/sizing.md.
_STREAMS = 256
#: Seconds that an actor's process may take to close its connections at its end.
_STOP_S = 2.0
#: Documents that are handed to Ray at a time, by the command.
_WAVE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _ActorWork:
    """What an actor is to do. Can be pickled.

    Args:
        outbox: For the command: the actor that takes finished lines ahead of their blocks. Rows
            are then documents of the command's own, and results are lines of its journal.
    """

    model: Any
    llm: str
    endpoint: Endpoint
    prompt: Any
    system: str | None
    id_column: str | None
    streams: int
    outbox: Any = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def extract_dataset(  # noqa: PLR0913 - each is an option of its own, nearly all with a default
    ds: Any,
    *,
    model: Any,
    llm: str,
    prompt: Any = "{text}",
    system: str | None = None,
    base_url: str | None = None,
    mode: str = "tools",
    id_column: str | None = "id",
    actors: int = 2,
    streams: int = 64,
    num_cpus: float = _CPUS,
    rpm: float | None = None,
    tpm: float | None = None,
    max_retries: int = 2,
    timeout_s: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Ask for a value of a type for every row of a Ray dataset.

    Args:
        ds: A ``ray.data.Dataset``; its columns are the fields that the prompt can name.
        model: The type of the values, or its name as ``--model`` takes it.
        llm: The model to ask.
        prompt: A text with fields in braces, or a function; see `partialfast.batch.extract`.
        system: A system message.
        base_url: The server; ``None`` for ``OPENAI_BASE_URL``, or OpenAI's own. The key is that of
            this process, from ``OPENAI_API_KEY``.
        mode: How to ask for JSON, as ``--mode`` takes it.
        id_column: The column that is the document's id; ``None`` if there is none.
        actors: How many processes ask.
        streams: How many requests each of them has under way.
        num_cpus: What Ray is to reserve for each, in cores.
        rpm: Requests per minute, of all actors together.
        tpm: Tokens per minute, of all actors together.
        max_retries: Attempts after the first.
        timeout_s: Seconds that an answer may take.
        options: More arguments for every request.

    Returns:
        A ``ray.data.Dataset`` of the columns ``id``, ``value`` (with nested columns as the type
        has fields; null if the document failed), ``error`` and ``snapshot`` (JSON text; null if
        it did not), ``text``, ``input_tokens``, ``output_tokens``, ``attempts``, ``seconds``. It is
        made when it is read, as any dataset.

    Raises:
        ImportError: Ray is not installed.
        ValueError: There is no key for OpenAI's own server, or an option is out of range.
    """
    from partialfast.providers.openai._command_client import Endpoint  # noqa: PLC0415 - it imports the client

    work = _ActorWork(
        model=model,
        llm=llm,
        endpoint=Endpoint.of_environment(base_url, mode=mode, concurrency=streams),
        prompt=prompt,
        system=system,
        id_column=id_column,
        streams=streams,
        arguments={"max_retries": max_retries, "timeout_s": timeout_s, "options": options},
    )
    for name, value in (("actors", actors), ("streams", streams)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1: {value}")
    limiter = _start_limiter(rpm=rpm, tpm=tpm)
    # A block is what is asked again when a node is lost, and what the actors share out.
    blocks = ds.repartition(target_num_rows_per_block=_rows_per_block(streams))
    return _map(blocks, work, limiter, actors=actors, num_cpus=num_cpus)


def _rows_per_block(streams: int) -> int:
    return max(1, 2 * streams // _BLOCKS)


def _map(blocks: Any, work: _ActorWork, limiter: Any, *, actors: int, num_cpus: float) -> Any:
    data = import_extra("ray.data", what="A Ray dataset", extra="ray")
    return blocks.map_batches(
        _Actor,
        fn_constructor_args=(work, limiter),
        batch_size=None,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(
            size=actors,
            max_tasks_in_flight_per_actor=_BLOCKS,
            max_concurrent_calls_per_actor=_BLOCKS,
        ),
        num_cpus=num_cpus,
        udf_modifying_row_count=False,
    )


def _start_limiter(*, rpm: float | None, tpm: float | None) -> Any:
    """Start the actor that keeps the limits."""
    EndpointLimiter(rpm=rpm, tpm=tpm)
    return _start(_LimiterActor, rpm, tpm)


def _start(class_: type[Any], *arguments: Any) -> Any:
    """Start an actor on this machine; it has to live as long as this process."""
    ray = import_extra("ray", what="A cluster", extra="ray")
    scheduling = import_extra("ray.util.scheduling_strategies", what="A cluster", extra="ray")
    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(class_).options(
        num_cpus=0,
        max_concurrency=10_000,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=scheduling.NodeAffinitySchedulingStrategy(here, soft=True),
    )
    return actor.remote(*arguments)


class _LimiterActor:
    """Keeps the limits of all actors."""

    def __init__(self, rpm: float | None, tpm: float | None) -> None:
        self._limiter = EndpointLimiter(rpm=rpm, tpm=tpm)

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call a method of the limiter."""
        return await getattr(self._limiter, name)(*arguments)


class _RemoteLimiter(RateLimiter):
    """The limiter, from within an actor.

    Args:
        actor: The actor that keeps it.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def admit(self, tokens: float) -> int:
        try:
            number: int = await self._actor.call.remote("admit", tokens)
        except EndpointError as error:
            # Ray's own copy of the exception cannot be pickled again.
            raise EndpointError(_first_line(error)) from None
        return number

    async def succeeded(self, probe: int) -> None:
        await self._actor.call.remote("succeeded", probe)

    async def throttled(self, probe: int, retry_after_s: float | None, reason: str) -> None:
        await self._actor.call.remote("throttled", probe, retry_after_s, reason)

    async def failed(self, probe: int, reason: str) -> bool:
        doubted: bool = await self._actor.call.remote("failed", probe, reason)
        return doubted

    async def returned(self, probe: int) -> None:
        if probe:
            await self._actor.call.remote("returned", probe)

    async def settle(self, tokens: float) -> None:
        await self._actor.call.remote("settle", tokens)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "cause", None) or error
    return str(cause).strip().splitlines()[0]


class _Actor:
    """Extracts blocks of documents; what Ray's actors are.

    All blocks of an actor go through one run of `extract`, so that its slots are busy while the
    last answers of a block come, and never more than there are.

    Args:
        work: What to do.
        limiter: The actor that keeps the limits.
    """

    def __init__(self, work: _ActorWork, limiter: Any) -> None:
        self._work = work
        self._limiter = _RemoteLimiter(limiter)
        self._model = find_model(work.model) if isinstance(work.model, str) else work.model
        self._adapter: TypeAdapter[Any] = TypeAdapter(self._model)
        self._pa = import_extra("pyarrow", what="Ray")
        self._asked: asyncio.Queue[Item] = asyncio.Queue()
        self._count = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._running: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def __call__(self, block: Any) -> AsyncGenerator[Any, None]:
        """Extract a block; give the block of the results."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
            # Ray ends the process without telling what runs in it.
            atexit.register(_stop, self._running, asyncio.get_running_loop())
        asked = [self._ask(self._item(row)) for row in block.to_pylist()]
        found = await asyncio.gather(*asked)
        yield self._columns(found) if self._work.outbox is None else self._lines(found)

    def _ask(self, item: Item) -> asyncio.Future[Any]:
        """Hand a document to the run; give what will be its result."""
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._error is not None:
            result.set_exception(self._error)
            return result
        # The run counts as it takes them, in the same order.
        self._waiting[self._count] = result
        self._count += 1
        self._asked.put_nowait(item)
        return result

    async def _run(self) -> None:
        from partialfast.providers._commands import connected  # noqa: PLC0415 - it imports the client

        work = self._work
        try:
            async with connected(work.endpoint) as client:
                results = extract(
                    self._documents(),
                    model=self._model,
                    client=client,
                    llm=work.llm,
                    prompt=work.prompt,
                    system=work.system,
                    limiter=self._limiter,
                    concurrency=work.streams,
                    **work.arguments,
                )
                # Ray has made the process for this alone.
                with collecting_seldom():
                    async with contextlib.aclosing(results) as stream:
                        async for result in stream:
                            self._waiting.pop(result.index).set_result(self._finished(result))
        except Exception as error:  # noqa: BLE001 - raised where the results are awaited
            self._error = error
            for waiting in self._waiting.values():
                waiting.set_exception(error)

    async def _documents(self) -> AsyncGenerator[Item, None]:
        while True:
            yield await self._asked.get()

    def _finished(self, result: Result[Any]) -> Any:
        """Give what stands for a result in its block, and tell the command of it before."""
        outbox = self._work.outbox
        if outbox is None:
            return result
        light, line = encode_result(self._adapter, result)
        row = (pickle.dumps(_light(light)), line)
        outbox.put.remote(row)
        return row

    def _item(self, row: dict[str, Any]) -> Item:
        if self._work.outbox is not None:
            return Item(row["id"], json.loads(row["fields"]))
        column = self._work.id_column
        return Item("" if column is None else str(row[column]), row)

    def _lines(self, rows: list[tuple[bytes, bytes]]) -> Any:
        """Give lines of a journal, with the results without what the lines have."""
        results, lines = zip(*rows, strict=True) if rows else ((), ())
        return self._pa.table({"result": list(results), "line": list(lines)})

    def _columns(self, results: list[Result[Any]]) -> Any:
        pa = self._pa
        type_, convert = value_column(self._model)

        def value(result: Result[Any]) -> Any:
            if result.error is not None:
                return None
            return convert(json.loads(self._adapter.dump_json(result.value, by_alias=True)))

        def failure(result: Result[Any]) -> str | None:
            if result.error is None:
                return None
            error = result.error
            return json.dumps(
                {
                    "kind": error.kind,
                    "message": error.message,
                    "location": list(error.location),
                    "status": error.status,
                }
            )

        def snapshot(result: Result[Any]) -> str | None:
            return None if result.error is None else json.dumps(plain(result.snapshot))

        columns: list[tuple[str, Any, Callable[[Result[Any]], Any]]] = [
            ("id", pa.string(), lambda result: result.id),
            ("value", type_, value),
            ("error", pa.string(), failure),
            ("snapshot", pa.string(), snapshot),
            ("text", pa.string(), lambda result: result.text),
            ("input_tokens", pa.int64(), lambda result: result.usage.input_tokens),
            ("output_tokens", pa.int64(), lambda result: result.usage.output_tokens),
            ("attempts", pa.int64(), lambda result: result.attempts),
            ("seconds", pa.float64(), lambda result: result.timings.total),
        ]
        return pa.table(
            [pa.array([read(result) for result in results], kind) for _, kind, read in columns],
            names=[name for name, _, _ in columns],
        )


def _stop(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> None:
    """Cancel a task of another thread's loop, and wait until its connections are closed."""

    async def stop() -> None:
        task.cancel()
        await asyncio.wait([task])

    stopped = asyncio.run_coroutine_threadsafe(stop(), loop)
    # Nobody is left to hear of what goes wrong now.
    with contextlib.suppress(concurrent.futures.TimeoutError):
        stopped.result(timeout=_STOP_S)


def _light(result: Result[Any]) -> Result[Any]:
    return without_content(result)


# For the command.


class _Outbox:
    """Takes finished lines to the command as they come.

    They come once more with their blocks, which Ray makes again if they are lost.
    """

    def __init__(self) -> None:
        self._rows: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()

    async def put(self, row: tuple[bytes, bytes]) -> None:
        """Take a finished line."""
        self._rows.put_nowait(row)

    async def take(self) -> list[tuple[bytes, bytes]]:
        """Give those that there are, once there is one."""
        rows = [await self._rows.get()]
        while not self._rows.empty():
            rows.append(self._rows.get_nowait())
        return rows


def lines_from(  # noqa: PLR0913 - those of the command
    address: str,
    *,
    model: str,
    llm: str,
    endpoint: Endpoint,
    prompt: str,
    system: str | None,
    arguments: Mapping[str, Any],
    actors: int | None = None,
) -> Callable[[Iterator[Item], Meter, asyncio.Event], AsyncGenerator[tuple[Any, bytes], None]]:
    """Prepare a run on a cluster, for `partialfast.batch.run._job.run_job`.

    Args:
        address: The cluster's address; ``auto`` for the one that this machine is part of,
            ``local`` for one of its own.
        model: The name of the type; every node has to find it.
        llm: The model to ask.
        endpoint: Where it is.
        prompt: A text with fields in braces.
        system: A system message.
        arguments: More arguments of `partialfast.batch.extract`.
        actors: How many processes ask; ``None`` for one per node, or more if there are more
            streams than these can carry.

    Returns:
        A function from items to results with the lines of their journal.

    Raises:
        ImportError: Ray is not installed.
        BatchError: There is no such cluster.
    """
    ray = _join(address)
    data = import_extra("ray.data", what="--ray", extra="ray")
    rest = dict(arguments)
    rpm, tpm = rest.pop("rpm", None), rest.pop("tpm", None)
    concurrency = rest.pop("concurrency", 64)
    alive = sum(1 for node in ray.nodes() if node["Alive"])
    wanted = actors or max(alive, -(-concurrency // _STREAMS))
    # Never more requests than were allowed, all actors together.
    count = max(1, min(wanted, concurrency))
    streams = concurrency // count
    work = _ActorWork(
        model=model,
        llm=llm,
        endpoint=endpoint,
        prompt=prompt,
        system=system,
        id_column=None,
        streams=streams,
        outbox=_start(_Outbox),
        arguments=rest,
    )

    limiter = _start_limiter(rpm=rpm, tpm=tpm)
    data.DataContext.get_current().enable_progress_bars = False

    def extracted(items: Iterator[Item]) -> Iterator[list[tuple[bytes, bytes]]]:
        block = _rows_per_block(streams)
        while batch := list(itertools.islice(items, _WAVE)):
            # In blocks of the right size from the start: to cut them takes a task for each.
            tables = [_table(batch[first : first + block]) for first in range(0, len(batch), block)]
            made = _map(data.from_arrow(tables), work, limiter, actors=count, num_cpus=_CPUS)
            for block in made.iter_batches(batch_size=None, batch_format="pyarrow"):
                yield [(row["result"], row["line"]) for row in block.to_pylist()]

    async def run(
        items: Iterator[Item], meter: Meter, until: asyncio.Event
    ) -> AsyncGenerator[tuple[Any, bytes], None]:
        blocks = aside(extracted(items), name="partialfast-batch-ray")
        meter.elsewhere = count * streams
        async with contextlib.aclosing(_as_they_come(blocks, work.outbox)) as results:
            try:
                async for result, line in results:
                    meter.started()
                    meter.finished(result)
                    yield result, line
                    if until.is_set():
                        return
            except Exception as error:
                raise _explained(error) from error

    return run


async def _as_they_come(
    blocks: AsyncGenerator[list[tuple[bytes, bytes]], None], outbox: Any
) -> AsyncGenerator[tuple[Result[Any], bytes], None]:
    """Give every row of `blocks` once, and those that are in `outbox` before that."""
    end: list[tuple[bytes, bytes]] = []

    async def next_block() -> list[tuple[bytes, bytes]]:
        return await anext(blocks, end)

    async def next_early() -> list[tuple[bytes, bytes]]:
        rows: list[tuple[bytes, bytes]] = await outbox.take.remote()
        return rows

    given: set[str] = set()
    block, early = asyncio.create_task(next_block()), asyncio.create_task(next_early())
    try:
        while True:
            await asyncio.wait({block, early}, return_when=asyncio.FIRST_COMPLETED)
            rows: list[tuple[bytes, bytes]] = []
            if early.done():
                rows += early.result()
                early = asyncio.create_task(next_early())
            if block.done():
                if (found := block.result()) is end:
                    return
                rows += found
                block = asyncio.create_task(next_block())
            for pickled, line in rows:
                result: Result[Any] = pickle.loads(pickled)  # noqa: S301 - our own
                if result.id not in given:
                    given.add(result.id)
                    yield result, line
    finally:
        block.cancel()
        early.cancel()
        await asyncio.gather(block, early, return_exceptions=True)
        await blocks.aclose()


def _join(address: str) -> Any:
    """Connect to a cluster; give the module ``ray``."""
    # What Ray logs would be drawn over the display. It is in its own log files too.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # The thread that reads results may ask once more when the run is over, which would start a
    # cluster.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    ray = import_extra("ray", what="--ray", extra="ray")
    import_extra("ray.data", what="--ray", extra="ray")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        ray.init(
            address=address,
            ignore_reinit_error=True,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BatchError(f"cannot reach the Ray cluster at {address}: {error}") from error
    return ray


def _table(items: list[Item]) -> Any:
    return import_extra("pyarrow", what="Ray").table(
        {
            "id": [item.id for item in items],
            "fields": [json.dumps(dict(item.fields), default=str) for item in items],
        }
    )


def _explained(error: Exception) -> Exception:
    """Find our own exception in what Ray makes of it."""
    seen: BaseException | None = error
    while seen is not None:
        cause = getattr(seen, "cause", None)
        for each in (seen, cause):
            if isinstance(each, BatchError):
                return type(each)(_first_line(each))
        seen = seen.__cause__ or (cause if isinstance(cause, BaseException) else None)
    return error
