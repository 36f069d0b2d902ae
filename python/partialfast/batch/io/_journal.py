"""The results on disk: written as they complete, read again when a run is resumed.

Two files of JSON Lines, one for values and one for failures. A line is written at once and never
changed, and an item has a line in one of the two only, so that whatever has a line is finished and
whatever has none is asked for. A process that is killed leaves at most a torn last line, which is
cut off. Data are forced to the disk every second and at the end: only a computer that loses its
power can lose finished items, those of the last second.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from typing_extensions import Self

from partialfast.batch._needs import import_extra
from partialfast.batch.io._regular import open_for_owner
from partialfast.batch.io._rows import HEAD, Row, copied, encode_result, marked, read_row
from partialfast.batch.loop._result import BatchError, Result

__all__ = ["Journal", "JournalError", "Start"]

#: What to do with results that are there already.
Start = Literal["new", "resume", "overwrite"]

_SYNC_S = 1.0


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
        # Taking the lock would create the folder, which would hide a mistyped name.
        if not values.parent.is_dir():
            raise JournalError(f"cannot write {values}: there is no folder {values.parent}")
        # Named after the failures: they are shared by outputs that differ in their format alone.
        self._lock = _lock(errors)
        try:
            if start == "new":
                _refuse_results(values)
                _refuse_results(errors)
            self._values = _JournalFile(values, keep=start == "resume")
            self._errors = _JournalFile(errors, keep=start == "resume" and not retry_failed)
            _refuse_overlap(self.done.keys() & self.failed.keys(), values, errors)
        except BaseException:
            self._lock.release()
            raise

    @property
    def path(self) -> Path:
        """The file of values."""
        return self._values.path

    @property
    def done(self) -> Mapping[str, Row]:
        """The items that have a value, by their id."""
        return self._values.rows

    @property
    def failed(self) -> Mapping[str, Row]:
        """The items that have failed, by their id."""
        return self._errors.rows

    def find(self, id_: str) -> Row | None:
        """Give what is known of an item that is finished, if it is."""
        return self.done.get(id_) or self.failed.get(id_)

    def line(self, id_: str) -> bytes:
        """Give the line of an item that is finished."""
        return (self._values if id_ in self.done else self._errors).line(id_)

    def write(self, result: Result[Any], *, run: int = 0, request: bytes = b"") -> Result[Any]:
        """Write a result, for good.

        Args:
            result: The result.
            run: The number of the run, as the manifest counts them.
            request: The digest of what was asked.

        Returns:
            The result as it was written: a failure if its value cannot be turned into JSON.

        Raises:
            JournalError: It cannot be written. What was written before is whole.
        """
        result, line = encode_result(self._adapter, result)
        self.append(result, line, run=run, request=request)
        return result

    def append(
        self, result: Result[Any], line: bytes, *, run: int = 0, request: bytes = b""
    ) -> None:
        """Write a result whose line is made already.

        Args:
            result: The result.
            line: What `encode_result` gave.
            run: The number of the run, as the manifest counts them.
            request: The digest of what was asked.

        Raises:
            JournalError: It cannot be written, or the item has a line. What was written before is
                whole.
        """
        if self.find(result.id) is not None:
            raise JournalError(f"the item {result.id!r} has a result already")
        if run:
            line = marked(line, run=run, request=request)
        (self._values if result.error is None else self._errors).append(line)

    def copy(self, id_: str, line: bytes, *, run: int, request: bytes) -> bool:
        """Write the result of a document that is the same as another one.

        Args:
            id_: Its id.
            line: The line of the other.
            run: The number of the run.
            request: The digest of what would have been asked.

        Returns:
            Whether it is a value.

        Raises:
            JournalError: It cannot be written, or the item has a line.
        """
        if self.find(id_) is not None:
            raise JournalError(f"the item {id_!r} has a result already")
        copy, is_value = copied(line, id_)
        (self._values if is_value else self._errors).append(marked(copy, run=run, request=request))
        return is_value

    def forget(self, is_kept: Callable[[bytes], bool]) -> int:
        """Drop values, so that their items are asked for again.

        Args:
            is_kept: Told the line of each; says whether it stays.

        Returns:
            How many were dropped.

        Raises:
            JournalError: The file cannot be written anew. It is as it was.
        """
        return self._values.filter(is_kept)

    def close(self) -> None:
        """Write everything to the disk and release the files."""
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


class _JournalFile:
    """A file to which whole lines are appended."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path
        self._synced = time.monotonic()
        self.rows: dict[str, Row] = {}
        try:
            self._file = _open(path)
        except OSError as error:
            raise JournalError(f"cannot write {path}: {error.strerror}") from error
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
        """Read the rows that are there and cut a torn last line off; give the size."""
        end = 0
        # Read through a buffer of its own, because the file is opened without one.
        with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
            for number, line in enumerate(file, start=1):
                found = read_row(line, end)
                if found is None:
                    if _is_torn(line) and not file.read(1):
                        break
                    raise JournalError(
                        f"{self.path}:{number} is not a result of this command; "
                        "--overwrite begins anew"
                    )
                id_, row = found
                if id_ in self.rows:
                    raise JournalError(f"{self.path}:{number}: the id {id_!r} is there twice")
                self.rows[id_] = row
                end += len(line)
        self._file.truncate(end)
        self._file.seek(end)
        return end

    def append(self, line: bytes) -> None:
        found = read_row(line, self._size)
        if found is None:
            raise JournalError(f"cannot write {self.path}: a line is not a result")
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
            # Part of the line may have been written.
            self._file.truncate(self._size)
            raise JournalError(
                f"cannot write {self.path}: {error.strerror}; "
                f"the results before this one are whole, --resume goes on with them"
            ) from error
        self.rows[found[0]] = found[1]

    def line(self, id_: str) -> bytes:
        with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
            file.seek(self.rows[id_].offset)
            line = file.readline()
        # The position belongs to the file, whoever moves it.
        self._file.seek(self._size)
        return line

    def filter(self, is_kept: Callable[[bytes], bool]) -> int:
        """Rewrite it with some of its lines only; return how many were dropped."""
        before = len(self.rows)
        unfinished = self.path.with_name(f".{self.path.name}.unfinished")
        rows: dict[str, Row] = {}
        size = 0
        try:
            with os.fdopen(
                open_for_owner(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb"
            ) as file:
                for id_, row in self.rows.items():
                    line = self.line(id_)
                    if is_kept(line):
                        file.write(line)
                        rows[id_] = row._replace(offset=size)
                        size += len(line)
                file.flush()
                os.fsync(file.fileno())
            if len(rows) == before:
                return 0
            unfinished.replace(self.path)
            self._file.close()
            self._file = _open(self.path)
            self._file.seek(size)
        except OSError as error:
            raise JournalError(f"cannot write {self.path}: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        self.rows, self._size = rows, size
        return before - len(rows)

    def close(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise JournalError(f"cannot write {self.path}: {error.strerror}") from error
        finally:
            self._file.close()


def _open(path: Path) -> io.FileIO:
    # Unbuffered: what is written is with the operating system, whatever kills the process.
    return io.FileIO(open_for_owner(path, os.O_RDWR | os.O_CREAT), "r+")


def _is_torn(line: bytes) -> bool:
    """Tell whether a last line is the beginning of one of ours, or what a power failure leaves."""
    begins = line.startswith(HEAD) or HEAD.startswith(line)
    return (begins and not line.endswith(b"\n")) or not line.strip(b"\0\n")


def _lock(path: Path) -> Any:
    filelock = import_extra("filelock", what="Writing results")
    # The lock stays: whoever removed it might remove that of the next run.
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise JournalError(f"another run is writing to {path} and its output") from error
    except OSError as error:
        raise JournalError(f"cannot write to {path.parent}: {error.strerror or error}") from error
    return lock
