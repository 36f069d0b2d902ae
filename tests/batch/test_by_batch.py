"""The provider's batch endpoint: what comes back, what is asked again, what survives a kill."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest

import partialfast
from partialfast import cli, replay
from partialfast.providers._batches import Search
from partialfast.providers._commands import connected
from partialfast.providers.anthropic._batches import AnthropicBatches
from partialfast.providers.openai._batches import OpenAIBatches
from partialfast.providers.openai._command_client import Endpoint
from tests.batching import (
    Person,
    answer,
    arguments,
    check_one_run,
    lines,
    recordings,
    wait_for,
    write_documents,
    zygote,
)

pytest.importorskip("filelock")

pytestmark = pytest.mark.network

COUNT = 12
LIST = "/v1/messages/batches?"


class OpenAIDoor:
    """Files and batches of OpenAI."""

    endpoint: Any = OpenAIBatches
    live_path = "/v1/chat/completions"
    modules: tuple[str, ...] = ()
    usage: ClassVar = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def words(self, source: Path, output: Path, url: replay.Server, *more: str) -> list[str]:
        return arguments(source, output, str(url), "--batch-api", "--poll", "0.01", *more)

    def bodies(self, server: replay.Server) -> list[bytes]:
        """Give what was uploaded, batch by batch."""
        return [each.raw for each in server.exchanges if each.path == "/v1/files"]

    def size(self, body: bytes) -> int:
        return sum(len(line) + 1 for line in body.splitlines() if line[:2] == b'{"')

    def batches(self, server: replay.Server) -> list[list[str]]:
        """Give the ids that were asked about, batch by batch."""
        uploads: list[list[str]] = []
        found: list[list[str]] = []
        for exchange in server.exchanges:
            if exchange.method == "POST" and exchange.path == "/v1/files":
                requests = [
                    line for line in exchange.raw.splitlines() if line.startswith(b'{"custom')
                ]
                uploads.append([json.loads(line)["custom_id"] for line in requests])
            if exchange.method == "POST" and exchange.path == "/v1/batches":
                found.append(uploads[-1])
        return found

    def live(self, server: replay.Server) -> int:
        return sum(each.path == self.live_path for each in server.exchanges)


class AnthropicDoor(OpenAIDoor):
    """Message batches of Anthropic."""

    endpoint = AnthropicBatches
    live_path = "/v1/messages"
    modules = ("anthropic.resources.messages", "anthropic.types.messages")
    usage: ClassVar = {"input_tokens": 60, "output_tokens": 40}

    def words(self, source: Path, output: Path, url: replay.Server, *more: str) -> list[str]:
        self.monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        self.monkeypatch.setenv("ANTHROPIC_BASE_URL", url.origin)
        words = super().words(source, output, url, *more)
        words[words.index("gpt-4")] = "anthropic/claude"
        place = words.index("--base-url")
        return words[:place] + words[place + 2 :]

    def bodies(self, server: replay.Server) -> list[bytes]:
        return [
            each.raw
            for each in server.exchanges
            if (each.method, each.path) == ("POST", "/v1/messages/batches")
        ]

    def size(self, body: bytes) -> int:
        return len(body) - sum(len(each["custom_id"]) for each in json.loads(body)["requests"])

    def batches(self, server: replay.Server) -> list[list[str]]:
        found: list[list[str]] = []
        for body in self.bodies(server):
            requests = json.loads(body)["requests"]
            said = [each["params"]["messages"][0]["content"] for each in requests]
            found.append(["d" + each.removeprefix("From: doc ").removesuffix(".") for each in said])
        return found


@pytest.fixture(params=[OpenAIDoor, AnthropicDoor], ids=["openai", "anthropic"])
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> OpenAIDoor:
    if request.param is AnthropicDoor:
        pytest.importorskip("anthropic")
        monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    made: OpenAIDoor = request.param(monkeypatch)
    return made


def check(output: Path, count: int = COUNT) -> dict[str, Any]:
    found = {line["id"]: line for line in lines(output)}
    assert len(found) == len(lines(output))
    assert found.keys() == {f"d{number}" for number in range(count)}
    for number in range(count):
        assert found[f"d{number}"]["value"] == answer(number)
    return found


def test_a_batch_brings_what_single_requests_bring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], door: OpenAIDoor
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    usage = {"usage": door.usage}
    with replay.serve(recordings(COUNT, lambda _: usage), batches=["wait@2"]) as server:
        assert cli.main(door.words(source, output, server, "--prices", "1,10")) == 0
        assert [sorted(each) for each in door.batches(server)] == [
            sorted(f"d{number}" for number in range(COUNT))
        ]
        assert door.live(server) == 0
    for line in check(output).values():
        assert (line["attempts"], line["usage"]["input_tokens"]) == (1, 60)
    said = capsys.readouterr().err
    # 720 at 1 and 480 at 10 millionths, half of it.
    assert "by batch: 720 tokens in, 480 out, at 50% of the price, which saved 0.0028" in said


def test_files_keep_to_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: OpenAIDoor
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    monkeypatch.setattr(door.endpoint, "most_requests", 5)
    with replay.serve(recordings(COUNT)) as server:
        assert cli.main(door.words(source, output, server)) == 0
        assert [len(each) for each in door.batches(server)] == [5, 5, 2]
    check(output)
    monkeypatch.setattr(door.endpoint, "most_bytes", 2000)
    with replay.serve(recordings(COUNT)) as server:
        assert cli.main(door.words(source, output, server, "--overwrite")) == 0
        assert len(door.bodies(server)) > 1
        assert all(door.size(body) <= 2000 for body in door.bodies(server))
    check(output)


@pytest.mark.parametrize("fault", ["expire@4", "missing@3"])
def test_what_a_batch_does_not_bring_is_asked_again(
    tmp_path: Path, fault: str, door: OpenAIDoor
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT), batches=[fault]) as server:
        assert cli.main(door.words(source, output, server)) == 0
        first, second = door.batches(server)
    assert len(first) == COUNT
    assert len(second) == (8 if fault == "expire@4" else 4)
    found = check(output)
    for id_ in second:
        assert found[id_]["attempts"] == 2
        assert found[id_]["retries"][0]["kind"] == "endpoint"


def wrong(number: int) -> dict[str, Any]:
    kinds: dict[int, dict[str, Any]] = {
        1: {"text": '{"name": "x", "age": "old", "city": "y"}', "times": 1},
        2: {"fault": "length@9", "times": 1},
        3: {"fault": "status:500", "times": 1},
        4: {"fault": "refuse"},
        5: {"fault": "status:400"},
    }
    return kinds.get(number, {})


@pytest.mark.parametrize("finish", ["--finish-live", "--quiet"])
def test_answers_that_are_none_are_asked_for_again(
    tmp_path: Path, finish: str, door: OpenAIDoor
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    corrected = {"match": "valid integer", "text": json.dumps(answer(1))}
    answers = [*recordings(COUNT, wrong), *recordings(COUNT), corrected]
    with replay.serve(answers) as server:
        assert cli.main(door.words(source, output, server, finish)) == 3
        again = {"d1", "d2", "d3"}
        if finish == "--finish-live":
            assert (len(door.batches(server)), door.live(server)) == (1, 3)
        else:
            _, second = door.batches(server)
            assert (set(second), door.live(server)) == (again, 0)
            _, again_asked = door.bodies(server)
            # The model is shown what was wrong.
            assert b"valid integer" in again_asked
    failed = {line["id"]: line["error"]["kind"] for line in lines(tmp_path / "out.errors.jsonl")}
    assert failed == {"d4": "refused", "d5": "endpoint"}
    found = {line["id"]: line for line in lines(output)}
    assert found.keys() == {f"d{number}" for number in range(COUNT)} - failed.keys()
    if finish != "--finish-live":
        assert {found[id_]["retries"][0]["kind"] for id_ in again} == {
            "invalid", "truncated", "endpoint",
        }  # fmt: skip


def test_a_batch_that_is_refused_ends_the_run_and_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    door = OpenAIDoor(monkeypatch)
    with replay.serve(recordings(COUNT), batches=["fail"]) as server:
        words = door.words(source, output, server)
        assert cli.main(words) == 1
        assert (
            "the provider refuses a batch: This line is not parseable." in capsys.readouterr().err
        )
        assert cli.main([*words, "--resume"]) == 0
    check(output)


# A request that timed out, or met a conflict, may have been carried out all the same.
@pytest.mark.parametrize("fault", ["lost", "lost@408", "lost@409"])
def test_a_batch_whose_name_was_lost_is_found_and_not_submitted_again(
    tmp_path: Path, fault: str, door: OpenAIDoor
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT), batches=[fault]) as server:
        assert cli.main(door.words(source, output, server)) == 0
        assert len(door.batches(server)) == 1
    check(output)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_batch_is_found_on_a_later_page_of_the_list(tmp_path: Path, provider: str) -> None:
    pytest.importorskip(provider)
    path = tmp_path / "0001.jsonl"

    async def run(server: replay.Server) -> None:
        batches: Any
        client: Any
        how: dict[str, Any] = {"mode": "tools", "model": Person, "llm": "m", "options": {}}
        if provider == "openai":
            from openai import AsyncOpenAI

            client = AsyncOpenAI(base_url=str(server), api_key="k")
            batches = OpenAIBatches(partialfast.from_openai(client), **how)
        else:
            from anthropic import AsyncAnthropic

            client = AsyncAnthropic(base_url=server.origin, api_key="k")
            batches = AnthropicBatches(client, **how)
        path.write_bytes(batches.request("a", [{"role": "user", "content": "x"}]))
        names = [await batches.submit(path, run="r", number=number) for number in range(45)]
        for number in (44, 20, 0):
            found = await batches.find(Search("r", number, 1, 0.0))
            assert found.name == names[number]
        assert (await batches.find(Search("r", 45, 1, 0.0))) == (None, True)
        await client.close()

    with replay.serve({"text": json.dumps(answer(1))}) as server:
        asyncio.run(run(server))


def test_openai_by_its_name_has_batches_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of ``--llm openai/NAME``: the client is made by the provider's name.
    path = tmp_path / "0001.jsonl"

    async def run() -> list[str | None]:
        async with connected(Endpoint(None, "", provider="openai")) as client:
            batches = OpenAIBatches(client, mode="tools", model=Person, llm="m", options={})
            path.write_bytes(batches.request("a", [{"role": "user", "content": "x"}]))
            name = await batches.submit(path, run="r", number=1)
            assert (await batches.look(name)).kind == "ended"
            return [line.id async for line in batches.results(name, ["a"])]

    with replay.serve({"text": json.dumps(answer(1))}) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("OPENAI_BASE_URL", str(server))
        assert asyncio.run(run()) == ["a"]


def test_a_batch_that_was_cancelled_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anthropic: Any = pytest.importorskip("anthropic")
    door = AnthropicDoor(monkeypatch)
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"

    with replay.serve(recordings(COUNT), batches=["wait@1000"]) as server:

        def cancel() -> None:
            with anthropic.Anthropic(base_url=server.origin, api_key="k") as client:
                deadline = time.monotonic() + 20
                while not door.batches(server) and time.monotonic() < deadline:
                    time.sleep(0.01)
                client.messages.batches.cancel("msgbatch_1")

        cancelling = threading.Thread(target=cancel)
        cancelling.start()
        status = cli.main(door.words(source, output, server))
        cancelling.join()
        assert status == 0
        first, second = door.batches(server)
        assert sorted(first) == sorted(second)
    check(output)


def test_a_kill_between_submitting_and_noting_it_asks_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic")
    door = AnthropicDoor(monkeypatch)
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    other = write_documents(tmp_path / "other.jsonl", COUNT)
    with replay.serve(recordings(COUNT), batches=["wait@3", "wait@150"]) as server:
        # Somebody else's batch, with as many requests.
        assert cli.main(door.words(other, tmp_path / "other_out.jsonl", server)) == 0
        words = door.words(source, output, server, "--quiet")
        with zygote(tmp_path, *door.modules) as runner:
            child = runner.start(words)
            path = tmp_path / "out.batches" / "state.json"
            deadline = time.monotonic() + 20
            while '"msgbatch_2"' not in (path.read_text() if path.exists() else ""):
                assert time.monotonic() < deadline
                time.sleep(0.002)
            assert runner.kill(child) == -9
        looked = len(server.exchanges)
        # What was there a moment before: it is noted that it will be tried, before it is.
        state = json.loads(path.read_text())
        assert state["files"][0]["tried"] is not None
        state["files"][0]["batch"] = None
        path.write_text(json.dumps(state))
        assert cli.main([*words, "--resume"]) == 0
        assert len(door.batches(server)) == 2
        # Until it has ended, it cannot be told whose it is.
        lists = [each for each in server.exchanges[looked:] if each.path.startswith(LIST)]
        assert len(lists) >= 2
    check(output)


def test_errors_of_the_provider_are_asked_about_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic")
    door = AnthropicDoor(monkeypatch)
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    for fault, count in (("fail", COUNT), ("expire@4", COUNT - 4), ("missing@3", COUNT // 3)):
        with replay.serve(recordings(COUNT), batches=[fault]) as server:
            words = door.words(source, output, server, "--finish-live", "--overwrite")
            assert cli.main(words) == 0
            assert (len(door.batches(server)), door.live(server)) == (1, count)
        check(output)


def test_arguments_that_were_cut_off_are_no_answer(tmp_path: Path) -> None:
    # The server closes the object of a call that the limit on tokens has cut.
    message = {
        "id": "m", "type": "message", "role": "assistant", "model": "c",
        "content": [{"type": "tool_use", "id": "t", "name": "Person", "input": answer(1)}],
        "stop_reason": "max_tokens", "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    record = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}
    whole = {**message, "stop_reason": "tool_use"}
    records = [record, {"custom_id": "b", "result": {"type": "succeeded", "message": whole}}]
    source, output = tmp_path / "results.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in records))
    salvage = ["salvage", str(source), "--model", "tests.batching:Person"]
    cli.main([*salvage, "--output", str(output)])
    first, second = lines(output)
    assert (first["id"], first["partial"]["name"]) == ("a", "Person 1")
    assert second == {"id": "b", "value": answer(1)}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork")
@pytest.mark.parametrize("most", [8, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_ask_nothing_twice(tmp_path: Path, most: int, door: OpenAIDoor) -> None:
    # Not seeded: the moments depend on the machine in any case.
    draw = random.Random()  # noqa: S311 - moments, not secrets
    count = 40
    source = write_documents(tmp_path / "in.jsonl", count)
    kills = jobs = amid = 0
    # The place of Anthropic's server is told by the environment, which processes begin with.
    with replay.serve(recordings(1)) as server:
        port = int(server.origin.rpartition(":")[2])
        door.words(source, tmp_path / "out.jsonl", server)
    with zygote(tmp_path, *door.modules) as runner:
        while kills < most:
            jobs += 1
            output = tmp_path / f"out{jobs}.jsonl"
            first_round = recordings(
                count,
                lambda number: {"fault": "length@9", "times": 1} if number % 9 == 0 else {},
            )
            faults = [draw.choice(["ok", "wait@3", "expire@25", "missing@7", "lost"])]
            with replay.serve(
                [*first_round, *recordings(count)], batches=[*faults, "wait@2"], port=port
            ) as server:
                words = door.words(source, output, server, "--resume", "--quiet")
                while kills < most:
                    begun = len(server.exchanges)
                    child = runner.start(words)
                    wait_for(server, begun + draw.choice([0, *range(12)]), child)
                    time.sleep(draw.uniform(0, 0.03))
                    status = runner.kill(child)
                    if status != -9:
                        assert status == 0
                        break
                    kills += 1
                    amid += len(server.exchanges) > begun
                else:
                    runner.start(words)
                    assert runner.wait() == 0
                asked = Counter(id_ for each in door.batches(server) for id_ in each)
            check(output, count)
            found = {line["id"]: line for line in lines(output)}
            # Each batch was submitted once: what was asked twice had no valid answer before.
            for id_, times in asked.items():
                assert times == found[id_]["attempts"], (id_, times, faults)
            check_one_run(tmp_path / f"out{jobs}.manifest.json", count)
    assert kills == most
    assert amid >= most // 4
    assert (tmp_path / "stderr.txt").read_text() == ""
