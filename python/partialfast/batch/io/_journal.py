"""The results on disk: written as they complete, read again when a run is resumed.

Two files of JSON Lines, one for values and one for failures. A line is written at once and never
changed, and an item has a line in one of the two only, so that whatever has a line is finished and
whatever has none is asked for. A process that is killed leaves at most a torn last line, which is
cut off. Data are forced to the disk every second and at the end: only a computer that loses its
power can lose finished items, those of the last second.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import Self

from partialfast.batch._needs import load
from partialfast.batch.loop._result import BatchError, Failure, Result

__all__ = ["Journal", "JournalError", "Start", "encode", "plain"]

#: What to do with results that are there already.
Start = Literal["new", "resume", "overwrite"]

_SYNC_S = 1.0
_HEAD = b'{"id":'


class JournalError(BatchError):
    """Results cannot be written, or those of an earlier run cannot be used."""


class Journal:
    """The values and the failures of a batch.

    Args:
        model: The type of the values.
        values: The file for values.
        errors: The file for failures.
        start: What to do with results that are there already.
        retry_failed: Whether items that failed in an earlier run are forgotten, to be asked again.

    Raises:
        JournalError: There are results already, or the files cannot be written, are in use by
            another run or are not such results.
        ImportError: filelock is not installed.
    """

    def __init__(
        self,
        model: Any,
        values: Path,
        errors: Path,
        *,
        start: Start,
        retry_failed: bool = False,
    ) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(model)
        # The lock would make it, which hides a mistyped name.
        if not values.parent.is_dir():
            raise JournalError(f"cannot write {values}: there is no folder {values.parent}")
        # Named after the failures: they are shared by outputs that differ in their format alone.
        self._lock = _lock(errors)
        try:
            if start == "new":
                _refuse_results(values)
                _refuse_results(errors)
            self._values = _File(values, keep=start == "resume")
            self._errors = _File(errors, keep=start == "resume" and not retry_failed)
            self.done = self._values.ids
            self.failed = self._errors.ids
            _refuse_overlap(self.done & self.failed, values, errors)
        except BaseException:
            self._lock.release()
            raise

    def write(self, result: Result[Any]) -> Result[Any]:
        """Write a result, for good.

        Args:
            result: The result.

        Returns:
            The result as it was written: a failure if its value cannot be turned into JSON.

        Raises:
            JournalError: It cannot be written. What was written before is whole.
        """
        result, line = encode(self._adapter, result)
        self.append(result, line)
        return result

    def append(self, result: Result[Any], line: bytes) -> None:
        """Write a result whose line is made already.

        Args:
            result: The result.
            line: What `encode` gave.

        Raises:
            JournalError: It cannot be written, or the item has a line. What was written before is
                whole.
        """
        if result.id in self.done or result.id in self.failed:
            raise JournalError(f"the item {result.id!r} has a result already")
        if result.error is None:
            self._values.append(line)
            self.done.add(result.id)
        else:
            self._errors.append(line)
            self.failed.add(result.id)

    def close(self) -> None:
        """Force all to the disk and let others use the files."""
        try:
            self._values.close()
            self._errors.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close it."""
        self.close()


def _refuse_results(path: Path) -> None:
    if path.exists() and path.stat().st_size:
        raise JournalError(
            f"{path} is there already: --resume goes on with it, --overwrite begins anew"
        )


def _refuse_overlap(both: set[str], values: Path, errors: Path) -> None:
    if both:
        raise JournalError(
            f"{values} and {errors} both have the id {min(both)!r}: they are not of one job"
        )


def encode(adapter: TypeAdapter[Any], result: Result[Any]) -> tuple[Result[Any], bytes]:
    """Make the line of a result.

    Args:
        adapter: Of the type of the values.
        result: The result.

    Returns:
        The result as it is to be written (a failure if its value cannot be turned into JSON), and
        its line.
    """
    if result.error is None:
        try:
            value = adapter.dump_json(result.value, by_alias=True)
        except PydanticSerializationError as error:
            result = _unwritable(result, error)
        else:
            id_, cost = _dump(result.id), _dump(_cost(result))[1:-1]
            return result, b'{"id":%s,"value":%s,%s}\n' % (id_, value, cost)
    return result, _dump(_failure_record(result)) + b"\n"


