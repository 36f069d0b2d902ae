"""One answer, many viewers; and what is kept for them."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partialfast.web import Hub, Outcome, events
from partialfast.web._document import Document, Merge
from partialfast.web._log import Log
from tests.web.driver import Op, apply, events_of, ops_lines, splits, values_of

START = [Op("set", (), {}), Op("set", ("text",), "")]


def grow(text: str) -> list[Op]:
    return [Op("append", ("text",), text)]


class Tap:
    """A source that gives what it is told, and says when it was closed."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.begun = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        self.begun = True
        while True:
            yield await self.items.get()

    async def aclose(self) -> None:
        self.closed.set()

    def give(self, *items: Any) -> None:
        for item in items:
            self.items.put_nowait(item)


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def value_of(view: Any) -> Any:
    sent = b"".join([bytes(event) async for event in view])
    value: Any = None
    for ops, _ in ops_lines(events_of(sent)):
        value = apply(ops, value)
    return value


@given(splits(), st.randoms(use_true_random=False))
def test_any_reader_gets_the_value_however_it_lags(
    drawn: tuple[Any, list[list[Op]]], dice: random.Random
) -> None:
    """Readers come, lag and go at random; what they apply is always the newest value."""
    _, steps = drawn
    log = Log()
    readers: dict[Any, Any] = {}
    for ops, expected in zip(steps, values_of(steps), strict=True):
        log.put(ops)
        assert log.publish()
        if dice.random() < 0.5:
            readers[log.join()] = None
        for reader in list(readers):
            if dice.random() < 0.4:
                found = log.read(reader)
                if found is not None:
                    readers[reader] = apply(found[0].changes, readers[reader])
                assert json.dumps(readers[reader]) == json.dumps(expected)
            elif dice.random() < 0.1:
                log.leave(reader)
                del readers[reader]


@given(splits())
def test_merged_ops_do_what_the_ops_do(drawn: tuple[Any, list[list[Op]]]) -> None:
    value, steps = drawn
    for split in range(len(steps)):
        document = Document()
        merges = [Merge(), Merge()]
        for number, ops in enumerate(steps):
            for op in ops:
                merges[number >= split].put(op.op, op.path, op.value)
        changes = [*merges[0].take(), *merges[1].take()]
        for change in changes:
            document.apply(change.op, change.path, change.value)
        assert json.dumps(document.value) == json.dumps(value)
        # Of one place there is one op, and none inside what another one sets.
        assert len({change.path for change in changes[:1]}) <= 1


def test_what_is_kept_is_bounded_by_the_text_not_by_the_viewers() -> None:
    log = Log()
    log.put(START)
    log.publish()
    slow = log.join()
    log.read(slow)
    quick = [log.join() for _ in range(50)]
    for number in range(5_000):
        log.put(grow("word "))
        log.publish()
        log.read(quick[number % 50])
    kept = sum(len(change.value) for each in log._segments for change in each.changes)
    assert kept <= 5 * 5_000
    assert len(log._segments) <= 51 + 64
    found = log.read(slow)
    assert found is not None
    assert [change.value for change in found[0].changes] == ["word " * 5_000]
    for reader in quick:
        log.leave(reader)
    assert log._segments == []


def test_ops_that_do_not_fit_are_an_error() -> None:
    for ops in (
        [Op("append", (), "x")],
        [Op("set", ("a",), 1)],
        [Op("set", (), []), Op("set", (2,), 1)],
        [Op("set", (), {}), Op("append", ("a",), "x")],
        [Op("set", (), 1), Op("append", (), "x")],
        [Op("set", (), "text"), Op("set", ("a",), "x")],
    ):
        with pytest.raises(ValueError, match="does not fit"):
            publish_each(ops)


def publish_each(ops: list[Op]) -> None:
    log = Log()
    for op in ops:
        log.put([op])
        log.publish()


def test_ops_that_do_not_fit_end_the_answer_as_failed() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0)
        view = hub_values(hub)
        tap.give([Op("set", (), [])], [Op("set", (5,), 1)])
        last = json.loads((await view)[-1])
        assert last["outcome"] == "failed"
        await asyncio.wait_for(tap.closed.wait(), 1)

    asyncio.run(main())


async def hub_values(hub: Hub) -> list[str]:
    return [event.data or "" async for event in events(hub) if event.data is not None]


def test_a_late_viewer_gets_the_value_so_far_as_one_set() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0, linger=None)
        early = asyncio.create_task(hub_values(hub))
        await turns()
        for ops in (START, grow("so "), grow("far")):
            tap.give(ops)
            await turns()
        late = asyncio.create_task(hub_values(hub))
        await turns()
        tap.give(grow(" and on"), Outcome("complete"))
        assert (await late)[:-1] == ['[0,{"text":"so far"}]\n{"at":[0,"text"]}', '" and on"']
        assert len(await early) == 5
        # One that comes when all is over gets it at once, and how it ended.
        after = await hub_values(hub)
        assert after[0] == '[0,{"text":"so far and on"}]\n{"at":[0,"text"]}'
        assert json.loads(after[1])["outcome"] == "complete"

    asyncio.run(main())


def test_a_slow_viewer_gets_what_it_missed_merged() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0)
        slow = aiter(events(hub))
        tap.give(START)
        # The first only says after how long to come back.
        received = [await anext(slow), await anext(slow)]
        for _ in range(1_000):
            tap.give(grow("x"))
        await turns(5_000)
        assert hub.value == {"text": "x" * 1_000}
        received.append(await anext(slow))
        assert received[-1].data == json.dumps("x" * 1_000)
        await slow.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())


