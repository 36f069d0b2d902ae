"""Where the documents of a batch come from: files of several kinds, a folder, standard input."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from partialfast._not_json import not_json
from partialfast.batch._needs import import_extra
from partialfast.batch.io._attachments import ATTACHED
from partialfast.batch.io._convert import CONVERTED, to_text
from partialfast.batch.io._regular import is_endless, read_regular
from partialfast.batch.loop._result import BatchError, Item

__all__ = ["INPUT_FORMATS", "MOST_BYTES", "Documents", "open_documents"]

#: Bytes of one document, unless another limit is given. No model reads that much at once.
MOST_BYTES = 1 << 24

#: The kinds of input, as ``--input-format`` names them.
INPUT_FORMATS = ("jsonl", "csv", "parquet", "text")

_BY_SUFFIX = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
    ".md": "text",
    **dict.fromkeys(CONVERTED, "text"),
}


class Documents(ABC):
    """Items read one by one, as often as wanted unless it is standard input.

    Args:
        where: What to call the input in an error.
        id_field: The field that is the id; ``None`` for ``id`` where there is one, else the number
            of the record, counted from 1.
        most_bytes: The largest document that is read.
    """

    def __init__(self, where: str, id_field: str | None, most_bytes: int) -> None:
        self.where = where
        self._id_field = id_field
        self._most_bytes = most_bytes

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read more than once."""
        return True

    @abstractmethod
    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Give the records, each with its place for an error."""

    def items(self, check: Callable[[Item], object] | None = None) -> Iterator[Item]:
        """Read the items.

        Args:
            check: Called with each; raises `BatchError` for one that cannot be asked about.

        Yields:
            The items, in order.

        Raises:
            BatchError: A record cannot be read or asked about, or has the id of another.
        """
        places: dict[str, str] = {}
        for number, (place, record) in enumerate(self.records(), start=1):
            item = Item(self._id(record, number, place), record)
            earlier = places.setdefault(item.id, place)
            if earlier is not place:
                raise BatchError(f"{place}: the id {item.id!r} is that of {earlier} too")
            if check is not None:
                try:
                    check(item)
                except BatchError as error:
                    raise BatchError(f"{place}: {error}") from error
            yield item

    def _id(self, record: Mapping[str, Any], number: int, place: str) -> str:
        field = self._id_field
        if field is None:
            found = record.get("id")
            return str(number) if found is None else str(found)
        if record.get(field) is None:
            there = ", ".join(map(str, record)) or "none"
            raise BatchError(f"{place}: there is no {field!r} to be the id; its fields: {there}")
        return str(record[field])


def open_documents(  # noqa: PLR0913 - each is an option of its own
    path: str,
    *,
    input_format: str | None = None,
    id_field: str | None = None,
    written: Collection[Path] = (),
    most_bytes: int = MOST_BYTES,
    attached: bool = False,
) -> Documents:
    """Find out how an input is to be read.

    Args:
        path: A file, a folder of text files, or ``-`` for standard input.
        input_format: One of `INPUT_FORMATS`; by default told by the name, and JSON Lines on
            standard input.
        id_field: The field that is the id.
        written: The files that results go to. None of them is a document.
        most_bytes: The largest document that is read.
        attached: Whether images and PDFs of a folder are documents, without a text.

    Returns:
        The documents, none of which has been read.

    Raises:
        BatchError: There is no such input, results go to it, or its format is unknown.
        ImportError: It is a Parquet file and pyarrow is not installed.
    """
    if path == "-":
        chosen = input_format or "jsonl"
        if chosen == "parquet":
            raise BatchError("a Parquet file cannot be read from standard input")
        if sys.stdin is None:
            raise BatchError("standard input is closed")
        return _LINES[chosen]("standard input", id_field, most_bytes, _standard_input())
    found = Path(path)
    if found.is_dir():
        return _Folder(found, id_field, most_bytes, written=written, attached=attached)
    _refuse_path(found, written)
    told = input_format or _BY_SUFFIX.get(found.suffix.lower())
    if told is None:
        known = ", ".join(sorted(_BY_SUFFIX))
        raise BatchError(
            f"{path}: what is in it cannot be told from its name ({known}); say --input-format"
        )
    if told == "parquet":
        return _Parquet(found, id_field, most_bytes)
    return _LINES[told](str(found), id_field, most_bytes, found)


def _refuse_path(path: Path, written: Collection[Path]) -> None:
    """Refuse an input that is not there, that never ends, or that the results would go to."""
    if not path.exists():
        raise BatchError(f"there is no input {path}")
    if is_endless(path):
        raise BatchError(f"the input {path} is a device, and has no end")
    for each in written:
        if _is_same(path, each):
            raise BatchError(f"results would go to the input: {each}; name another --output")


def _standard_input() -> BinaryIO:
    buffer = sys.stdin.buffer
    # A reader of our own. Python closes the one that it has at exit, and dies when a thread still
    # waits in it for a line.
    with contextlib.suppress(io.UnsupportedOperation):
        return open(buffer.fileno(), "rb", closefd=False)
    return buffer


def _is_same(path: Path, written: Path) -> bool:
    return written.exists() and path.samefile(written)


class _TextDocuments(Documents):
    """Text, from a file or from standard input."""

    def __init__(
        self, where: str, id_field: str | None, most_bytes: int, source: Path | Any
    ) -> None:
        super().__init__(where, id_field, most_bytes)
        self._source = source

    @property
    def is_repeatable(self) -> bool:
        # A pipe has a name too: /dev/stdin, and what a shell puts for <(command).
        return isinstance(self._source, Path) and self._source.is_file()

    def _open(self, newline: str | None = "\n") -> TextIO:
        # "utf-8-sig": spreadsheets put a byte order mark before a CSV file.
        try:
            if isinstance(self._source, Path):
                return self._source.open(encoding="utf-8-sig", newline=newline)
        except OSError as error:
            raise BatchError(f"cannot read {self.where}: {error.strerror}") from error
        return io.TextIOWrapper(self._source, encoding="utf-8-sig", newline=newline)

    def _lines(self, file: TextIO) -> Iterator[tuple[str, str]]:
        for number in itertools.count(1):
            place = f"{self.where}:{number}"
            try:
                # In characters, of which there are no more than bytes.
                line = file.readline(self._most_bytes + 1)
            except UnicodeDecodeError as error:
                raise BatchError(
                    f"{place} (or soon after): not UTF-8: {error.reason}; save it as UTF-8"
                ) from error
            if not line:
                return
            if len(line) > self._most_bytes:
                raise BatchError(f"{place}: the line is longer than {self._most_bytes:,} bytes")
            yield place, line


class _JsonLines(_TextDocuments):
    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with self._open() as file:
            for place, line in self._lines(file):
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise BatchError(f"{place}: {not_json(error)}") from error
                except RecursionError as error:
                    raise BatchError(f"{place}: nested too deeply") from error
                if not isinstance(record, dict):
                    raise BatchError(
                        f'{place}: an object is needed, such as {{"text": "..."}}, '
                        f"not a {type(record).__name__}"
                    )
                yield place, record


def _refuse_twins(names: Sequence[str], where: str) -> None:
    """Refuse columns of one name: a record can hold one of them only."""
    # Spreadsheets leave columns without a name, to which no prompt can refer.
    twins = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if twins:
        raise BatchError(f"{where}: two columns are called {twins[0]!r}")


class _Csv(_TextDocuments):
    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        # A document is often longer than the module's default of 128 KiB.
        csv.field_size_limit(self._most_bytes)
        with self._open(newline="") as file:
            lines = (line for _, line in self._lines(file))
            reader = csv.DictReader(lines, strict=True)
            while True:
                # Of a record that cannot be read, the line where it begins.
                place = f"{self.where}:{reader.line_num + 1}"
                try:
                    if reader.line_num == 0:
                        _refuse_twins(reader.fieldnames or (), self.where)
                    record: dict[str | None, Any] | None = next(reader, None)
                except csv.Error as error:
                    raise BatchError(f"{place}: not CSV: {error}") from error
                except UnicodeDecodeError as error:
                    raise BatchError(
                        f"{place} (or soon after): not UTF-8: {error.reason}; save it as UTF-8"
                    ) from error
                place = f"{self.where}:{reader.line_num}"
                if record is None:
                    return
                if None in record or None in record.values():
                    raise BatchError(f"{place}: the row does not have as many fields as the header")
                yield place, cast("dict[str, Any]", record)


class _Text(_TextDocuments):
    """A file is one document; of standard input each line is."""

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if isinstance(self._source, Path):
            yield _document(self._source, self._source.name, self._most_bytes)
            return
        with self._open() as file:
            for place, line in self._lines(file):
                if line.strip():
                    yield place, {"text": line.rstrip("\r\n")}


_LINES: dict[str, type[_TextDocuments]] = {"jsonl": _JsonLines, "csv": _Csv, "text": _Text}


class _Folder(Documents):
    """Every regular file of a folder and below it, except hidden ones; the id is its path there.

    Links to files are followed, links to folders are not. Pipes, sockets and devices are not
    documents: opening one can take for ever.
    """

    def __init__(
        self,
        path: Path,
        id_field: str | None,
        most_bytes: int,
        *,
        written: Collection[Path],
        attached: bool,
    ) -> None:
        super().__init__(str(path), id_field, most_bytes)
        self._path = path
        self._written = written
        self._attached = attached

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for folder, folders, files in os.walk(self._path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in files if not name.startswith(".")):
                path = Path(folder, name)
                # They may be made, and grow, while the folder is read.
                if any(name == each.name and _is_same(path, each) for each in self._written):
                    continue
                if path.exists() and not path.is_file():
                    continue
                id_ = path.relative_to(self._path).as_posix()
                if self._attached and path.suffix.lower() in ATTACHED:
                    yield str(path), {"id": id_, "path": str(path), "text": ""}
                    continue
                yield _document(path, id_, self._most_bytes)


def _document(path: Path, name: str, most_bytes: int) -> tuple[str, Mapping[str, Any]]:
    text = to_text(path, read_regular(path, most_bytes=most_bytes))
    return str(path), {"id": name, "path": str(path), "text": text}


class _Parquet(Documents):
    def __init__(self, path: Path, id_field: str | None, most_bytes: int) -> None:
        super().__init__(str(path), id_field, most_bytes)
        self._path = path
        self._parquet = import_extra("pyarrow.parquet", what="Parquet")

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        arrow_error = import_extra("pyarrow", what="Parquet").ArrowException
        number = 0
        try:
            with self._parquet.ParquetFile(self._path) as file:
                _refuse_twins(file.schema_arrow.names, self.where)
                for batch in file.iter_batches(batch_size=256):
                    for record in batch.to_pylist():
                        number += 1
                        yield f"{self.where}, row {number}", record
        except (OSError, arrow_error, ValueError, OverflowError) as error:
            # The last two are for times that Python has no type for.
            raise BatchError(f"cannot read {self.where}: {error}") from error
