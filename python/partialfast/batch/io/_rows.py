"""A result as a line of JSON, and what a resumed run needs to know of such a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from partialfast._repairs import Repair
from partialfast.batch.loop._classify import classify
from partialfast.batch.loop._result import Failure, Result, result_of

__all__ = ["HEAD", "Row", "copied", "encode_result", "marked", "misfit", "plain", "read_row"]

#: How every line begins.
HEAD = b'{"id":'


class Row(NamedTuple):
    """What is kept in memory of a line.

    Args:
        offset: Where it begins, in bytes.
        run: The number of the run that wrote it, as the manifest counts them; 0 if it does not say.
        request: The digest of what was asked; ``b""`` if it does not say.
        tokens: Read and written for it.
    """

    offset: int
    run: int
    request: bytes
    tokens: tuple[int, int]


def read_row(line: bytes, offset: int) -> tuple[str, Row] | None:
    """Read a line.

    Args:
        line: The line, with its end.
        offset: Where it begins.

    Returns:
        The id and what is kept of it; ``None`` if it is not one of ours.
    """
    if not (line.startswith(HEAD) and line.endswith(b"\n")):
        return None
    try:
        record: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        return None
    usage: Any = record.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    run, request = record.get("run"), record.get("request")
    try:
        digest = bytes.fromhex(request) if isinstance(request, str) else b""
    except ValueError:
        return None
    return record["id"], Row(
        offset,
        run if isinstance(run, int) else 0,
        digest,
        (_count(usage.get("input_tokens")), _count(usage.get("output_tokens"))),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def copied(line: bytes, id_: str) -> tuple[bytes, bool]:
    """Make the line of a document that is the same as another one.

    Args:
        line: The line of the other.
        id_: Its own id.

    Returns:
        Its line, which costs nothing, without what `marked` adds; and whether it is of a value.
    """
    record = json.loads(line)
    nothing = {"input_tokens": 0, "output_tokens": 0, "estimated": False}
    record |= {"usage": nothing, "attempts": 0, "same_as": record.get("same_as", record["id"])}
    for name in ("retries", "run", "request"):
        record.pop(name, None)
    return _dump({**record, "id": id_}) + b"\n", "value" in record


def encode_result(adapter: TypeAdapter[Any], result: Result[Any]) -> tuple[Result[Any], bytes]:
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
            id_, cost = (
                _dump(result.id),
                _dump({**_cost(result), **_way_back(adapter, value)})[1:-1],
            )
            return result, b'{"id":%s,"value":%s,%s}\n' % (id_, value, cost)
    return result, _dump(_failure_record(result)) + b"\n"


def _unwritable(result: Result[Any], error: Exception) -> Result[Any]:
    failure = Failure("serialize", f"the value cannot be written as JSON: {error}")
    known = {each.name: getattr(result, each.name) for each in fields(result)}
    return result_of(**{**known, "value": None, "error": failure})


def _cost(result: Result[Any]) -> dict[str, Any]:
    usage, timings = result.usage, result.timings
    return {
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "estimated": usage.estimated,
        },
        "attempts": result.attempts,
        **_history(result),
        "seconds": {
            "queued": round(timings.queued, 4),
            "first_token": None if timings.first_token is None else round(timings.first_token, 4),
            "total": round(timings.total, 4),
        },
    }


def _way_back(adapter: TypeAdapter[Any], value: bytes) -> dict[str, Any]:
    """Tell whether a value cannot be read back, because its type writes it in another form."""
    try:
        adapter.validate_json(value, by_alias=True)
    except ValidationError:
        return {"one_way": True}
    return {}


def misfit(adapter: TypeAdapter[Any], record: Mapping[str, Any]) -> str | None:
    """Say why a value that was written is not valid for a type.

    Args:
        adapter: Of the type.
        record: The line.

    Returns:
        The error in words, or ``None`` if it is valid, or was never meant to be read again.
    """
    if record.get("one_way"):
        return None
    try:
        adapter.validate_json(json.dumps(record.get("value")), by_alias=True)
    except ValidationError as error:
        found = classify(error)
        return found.failure.message if found is not None else str(error)
    return None


def marked(line: bytes, *, run: int, request: bytes) -> bytes:
    """Say in a line which run wrote it, and what was asked.

    Args:
        line: The line.
        run: The number of the run, as the manifest counts them.
        request: The digest of the request.

    Returns:
        The line with both.
    """
    return b'%s,"run":%d,"request":"%s"}\n' % (line[:-2], run, request.hex().encode())


def _history(result: Result[Any]) -> dict[str, Any]:
    """Say what came before the answer, and what was done to it, if there is anything to say."""
    found: dict[str, Any] = {}
    if result.retries:
        found["retries"] = [
            {"kind": each.kind, "message": each.message, "location": list(each.location)}
            for each in result.retries
        ]
    if result.repairs:
        found["repairs"] = [
            each._asdict() if isinstance(each, Repair) else plain(each) for each in result.repairs
        ]
    if result.cached:
        found["cached"] = True
    if result.same_as is not None:
        found["same_as"] = result.same_as
    return found


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
    """Turn a snapshot into JSON values, without what has not begun.

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