@pytest.mark.parametrize("linger", [0.0, 0.05])
def test_the_answer_is_closed_when_the_last_viewer_has_left(linger: float) -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0, linger=linger)
        views = [asyncio.create_task(hub_values(hub)) for _ in range(3)]
        tap.give(START)
        await turns()
        for view in views[:2]:
            view.cancel()
        await asyncio.wait(views[:2])
        assert hub.viewers == 1
        assert not tap.closed.is_set()
        views[2].cancel()
        await asyncio.wait_for(tap.closed.wait(), 1)
        await turns()
        assert hub.outcome is not None
        assert hub.outcome.kind == "closed"

    asyncio.run(main())


def test_a_viewer_that_comes_back_in_time_keeps_it_open() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0, linger=0.05)
        first = asyncio.create_task(hub_values(hub))
        tap.give(START)
        await turns()
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(hub_values(hub))
        await asyncio.sleep(0.2)
        assert not tap.closed.is_set()
        tap.give(Outcome("complete"))
        assert json.loads((await second)[-1])["outcome"] == "complete"

    asyncio.run(main())


def test_an_answer_can_go_on_without_viewers() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap, every=0, linger=None)
        hub.start()
        tap.give(START)
        await turns()
        assert (tap.begun, hub.value, hub.viewers) == (True, {"text": ""}, 0)
        view = asyncio.create_task(hub_values(hub))
        await turns()
        view.cancel()
        await turns()
        assert not tap.closed.is_set()
        await hub.aclose()
        assert tap.closed.is_set()
        assert json.loads((await hub_values(hub))[-1])["outcome"] == "closed"

    asyncio.run(main())


def test_an_answer_is_not_asked_for_before_there_is_a_viewer() -> None:
    async def main() -> None:
        tap = Tap()
        hub = Hub(tap)
        await turns()
        assert not tap.begun
        await hub.aclose()
        assert json.loads((await hub_values(hub))[-1])["outcome"] == "closed"
        assert not tap.begun

    asyncio.run(main())


def test_messages_are_paced_and_nothing_is_held_back_at_the_end() -> None:
    async def main() -> None:
        tap = Tap()
        tap.give(START, *(grow("x") for _ in range(500)))
        tap.give(Outcome("complete"))
        sent = [event async for event in events(tap, every=30)]
        value: Any = None
        for ops, _ in ops_lines(sent):  # type: ignore[arg-type]
            value = apply(ops, value)
        assert value == {"text": "x" * 500}
        assert len(sent) <= 3

    asyncio.run(main())


@pytest.mark.parametrize(
    ("wire", "sign"),
    [("ops", b": \n\n"), ("ai-ui", b": keep-alive\n\n"), ("ag-ui", b": keep-alive\n\n"),
     ("assistant-stream", b": heartbeat\n\n"), ("json-patch", b": \n\n"), ("ai-text", b"\n")],
)  # fmt: skip
def test_signs_of_life(wire: str, sign: bytes) -> None:
    async def main() -> None:
        tap = Tap()
        view = aiter(events(tap, wire, every=0, heartbeat=0.01))
        received = b""
        while sign not in received:
            received += bytes(await anext(view))
        assert b"data: [" not in received
        tap.give([Op("set", (), [])], Outcome("complete"))
        async for event in view:
            received += bytes(event)
        if wire == "ai-text":
            assert json.loads(received) == []

    asyncio.run(main())


def test_no_sign_of_life_inside_plain_text() -> None:
    async def main() -> None:
        tap = Tap()
        tap.give(START, grow("a"))
        view = events(tap, "ai-text", every=0, heartbeat=0.01)
        reading = asyncio.create_task(_all(view))
        await asyncio.sleep(0.1)
        tap.give(grow("b"), Outcome("complete"))
        assert json.loads((await reading).strip()) == {"text": "ab"}

    asyncio.run(main())


async def _all(view: Any) -> bytes:
    return b"".join([bytes(event) async for event in view])


def test_sync_sources_can_be_read_both_ways() -> None:
    source = [START, grow("a"), *grow("b"), Outcome("truncated", "why")]
    plain = [event.data for event in events(source) if event.data is not None]
    value: Any = None
    for ops, _ in ops_lines(events(source)):  # type: ignore[arg-type]
        value = apply(ops, value)
    assert value == {"text": "ab"}
    assert json.loads(plain[-1])["outcome"] == "truncated"
    sent = asyncio.run(_all(events(source, "snapshots")))
    assert json.loads(events_of(sent)[-2].data or "") == {"text": "ab"}
    with pytest.raises(TypeError, match="async for"):
        iter(events(Tap()))


def test_an_exception_of_a_source_is_its_outcome() -> None:
    def broken() -> Any:
        yield START
        raise KeyError("sk-secret")

    sent = b"".join(bytes(event) for event in events(broken()))
    assert json.loads(events_of(sent)[-1].data or "")["outcome"] == "failed"
    assert b"sk-secret" not in sent
    assert b"sk-secret" in b"".join(bytes(event) for event in events(broken(), expose_errors=True))


@pytest.mark.parametrize("items", [[{"name": "Ada"}], ["text"], [[1, 2]], [None]])
def test_what_is_no_op_is_named(items: list[Any]) -> None:
    sent = b"".join(bytes(event) for event in events(items, expose_errors=True))
    assert b"ops are needed" in sent


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="iterable of ops"):
        events(3)
    with pytest.raises(ValueError, match="negative"):
        events([], every=-1)
    with pytest.raises(ValueError, match="heartbeat"):
        events([], heartbeat=0)
    with pytest.raises(ValueError, match="must be one of complete"):
        Outcome("done")  # type: ignore[arg-type]
