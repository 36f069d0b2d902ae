"""What an endpoint honours is found out: by `Mode.AUTO`, and by ``partialfast doctor``."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

import partialfast as pf
from partialfast import replay
from partialfast.cli import main
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._examine import examine
from partialfast.providers.openai._kept import KeptFacts, cache_folder
from partialfast.providers.openai._probe import TRIALS
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch, open_async, open_sync

pytestmark = pytest.mark.network

ADA = {"name": "Ada", "age": 36}
ANSWER = {"text": json.dumps(ADA)}


def bodies(url: replay.Server) -> list[dict[str, Any]]:
    return [exchange.body or {} for exchange in url.exchanges]


@EVERY_WAY
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_server_that_honours_a_named_function_is_asked_so(way: Way, api: Api) -> None:
    with replay.serve(ANSWER) as url:
        outcome = ask(way, url, api=api, mode=pf.Mode.AUTO, response_model=dict[str, Any])
        sent = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == ADA
    assert len(sent) == 2
    assert all(isinstance(body["tool_choice"], dict) for body in sent)


@EVERY_WAY
def test_a_server_that_does_not_is_asked_in_a_mode_that_it_knows(way: Way) -> None:
    with replay.serve(ANSWER, faults=["reject:tools"]) as url:
        outcome = ask(way, url, mode=pf.Mode.AUTO, response_model=dict[str, Any])
        assert fetch(way, url, mode=pf.Mode.AUTO, response_model=dict[str, Any]) == ADA
        sent = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == ADA
    assert sent[-1]["response_format"]["type"] == "json_schema"


def test_what_is_known_is_not_asked_again() -> None:
    with replay.serve(ANSWER) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.AUTO)
        for _ in range(3):
            client.create(model="m", messages="hi", response_model=dict[str, Any])
        assert len(url.exchanges) == 4
        client.create(model="other", messages="hi", response_model=dict[str, Any])
        assert len(url.exchanges) == 6
        client.with_options(timeout=9).create(
            model="m", messages="hi", response_model=dict[str, Any]
        )
        assert len(url.exchanges) == 7


def test_the_doctor_prints_what_is_honoured(capsys: pytest.CaptureFixture[str]) -> None:
    with replay.serve(ANSWER) as url:
        assert main(["doctor", "--base-url", str(url), "--model", "m"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TRIALS) + 2, "nothing is kept in tests"
    assert [line.startswith(trial.name) for line, trial in zip(lines, TRIALS, strict=False)] == [
        True
    ] * len(TRIALS)
    assert lines[-1] == "use Mode.TOOLS"
    assert "usage in a stream" in lines[-2]
    assert lines[-2].endswith("yes")


def test_the_doctor_knows_a_server_without_functions() -> None:
    with (
        replay.serve(ANSWER, faults=["reject:tools"]) as url,
        OpenAI(base_url=url, api_key="k", max_retries=0) as sdk,
    ):
        lines = list(examine(sdk, "m"))
    assert "no " in lines[0]
    assert lines[-1] == "use Mode.JSON_SCHEMA"


def test_the_doctor_says_when_nobody_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--base-url", "http://127.0.0.1:9/v1", "--model", "m"]) == 1
    assert "cannot be asked" in capsys.readouterr().err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is found out in a folder of the test's own."""
    monkeypatch.setenv("PARTIALFAST_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@EVERY_WAY
def test_what_was_found_out_is_kept_for_the_next_process(way: Way, folder: Path) -> None:
    asked: dict[str, Any] = {"mode": pf.Mode.AUTO, "response_model": dict[str, Any]}
    with replay.serve(ANSWER, faults=["reject:tools"]) as url:
        for requests in (3, 4):
            # Another client, which knows nothing.
            assert ask(way, url, **asked).handed[-1] == ADA
            assert len(bodies(url)) == requests
            assert bodies(url)[-1]["response_format"]["type"] == "json_schema"
        (file,) = files(folder)
        assert json.loads(file.read_text())["honoured"]["named"] is False
        # Another model is another matter.
        assert fetch(way, url, model="other", **asked) == ADA
        assert len(bodies(url)) == 7


def test_what_is_kept_is_private_and_has_no_secret_in_it(folder: Path) -> None:
    with replay.serve(ANSWER) as url:
        secret = str(url).replace("http://", "http://me:p4ssword@")
        with OpenAI(base_url=secret, api_key="sk-k3y", default_headers={"x-k": "h34der"}) as sdk:
            pf.from_openai(sdk, pf.Mode.AUTO, model="m").chat.completions.create(
                messages="hi", response_model=dict[str, Any]
            )
    (file,) = files(folder)
    for word in ("p4ssword", "sk-k3y", "h34der", "Ada"):
        assert word not in file.read_text()
        assert word not in str(file)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "written",
    [b"", b"[]", b"{", b"\xff", b'{"version": 2}', b'{"version": 1, "asked": "now"}', b"[" * 9_000],
)
def test_what_is_no_such_file_is_as_good_as_none(folder: Path, written: bytes) -> None:
    kept = KeptFacts("http://host/v1", "chat", "m")
    kept.write({"named": True})
    assert kept.read() == {"named": True}
    (file,) = files(folder)
    file.write_bytes(written)
    assert kept.read() == {}


