"""What docs/instructor-names.md says of each name of instructor's is what the package does."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast import replay
from partialfast._hints import HINTS, OF_ARGUMENTS, OF_CLIENTS, OF_COMMANDS
from partialfast.cli import main
from tools.instructor_docs import example_of
from tools.instructor_names import PAGE, SURFACE, page, verdict

pytestmark = pytest.mark.usefixtures("clients_are_closed")

EXAMPLES = PAGE.with_name("instructor-examples.md")
MODULES: dict[str, list[str]] = SURFACE["modules"]


class User(BaseModel):
    name: str


def _here(module: str) -> str:
    return module.replace("instructor", "partialfast", 1)


def _rows(title: str) -> Iterator[tuple[str, str, str]]:
    [section] = re.findall(
        rf"^## {title}\n\n.*\n.*\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    for line in section.splitlines():
        name, verdict_, what = line.strip("|").split(" | ", 2)
        yield name.replace("`", "").strip(), verdict_.strip(), what.strip().replace("\\|", "|")


def test_the_page_is_what_the_tool_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_name() -> None:
    written = {name.rpartition(".")[2] for name, _, _ in _rows("Modules' names")}
    assert written == {name for names in MODULES.values() for name in names}
    assert SURFACE["version"].startswith("1.17.")
    assert len(written) > 250


@pytest.mark.parametrize("module", MODULES)
def test_each_name_of_a_module_is_what_the_page_says(module: str) -> None:
    here = importlib.import_module(_here(module))
    for name in MODULES[module]:
        said, what = verdict(name)
        assert said != "refused" or what == HINTS[name]
        if said == "refused" or (name in HINTS and name not in vars(here)):
            hint = re.escape(f"instead of instructor's, use {HINTS[name]}")
            with pytest.raises(AttributeError, match=hint):
                getattr(here, name)
            # What Python itself would say of `from ... import name` has no hint in it.
            with pytest.raises(ImportError, match=hint):
                exec(f"from {_here(module)} import {name}")  # noqa: S102 - as a program does
            assert not hasattr(here, name)
        elif what != "a module":
            assert getattr(here, name, None) is not None or getattr(pf, name) is not None


@pytest.mark.parametrize("said", ["same", "other name"])
def test_what_is_used_instead_is_there(said: str) -> None:
    for name, is_, what in _rows("Modules' names"):
        if is_ == said and what.startswith("`") and name.rpartition(".")[2] in pf.__all__:
            assert getattr(pf, name.rpartition(".")[2]) is getattr(pf, what.strip("`"))


def test_hints_name_what_is_there() -> None:
    known = {*pf.__all__, "create_iterable", "partialfast.batch"}
    for instead in set(HINTS.values()):
        for name in re.findall(r"\b(?:from_\w+|create_\w+|[A-Z]\w+Error|StreamState)\b", instead):
            own = name in known or name in {"ValidationError", "TypeError", "ValueError"}
            assert own, instead
        for path in re.findall(r"partialfast\.(\w+)\.(\w+)", instead):
            assert hasattr(importlib.import_module(f"partialfast.{path[0]}"), path[1]), instead


@pytest.mark.parametrize("mode", SURFACE["modes"])
def test_each_mode_is_one_of_ours(mode: str) -> None:
    [(said, what)] = [row[1:] for row in _rows("Modes") if row[0] == f"Mode.{mode}"]
    assert (said == "same") is (pf.Mode[mode].name == mode)
    assert what in {"", f"`Mode.{pf.Mode[mode].name}`"}


@pytest.mark.network
@pytest.mark.parametrize("sdk", [OpenAI, AsyncOpenAI])
def test_each_attribute_of_a_client_is_what_the_page_says(sdk: Any) -> None:
    client: Any = pf.from_openai(sdk(base_url="http://127.0.0.1:9/v1", api_key="k"), model="m")
    for name, said, what in _rows("Attributes of a client"):
        if said == "refused":
            with pytest.raises(AttributeError, match=re.escape(f"use {what}")):
                getattr(client, name.removeprefix("client."))
        else:
            assert getattr(client, name.removeprefix("client."), None) is not None
    assert set(SURFACE["client"]) >= OF_CLIENTS.keys() - {"create_partial_with_completion"}


@pytest.mark.network
def test_each_argument_is_what_the_page_says() -> None:
    messages = [{"role": "user", "content": "Who?"}]
    listed = [{"role": "user", "content": "List."}]
    given = {
        "response_model": User,
        "messages": messages,
        "max_retries": 1,
        "context": {"a": 1},
        "strict": True,
        "hooks": pf.Hooks(),
    }
    answers = [
        {"text": '{"name": "Ada"}', "match": "Who?"},
        {"text": '{"items": [{"name": "Ada"}]}', "match": "List."},
    ]
    with replay.serve(answers) as url:
        client: Any = pf.from_openai(OpenAI(base_url=url, api_key="k"), model="m")
        for call, names in SURFACE["arguments"].items():
            said = {name: is_ for name, is_, _ in _rows("Arguments") if name.startswith(f"{call}(")}
            assert said.keys() == {f"{call}({name})" for name in names}
            taken = [name for name in names if said[f"{call}({name})"] == "same"]
            given["messages"] = listed if call == "create_iterable" else messages
            result = getattr(client, call)(**{each: given[each] for each in taken if each in given})
            values = [result] if isinstance(result, User) else list(result)
            assert User(name="Ada") in values
            for name in set(names) & OF_ARGUMENTS.keys():
                with pytest.raises(TypeError, match=re.escape(OF_ARGUMENTS[name])):
                    getattr(client, call)(response_model=User, messages=messages, **{name: 3})


@pytest.mark.network
def test_hooks_of_a_call_are_told_of_that_call_alone() -> None:
    told: list[str] = []
    hooks = pf.Hooks()
    hooks.on(pf.HookName.COMPLETION_KWARGS, lambda **kwargs: told.append(kwargs["model"]))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    messages: Any = [{"role": "user", "content": "Who?"}]

    async def main_(url: str) -> None:
        async with pf.from_openai(AsyncOpenAI(base_url=url, api_key="k"), model="m") as client:
            client.on("completion:kwargs", lambda **_: told.append("client"))
            await client.create(response_model=User, messages=messages, hooks=hooks)
            await client.create(response_model=User, messages=messages)

    with replay.serve({"text": '{"name": "Ada"}'}) as url:
        asyncio.run(main_(url))
    assert told == ["client", "m", "client"]
    assert [event.value for event in pf.HookName] == SURFACE["events"]


@pytest.mark.parametrize("command", sorted({each.split()[0] for each in SURFACE["commands"]}))
def test_each_command_is_refused_with_what_to_use(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "list"])
    assert OF_COMMANDS[command] in capsys.readouterr().err


def test_a_module_that_neither_has_is_not_found() -> None:
    for name in ("partialfast.nothing", "partialfast.batch.lop", "partialfast.providers.opneai"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)


class Everything(BaseModel):
    text: str = Field(min_length=12, max_length=20)
    number: int = Field(ge=3, lt=5)
    share: float = Field(gt=0, le=1)
    users: list[User] = Field(min_length=3)
    either: User | None
    kind: Literal["a", "b"]
    when: datetime
    tree: list[Everything]


def test_what_the_examples_are_answered_with_fits_the_schema_in_the_request() -> None:
    made = example_of(Everything.model_json_schema(), {})
    assert Everything.model_validate_json(json.dumps(made)).either == User(
        name=made["either"]["name"]
    )


def test_the_page_of_examples_says_how_many_run() -> None:
    text = EXAMPLES.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \S+\.md \| \d+ \| (yes|no.*?) \| (yes|no.*?) \|", text, re.MULTILINE)
    run = [ours for theirs, ours in rows if theirs == "yes"]
    assert f"**{len(rows)} blocks stream; {len(run)} of them run offline under instructor" in text
    assert len(run) > 50
    assert set(run) == {"yes"}
