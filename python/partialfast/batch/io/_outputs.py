"""Finds out where results are to go by what ``--output`` says."""

from __future__ import annotations

from pathlib import Path

from partialfast.batch.io._output import Files
from partialfast.batch.io._parquet import ParquetFile, ParquetFolder
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
        "Parquet files"
    )
