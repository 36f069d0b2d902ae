"""Takes values from the journal to where they are wanted while the run goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from partialfast.batch.io._output import Files, checked_rows
from partialfast.batch.loop._result import BatchError

__all__ = ["Loader"]

#: Between two looks at the journal.
_EVERY_S = 1.0


class Loader:
    """Loads what the journal has, a batch at a time, for a sink that takes values gradually.

    The journal is what counts: what was loaded is loaded again when a run is resumed, which changes
    nothing, so that there is nothing to keep in step.

    Args:
        model: The type of the values.
        files: The files of the run.
    """

    def __init__(self, model: Any, files: Files) -> None:
        self._model = model
        self._files = files
        self._offset = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Load now and then while the block runs.

        Yields:
            Nothing.
        """
        if self._files.sink is None or not self._files.sink.is_gradual:
            yield
            return
        # A thread of its own, and always the same: a connection belongs to one.
        with ThreadPoolExecutor(1, "partialfast-batch-load") as thread:
            loading = asyncio.create_task(self._load_for_ever(thread))
            try:
                yield
            finally:
                loading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await loading

    async def _load_for_ever(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_EVERY_S)
            # What cannot be loaded now is loaded at the end, or said there.
            with contextlib.suppress(BatchError):
                await loop.run_in_executor(thread, self._load)

    def _load(self) -> None:
        sink = self._files.sink
        assert sink is not None  # noqa: S101 - or nothing runs
        offset = self._offset

        def records() -> Any:
            nonlocal offset
            for end, record in checked_rows(self._model, self._files.values, offset=self._offset):
                offset = end
                yield record

        sink.write(records())
        self._offset = offset
