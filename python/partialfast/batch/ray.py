"""Batch extraction on a Ray cluster: ``pip install "partialfast[ray]"``.

    import ray
    from partialfast.batch.ray import extract_dataset

    found = extract_dataset(ray.data.read_json("docs/"), model=Meeting, llm="gpt-4o-mini",
                            prompt="Get the meeting from: {text}", actors=8)
    found.write_parquet("meetings/")

Each actor runs the loop of `partialfast.batch.extract` on blocks of documents. One actor more keeps
the pace of all, so that limits per minute and pauses hold across the cluster. What a lost node had
in hand is asked for again by another, as Ray does it for any task.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import pickle
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from partialfast.batch._extract import extract
from partialfast.batch._journal import encode, plain
from partialfast.batch._meter import Meter
from partialfast.batch._model import find_model
from partialfast.batch._needs import load
from partialfast.batch._pace import Gatekeeper, Pace
from partialfast.batch._parquet import value_column
from partialfast.batch._result import BatchError, EndpointError, Item, Result

if TYPE_CHECKING:
    from partialfast._endpoint import Endpoint

__all__ = ["extract_dataset", "lines_from"]

#: Blocks that an actor works on at a time: while the last answers of one come, others are busy.
_BLOCKS = 4
#: Documents that are handed to Ray at a time, by the command.
_WAVE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What an actor is to do. Can be pickled."""

    model: Any
    llm: str
    endpoint: Endpoint
    prompt: Any
    system: str | None
    id_column: str | None
    streams: int
    lines: bool
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
    num_cpus: float = 0.5,
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
        num_cpus: What Ray is to reserve for each. Half a core, by default: they mostly wait, and
            the tasks that bring them their rows need room too.
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
    from partialfast._endpoint import Endpoint  # noqa: PLC0415 - it imports the client

    work = _Work(
        model=model,
        llm=llm,
        endpoint=Endpoint.of_environment(base_url, mode=mode, concurrency=streams),
        prompt=prompt,
        system=system,
        id_column=id_column,
        streams=streams,
        lines=False,
        arguments={"max_retries": max_retries, "timeout_s": timeout_s, "options": options},
    )
    return _map(ds, work, actors=actors, num_cpus=num_cpus, rpm=rpm, tpm=tpm)


