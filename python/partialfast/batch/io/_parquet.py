"""Makes Parquet files of values: nested models become nested columns.

The columns follow the type's JSON schema, so that models, dataclasses, typed dicts and JSON Schema
files are all treated alike. What has no single column type (unions, recursion, any value) is a
column of JSON text.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from partialfast.batch._needs import import_extra
from partialfast.batch.io._output import Record, Sink
from partialfast.batch.io._regular import open_for_owner
from partialfast.batch.loop._result import BatchError

__all__ = ["ParquetFile", "ParquetFolder", "arrow_schema", "require_pyarrow", "value_column"]

_ROWS = 4096
#: Columns of a table, nested ones included. What is beyond is JSON text: references that multiply
#: make more of them than any file can hold.
_MOST_COLUMNS = 2000


def require_pyarrow() -> None:
    """Make sure that Parquet can be written.

    Raises:
        ImportError: pyarrow is not installed.
    """
    import_extra("pyarrow.parquet", what="Parquet")


def arrow_schema(model: Any) -> Any:
    """Give the columns for a type.

    Args:
        model: Any type that pydantic can validate.

    Returns:
        A ``pyarrow.Schema``: ``id`` (``_id`` if the model has a field of that name, ``__id`` if it
        has both), then a column for each field; one column ``value`` if the type is not an object.
    """
    return _Table(model).schema


def value_column(model: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Give one column for a whole value.

    Args:
        model: Any type that pydantic can validate.

    Returns:
        Its ``pyarrow.DataType``, and what turns a JSON value into a cell of it.
    """
    root = _Table(model).root
    return root.type, root.convert


