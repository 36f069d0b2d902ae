"""Attachments that are uploaded once, and named by all requests that need them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from partialfast.batch.io._regular import open_for_owner
from partialfast.batch.loop._prompt import Message
from partialfast.providers._messages import file_of, image_of
from partialfast.providers._uploads import Uploader

__all__ = ["Uploads"]


class Uploads:
    """Puts the names of uploaded files into messages, in the place of the files themselves.

    What a file was called is kept in a file of its own, a line each, by what is in it. So a file
    that goes with many documents is uploaded once, and a run that is resumed uploads none again
    that the provider still has.

    Args:
        path: Where the names are kept.
        uploader: Uploads to the provider.
    """

    def __init__(self, path: Path, uploader: Uploader) -> None:
        self._path = path
        self._uploader = uploader
        self._earlier = _read(path)
        self._files: dict[str, asyncio.Task[str]] = {}

    async def __call__(self, messages: Sequence[Message]) -> list[Message]:
        """Give the same messages with the names of files.

        Args:
            messages: With the files themselves, as OpenAI's chat completions have them.

        Raises:
            Exception: As the SDK raises it.
        """
        return [await self._message(each) for each in messages]

    async def _message(self, message: Message) -> Message:
        content: Any = message.get("content")
        if not isinstance(content, list):
            return message
        return {**message, "content": [await self._part(part) for part in content]}

    async def _part(self, part: Any) -> Any:
        name, type_, data = file_of(part) or ("image", "", b"")
        if not type_:
            image = image_of(part)
            if image is None or isinstance(image, str):
                return part
            type_, data = image
        if not self._uploader.takes(type_, len(data)):
            return part
        file = await self._uploaded(name, type_, data)
        return self._uploader.part(file, type_)

    async def _uploaded(self, name: str, type_: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        task = self._files.get(digest)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            # Documents that have the same file wait for the one upload.
            task = asyncio.create_task(self._upload(digest, name, type_, data))
            self._files[digest] = task
        # One who gives up must not take it from the others.
        return await asyncio.shield(task)

    async def _upload(self, digest: str, name: str, type_: str, data: bytes) -> str:
        known = self._earlier.pop(digest, None)
        if known is not None and await self._uploader.has(known):
            return known
        file = await self._uploader.upload(name, type_, data)
        line = json.dumps({"sha256": digest, "name": name, "type": type_, "file": file})
        self._keep(line)
        return file

    def _keep(self, line: str) -> None:
        descriptor = open_for_owner(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with open(descriptor, "ab", buffering=0) as kept:  # noqa: PTH123 - a descriptor
            # The line break before it ends what a run that was killed may have left.
            kept.write(f"\n{line}\n".encode())


def _read(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            # The last one may be torn: that file is uploaded again.
            with suppress(ValueError, KeyError):
                record: Mapping[str, str] = json.loads(line)
                found[record["sha256"]] = record["file"]
    return found
