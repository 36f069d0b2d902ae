"""Money is not spent in silence: limits, samples, what is asked once, and what is known already."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partialfast import cli, replay
from partialfast.batch import BatchError, Failure, Item, Result, Timings, Usage
from partialfast.batch.io._cache import AnswerCache
from partialfast.batch.loop._result import result_of
from partialfast.batch.run._spending import Budget, FailureLimit, Prices, SpendingGuard
from tests.batching import (
    Person,
    answer,
    arguments,
    asked,
    documents,
    lines,
    recordings,
    write_documents,
)

pytest.importorskip("filelock")
parquet: Any = pytest.importorskip("pyarrow.parquet")


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(words) == 1
    return capsys.readouterr().err


# Before anything is asked


@pytest.mark.network
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prompt", "Get the person."], "the prompt names no field of the documents"),
        (["--prompt", "{{text}}"], "the prompt names no field of the documents"),
        (["--model", "tests.batch.test_spending:A_TEXT"], "is the string 'int'"),
        (["--model", "tests.batch.test_spending:A_NUMBER"], "is not a type"),
        (["--model", "json:loads"], "json:loads is a function, and no type"),
        (
            ["--model", "tests.batch.test_spending:A_PERSON"],
            "is not a type that",
        ),
        (["--system", "@none.txt"], "cannot read the system message none.txt: No such file"),
        (["--prompt", "@none.txt"], "cannot read the prompt none.txt: No such file"),
        (["--input", "empty.jsonl"], "there is no document in empty.jsonl"),
        (["--input", "folder"], "there is no document in folder"),
        (["--budget", "$5"], "a --budget in money needs --prices"),
        (["--accept-changes"], "--accept-changes goes with --resume"),
        (["--yes"], "--yes goes with --sample"),
        (["--input-format", "csv"], "not as many fields|has no field 'text'"),
    ],
)
def test_what_would_be_paid_for_nothing_is_said_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 3)
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with replay.serve(recordings(3)) as server:
        assert re.search(
            said, refused([*arguments(source, tmp_path / "out.jsonl", server), *words], capsys)
        )
        assert server.exchanges == []
    assert not (tmp_path / "out.jsonl").exists()


A_TEXT = "int"
A_NUMBER = 5
A_PERSON = Person(name="x", age=1, city="y")


@pytest.mark.network
def test_a_system_message_is_read_from_a_file(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 1)
    (tmp_path / "system.txt").write_text("Be brief.")
    with replay.serve(recordings(1)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        assert cli.main([*words, "--system", f"@{tmp_path / 'system.txt'}"]) == 0
    body: Any = server.exchanges[0].body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


# Limits


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("2000000", 2e6, None),
        ("2M", 2e6, None),
        ("1.5k tokens", 1500, None),
        ("1_000", 1000, None),
        ("$5", 5, "$"),
        ("5.50€", 5.5, "€"),
        ("12 EUR", 12, "EUR"),
    ],
)
def test_a_budget_is_tokens_or_money(text: str, amount: float, currency: str | None) -> None:
    assert Budget.of(text) == Budget(amount, currency)


@pytest.mark.parametrize("text", ["", "M", "$", "-5", "5$$", "five", "5%"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither tokens"):
        Budget.of(text)


def result(number: int, *, ok: bool = True, tokens: int = 100) -> Result[Any]:
    return result_of(
        id=str(number), value=1 if ok else None, error=None if ok else Failure("json", "x"),
        text="", snapshot=None, usage=Usage(tokens // 2, tokens - tokens // 2), attempts=1,
        timings=Timings(0, 0, 0), index=number,
    )  # fmt: skip


@given(
    costs=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    concurrency=st.integers(1, 8),
    budget=st.integers(0, 20_000),
)
def test_a_budget_is_overdrawn_by_what_is_in_flight_at_most(
    costs: list[int], concurrency: int, budget: int
) -> None:
    guard = SpendingGuard(budget=Budget(budget), prompt_tokens=10.0)
    items = iter([Item(str(number), {}) for number in range(len(costs))])

    async def run() -> int:
        spent = 0
        flying: list[int] = []
        allowed = guard.allowed(items)
        following: asyncio.Future[Any] = asyncio.ensure_future(anext(allowed, None))
        while True:
            await asyncio.sleep(0)
            if following.done() and len(flying) < concurrency:
                if (item := following.result()) is None:
                    break
                flying.append(int(item.id))
                following = asyncio.ensure_future(anext(allowed, None))
            elif flying:
                number = flying.pop(0)
                spent += costs[number]
                guard.finished(result(number, tokens=costs[number]))
        for number in flying:
            spent += costs[number]
            guard.finished(result(number, tokens=costs[number]))
        return spent

    spent = asyncio.run(asyncio.wait_for(run(), 10))
    # One that is taken ahead of its turn is in flight too.
    assert spent <= budget + max(costs) * (concurrency + 1)
    if not guard.stopped:
        assert spent == sum(costs)


def test_failures_have_a_limit_by_number_and_by_share() -> None:
    by_number = SpendingGuard(failures=FailureLimit.of("2"))
    for number in range(3):
        assert by_number.stopped == ""
        by_number.taken()
        by_number.finished(result(number, ok=False))
    assert by_number.stopped == "3 documents have failed; --max-failures is 2"
    by_share = SpendingGuard(failures=FailureLimit.of("10%"))
    for number in range(40):
        by_share.taken()
        by_share.finished(result(number, ok=number % 5 > 0))
        # Of the first few, any share could be chance.
        assert bool(by_share.stopped) == (number >= 19)
    assert by_share.stopped == "4 of 20 documents have failed; --max-failures is 10%"


@pytest.mark.network
def test_a_run_that_fails_too_often_stops_and_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 60), tmp_path / "out.jsonl"
    bad = recordings(60, lambda _: {"text": '{"name": 1}'})
    with replay.serve(bad) as server:
        words = [*arguments(source, output, server), "--concurrency", "2", "--max-retries", "0"]
        text = refused([*words, "--max-failures", "5"], capsys)
        assert "documents have failed; --max-failures is 5" in text
        assert "go on with: partialfast" in text
        assert 6 <= len(server.exchanges) <= 10
    with replay.serve(recordings(60)) as server:
        words = [*arguments(source, output, server), "--resume", "--retry-failed"]
        assert cli.main(words) == 0
    assert len(lines(output)) == 60


@pytest.mark.network
def test_a_budget_holds_for_all_runs_of_a_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 40), tmp_path / "out.jsonl"
    usage = {"usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}}
    with replay.serve(recordings(40, lambda _: usage)) as server:
        words = [*arguments(source, output, server), "--concurrency", "2"]
        text = refused([*words, "--budget", "1000"], capsys)
        assert "the --budget of 1,000 tokens allows no further document: about" in text
        assert re.search(r"are spent, and a document takes about \d+\n", text)
        assert 5 <= len(lines(output)) <= 10
        before = len(server.exchanges)
        refused([*words, "--resume", "--budget", "500"], capsys)
        assert len(server.exchanges) == before
        # 60 tokens at 1 and 40 at 10 are 460 millionths.
        money = [*words, "--resume", "--prices", "1,10", "--budget"]
        assert "the --budget of 0.01 $ allows no further document" in refused(
            [*money, "$0.007"], capsys
        )
        assert before < len(lines(output)) <= 15
        assert cli.main([*money, "$1"]) == 0
    assert len(lines(output)) == 40


@pytest.mark.network
def test_the_most_frequent_errors_are_shown_with_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 12)

    def wrong(number: int) -> dict[str, Any]:
        if number < 6:
            return {"text": json.dumps({"name": "x", "age": f"no. {number}"})}
        return {"text": "no JSON at all"} if number < 9 else {"refusal": f"No, {number}."}

    with replay.serve(recordings(12, wrong)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--max-retries", "0")
        assert cli.main(words) == 3
    said = capsys.readouterr().err
    assert re.search(r"  6 x invalid, such as d\d: age: Input should be a valid integer", said)
    assert re.search(r"  3 x json, such as d\d: ", said)
    assert re.search(r"  3 x refused, such as d\d+: ", said)


@pytest.mark.network
def test_a_broken_event_is_no_invalid_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2, lambda _: {"fault": "corrupt@2"})) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--max-retries", "0")
        assert cli.main(words) == 3
    said = capsys.readouterr().err
    assert "failed: 2 connection" in said
    assert "cut off as invalid" not in said


# A sample


@pytest.mark.network
def test_a_sample_says_what_the_whole_would_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 100), tmp_path / "out.parquet"
    usage = {"usage": {"prompt_tokens": 600, "completion_tokens": 400, "total_tokens": 1000}}
    with replay.serve(recordings(100, lambda _: usage)) as server:
        words = [*arguments(source, output, server), "--prices", "1,10"]
        assert cli.main([*words, "--sample", "10"]) == 0
        said = capsys.readouterr().err
        assert "sample of 10: 100% valid, 0 further attempts, 0 repaired" in said
        assert "tokens a document: 600 in, 400 out" in said
        assert "all 100 documents: about 60,000 tokens in, 40,000 out, 0.46, " in said
        assert "go on with: partialfast" in said
        assert not output.exists()
        chosen = {asked(each) for each in server.exchanges}
        assert len(chosen) == 10
        assert cli.main([*words, "--resume"]) == 0
        # What the sample has is not asked again.
        assert Counter(asked(each) for each in server.exchanges) == Counter(
            each["id"] for each in documents(100)
        )
    assert parquet.read_table(output).num_rows == 100
    # By chance, it would be the first ten once in 10 to the 13.
    assert chosen != {f"d{number}" for number in range(10)}


@pytest.mark.network
def test_a_sample_that_may_go_on_goes_on(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    with replay.serve(recordings(20)) as server:
        words = [*arguments(source, output, server), "--sample", "5", "--yes", "--quiet"]
        assert cli.main(words) == 0
        assert len(server.exchanges) == 20
    assert len(lines(output)) == 20


# Asked once


def write_twins(path: Path, count: int, kinds: int) -> Path:
    each = [{"id": f"t{number}", "text": f"doc {number % kinds}."} for number in range(count)]
    path.write_text("".join(json.dumps(document) + "\n" for document in each))
    return path


@pytest.mark.network
@pytest.mark.parametrize("concurrency", ["1", "64"])
@pytest.mark.parametrize("piped", ["", "piped"])
def test_the_same_document_is_asked_about_once(
    tmp_path: Path, concurrency: str, piped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_twins(tmp_path / "in.jsonl", 30, 7), tmp_path / "out.jsonl"

    def wrong(number: int) -> dict[str, Any]:
        return {"text": '{"name": 1}'} if number == 3 else {}

    with replay.serve(recordings(7, wrong)) as server, source.open("rb") as reading:
        words = arguments(source, output, server, "--max-retries", "0")
        words += ["--concurrency", concurrency]
        read, write = os.pipe()
        if piped:
            # What can be read only once is told apart as it comes.
            os.write(write, reading.read())
            words[words.index("--input") + 1] = f"/dev/fd/{read}"
            words += ["--input-format", "jsonl"]
        os.close(write)
        assert cli.main(words) == 3
        os.close(read)
        assert len(server.exchanges) == 7
    said = capsys.readouterr().err
    assert "the same as others, and not asked about: 23" in said
    assert "26 done, 4 failed" in said
    assert "failed: 4 invalid" in said
    found = {line["id"]: line for line in lines(output)}
    failed = {line["id"]: line for line in lines(tmp_path / "out.errors.jsonl")}
    assert sorted([*found, *failed]) == sorted(f"t{number}" for number in range(30))
    for number in range(30):
        line = (failed if number % 7 == 3 else found)[f"t{number}"]
        if number % 7 != 3:
            assert line["value"] == answer(number % 7)
        if number >= 7:
            assert line["same_as"] == f"t{number % 7}"
            assert line["usage"]["output_tokens"] == line["attempts"] == 0


@pytest.mark.network
def test_an_answer_of_an_earlier_run_serves_those_that_are_the_same(tmp_path: Path) -> None:
    source, output = write_twins(tmp_path / "in.jsonl", 12, 4), tmp_path / "out.jsonl"
    with replay.serve(recordings(4)) as server:
        words = arguments(source, output, server)
        assert cli.main([*words, "--limit", "4"]) == 0
        # Also when the one that has an answer comes after those that have none.
        reverse = source.read_text().splitlines(keepends=True)[::-1]
        source.write_text("".join(reverse))
        assert cli.main([*words, "--resume"]) == 0
        assert len(server.exchanges) == 4
    assert len(lines(output)) == 12


# Known already


@pytest.mark.network
def test_a_known_answer_is_not_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 6)
    cache = ["--cache", str(tmp_path / "cache")]

    def wrong(number: int) -> dict[str, Any]:
        return {"text": '{"name": 1}'} if number == 3 else {}

    with replay.serve(recordings(6, wrong)) as server:
        first = [*arguments(source, tmp_path / "a.jsonl", server), *cache, "--max-retries", "0"]
        assert cli.main(first) == 3
        second = [*arguments(source, tmp_path / "b.jsonl", server), *cache, "--max-retries", "0"]
        capsys.readouterr()
        assert cli.main(second) == 3
        # What had failed is not known.
        assert [asked(each) for each in server.exchanges[6:]] == ["d3"]
        assert "known from earlier requests: 5" in capsys.readouterr().err
        for option, value in (("--llm", "gpt-5"), ("--prompt", "{text}"), ("--mode", "json"),
                              ("--temperature", "0")):  # fmt: skip
            before = len(server.exchanges)
            cli.main([*first, "--overwrite", option, value])
            assert len(server.exchanges) == before + 6
    by_id = {line["id"]: line for line in lines(tmp_path / "b.jsonl")}
    for number in (0, 1, 2, 4, 5):
        assert by_id[f"d{number}"]["value"] == answer(number)
        assert by_id[f"d{number}"]["cached"]
        assert by_id[f"d{number}"]["attempts"] == 0


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def cache_of(folder: Path, model: Any = Person, key: str | None = None) -> AnswerCache:
    return AnswerCache(folder, model, key=key, request={"model": "m"})


@pytest.mark.parametrize(
    "spoil",
    [b"", b"{", b"[]", b'{"request": "x", "text": "{}"}', b"\xff", b"[" * 100_000],
)
def test_a_file_of_the_cache_that_is_spoilt_is_as_good_as_not_there(
    tmp_path: Path, spoil: bytes
) -> None:
    cache = cache_of(tmp_path / "cache")
    text = json.dumps(answer(1))
    assert cache.find(ask("a")) is None
    cache.keep(ask("a"), text)
    assert cache.find(ask("a")) == (Person(**answer(1)), text, ())
    assert cache.find(ask("b")) is None
    [path] = (tmp_path / "cache").glob("*/*.json")
    # The answer to another question, put in its place.
    cache.keep(ask("b"), text)
    [other] = set((tmp_path / "cache").glob("*/*.json")) - {path}
    for data in (spoil, other.read_bytes(), path.read_bytes().replace(b'age\\": 1', b'age\\": x')):
        path.write_bytes(data)
        assert cache.find(ask("a")) is None


def test_the_cache_reads_as_the_client_does(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, list[int], "items")
    for text in ('Sure:\n```json\n{"items": [1, 2]}\n```', "[1, 2]"):
        cache.keep(ask("a"), text)
        assert cache.find(ask("a")) == ([1, 2], text, ())
    # Cut off it would not be kept, but it may have been by a full disk.
    cache.keep(ask("a"), '{"items": [1, 2]')
    assert cache.find(ask("a")) is None


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BatchError, match="cannot make the cache"):
        cache_of(tmp_path / "file" / "cache")


def test_prices_are_of_a_million_tokens() -> None:
    prices = Prices.of("0.15,0.60")
    assert prices.cost(2_000_000, 1_000_000) == pytest.approx(0.9)
    for text in ("", "1", "1;2", "-1,2", "nan,1"):
        with pytest.raises(ValueError, match=r"."):
            Prices.of(text)