class _File:
    """A file that only grows, by whole lines."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self._path = path
        self._synced = time.monotonic()
        try:
            # Unbuffered: what is written is with the operating system, whatever kills the process.
            self._file = path.open("r+b" if path.exists() else "x+b", buffering=0)
        except OSError as error:
            raise JournalError(f"cannot write {path}: {error.strerror}") from error
        self.ids: set[str] = set()
        try:
            if not keep:
                self._file.truncate(0)
            self._size = self._recover()
        except OSError as error:
            self._file.close()
            raise JournalError(f"cannot write {path}: {error.strerror}") from error
        except BaseException:
            self._file.close()
            raise

    def _recover(self) -> int:
        """Read the ids that are there and cut a torn last line off; give the size."""
        end = 0
        for number, line in enumerate(self._file, start=1):
            id_ = _id_of(line)
            if id_ is None:
                if _is_torn(line) and not self._file.read(1):
                    break
                raise JournalError(
                    f"{self._path}:{number} is not a result of this command; "
                    "--overwrite begins anew"
                )
            if id_ in self.ids:
                raise JournalError(f"{self._path}:{number}: the id {id_!r} is there twice")
            self.ids.add(id_)
            end += len(line)
        self._file.truncate(end)
        self._file.seek(end)
        return end

    def append(self, line: bytes) -> None:
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:]) or 0
            self._size += len(line)
            now = time.monotonic()
            if now - self._synced >= _SYNC_S:
                os.fsync(self._file.fileno())
                self._synced = now
        except OSError as error:
            # A part of the line may have found room.
            self._file.truncate(self._size)
            raise JournalError(
                f"cannot write {self._path}: {error.strerror}; "
                f"the results before this one are whole, --resume goes on with them"
            ) from error

    def close(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise JournalError(f"cannot write {self._path}: {error.strerror}") from error
        finally:
            self._file.close()


def _is_torn(line: bytes) -> bool:
    """Tell whether a last line is the beginning of one of ours, or what a power failure leaves."""
    begins = line.startswith(_HEAD) or _HEAD.startswith(line)
    return (begins and not line.endswith(b"\n")) or not line.strip(b"\0\n")


def _id_of(line: bytes) -> str | None:
    if not (line.startswith(_HEAD) and line.endswith(b"\n")):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    id_ = record.get("id") if isinstance(record, dict) else None
    return id_ if isinstance(id_, str) else None


def _lock(path: Path) -> Any:
    filelock = load("filelock", what="Writing results")
    # It stays behind: whoever removed it might remove that of the next run.
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise JournalError(f"another run is writing to {path} and its output") from error
    except OSError as error:
        raise JournalError(f"cannot write to {path.parent}: {error.strerror or error}") from error
    return lock


def _unwritable(result: Result[Any], error: Exception) -> Result[Any]:
    failure = Failure("serialize", f"the value cannot be written as JSON: {error}")
    return replace(result, value=None, error=failure)


def _cost(result: Result[Any]) -> dict[str, Any]:
    usage, timings = result.usage, result.timings
    return {
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "estimated": usage.estimated,
        },
        "attempts": result.attempts,
        "seconds": {
            "queued": round(timings.queued, 4),
            "first_token": None if timings.first_token is None else round(timings.first_token, 4),
            "total": round(timings.total, 4),
        },
    }


def _failure_record(result: Result[Any]) -> dict[str, Any]:
    assert result.error is not None  # noqa: S101 - for the type checkers
    error = result.error
    return {
        "id": result.id,
        "error": {
            "kind": error.kind,
            "message": error.message,
            "location": list(error.location),
            "details": list(error.details),
            "status": error.status,
        },
        "text": result.text,
        "snapshot": plain(result.snapshot),
        **_cost(result),
    }


def plain(snapshot: Any) -> Any:
    """Turn a snapshot into JSON values, what has not begun left out.

    Args:
        snapshot: The snapshot.

    Returns:
        What `json.dumps` takes.
    """
    dump = getattr(snapshot, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True, exclude_unset=True)
    return to_jsonable_python(snapshot, serialize_unknown=True)


def _dump(record: Any) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # A model can write half of a surrogate pair, which only an escape can hold.
        return json.dumps(record, separators=(",", ":")).encode()