def _map(  # noqa: PLR0913 - each is an option of its own
    ds: Any, work: _Work, *, actors: int, num_cpus: float, rpm: float | None, tpm: float | None
) -> Any:
    for name, value in (("actors", actors), ("streams", work.streams)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1: {value}")
    data = load("ray.data", what="A Ray dataset", extra="ray")
    pace = _start_pace(rpm=rpm, tpm=tpm)
    block = max(1, work.streams // _BLOCKS)
    return ds.repartition(target_num_rows_per_block=block).map_batches(
        _Worker,
        fn_constructor_args=(work, pace),
        batch_size=None,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=_BLOCKS),
        num_cpus=num_cpus,
        max_concurrency=_BLOCKS,
        udf_modifying_row_count=False,
    )


def _start_pace(*, rpm: float | None, tpm: float | None) -> Any:
    """Start the actor that keeps the pace, beside this process, which has to live as long."""
    ray = load("ray", what="A cluster", extra="ray")
    scheduling = load("ray.util.scheduling_strategies", what="A cluster", extra="ray")
    Pace(rpm=rpm, tpm=tpm)  # what is wrong with the limits is said here and not in an actor
    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(_PaceActor).options(
        num_cpus=0,
        max_concurrency=10_000,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=scheduling.NodeAffinitySchedulingStrategy(here, soft=True),
    )
    return actor.remote(rpm, tpm)


class _PaceActor:
    """Keeps the pace of all actors."""

    def __init__(self, rpm: float | None, tpm: float | None) -> None:
        self._pace = Pace(rpm=rpm, tpm=tpm)

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call a method of the pace."""
        return await getattr(self._pace, name)(*arguments)


class _RemotePace(Gatekeeper):
    """The pace, from within an actor.

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


class _Worker:
    """Extracts blocks of documents; what Ray's actors are.

    Args:
        work: What to do.
        pace: The actor that keeps the pace.
    """

    def __init__(self, work: _Work, pace: Any) -> None:
        self._work = work
        self._pace = _RemotePace(pace)
        self._model = find_model(work.model) if isinstance(work.model, str) else work.model
        self._adapter: TypeAdapter[Any] = TypeAdapter(self._model)
        self._pa = load("pyarrow", what="Ray")
        self._opening: asyncio.Future[Any] | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __call__(self, block: Any) -> AsyncGenerator[Any, None]:
        """Extract a block; give the block of the results."""
        client = await self._client()
        work = self._work
        results = extract(
            [self._item(row) for row in block.to_pylist()],
            model=self._model,
            client=client,
            llm=work.llm,
            prompt=work.prompt,
            system=work.system,
            pace=self._pace,
            concurrency=max(1, work.streams // _BLOCKS),
            **work.arguments,
        )
        async with contextlib.aclosing(results) as stream:
            found = [result async for result in stream]
        yield self._lines(found) if work.lines else self._columns(found)

    async def _client(self) -> Any:
        """Give the client of this actor; several blocks may ask for it at once."""
        if self._opening is None:
            from partialfast._endpoint import connected  # noqa: PLC0415 - it imports the client

            self._opening = asyncio.ensure_future(
                self._stack.enter_async_context(connected(self._work.endpoint))
            )
        return await self._opening

    def _item(self, row: dict[str, Any]) -> Item:
        if self._work.lines:
            return Item(row["id"], json.loads(row["fields"]))
        column = self._work.id_column
        return Item("" if column is None else str(row[column]), row)

    def _lines(self, results: list[Result[Any]]) -> Any:
        """Give lines of a journal, with the results without what the lines have."""
        pairs = [encode(self._adapter, result) for result in results]
        return self._pa.table(
            {
                "result": [pickle.dumps(_light(result)) for result, _ in pairs],
                "line": [line for _, line in pairs],
            }
        )

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


def _light(result: Result[Any]) -> Result[Any]:
    return Result(
        id=result.id,
        value=None,
        error=result.error,
        text="",
        snapshot=None,
        usage=result.usage,
        attempts=result.attempts,
        timings=result.timings,
        index=result.index,
        cut=result.cut,
    )


# For the command.


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
    """Prepare a run on a cluster, for `partialfast.batch._job.run`.

    Args:
        address: The cluster's address; ``auto`` for the one that this machine is part of,
            ``local`` for one of its own.
        model: The name of the type; every node has to find it.
        llm: The model to ask.
        endpoint: Where it is.
        prompt: A text with fields in braces.
        system: A system message.
        arguments: More arguments of `partialfast.batch.extract`.
        actors: How many processes ask; ``None`` for one per node.

    Returns:
        A function from items to results with the lines of their journal.

    Raises:
        ImportError: Ray is not installed.
        BatchError: There is no such cluster.
    """
    ray = load("ray", what="--ray", extra="ray")
    load("ray.data", what="--ray", extra="ray")
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BatchError(f"cannot reach the Ray cluster at {address}: {error}") from error
    count = actors or max(1, sum(1 for node in ray.nodes() if node["Alive"]))
    rest = dict(arguments)
    rpm, tpm = rest.pop("rpm", None), rest.pop("tpm", None)
    streams = max(1, -(-rest.pop("concurrency", 64) // count))
    work = _Work(
        model=model,
        llm=llm,
        endpoint=endpoint,
        prompt=prompt,
        system=system,
        id_column=None,
        streams=streams,
        lines=True,
        arguments=rest,
    )

    def wave(items: list[Item]) -> Iterator[tuple[Any, bytes]]:
        rows = [{"id": item.id, "fields": json.dumps(dict(item.fields), default=str)}
                for item in items]  # fmt: skip
        data = load("ray.data", what="--ray", extra="ray")
        data.DataContext.get_current().enable_progress_bars = False
        made = _map(
            data.from_items(rows), work, actors=count, num_cpus=0.5, rpm=rpm, tpm=tpm
        )  # fmt: skip
        for block in made.iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in block.to_pylist():
                yield pickle.loads(row["result"]), row["line"]  # noqa: S301 - see the import

    async def run(
        items: Iterator[Item], meter: Meter, until: asyncio.Event
    ) -> AsyncGenerator[tuple[Any, bytes], None]:
        while not until.is_set() and (batch := list(itertools.islice(items, _WAVE))):
            async with contextlib.aclosing(_aside(wave(batch))) as results:
                async for result, line in results:
                    meter.started()
                    meter.finished(result)
                    yield result, line
                    if until.is_set():
                        return

    return run


async def _aside(results: Iterable[Any]) -> AsyncGenerator[Any, None]:
    """Iterate in another thread: reading a dataset blocks."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Any] = asyncio.Queue()
    left = threading.Event()
    end = object()

    def hand_over(found: Any) -> None:
        # The loop is closed when the run was interrupted.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.put_nowait, found)

    def read() -> None:
        try:
            for result in results:
                if left.is_set():
                    return
                hand_over(result)
        except Exception as error:  # noqa: BLE001 - raised where the results are taken
            hand_over(error)
        else:
            hand_over(end)

    threading.Thread(target=read, name="partialfast-batch-ray", daemon=True).start()
    try:
        while (found := await ready.get()) is not end:
            if isinstance(found, Exception):
                raise _explained(found)
            yield found
    finally:
        left.set()


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
