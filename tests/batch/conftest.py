"""What all tests of batches are held to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import AsyncGeneratorType
from typing import Any

import pytest

import partialfast

_OURS = str(Path(partialfast.__file__).parent)


@pytest.fixture(autouse=True)
def every_generator_is_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test after which an asynchronous generator of the package is left to the collector.

    The event loop closes such a generator some time later, in a task of its own: after the
    response that it reads, or never if the loop has ended by then.
    """
    left: list[str] = []
    loops: Any = asyncio.BaseEventLoop
    finalize = loops._asyncgen_finalizer_hook

    def note(loop: asyncio.BaseEventLoop, generator: AsyncGeneratorType[Any, Any]) -> None:
        if generator.ag_code.co_filename.startswith(_OURS):
            left.append(repr(generator))
        finalize(loop, generator)

    monkeypatch.setattr(loops, "_asyncgen_finalizer_hook", note)
    yield
    assert left == []
