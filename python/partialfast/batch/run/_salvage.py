"""Validates recorded answers, on all cores; what was cut off is kept as a partial snapshot.

A line of the output has a ``value`` or, for an answer that was cut off, ``partial``: never both,
and never a value that is not whole.
"""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from partialfast._errors import JsonError, TruncatedError
from partialfast._repairs import Repair
from partialfast.batch.io._answer_text import read_answer_into
from partialfast.batch.io._model import find_model
from partialfast.batch.io._recorded import Recorded, detect, file_blocks, read_block
from partialfast.batch.io._regular import is_endless, open_for_owner
from partialfast.batch.io._rows import plain
from partialfast.batch.loop._classify import classify
from partialfast.batch.loop._result import BatchError
from partialfast.typed._state import StreamState

__all__ = ["Salvaged", "salvage"]

_BLOCK = 1 << 21
_HEAD = 1 << 16


@dataclass(slots=True)
class Salvaged:
    """What was found.

    Args:
        counts: How many answers were ``complete``, ``partial``, or failed by each kind.
        size: Bytes read.
        seconds: How long it took.
        workers: How many processes read.
        format: The kind of file that it was.
        repaired: How many complete answers needed repairs.
        repairs: How often each kind of repair came in these.
    """

    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0
    seconds: float = 0.0
    workers: int = 1
    format: str = ""
    repaired: int = 0
    repairs: Counter[str] = field(default_factory=Counter)

    @property
    def megabytes_per_s(self) -> float:
        """Megabytes (10⁶ bytes) per second."""
        return self.size / 1e6 / max(self.seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class _BlockYield:
    """What a block had in it."""

    values: bytes
    errors: bytes
    counts: Counter[str]
    repaired: int
    repairs: Counter[str]


@dataclass(frozen=True, slots=True)
class _How:
    """What is read, and how.

    Args:
        model: The type, by name.
        key: The property that the value is wrapped in, if any.
        kind: The kind of file.
        reading: How answers are read: arguments of `partialfast.StreamState`.
    """

    model: str
    key: str | None
    kind: str
    reading: Mapping[str, Any]


def salvage(  # noqa: PLR0913 - each is an option of its own
    source: Path,
    *,
    model: str,
    output: Path,
    errors: Path,
    key: str | None = None,
    kind: str | None = None,
    workers: int | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Salvaged:
    """Read a file of recorded answers.

    Args:
        source: The file.
        model: The type, by the name that `find_model` knows; every process finds it for itself.
        output: Where values and partial snapshots go.
        errors: Where the rest goes.
        key: The property that the model was asked to wrap the value in, if any.
        kind: What kind of file it is; told from its beginning by default.
        workers: How many processes; one for each core by default.
        reading: How answers are read, where they are not quite JSON: arguments of
            `partialfast.StreamState`.

    Returns:
        What was found.

    Raises:
        BatchError: A file cannot be read or written, or there is no such type.
    """
    began = perf_counter()
    find_model(model)
    if source.exists() and is_endless(source):
        raise BatchError(f"cannot salvage {source}: it is a device, and has no end")
    try:
        size = source.stat().st_size
        with source.open("rb") as file, _written(output) as values, _written(errors) as failures:
            kind = kind or detect(file.read(_HEAD))
            file.seek(0)
            # More processes than blocks would have nothing to do.
            most = max(1, -(-size // _BLOCK))
            count = min(workers or _cores(), most)
            found = Salvaged(size=size, workers=count, format=kind)
            how = _How(model, key, kind, dict(reading or {}))
            for part in _read(file, how, count):
                values.write(part.values)
                failures.write(part.errors)
                found.counts += part.counts
                found.repaired += part.repaired
                found.repairs += part.repairs
    except OSError as error:
        raise BatchError(f"cannot salvage {source}: {error}") from error
    found.seconds = perf_counter() - began
    return found


def _written(path: Path) -> IO[bytes]:
    return os.fdopen(open_for_owner(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(file: IO[bytes], how: _How, workers: int) -> Iterator[_BlockYield]:
    parts = file_blocks(file, how.kind, size=_BLOCK)
    if workers == 1:
        reader = _BlockReader(how)
        for first, block in parts:
            yield reader.read(first, block)
        return
    # Not forked: the caller's program may have threads.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(how,)
    ) as pool:
        waiting: deque[Future[_BlockYield]] = deque()
        for first, block in parts:
            waiting.append(pool.submit(_work, first, block))
            # In order, and with a bounded number of blocks in memory.
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_reader: _BlockReader | None = None


def _begin(how: _How) -> None:
    global _reader  # noqa: PLW0603 - a process of the pool has one
    _reader = _BlockReader(how)


def _work(first: int, block: bytes) -> _BlockYield:
    assert _reader is not None  # noqa: S101 - for the type checkers
    return _reader.read(first, block)


class _BlockReader:
    """Reads blocks.

    Args:
        how: What is read, and how.
    """

    def __init__(self, how: _How) -> None:
        self._model = find_model(how.model)
        adapter: TypeAdapter[Any] = TypeAdapter(self._model)
        # The adapter's own methods check a dozen options first, for every answer.
        self._validate = adapter.validator.validate_json
        self._dump = adapter.serializer.to_json
        self._key = how.key
        self._kind = how.kind
        self._reading = how.reading
        #: Of the block that is being read.
        self._repaired = 0
        self._repairs: Counter[str] = Counter()

    def read(self, first: int, block: bytes) -> _BlockYield:
        """Read a block."""
        values: list[bytes] = []
        errors: list[bytes] = []
        counts: Counter[str] = Counter()
        self._repaired, self._repairs = 0, Counter()
        for number, recorded in read_block(self._kind, first, block):
            kind, line = self._judge(recorded, recorded.id or str(number))
            counts[kind] += 1
            (values if kind in {"complete", "partial"} else errors).append(line)
        return _BlockYield(
            b"".join(values), b"".join(errors), counts, self._repaired, self._repairs
        )

    def _judge(self, recorded: Recorded, id_: str) -> tuple[str, bytes]:
        if recorded.problem is not None:
            return _failure(id_, recorded, "unanswered", recorded.problem)
        if self._is_plain(recorded):
            # Reading the whole text at once is fast; whatever it refuses is read the slow way.
            try:
                value = self._validate(recorded.text)
                return "complete", self._complete(id_, value)
            except (ValidationError, PydanticSerializationError):
                pass
        return self._look(recorded, id_)

    def _is_plain(self, recorded: Recorded) -> bool:
        """Whether it is JSON alone, that must be whole if it can be read at all."""
        text = recorded.text.strip()
        return self._key is None and text[:1] in b"{[" and text[-1:] in b"}]" and bool(text)

    def _complete(self, id_: str, value: Any, repairs: Sequence[Repair] = ()) -> bytes:
        dumped = self._dump(value, by_alias=True)
        if not repairs:
            return b'{"id":%s,"value":%s}\n' % (json.dumps(id_).encode(), dumped)
        self._repaired += 1
        self._repairs.update(repair.kind for repair in repairs)
        made = [repair._asdict() for repair in repairs]
        return b'{"id":%s,"value":%s,"repairs":%s}\n' % (
            json.dumps(id_).encode(),
            dumped,
            json.dumps(made, separators=(",", ":")).encode(),
        )

    def _look(self, recorded: Recorded, id_: str) -> tuple[str, bytes]:
        state: StreamState[Any] = StreamState(self._model, **self._reading)
        try:
            why, repairs = self._feed(state, recorded)
            if why:
                return self._partial(id_, state, why)
            return "complete", self._complete(id_, state.finish(), repairs)
        except TruncatedError as error:
            return self._partial(id_, state, str(error))
        except PydanticSerializationError as error:
            return _failure(id_, recorded, "serialize", str(error))
        except UnicodeDecodeError as error:
            return _failure(id_, recorded, "json", f"not UTF-8: {error}")
        except (JsonError, ValidationError) as error:
            found = classify(error)
            assert found is not None  # noqa: S101 - it knows both
            failure = found.failure
            return _failure(
                id_, recorded, failure.kind, failure.message,
                location=list(failure.location), snapshot=plain(state.snapshot),
            )  # fmt: skip

    def _feed(self, state: StreamState[Any], recorded: Recorded) -> tuple[str, list[Repair]]:
        """Read an answer; say why it is not whole, if that does not show, and what was repaired."""
        text = recorded.text.decode()
        return read_answer_into(
            state,
            text,
            key=self._key,
            finish_reason=None if recorded.is_whole else recorded.finish_reason,
        )

    def _partial(self, id_: str, state: StreamState[Any], why: str) -> tuple[str, bytes]:
        line = {
            "id": id_,
            "partial": plain(state.snapshot),
            "writing": list(state.path),
            "why": why,
        }
        return "partial", _line(line)


def _failure(
    id_: str, recorded: Recorded, kind: str, message: str, **more: Any
) -> tuple[str, bytes]:
    text = recorded.text.decode("utf-8", "replace")
    error = {"kind": kind, "message": message, "finish_reason": recorded.finish_reason}
    location = more.pop("location", [])
    return kind, _line({"id": id_, "error": {**error, "location": location}, "text": text, **more})


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
