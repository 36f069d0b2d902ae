"""What all tests share: hypothesis profiles and the folder of other people's data."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from openai import OpenAI

from partialfast.answer import _patience

# A profile sets only the number of examples and what a slow machine must not break. Deadlines are
# off because the first example of a model compiles it.
_COMMON = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("quick", _COMMON, max_examples=60)
settings.register_profile("deep", _COMMON, max_examples=2_000)
# On a build server the same commit must give the same verdict twice.
settings.register_profile("ci", _COMMON, max_examples=60, derandomize=True, database=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "quick")
)

# What one test finds out about a server is for no other test, and for no program of the user's.
os.environ["PARTIALFAST_CACHE_DIR"] = ""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of data that others made; skip where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    return folder


@pytest.fixture
def clients_are_closed() -> Iterator[None]:
    """Close the clients that a test leaves open, as the end of a program does.

    The collector comes whenever it likes, and may find a socket before its client: that would be
    told of another test.
    """
    clients: list[Any] = []

    def known(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def init_and_keep(self: Any, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **kwargs)
            clients.append(self)

        return init_and_keep

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenAI, "__init__", known(OpenAI.__init__))
        yield
    for client in clients:
        client.close()


@pytest.fixture(scope="session", autouse=True)
def patience_at_the_end() -> Iterator[None]:
    """Wait long for what comes after an answer, which a loaded machine may send late."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_FOR_USAGE_S", "_FOR_THE_END_S"):
            patch.setattr(_patience, name, 30.0)
        yield


@pytest.fixture
def nothing_ignored() -> Iterator[None]:
    """Fail on what the garbage collector has to say: unclosed connections, ignored exceptions."""
    said: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, said.append
    try:
        yield
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert [str(each.exc_value) for each in said] == []
