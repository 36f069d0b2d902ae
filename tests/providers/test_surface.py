"""What a stream offers beside snapshots, the same for every provider: one table, real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import partialfast as pf
from partialfast.answer._alarm import call_after
from partialfast.answer._mode import Mode
from partialfast.providers import Delta
from partialfast.providers._source import Source, Streams
from partialfast.replay import Server
from tests.either import drained
from tests.patience import with_time_enough
from tests.providers.cases import CASES, Case
from tests.providers.test_providers import ADA, SAID, TEXT, play
from tests.web.driver import apply

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

# Each provider once by default, one after the other in turn; both ways of each with `-m deep`.
EVERY_WAY = [
    pytest.param(
        case,
        is_async,
        id=f"{case.name}-{'async' if is_async else 'sync'}",
        marks=[] if is_async is bool(place % 2) else [pytest.mark.deep],
    )
    for place, case in enumerate(CASES)
    for is_async in (False, True)
]
each_way = pytest.mark.parametrize(("case", "is_async"), EVERY_WAY)


def asked(client: Any, case: Case, **options: Any) -> Any:
    # Text streams with every provider; calls come whole with some.
    client._settings.mode = Mode.MD_JSON
    return client.create_partial(type(ADA), model=case.model, messages=SAID, **options)


@each_way
def test_ops_lead_to_the_value(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        stream = asked(client, case)
        batches = await drained(stream.ops())
        assert len(batches) > 3
        value = None
        for ops in batches:
            value = apply(ops, value)
        assert value == ADA.model_dump()

    play(case, {"text": TEXT}, test, is_async=is_async)


@each_way
@pytest.mark.parametrize(("limit", "hold"), [("first_timeout", 0), ("stall_timeout", 12)])
def test_time_limits(case: Case, limit: str, hold: int, *, is_async: bool) -> None:
    shown: list[bool] = []

    def ask_within(seconds: float) -> bool:
        async def test(client: Any, url: Server) -> None:
            with pytest.raises(pf.StreamTimeoutError, match=limit) as caught:
                # A client without an event loop asks at once, and waits for the headers.
                await drained(asked(client, case, **{limit: seconds}))
            shown.append(caught.value.snapshot is not None)
            url.release()

        play(case, {"text": TEXT}, test, is_async=is_async, hold=hold)
        return shown[-1]

    assert with_time_enough(ask_within, lambda shown: shown is (hold > 0)) is (hold > 0)


@each_way
def test_seconds_between_snapshots(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        # The first pause is a part of it, by chance.
        stream = asked(client, case, every=60_000.0)
        first, last = await drained(stream)
        assert last == ADA != first
        assert stream.completed

    play(case, {"text": TEXT}, test, is_async=is_async)


@each_way
def test_the_neutral_numbers(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        stream = asked(client, case)
        await drained(stream)
        tokens = stream.tokens
        assert stream.usage is not None
        assert tokens.input is not None
        assert tokens.output is not None
        for part, whole in ((tokens.cached, tokens.input), (tokens.reasoning, tokens.output)):
            assert part is None or 0 <= part <= whole

    play(case, {"text": TEXT, "reasoning": "hm"}, test, is_async=is_async)


@each_way
def test_auto_is_the_best_mode(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        client._settings.mode = Mode.AUTO
        stream = client.create_partial(type(ADA), model=case.model, messages=SAID)
        assert (await drained(stream))[-1] == ADA
        assert stream._call._asking.mode is client._provider.modes[0]

    play(case, {"text": TEXT}, test, is_async=is_async)


def test_a_generator_that_cannot_be_closed_stops_no_other_limit() -> None:
    def chunks() -> Iterator[Any]:
        yield {"name": "A"}
        while not may_end.wait(0.01):
            pass
        raise AssertionError("read on")

    may_end, told = threading.Event(), threading.Event()

    class Slow(Source):
        name = "slow"

        def blocks(self, chunk: Any) -> Iterator[Any]:
            yield Delta.Piece(0, "text", 0, json.dumps(chunk)[:-1])

    stream = Streams(Slow).stream(type(ADA), chunks(), mode=Mode.MD_JSON, stall_timeout=0.05)
    assert next(stream).name == "A"

    def go_on() -> None:
        told.wait(5)
        may_end.set()

    # Its alarm rings, and so does the one after it.
    call_after(0.3, told.set)
    threading.Thread(target=go_on).start()
    with pytest.raises(pf.StreamTimeoutError, match="stall_timeout"):
        next(stream)
    assert told.is_set()
