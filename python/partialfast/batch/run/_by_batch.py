"""Asks through a provider's batch endpoint: cheaper, later, and in files instead of one by one.

Theory of operation. Requests are written to files in a folder beside the results, as many in each
as the provider takes. ``state.json`` there has a record for each file: its number, the name of the
batch that it became, and whether its results are collected. Whatever is done is noted after it is
done, and each step can be done again: a file that somebody began to submit, and whose batch has no
name, is looked for at the provider, by the marks that it was submitted with, before it is submitted
again; a batch that is not noted as collected is collected again, and what has a result by then is
passed over. What was invalid, cut off, expired or missing goes into a file of the next round, which
is noted together with what it comes from.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from partialfast._errors import JsonError, TruncatedError
from partialfast.batch.io._answer_text import read_answer_into
from partialfast.batch.io._manifest import write_whole
from partialfast.batch.io._recorded import read_block
from partialfast.batch.io._regular import open_for_owner, read_regular
from partialfast.batch.io._rows import encode_result
from partialfast.batch.loop._breaker import backoff_s
from partialfast.batch.loop._classify import ErrorScope, classify, describe
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._prompt import Message
from partialfast.batch.loop._result import (
    BatchError,
    EndpointError,
    Failure,
    Item,
    Result,
    Timings,
    Usage,
    result_of,
)
from partialfast.batch.run._spending import Prices
from partialfast.providers._batches import BatchLine, BatchProvider, BatchState, Search
from partialfast.typed._state import StreamState

__all__ = ["ByBatch"]

T = TypeVar("T")

_MOST_STATE = 1 << 30
#: Failures in a row, of looking at batches, before giving up.
_PATIENCE = 12
_TOO_MANY, _CLIENT_ERRORS, _SERVER_ERRORS = 429, 400, 500
#: Request timeout and conflict: the request may have been carried out.
_UNCERTAIN = frozenset({408, 409})


@dataclass(slots=True)
class _RequestFile:
    """A file of requests.

    Args:
        number: Which one; counted from 1.
        batch: The name of the batch that it became; ``None`` before.
        collected: Whether its results are.
        tried: When it was first submitted, if that may have made a batch; in seconds since 1970.
    """

    number: int
    batch: str | None = None
    collected: bool = False
    tried: float | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether there may be a batch whose name is not known."""
        return self.batch is None and self.tried is not None


