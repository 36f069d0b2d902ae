"""Finds out from ``--output`` where results go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from partialfast.batch.io._output import Files, Sink
from partialfast.batch.io._parquet import ParquetFile, ParquetFolder
from partialfast.batch.io.databases._duckdb import DuckDb
from partialfast.batch.io.databases._postgresql import Postgresql
from partialfast.batch.io.databases._sqlite import Sqlite
from partialfast.batch.loop._result import BatchError

__all__ = ["ROWS_PER_FILE", "open_output"]

#: Rows of a file, where there are several.
ROWS_PER_FILE = 100_000


def open_output(output: str, *, rows_per_file: int = ROWS_PER_FILE) -> Files:
    """Name the files of a run.

    Args:
        output: A file, or a folder.
        rows_per_file: Rows of a file of a folder.

    Returns:
        The files, none of which is made.

    Raises:
        BatchError: Its format cannot be told.
    """
    if "://" in output:
        return _of_database(output)
    path = Path(output)
    if output.endswith("/") or path.is_dir():
        # Beside the folder, in which readers expect nothing but parts.
        beside = Path(f"{path}.journal.jsonl")
        errors = Path(f"{path}.errors.jsonl")
        return Files(beside, errors, ParquetFolder(path, rows=rows_per_file))
    errors = path.with_suffix(".errors.jsonl")
    if path.suffix == ".jsonl":
        return Files(path, errors)
    if path.suffix == ".parquet":
        return Files(path.with_suffix(".journal.jsonl"), errors, ParquetFile(path))
    raise BatchError(
        f"--output {output}: its name must end in .jsonl or .parquet, or in / for a folder of "
        "Parquet files; or it is the URL of a database"
    )


def _of_database(url: str) -> Files:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    table = next((value for name, value in query if name == "table"), "")
    shown = _without_password(parts)
    if not table:
        raise BatchError(f"--output {shown}: the table is missing; add ?table=NAME")
    names = table.split(".")
    if parts.scheme in {"postgresql", "postgres"}:
        rest = urlencode([(name, value) for name, value in query if name != "table"])
        database = parts.path.strip("/") or "postgres"
        place = Path(f"{database}.{table}".replace("/", "_"))
        sink: Sink = Postgresql(urlunsplit(parts._replace(query=rest)), shown, names)
    elif parts.scheme in _FILES:
        # Three slashes and a path from here, as SQLAlchemy has it; four, and one from the root.
        file = Path(unquote(parts.path[1:]))
        if parts.netloc or not file.name:
            raise BatchError(f"--output {shown}: write {parts.scheme}:///FILE?table=NAME")
        place = file.with_name(f"{file.stem}.{table}".replace("/", "_"))
        sink = _FILES[parts.scheme](file, names)
    else:
        known = ", ".join(["postgresql", *_FILES])
        raise BatchError(f"--output {shown}: there is no such database; known are {known}")
    return Files(
        place.with_name(f"{place.name}.journal.jsonl"),
        place.with_name(f"{place.name}.errors.jsonl"),
        sink,
    )


_FILES: dict[str, Callable[[Path, Sequence[str]], Sink]] = {"sqlite": Sqlite, "duckdb": DuckDb}


def _without_password(parts: SplitResult) -> str:
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=""))
