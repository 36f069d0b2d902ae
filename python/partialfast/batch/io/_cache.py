"""Answers kept in a folder, by what was asked, so that nothing is asked twice.

An answer is a file of its own, named by the digest of the whole request: endpoint, model, schema,
prompt, options. It is written beside its place and moved there, so that any number of runs can use
one folder at a time. What is found is read like an answer that comes from the endpoint, by the type
of today; what is not a valid answer to exactly this request is ignored.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from partialfast._errors import JsonError, TruncatedError
from partialfast.batch.io._answer_text import read_answer
from partialfast.batch.io._regular import open_for_owner, read_regular
from partialfast.batch.loop._protocols import KnownAnswer, request_digest
from partialfast.batch.loop._result import BatchError

__all__ = ["AnswerCache"]

#: Bytes of an answer that is kept.
_MOST_BYTES = 1 << 24


class AnswerCache:
    """The answers of a folder.

    Args:
        folder: Where they are; made if it is not there.
        model: The type of the values.
        key: The property that a model was asked to wrap the value in, if any.
        request: The rest of every request, besides its messages: endpoint, schema, options.
        reading: How answers are read: arguments of `partialfast.StreamState`. They are not part of
            what is asked, so that an answer is found however it is read.

    Raises:
        BatchError: The folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        model: Any,
        *,
        key: str | None,
        request: Mapping[str, Any],
        reading: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._model = model
        self._key = key
        self._reading = dict(reading or {})
        #: What makes the same cache in another process: folder, key, request and reading.
        self.recipe = str(folder), key, dict(request), self._reading
        self._beside = json.dumps(request, sort_keys=True, default=str).encode()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BatchError(f"cannot make the cache {folder}: {error.strerror}") from error

    def find(self, messages: Sequence[Mapping[str, Any]]) -> KnownAnswer | None:
        """Look up an answer.

        Args:
            messages: What would be asked.

        Returns:
            The answer; ``None`` if there is none that is valid, read as answers are read here.
        """
        name = self._name(messages)
        path = self._path(name)
        try:
            if not path.exists():
                return None
            record: Any = json.loads(read_regular(path, most_bytes=_MOST_BYTES))
            if not isinstance(record, dict) or record.get("request") != name:
                return None
            text = record.get("text")
            if not isinstance(text, str):
                return None
            value, repairs = read_answer(self._model, text, key=self._key, reading=self._reading)
            return KnownAnswer(value, text, tuple(repairs))
        except (OSError, BatchError, ValueError, RecursionError, JsonError, TruncatedError):
            # Whatever has become of the file, asking gives an answer. A validation error is a
            # `ValueError`: the type may have become stricter without its schema showing it.
            return None

    def keep(self, messages: Sequence[Mapping[str, Any]], text: str) -> None:
        """Keep an answer.

        Args:
            messages: What was asked.
            text: A valid answer.

        Raises:
            BatchError: It cannot be written.
        """
        name = self._name(messages)
        path = self._path(name)
        data = json.dumps({"request": name, "text": text}).encode()
        if len(data) > _MOST_BYTES:
            return
        # Under a name of its own, since another process may be writing the same answer.
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(open_for_owner(unfinished, flags), "wb") as file:
                file.write(data)
            unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise BatchError(
                f"cannot write to the cache {self._folder}: {error.strerror}"
            ) from error

    def _name(self, messages: Sequence[Mapping[str, Any]]) -> str:
        return request_digest(messages, beside=self._beside).hex()

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name[2:]}.json"