class ParquetFile(Sink):
    """One Parquet file, made at the end.

    The file is written beside its place and then moved there, so that it is there whole or not at
    all.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._table: _Table | None = None

    def prepare(self, model: Any, *, overwrite: bool, has_journal: bool) -> None:
        """Refuse to replace a finished file whose journal was deleted."""
        require_pyarrow()
        if not overwrite and self._path.exists() and not has_journal:
            raise BatchError(
                f"{self._path} is there already, without its journal to go on from: "
                "--overwrite begins anew"
            )
        self._table = _Table(model)

    def write(self, records: Iterator[Record]) -> None:
        """Make the file."""
        assert self._table is not None  # noqa: S101 - `prepare` comes first
        _write_file(self._table, records, self._path)


class ParquetFolder(Sink):
    """A folder of Parquet files of so many rows each, for values that are too many for one file.

    Each file is whole or not there; files of an earlier time that are not made again are removed
    last. An empty ``_SUCCESS`` says that all are there, as in the folders that Hadoop and Spark
    write.

    Args:
        path: The folder.
        rows: Rows of a file.
    """

    def __init__(self, path: Path, *, rows: int) -> None:
        super().__init__(str(path))
        self._path = path
        self._rows = rows
        self._table: _Table | None = None

    def prepare(self, model: Any, *, overwrite: bool, has_journal: bool) -> None:
        """Refuse a folder with files of others in it."""
        require_pyarrow()
        self._table = _Table(model)
        if not self._path.exists():
            return
        if not self._path.is_dir():
            raise BatchError(f"{self._path} is a file, not a folder")
        strange = [each for each in self._path.iterdir() if not _is_part(each)]
        if strange:
            raise BatchError(f"{self._path} has a file that is not part of a result: {strange[0]}")
        if any(self._path.iterdir()) and not overwrite and not has_journal:
            raise BatchError(
                f"{self._path} has results already, without their journal to go on from: "
                "--overwrite begins anew"
            )

    def write(self, records: Iterator[Record]) -> None:
        """Make the files."""
        assert self._table is not None  # noqa: S101 - `prepare` comes first
        try:
            self._path.mkdir(exist_ok=True)
            done = self._path / _SUCCESS
            done.unlink(missing_ok=True)
            made: set[Path] = set()
            while (first := next(records, None)) is not None or not made:
                part = self._path / f"part-{len(made):05}.parquet"
                rows = itertools.islice(records, self._rows - 1)
                _write_file(self._table, itertools.chain([first] if first else [], rows), part)
                made.add(part)
            for each in self._path.iterdir():
                if each not in made:
                    each.unlink()
            done.touch()
        except OSError as error:
            raise BatchError(f"cannot write {self._path}: {error.strerror or error}") from error


_SUCCESS = "_SUCCESS"


def _is_part(path: Path) -> bool:
    return path.name == _SUCCESS or path.match("part-*.parquet") or path.match(".part-*.unfinished")


def _write_file(table: _Table, records: Iterator[Record], output: Path) -> None:
    pa, pq = (
        import_extra("pyarrow", what="Parquet"),
        import_extra("pyarrow.parquet", what="Parquet"),
    )
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(open_for_owner(unfinished, flags), "wb") as file:
            with pq.ParquetWriter(file, table.schema) as writer:
                while rows := list(itertools.islice(records, _ROWS)):
                    writer.write_table(table.convert(rows))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(output)
    except OSError as error:
        raise BatchError(
            f"cannot write {output}: {error.strerror or error}; all results are in the journal"
        ) from error
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise BatchError(
            f"a value does not fit its column in {output}: {error}; all results are in the journal"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


class _Table:
    """The columns of a type, and how values get into them."""

    def __init__(self, model: Any) -> None:
        self._pa = pa = import_extra("pyarrow", what="Parquet")
        self._left = _MOST_COLUMNS
        whole = TypeAdapter(model).json_schema(mode="serialization")
        self._definitions: Mapping[str, Any] = whole.get("$defs", {})
        root = self._node(whole, ())
        self._flat = isinstance(root, _StructColumn)
        self.root = root
        columns = dict(root.children) if isinstance(root, _StructColumn) else {"value": root}
        self._id = "id"
        while self._id in columns:
            self._id = f"_{self._id}"
        self._columns = columns
        self.schema: Any = pa.schema(
            [pa.field(self._id, pa.string(), nullable=False)]
            + [pa.field(name, node.type) for name, node in columns.items()]
        )

    def convert(self, records: list[Record]) -> Any:
        """Turn lines of a journal into rows."""
        pa = self._pa
        arrays: list[Any] = [pa.array([record["id"] for record in records], pa.string())]
        for name, node in self._columns.items():
            cells: list[Any] = []
            for record in records:
                value = record["value"]
                cell = value.get(name) if self._flat else value
                try:
                    cells.append(node.convert(cell))
                except (ValueError, TypeError, AttributeError) as error:
                    raise ValueError(f"id {record['id']!r}, column {name!r}: {error}") from error
            arrays.append(pa.array(cells, node.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _node(  # noqa: PLR0911 - a return for each kind of schema
        self, schema: Any, above: tuple[str, ...]
    ) -> _ParquetColumn:
        """Find the column for a part of a JSON schema."""
        pa = self._pa
        self._left -= 1
        if not isinstance(schema, Mapping) or self._left < 0:
            return _JsonColumn(pa.string())
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.rpartition("/")[2]
            if name in above or name not in self._definitions:
                return _JsonColumn(pa.string())
            return self._node(self._definitions[name], (*above, name))
        members = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if members:
            kept = [each for each in members if each != {"type": "null"}]
            return self._node(kept[0], above) if len(kept) == 1 else _JsonColumn(pa.string())
        values = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if values is not None:
            return self._of_values(values)
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [each for each in kind if each != "null"]
            kind = kinds[0] if len(kinds) == 1 else None
        if kind == "array":
            return self._array(schema, above)
        if kind == "object":
            return self._object(schema, above)
        return self._scalar(kind, schema.get("format"))

    def _scalar(self, kind: Any, format_: Any) -> _ParquetColumn:
        pa = self._pa
        made: dict[tuple[Any, Any], Callable[[], _ParquetColumn]] = {
            ("string", "date"): lambda: _DateColumn(pa.date32()),
            ("string", "date-time"): lambda: _TimeColumn(pa.timestamp("us", tz="UTC")),
            ("string", None): lambda: _ParquetColumn(pa.string()),
            ("number", None): lambda: _FloatColumn(pa.float64()),
            ("integer", None): lambda: _ParquetColumn(pa.int64()),
            ("boolean", None): lambda: _ParquetColumn(pa.bool_()),
        }
        # Other formats are strings that are checked.
        make = made.get((kind, format_)) or made.get((kind, None))
        return make() if make is not None else _JsonColumn(pa.string())

    def _of_values(self, values: list[Any]) -> _ParquetColumn:
        pa = self._pa
        kinds = {type(value) for value in values if value is not None}
        types = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), float: pa.float64()}
        [kind] = kinds if len(kinds) == 1 else [object]
        return _ParquetColumn(types[kind]) if kind in types else _JsonColumn(pa.string())

    def _array(self, schema: Mapping[str, Any], above: tuple[str, ...]) -> _ParquetColumn:
        if "prefixItems" in schema or not isinstance(schema.get("items"), Mapping):
            return _JsonColumn(self._pa.string())
        return _ListColumn(self._pa, self._node(schema["items"], above))

    def _object(self, schema: Mapping[str, Any], above: tuple[str, ...]) -> _ParquetColumn:
        pa = self._pa
        properties: Mapping[str, Any] = schema.get("properties", {})
        others = schema.get("additionalProperties")
        if not properties and isinstance(others, Mapping):
            return _MapColumn(pa, self._node(others, above))
        # An object of any keys, and a struct without fields, which Parquet cannot hold.
        if not properties or others is True or isinstance(others, Mapping):
            return _JsonColumn(pa.string())
        return _StructColumn(
            pa, {name: self._node(each, above) for name, each in properties.items()}
        )


class _ParquetColumn:
    """A column whose values are already what it holds."""

    def __init__(self, type_: Any) -> None:
        self.type = type_

    def convert(self, value: Any) -> Any:
        return value


class _FloatColumn(_ParquetColumn):
    def convert(self, value: Any) -> Any:
        return value if value is None else float(value)


class _JsonColumn(_ParquetColumn):
    def convert(self, value: Any) -> Any:
        return None if value is None else json.dumps(value, ensure_ascii=False)


class _DateColumn(_ParquetColumn):
    def convert(self, value: Any) -> Any:
        return None if value is None else date.fromisoformat(value)


class _TimeColumn(_ParquetColumn):
    def convert(self, value: Any) -> Any:
        if value is None:
            return None
        # Python 3.10 does not know that Z is an offset.
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class _ListColumn(_ParquetColumn):
    def __init__(self, pa: Any, child: _ParquetColumn) -> None:
        super().__init__(pa.list_(child.type))
        self.child = child

    def convert(self, value: Any) -> Any:
        return None if value is None else [self.child.convert(each) for each in value]


class _MapColumn(_ParquetColumn):
    def __init__(self, pa: Any, child: _ParquetColumn) -> None:
        super().__init__(pa.map_(pa.string(), child.type))
        self.child = child

    def convert(self, value: Any) -> Any:
        if value is None:
            return None
        return [(key, self.child.convert(each)) for key, each in value.items()]


class _StructColumn(_ParquetColumn):
    def __init__(self, pa: Any, children: Mapping[str, _ParquetColumn]) -> None:
        super().__init__(pa.struct([pa.field(name, each.type) for name, each in children.items()]))
        self.children = children

    def convert(self, value: Any) -> Any:
        if value is None:
            return None
        return {name: each.convert(value.get(name)) for name, each in self.children.items()}
