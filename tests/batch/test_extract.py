"""The extraction loop: results, their order, what is held in memory, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.batch import (
    BatchError,
    BreakerOptions,
    EndpointError,
    EndpointLimiter,
    Item,
    Meter,
    Result,
    extract,
    extract_sync,
)
from tests.batching import Person, answer, asked, recordings

pytestmark = pytest.mark.network

TEXTS = [f"doc {number}." for number in range(1000)]


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Any, None]:
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield pf.from_openai(client)


def gather(server: replay.Server, items: Any, **options: Any) -> list[Result[Person]]:
    async def run() -> list[Result[Person]]:
        async with connected(server) as client:
            arguments: dict[str, Any] = {"model": Person, "client": client, "llm": "gpt-4"}
            return [result async for result in extract(items, **(arguments | options))]

    return asyncio.run(run())


def test_every_item_gets_its_value() -> None:
    with replay.serve(recordings(40)) as server:
        results = gather(server, TEXTS[:40], concurrency=8)
    assert sorted(int(result.id) for result in results) == list(range(40))
    for result in results:
        assert result.ok
        assert isinstance(result.value, Person)
        assert result.value.model_dump() == answer(int(result.id))
        assert json.loads(result.text) == answer(int(result.id))
        assert result.index == int(result.id)
        assert result.snapshot is None
        assert result.attempts == 1
        assert result.usage.input_tokens > 0
        assert result.usage.output_tokens > 0
        assert not result.usage.estimated
        timings = result.timings
        assert timings.first_token is not None
        assert 0 <= timings.queued <= timings.total
        assert timings.first_token <= timings.total


def slow_first(number: int) -> dict[str, Any]:
    return {"fault": "stall@2:0.3"} if number == 0 else {}


def test_results_come_as_they_complete_or_in_order() -> None:
    with replay.serve(recordings(12, slow_first)) as server:
        completed = [r.id for r in gather(server, TEXTS[:12], concurrency=4)]
        ordered = [r.id for r in gather(server, TEXTS[:12], concurrency=4, ordered=True)]
    assert completed[0] != "0"
    assert sorted(completed, key=int) == ordered == [str(number) for number in range(12)]


def test_no_more_than_concurrency_are_in_flight() -> None:
    with replay.serve(recordings(30), rate=500) as server:
        gather(server, TEXTS[:30], concurrency=5)
        exchanges = server.exchanges
    for exchange in exchanges:
        together = [
            each for each in exchanges
            if each.started <= exchange.started and (each.ended or 0) > exchange.started
        ]  # fmt: skip
        assert len(together) <= 5


class Counted:
    """Texts, and how many of them were taken."""

    def __init__(self, texts: list[str]) -> None:
        self.taken = 0
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.taken += 1
            yield text


@pytest.mark.parametrize("ordered", [False, True])
def test_a_slow_reader_holds_the_source_back(*, ordered: bool) -> None:
    source = Counted(TEXTS)

    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            stream = extract(
                source, model=Person, client=client, llm="gpt-4", concurrency=4, ordered=ordered
            )
            async with contextlib.aclosing(stream):
                read = 0
                async for _ in stream:
                    read += 1
                    await asyncio.sleep(0.05)
                    # Twice the concurrency, and the one that waits for room.
                    assert source.taken - read <= 2 * 4 + 1
                    if read == 8:
                        break

    with replay.serve({"text": json.dumps(answer(1))}) as server:
        asyncio.run(run(server))


def test_one_slow_item_holds_an_ordered_batch_back() -> None:
    source = Counted(TEXTS[:60])

    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            stream = extract(
                source, model=Person, client=client, llm="gpt-4", concurrency=4, ordered=True
            )
            async with contextlib.aclosing(stream):
                assert (await anext(stream)).id == "0"
                assert source.taken <= 2 * 4 + 1

    with replay.serve(recordings(60, slow_first)) as server:
        asyncio.run(run(server))


def test_an_asynchronous_source_and_every_kind_of_item() -> None:
    async def source() -> AsyncIterator[Any]:
        yield "doc 0."
        await asyncio.sleep(0)
        yield {"id": 7, "text": "doc 1."}
        yield Item("mine", {"text": "doc 2."})
        yield {"text": "doc 3.", "id": None}

    with replay.serve(recordings(4)) as server:
        results = gather(server, source(), ordered=True)
    assert [result.id for result in results] == ["0", "7", "mine", "3"]
    assert [result.value and result.value.name for result in results] == [
        f"Person {number}" for number in range(4)
    ]


def test_prompts_are_templates_or_functions() -> None:
    def whole(item: Item) -> list[dict[str, str]]:
        return [{"role": "user", "content": f"From {item.id}: {item.fields['text']}"}]

    with replay.serve(recordings(1)) as server:
        gather(server, TEXTS[:1], prompt="{{as JSON}} {text}", system="Extract.")
        gather(server, TEXTS[:1], prompt=whole, options={"temperature": 0})
        first, second = (exchange.body or {} for exchange in server.exchanges)
    assert first["messages"] == [
        {"role": "system", "content": "Extract."},
        {"role": "user", "content": "{as JSON} doc 0."},
    ]
    assert second["messages"] == [{"role": "user", "content": "From 0: doc 0."}]
    assert second["temperature"] == 0


def test_the_twin_for_programs_without_a_loop() -> None:
    with replay.serve(recordings(30)) as server:
        limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0)
        http_client = openai.DefaultAsyncHttpxClient(limits=limits)
        sdk = AsyncOpenAI(base_url=server, api_key="none", max_retries=0, http_client=http_client)
        client = pf.from_openai(sdk)
        results = extract_sync(
            TEXTS[:30], model=Person, client=client, llm="gpt-4", concurrency=4, buffer=2
        )
        assert [result.ok for result in results] == [True] * 30
        some = extract_sync(TEXTS[:30], model=Person, client=client, llm="gpt-4", concurrency=4)
        next(some)
        some.close()
        # Nothing goes on behind the caller's back.
        for number in range(30, len(server.exchanges)):
            server.wait_ended(number)
        asked_for = len(server.exchanges)
        assert asked_for < 60
        with pytest.raises(BatchError, match="no field 'title'"):
            list(extract_sync(TEXTS[:1], model=Person, client=client, llm="x", prompt="{title}"))


# Failures


def one(fault: dict[str, Any], **options: Any) -> Result[Person]:
    with replay.serve([{"text": json.dumps(answer(1)), **fault}]) as server:
        [result] = gather(server, ["doc"], **({"max_retries": 0} | options))
    assert not result.ok
    assert result.value is None
    return result


def test_an_invalid_answer_is_cut_off_at_once() -> None:
    text = '{"name": "Ada", "age": "old", "city": "' + "x" * 5000 + '"}'
    # The server stops before the end of the answer, which must not be waited for.
    with replay.serve([{"text": text}], hold=20) as server:
        [result] = gather(server, ["doc"], max_retries=0)
        ended = server.wait_ended()
    assert result.error is not None
    assert (result.error.kind, result.error.location) == ("invalid", ("age",))
    assert "valid integer" in result.error.message
    assert result.error.details[0]["type"] == "int_parsing"
    assert result.snapshot.name == "Ada"
    assert len(result.text) < 100
    assert ended.ending == "disconnect"
    assert result.usage.estimated
    [written] = result.cut
    assert 0 < written < 30


def test_the_tokens_that_cutting_off_saved_are_counted() -> None:
    def bad(number: int) -> dict[str, Any]:
        return {"text": '{"name": 1, "city": "Rome"}'} if number % 2 else {}

    meter = Meter(total=8)
    with replay.serve(recordings(8, bad)) as server:
        results = gather(server, TEXTS[:8], max_retries=0, meter=meter)
    figures = meter.figures()
    assert (figures.done, figures.failed, figures.cut) == (4, 4, 4)
    whole = sum(r.usage.output_tokens for r in results if r.ok) / 4
    cut = sum(written for r in results for written in r.cut)
    assert figures.saved_tokens == round(4 * whole - cut)
    assert figures.kinds == {"invalid": 4}
    assert figures.in_flight == 0


def test_each_kind_of_failure_is_told_apart() -> None:
    assert kind({"text": "{oops"}) == "json"
    assert kind({"fault": "length@20"}) == "truncated"
    assert kind({"fault": "refuse"}) == "refused"
    assert kind({"fault": "filter@20"}) == "filtered"
    assert kind({"fault": "drop@20"}) == "connection"
    assert kind({"fault": "end@20"}) == "connection"
    assert kind({"fault": "error@20"}) == "connection"
    assert kind({"fault": "corrupt@20"}) == "connection"
    assert kind({"fault": "status:503"}) == "endpoint"
    assert kind({"fault": "status:400"}) == "endpoint"
    assert kind({"fault": "stall@20:30"}, timeout_s=0.2) == "timeout"


def kind(fault: dict[str, Any], **options: Any) -> str:
    result = one(fault, **options)
    assert result.error is not None
    assert result.error.message
    return result.error.kind


def test_a_failure_keeps_what_was_received() -> None:
    result = one({"fault": "length@30"})
    assert result.text == json.dumps(answer(1))[:30]
    assert result.snapshot.name == "Person 1"
    assert result.error is not None
    assert result.error.status is None
    refused = one({"fault": "status:400"})
    assert refused.error is not None
    assert refused.error.status == 400


def test_an_invalid_answer_is_corrected_within_the_retries() -> None:
    bad = {"match": "doc", "text": '{"name": 1}', "times": 1}
    with replay.serve([bad, {"text": json.dumps(answer(5))}]) as server:
        [result] = gather(server, ["doc"], max_retries=1)
        first, second = server.exchanges
    assert result.ok
    assert result.value == Person(**answer(5))
    assert result.attempts == 2
    assert len((second.body or {})["messages"]) > len((first.body or {})["messages"])
    assert len(result.cut) == 1
    assert result.usage.output_tokens > 0


@pytest.mark.parametrize(
    ("half", "ok"), [({"text": '{"name": "x'}, True), ({"fault": "length@12"}, False)]
)
def test_half_an_answer_whose_reason_is_no_limit_counts_as_a_retry(
    half: dict[str, Any],
    ok: bool,  # noqa: FBT001
) -> None:
    whole = {"text": json.dumps(answer(5))}
    with replay.serve([{**whole, **half, "match": "doc", "times": 1}, whole]) as server:
        [result] = gather(server, ["doc"], max_retries=1)
        assert len(server.exchanges) == 1 + ok
    assert result.ok is ok
    assert result.attempts == 1 + ok


@pytest.mark.parametrize("fault", ["status:503", "drop@20", "end@20", "error@20"])
def test_a_failing_endpoint_is_asked_again(fault: str) -> None:
    with replay.serve(
        [{"text": json.dumps(answer(1)), "fault": fault, "times": 1}, *recordings(1)]
    ) as server:
        [result] = gather(server, ["doc 0."], max_retries=1)
        assert len(server.exchanges) == 2
    assert result.value == Person(**answer(0))
    assert result.attempts == 2


def test_retries_end() -> None:
    with replay.serve([{"text": "", "fault": "status:503"}]) as server:
        [result] = gather(server, ["doc"], max_retries=2)
        assert len(server.exchanges) == 3
    assert result.attempts == 3


def test_a_rate_limit_pauses_all_and_costs_no_retry() -> None:
    limited = {"text": "", "fault": "status:429", "times": 3}
    limiter = EndpointLimiter(breaker=BreakerOptions(first_s=0.02))
    with replay.serve([limited, *recordings(20)]) as server:
        results = gather(server, TEXTS[:20], concurrency=4, max_retries=0, limiter=limiter)
        assert len(server.exchanges) == 23
    assert all(result.ok and result.attempts == 1 for result in results)


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_says_what_it_is_for(status: int) -> None:
    meter, seen = Meter(), set[str]()
    bad = {"text": "", "fault": f"status:{status}", "times": 12}
    # Answers may come between failures: requests are not handled in the order they were sent.
    breaker = BreakerOptions(failures=3, first_s=0.3, longest_s=0.3)
    limiter = EndpointLimiter(breaker=breaker)

    async def watch() -> None:
        while True:
            seen.add(meter.figures().note)
            await asyncio.sleep(0.01)

    async def run(server: replay.Server) -> None:
        watching = asyncio.create_task(watch())
        async with connected(server) as client:
            async for result in extract(
                TEXTS[:20], model=Person, client=client, llm="gpt-4", limiter=limiter, meter=meter
            ):
                assert result.ok
        watching.cancel()

    with replay.serve([bad, *recordings(20)]) as server:
        asyncio.run(run(server))
    seen.remove("")
    assert seen
    assert all(note.startswith(f"held up: Error code: {status} - ") for note in seen)
    assert meter.figures().note == ""


# The end of all


def test_an_endpoint_that_answers_only_errors_ends_the_batch() -> None:
    limiter = EndpointLimiter(breaker=BreakerOptions(failures=5, pauses=3, first_s=0.01))
    good = recordings(3)
    bad = {"text": "", "fault": "status:503"}
    got: list[Result[Any]] = []

    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            async for result in extract(
                TEXTS, model=Person, client=client, llm="gpt-4", concurrency=4, limiter=limiter
            ):
                got.append(result)  # noqa: PERF401 - what came before the exception

    with replay.serve([*good, bad]) as server:
        with pytest.raises(EndpointError, match="overloaded") as raised:
            asyncio.run(run(server))
        assert "only errors" in str(raised.value)
        # Far fewer than the documents were asked about, and none was written off.
        assert len(server.exchanges) < 40
    assert {result.id for result in got if result.ok} == {"0", "1", "2"}
    assert len(got) < 12


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_address_ends_the_batch_at_once(status: int) -> None:
    with replay.serve({"text": "", "fault": f"status:{status}"}) as server:
        with pytest.raises(EndpointError, match="refuses every request"):
            gather(server, TEXTS, concurrency=4)
        assert len(server.exchanges) <= 4


def test_one_document_that_is_forbidden_does_not_end_it() -> None:
    recorded = recordings(6, lambda number: {"fault": "status:403"} if number == 4 else {})
    with replay.serve(recorded) as server:
        results = gather(server, TEXTS[:6], concurrency=1)
    assert [result.ok for result in results] == [True, True, True, True, False, True]


def test_a_defect_in_the_callers_function_is_raised_after_what_is_finished() -> None:
    got: list[str] = []

    def prompt(item: Item) -> str:
        if item.id == "5":
            raise ZeroDivisionError
        return str(item.fields["text"])

    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            async for result in extract(
                TEXTS, model=Person, client=client, llm="gpt-4", prompt=prompt, concurrency=1
            ):
                got.append(result.id)  # noqa: PERF401 - what came before the exception

    with replay.serve(recordings(6)) as server, pytest.raises(ZeroDivisionError):
        asyncio.run(run(server))
    assert got == ["0", "1", "2", "3", "4"]


def test_a_source_that_fails_is_raised_after_what_is_finished() -> None:
    def source() -> Iterator[str]:
        yield from TEXTS[:3]
        raise BatchError("line 4 is broken")

    got: list[str] = []

    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            async for result in extract(source(), model=Person, client=client, llm="gpt-4"):
                got.append(result.id)  # noqa: PERF401 - what came before the exception

    with replay.serve(recordings(3)) as server, pytest.raises(BatchError, match="line 4"):
        asyncio.run(run(server))
    assert sorted(got) == ["0", "1", "2"]


def test_leaving_the_loop_closes_every_response() -> None:
    async def run(server: replay.Server) -> None:
        async with connected(server) as client:
            stream = extract(TEXTS, model=Person, client=client, llm="gpt-4", concurrency=6)
            async with contextlib.aclosing(stream):
                async for _ in stream:
                    break
            ours = [task for task in asyncio.all_tasks() if "_Extraction" in repr(task.get_coro())]
            assert not ours

    with replay.serve(
        [*recordings(1), {"text": json.dumps(answer(1)), "fault": "stall@5:20"}]
    ) as server:
        asyncio.run(run(server))
        endings = [server.wait_ended(number).ending for number in range(len(server.exchanges))]
    # The requests of the first documents come in any order; one of them was answered.
    assert sorted(map(str, endings)) == ["complete"] + ["disconnect"] * (len(endings) - 1)
    assert len(endings) > 1


def test_a_batch_that_is_told_to_stop_finishes_what_is_in_flight() -> None:
    async def run(server: replay.Server) -> list[Result[Any]]:
        until = asyncio.Event()
        results: list[Result[Any]] = []
        async with connected(server) as client:
            async for result in extract(
                TEXTS, model=Person, client=client, llm="gpt-4", concurrency=4, until=until
            ):
                results.append(result)
                until.set()
        return results

    with replay.serve({"text": json.dumps(answer(1))}, rate=300) as server:
        results = asyncio.run(run(server))
        assert all(exchange.ending == "complete" for exchange in server.exchanges)
        assert len(results) == len(server.exchanges) <= 8
    assert all(result.ok for result in results)


def test_what_still_waits_for_its_turn_is_not_begun_when_told_to_stop() -> None:
    meter = Meter()

    async def run(server: replay.Server) -> list[Result[Any]]:
        until = asyncio.Event()
        results: list[Result[Any]] = []
        async with connected(server) as client:
            # One at once, the next in a minute.
            async for result in extract(
                TEXTS, model=Person, client=client, llm="gpt-4", rpm=1, until=until, meter=meter
            ):
                results.append(result)
                assert meter.figures().in_flight == 0
                until.set()
        return results

    with replay.serve({"text": json.dumps(answer(1))}) as server:
        results = asyncio.run(asyncio.wait_for(run(server), 20))
        assert len(results) == len(server.exchanges) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"max_retries": -1}, "max_retries"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"rpm": 0}, "rpm"),
        ({"limiter": EndpointLimiter(), "rpm": 5}, "limits of its own"),
        ({"client": object()}, "from_openai"),
        ({"client": lambda **_: None}, "from_openai"),
        ({"prompt": "{"}, "cannot be understood"),
        ({"prompt": "{a.b}"}, "not a field"),
        ({"prompt": "{}"}, "not a field"),
        ({"prompt": "{other}"}, "its fields: text"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with (
        replay.serve(recordings(1)) as server,
        pytest.raises((ValueError, TypeError, BatchError), match=message),
    ):
        gather(server, TEXTS[:1], **options)


def test_a_client_that_blocks_is_refused() -> None:
    with (
        replay.serve(recordings(1)) as server,
        OpenAI(base_url=server, api_key="none") as client,
        pytest.raises(TypeError, match=r"client must be from_openai\(AsyncOpenAI\(\)\)"),
    ):
        gather(server, TEXTS[:1], client=pf.from_openai(client))


def test_any_callable_can_be_the_client() -> None:
    class Answer:
        text, snapshot, attempt, usage = '"x"', "x", 1, {"input_tokens": 3, "output_tokens": 2}
        attempts: tuple[Any, ...] = ()

        async def __aiter__(self) -> AsyncIterator[str]:
            yield "x"

        async def final(self) -> str:
            return "x"

        async def aclose(self) -> None:
            pass

    seen: list[dict[str, Any]] = []

    def request(**arguments: Any) -> Answer:
        seen.append(arguments)
        return Answer()

    async def run() -> list[Result[str]]:
        return [r async for r in extract(["a"], model=str, client=request, llm="local")]

    [result] = asyncio.run(run())
    assert (result.value, result.usage.input_tokens, result.usage.output_tokens) == ("x", 3, 2)
    assert seen[0]["model"] == "local"
    assert seen[0]["response_model"] is str


def test_the_package_does_not_import_the_client() -> None:
    program = (
        "import sys, partialfast.batch\n"
        "print({'openai', 'aiolimiter', 'pyarrow', 'rich', 'ray', 'partialfast.providers.openai'} "
        "& set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_what_an_answer_can_be() -> None:
    class Team(BaseModel):
        people: list[Person]

    makers: list[tuple[Callable[[], Any], str]] = [
        (lambda: list[int], '{"items": [1, 2]}'),
        (lambda: Team, json.dumps({"people": [answer(1)]})),
        (lambda: dict[str, int], '{"a": 1}'),
    ]
    for make, text in makers:
        with replay.serve({"text": text}) as server:
            [result] = gather(server, ["doc"], model=make())
        assert result.ok, result.error


def test_requests_name_their_document() -> None:
    with replay.serve(recordings(3)) as server:
        gather(server, TEXTS[:3], prompt="From: {text}")
        assert sorted(map(asked, server.exchanges)) == ["d0", "d1", "d2"]
