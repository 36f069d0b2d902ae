"""What a run is: written beside its results before anything is asked, and compared when it goes on.

``out.manifest.json`` has a list of ``runs``. Each has what determines an answer (``settings``), the
versions it was made with, and what had changed since the one before. A run that is resumed with the
same settings goes on under the same number; one that goes on with others, because that was asked
for, gets the next. Every line of the results names its run.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from partialfast.batch.io._regular import open_for_owner, read_regular
from partialfast.batch.loop._result import BatchError

__all__ = ["Manifest", "differences", "write_whole"]

_FORMAT = 1
_MOST_BYTES = 1 << 26
#: How many differences are named: a model that is entirely different has hundreds.
_NAMED = 8
_PACKAGES = ("partialfast", "pydantic", "openai")


class Manifest:
    """The runs of one output.

    Args:
        path: Its file, which may not be there yet.
        output: What the results go to, by name.

    Raises:
        BatchError: The file cannot be read, or is not such a manifest.
    """

    def __init__(self, path: Path, output: str) -> None:
        self.path = path
        # Without its folder, which may be moved.
        self.output = output if "://" in output else Path(output).name
        self._runs: list[dict[str, Any]] = _load(path) if path.exists() else []

    @property
    def number(self) -> int:
        """The number of the last run, counted from 1; 0 if there is none."""
        return len(self._runs)

    @property
    def other_output(self) -> str | None:
        """What the last run wrote to; ``None`` if it was the same, or nothing says so.

        ``people.jsonl`` and ``people.parquet`` have the same files beside them.
        """
        found = self._runs[-1].get("output") if self._runs else None
        return found if isinstance(found, str) and found != self.output else None

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """What the last run was made with."""
        return self._runs[-1]["settings"] if self._runs else None

    @property
    def state(self) -> Mapping[str, Any]:
        """What the last run keeps here for itself, such as the names of batches at a provider."""
        found: Mapping[str, Any] = self._runs[-1].get("state", {}) if self._runs else {}
        return found

    def keep(self, **state: Any) -> None:
        """Keep something for the run that resumes this one.

        Args:
            **state: What is to be kept, as JSON can hold it.
        """
        self._runs[-1]["state"] = {**self.state, **state}
        self._write()

    def clear(self) -> None:
        """Forget all runs: their results are gone."""
        self._runs = []

    def begin(self, settings: Mapping[str, Any], changes: Sequence[str] = ()) -> int:
        """Begin a run.

        Args:
            settings: What determines its answers.
            changes: What is not as it was in the run before.

        Returns:
            Its number.
        """
        self._runs.append({
            "run": self.number + 1,
            "began": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "output": self.output,
            "settings": dict(settings),
            "changes": list(changes),
            "versions": _versions(),
        })  # fmt: skip
        self._write()
        return self.number

    def note(self, **facts: Any) -> None:
        """Add to the last run what is known of it by now, such as how many documents there are."""
        self._runs[-1] |= facts
        self._write()

    def _write(self) -> None:
        record = {"format": _FORMAT, "runs": self._runs}
        data = json.dumps(record, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
        write_whole(self.path, data + b"\n")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file at once: whatever happens, it has its old content or the new one.

    Args:
        path: The file.
        data: All that is in it.

    Raises:
        BatchError: It cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(open_for_owner(unfinished, flags), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise BatchError(f"cannot write {path}: {error.strerror}") from error


def _load(path: Path) -> list[dict[str, Any]]:
    data = read_regular(path, most_bytes=_MOST_BYTES)
    try:
        record: Any = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BatchError(f"{path} is not a manifest of a batch: {error}") from error
    runs: Any = record.get("runs") if isinstance(record, dict) else None
    if not isinstance(runs, list) or record.get("format") != _FORMAT:
        raise BatchError(f"{path} is not a manifest of a batch that this version can read")
    found: list[Any] = runs
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("settings"), dict):
            raise BatchError(f"{path} is not a manifest of a batch: a run has no settings")
    return found


def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what differs between two runs.

    Args:
        earlier: The settings of the one.
        now: Those of the other.

    Returns:
        A line for each difference: where it is, what was there and what is.
    """
    found: list[str] = []
    for name in sorted(earlier.keys() | now.keys()):
        found += [
            f"{name}{''.join(where)}: was {_shown(was)}, is {_shown(is_)}"
            for where, was, is_ in _compare(earlier.get(name), now.get(name), ())
        ]
    if len(found) > _NAMED:
        found[_NAMED:] = [f"and {len(found) - _NAMED:,} more"]
    return found


def _compare(
    was: Any, is_: Any, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(was, dict) and isinstance(is_, dict):
        for key in dict.fromkeys([*was, *is_]):
            yield from _compare(was.get(key), is_.get(key), (*where, f".{key}"))
    elif was != is_:
        yield where, was, is_


def _shown(value: Any) -> str:
    if value is None:
        return "not there"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text):,} characters)"  # noqa: PLR2004