@dataclass(slots=True)
class _Past:
    """What became of a document in earlier rounds."""

    attempts: int = 0
    usage: Usage = field(default_factory=Usage)
    retries: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an answer is.

    Args:
        value: The value, if there is no failure.
        failure: Why there is none.
        error: The exception that says so, to show it to the model.
        again: Whether asking again may help.
        snapshot: What there was of the value, if there is a failure.
        repairs: What was repaired in the text.
    """

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    value: Any = None
    failure: Failure | None = None
    error: Exception | None = None
    again: bool = True
    snapshot: Any = None
    repairs: tuple[Any, ...] = ()


class ByBatch:
    """Extracts by batches; an `Elsewhere` of `partialfast.batch.run._job`.

    Args:
        folder: Where requests are kept meanwhile.
        provider: Opens the provider's endpoint.
        model: The type of the values.
        key: The property that a model was asked to wrap the value in, if any.
        messages: What turns a document into what is asked about it.
        max_retries: Rounds after the first.
        finish_live: Whether what the first round does not bring is left to single requests.
        overwrite: Whether what is in the folder is discarded.
        poll_s: Seconds between two looks at the batches.
        reading: How answers are read: arguments of `partialfast.StreamState`.
    """

    def __init__(  # noqa: PLR0913 - each is of its own
        self,
        folder: Path,
        provider: Callable[[], Any],
        *,
        model: Any,
        key: str | None,
        messages: Callable[[Item], list[Message]],
        max_retries: int,
        finish_live: bool = False,
        overwrite: bool = False,
        poll_s: float = 30.0,
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._open = provider
        self._model = model
        self._adapter: TypeAdapter[Any] = TypeAdapter(model)
        self._key = key
        self._messages = messages
        self._max_retries = max_retries
        self._finish_live = finish_live
        self._overwrite = overwrite
        self._poll_s = poll_s
        self._reading = dict(reading or {})
        self._provider: BatchProvider
        self._price = 1.0
        self._run = ""
        self._files: list[_RequestFile] = []
        self._past: dict[str, _Past] = {}
        self._wanted: set[str] = set()
        #: Tokens that were paid for at the price of a batch.
        self.usage = Usage()

    async def __call__(
        self, items: Iterator[Item], meter: Meter, until: asyncio.Event
    ) -> AsyncGenerator[tuple[Any, bytes], None]:
        """Extract.

        Args:
            items: The documents that have no result.
            meter: Counts along.
            until: Once it is set nothing more is submitted.

        Yields:
            Results, each with its line.
        """
        async with self._open() as provider:
            self._provider, self._price = provider, provider.price
            self._load()
            self._write_new(items)
            meter.elsewhere = len(self._wanted)
            while waiting := [each for each in self._files if not each.collected]:
                await self._submit(waiting)
                meter.note = f"waiting for {len(waiting):,} batches at the provider"
                for file in waiting:
                    if until.is_set():
                        return
                    if file.is_in_doubt:
                        meter.note = "waiting to learn whether an earlier batch is this run's"
                        continue
                    state = await self._look(file)
                    if state.kind == "working":
                        continue
                    if state.kind == "refused":
                        self._forget(file)
                        raise BatchError(f"the provider refuses a batch: {state.message}")
                    async with contextlib.aclosing(self._collect(file)) as results:
                        async for result, line in results:
                            meter.started()
                            meter.finished(result)
                            yield result, line
                    meter.elsewhere = len(self._wanted)
                if any(
                    not each.collected and (each.batch is not None or each.is_in_doubt)
                    for each in self._files
                ):
                    await _sleep(self._poll_s, until)
                if until.is_set():
                    return

    def saved(self, prices: Prices | None) -> str:
        """Say what the batches have cost less than single requests.

        Args:
            prices: What tokens of single requests cost, if that is known.
        """
        used, share = self.usage, 1 - self._price
        said = (
            f"by batch: {used.input_tokens:,} tokens in, {used.output_tokens:,} out, at "
            f"{1 - share:.0%} of the price"
        )
        if prices is None:
            return said
        money = prices.cost(used.input_tokens, used.output_tokens) * share
        return f"{said}, which saved {money:,.4f} {prices.currency}".rstrip()

    # The folder.

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04}.jsonl"

    def _load(self) -> None:
        path = self._folder / "state.json"
        if self._overwrite or not path.exists():
            self._folder.mkdir(exist_ok=True)
            self._run = secrets.token_hex(8)
            self._save()
            return
        try:
            state = json.loads(read_regular(path, most_bytes=_MOST_STATE))
            self._run = state["run"]
            self._files = [_RequestFile(**each) for each in state["files"]]
            for id_, past in state["past"].items():
                self._past[id_] = _Past(
                    past["attempts"],
                    Usage(*past["usage"]),
                    [Failure(each["kind"], each["message"]) for each in past["retries"]],
                )
        except (KeyError, TypeError, ValueError) as error:
            raise BatchError(f"{path} cannot be read: {error}; --overwrite begins anew") from error

    def _save(self) -> None:
        state = {
            "run": self._run,
            "files": [
                {
                    "number": each.number,
                    "batch": each.batch,
                    "collected": each.collected,
                    "tried": each.tried,
                }
                for each in self._files
            ],
            "past": {
                id_: {
                    "attempts": past.attempts,
                    "usage": [past.usage.input_tokens, past.usage.output_tokens],
                    "retries": [
                        {"kind": each.kind, "message": each.message} for each in past.retries
                    ],
                }
                for id_, past in self._past.items()
            },
        }
        write_whole(self._folder / "state.json", json.dumps(state).encode())

    def _requests(self, file: _RequestFile) -> Iterator[tuple[str, bytes]]:
        with self._path(file.number).open("rb") as lines:
            for line in lines:
                yield json.loads(line)["custom_id"], line

    def _write_new(self, items: Iterator[Item]) -> None:
        """Write the requests of documents that no batch has in hand."""
        under_way: set[str] = set()
        for file in self._files:
            if not file.collected:
                under_way.update(id_ for id_, _ in self._requests(file))

        def lines() -> Iterator[bytes]:
            for item in items:
                if self._finish_live and item.id in self._past and item.id not in under_way:
                    # The batch has had its chance.
                    continue
                self._wanted.add(item.id)
                if item.id not in under_way:
                    # What has no result, and is in no batch, was never asked or is asked anew.
                    self._past.pop(item.id, None)
                    yield self._provider.request(item.id, self._messages(item))

        if made := self._write(lines()):
            self._files += made
            self._save()

    def _write(self, lines: Iterator[bytes]) -> list[_RequestFile]:
        """Write requests to as many files as it takes; note none of them."""
        made: list[_RequestFile] = []
        count = size = 0
        file: Any = None
        try:
            for line in lines:
                full = count == self._provider.most_requests
                if file is None or full or size + len(line) > self._provider.most_bytes:
                    if file is not None:
                        _sync(file)
                    made.append(_RequestFile(len(self._files) + len(made) + 1))
                    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                    file = os.fdopen(open_for_owner(self._path(made[-1].number), flags), "wb")
                    count = size = 0
                file.write(line)
                count, size = count + 1, size + len(line)
        finally:
            if file is not None:
                _sync(file)
        return made

    def _forget(self, file: _RequestFile) -> None:
        """Give a batch up; its requests are asked again by the run that resumes this one."""
        file.collected = True
        self._save()

    # The provider.

    async def _submit(self, files: list[_RequestFile]) -> None:
        new = [each for each in files if each.batch is None]
        if not new:
            return
        for file in new:
            file.batch = await self._submitted(file)
            self._save()

    async def _submitted(self, file: _RequestFile) -> str | None:
        """Submit a file; give nothing if it cannot be known yet whether that was done before."""

        async def submit() -> str | None:
            if file.tried is not None:
                # The answer to an earlier attempt may have been lost, and not the request.
                found = await self._provider.find(self._search(file, file.tried))
                if found.name is not None or not found.is_certain:
                    return found.name
            else:
                file.tried = time.time()
                self._save()
            try:
                return await self._provider.submit(
                    self._path(file.number), run=self._run, number=file.number
                )
            except Exception as error:
                status = getattr(error, "status_code", None)
                refused = isinstance(status, int) and _CLIENT_ERRORS <= status < _SERVER_ERRORS
                if refused and status not in _UNCERTAIN:
                    # There is no batch to look for.
                    file.tried = None
                    self._save()
                raise

        return await self._patiently(submit)

    def _search(self, file: _RequestFile, since: float) -> Search:
        count = sum(1 for _ in self._requests(file))
        known = {each.batch for each in self._files if each.batch is not None}
        return Search(self._run, file.number, count, since, known)

    async def _look(self, file: _RequestFile) -> BatchState:
        return await self._patiently(lambda: self._provider.look(file.batch or ""))

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call the provider, and again where that may help."""
        for attempt in itertools.count(1):
            try:
                return await call()
            except Exception as error:  # noqa: BLE001, PERF203 - raised again, or looked into
                await self._endure(error, attempt)
        raise AssertionError

    async def _endure(self, error: Exception, attempt: int) -> None:
        why = classify(error)
        if why is None:
            raise error
        passing = why.scope in {ErrorScope.TRANSIENT, ErrorScope.THROTTLED}
        if not passing or attempt == _PATIENCE:
            raise EndpointError(f"the endpoint refuses batches: {describe(error)}") from error
        pause = backoff_s(attempt, first_s=min(1.0, self._poll_s), longest_s=60.0)
        await asyncio.sleep(max(pause, why.retry_after_s or 0.0))

    # The results.

    async def _collect(self, file: _RequestFile) -> AsyncGenerator[tuple[Result[Any], bytes], None]:
        """Give the results of a batch, and write a file of what has to be asked again."""
        asked = dict(self._requests(file))
        again: dict[str, bytes] = {}
        seen: set[str] = set()
        found = self._provider.results(file.batch or "", list(asked))
        async with contextlib.aclosing(found) as lines:
            async for line in lines:
                id_ = line.id
                # A result that was written by an earlier process, or that nobody has asked for.
                if id_ not in asked or id_ not in self._wanted or id_ in seen:
                    continue
                seen.add(id_)
                verdict = self._judge(line)
                if (result := self._settle(id_, verdict)) is not None:
                    yield self._finish(result)
                elif not self._finish_live:
                    again[id_] = self._asked_again(asked[id_], verdict)
        for id_ in [id_ for id_ in asked if id_ in self._wanted and id_ not in seen]:
            lost = Failure("endpoint", "the batch brought nothing for this request")
            if (result := self._settle(id_, _Verdict(failure=lost))) is not None:
                yield self._finish(result)
            elif not self._finish_live:
                again[id_] = asked[id_]
        self._files += self._write(iter(again.values()))
        file.collected = True
        self._save()

    def _asked_again(self, line: bytes, verdict: _Verdict) -> bytes:
        if verdict.error is None:
            return line
        return self._provider.corrected(line, verdict.text, verdict.error)

    def _settle(self, id_: str, verdict: _Verdict) -> Result[Any] | None:
        """Take in an answer; give the result, or nothing if it is to be asked again."""
        past = self._past.setdefault(id_, _Past())
        past.attempts += 1
        past.usage += verdict.usage
        self.usage += verdict.usage
        failure = verdict.failure
        may_retry = past.attempts <= self._max_retries or self._finish_live
        if failure is not None and verdict.again and may_retry:
            past.retries.append(failure)
            return None
        del self._past[id_]
        return result_of(
            id=id_,
            value=verdict.value,
            error=failure,
            text=verdict.text,
            snapshot=verdict.snapshot if failure is not None else None,
            usage=past.usage,
            attempts=past.attempts,
            timings=Timings(0.0, None, 0.0),
            index=0,
            retries=tuple(past.retries),
            repairs=verdict.repairs,
        )

    def _finish(self, result: Result[Any]) -> tuple[Result[Any], bytes]:
        self._wanted.discard(result.id)
        return encode_result(self._adapter, result)

    def _judge(self, line: BatchLine) -> _Verdict:
        """Read a line of the results."""
        usage = Usage(line.input_tokens, line.output_tokens)
        [(_, recorded)] = read_block("batch", 1, line.text)
        if recorded.problem is not None:
            return _unanswered(recorded.problem, line.status, usage)
        text = recorded.text.decode("utf-8", "replace")
        state: StreamState[Any] = StreamState(self._model, **self._reading)
        try:
            reason = None if recorded.is_whole else recorded.finish_reason
            why, repairs = read_answer_into(state, text, key=self._key, finish_reason=reason)
            if not why:
                return _Verdict(text, usage, state.finish(), repairs=tuple(repairs))
        except TruncatedError as error:
            why = str(error)
        except (JsonError, ValidationError) as error:
            found = classify(error)
            assert found is not None  # noqa: S101 - it knows both
            return _Verdict(text, usage, None, found.failure, error, snapshot=state.snapshot)
        return _Verdict(text, usage, None, Failure("truncated", why), snapshot=state.snapshot)


def _unanswered(problem: str, code: int | None, usage: Usage) -> _Verdict:
    """Say what it means that a request has no answer."""
    if code is not None and code < _CLIENT_ERRORS:
        # It was answered, but by a refusal.
        return _Verdict(usage=usage, failure=Failure("refused", problem), again=False)
    # What has expired has no status.
    again = code is None or code == _TOO_MANY or code >= _SERVER_ERRORS
    return _Verdict(usage=usage, failure=Failure("endpoint", problem, status=code), again=again)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


async def _sleep(seconds: float, until: asyncio.Event) -> None:
    """Wait, but no longer than until somebody wants it to end."""
    try:
        await asyncio.wait_for(until.wait(), seconds)
    except asyncio.TimeoutError:
        return
