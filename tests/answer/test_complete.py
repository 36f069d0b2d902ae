"""`is_complete` of a client's stream, held to the completions that it reports."""

from __future__ import annotations

from typing import Any

import pytest

import partialfast as pf
from partialfast import replay
from tests.openai_driver import TEXT, Meeting, open_sync

pytestmark = pytest.mark.network


def test_a_value_is_complete_from_its_last_byte_on() -> None:
    with replay.serve({"text": TEXT}, chunk=3) as url, open_sync(url) as sdk:
        stream: Any = pf.from_openai(sdk).create_partial(
            model="m", messages="hello", response_model=Meeting
        )
        assert not stream.is_complete(())
        seen: set[Any] = set()
        for _ in stream:
            seen |= set(stream.completed)
            assert all(stream.is_complete(path) for path in seen)
            if stream.path and stream.path not in seen:
                assert not stream.is_complete(stream.path)
            assert stream.is_complete(()) == (() in seen)
            assert not stream.is_complete(("nowhere",))
        assert () in seen


def test_with_items_the_path_begins_with_the_item() -> None:
    with replay.serve({"text": f'{{"items": [{TEXT}, {TEXT}]}}'}) as url, open_sync(url) as sdk:
        stream: Any = pf.from_openai(sdk).create_iterable(
            model="m", messages="hello", response_model=Meeting
        )
        for count, item in enumerate(stream, 1):
            assert isinstance(item, Meeting)
            assert all(stream.is_complete(path) for path in stream.completed)
            assert [stream.is_complete([index]) for index in range(3)] == [
                index < count for index in range(3)
            ]
