"""A pytest fixture: ``pytest_plugins = ["partialfast.replay.pytest_plugin"]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest

from partialfast.replay._server import Server, serve

__all__ = ["Serve", "replay_server"]

#: What the fixture gives: `serve`, which stops by itself.
Serve: TypeAlias = Callable[..., Server]


@pytest.fixture
def replay_server() -> Iterator[Serve]:
    """Serve recordings until the test is over.

    Yields:
        A function that takes what `partialfast.replay.serve` takes and returns the running server:
        its base URL, with the requests that it saw. It may be called several times.
    """
    with ExitStack() as servers:

        def start(recordings: Any, **options: Any) -> Server:
            return servers.enter_context(serve(recordings, **options))

        yield start