def test_what_is_old_is_asked_again(folder: Path) -> None:
    now = time.time()
    KeptFacts("http://host/v1", "chat", "m", clock=lambda: now).write({"named": True})
    for days, known in [(0, True), (6.9, True), (7.1, False), (-1, False)]:
        later = KeptFacts(
            "http://host/v1", "chat", "m", clock=functools.partial(float, now + days * 86_400)
        )
        assert bool(later.read()) is known
    assert len(files(folder)) == 1


def test_a_folder_that_cannot_be_written_is_no_trouble(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with replay.serve(ANSWER) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.AUTO, model="m")
        assert client.create(messages="hi", response_model=dict[str, Any]) == ADA


def test_what_may_be_otherwise_the_next_time_is_not_kept(folder: Path) -> None:
    answers: list[dict[str, Any]] = [{**ANSWER, "fault": "drop@4", "times": 1}, ANSWER]
    with replay.serve(answers) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.AUTO, model="m")
        assert client.create(messages="hi", response_model=dict[str, Any]) == ADA
    (file,) = files(folder)
    assert json.loads(file.read_text())["honoured"] == {"json_schema": True, "usage": True}


@EVERY_WAY
def test_a_way_that_makes_the_server_fail_is_not_taken(way: Way, folder: Path) -> None:
    failing: list[dict[str, Any]] = [{**ANSWER, "fault": "status:500", "times": 2}, ANSWER]
    with replay.serve(failing) as url:
        outcome = ask(way, url, mode=pf.Mode.AUTO, response_model=dict[str, Any])
        # A named function, a schema, "required"; then the question itself.
        assert len(bodies(url)) == 4
        assert bodies(url)[-1]["tool_choice"] == "required"
    assert outcome.handed[-1] == ADA
    (file,) = files(folder)
    assert json.loads(file.read_text())["honoured"] == {"required": True, "usage": True}


def test_the_doctor_asks_anew_and_keeps_what_it_finds(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with replay.serve(ANSWER) as url:
        sdk = OpenAI(base_url=url, api_key="k")
        kept = KeptFacts(str(sdk.base_url), Chat.name, "m")
        kept.write({"named": False, "json_schema": False})
        assert main(["doctor", "--base-url", str(url), "--model", "m"]) == 0
        assert kept.read() == {
            "named": True,
            "required": True,
            "json_schema": True,
            "json_object_schema": True,
            "json_object": True,
            "instructions": True,
            "usage": True,
        }
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith(f"kept for Mode.AUTO in {folder}")
        before = len(bodies(url))
        with sdk:
            client: Any = pf.from_openai(sdk, pf.Mode.AUTO, model="m")
            for resource in (client, client.responses):
                assert resource.create(messages="hi", response_model=dict[str, Any])
        assert len(bodies(url)) == before + 2


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/partialfast"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/partialfast"),
        ("linux", {}, "/home/me/.cache/partialfast"),
        ("darwin", {}, "/home/me/Library/Caches/partialfast"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/partialfast/Cache"),
        ("win32", {}, "/home/me/AppData/Local/partialfast/Cache"),
    ],
)
def test_the_folder_is_where_the_system_has_it(
    monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("PARTIALFAST_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert cache_folder() == Path(expected)
    monkeypatch.setenv("PARTIALFAST_CACHE_DIR", "")
    assert cache_folder() is None


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "tasks"])
def test_many_at_a_time_find_it_out_once(asynchronous: bool) -> None:  # noqa: FBT001
    asked: dict[str, Any] = {"messages": "hi", "response_model": dict[str, Any]}

    async def main() -> list[Any]:
        async with open_async(url) as sdk:
            client: Any = pf.from_openai(sdk, pf.Mode.AUTO, model="m")
            return await asyncio.gather(*(client.create(**asked) for _ in range(8)))

    with replay.serve(ANSWER) as url:
        if asynchronous:
            values = asyncio.run(main())
        else:
            with open_sync(url) as sdk, ThreadPoolExecutor(8) as pool:
                client: Any = pf.from_openai(sdk, pf.Mode.AUTO, model="m")
                values = list(pool.map(lambda _: client.create(**asked), range(8)))
        assert len(bodies(url)) == 9
    assert values == [ADA] * 8
