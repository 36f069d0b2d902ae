"""Ask real servers in all modes, with many seeds and limits, and judge each outcome.

Run by ``make test-real``: ``python -m tests.real``.

Environment:
    RUNS: How many questions (500).
    SEED: Of all that is random (1).
    SERVERS: Only those, separated by commas.
"""

# ruff: noqa: T201 - it is a command
from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

import partialfast as pf
from tests.openai_driver import open_async, open_sync
from tests.real.oracle import problem_of, read
from tests.real.servers import MODEL, running
from tests.real.tap import Tap, tapped

RUNS = int(os.environ.get("RUNS") or 500)
SEED = int(os.environ.get("SEED") or 1)
ONLY = [name for name in os.environ.get("SERVERS", "").split(",") if name]
FOLDER = Path(".bench") / "real"


class User(BaseModel):
    """A person."""

    name: str = Field(max_length=12)
    age: int


class Meeting(BaseModel):
    """A meeting."""

    users: list[User] = Field(max_length=2)
    budget: int
    place: Literal["Rome", "Oslo"] | None = None


PROMPT = "Ada is 36, Bob is 7. They meet in Rome for 500."
CHAT = [
    (pf.Mode.TOOLS, None),
    (pf.Mode.TOOLS, "required"),
    (pf.Mode.TOOLS_STRICT, None),
    (pf.Mode.JSON_SCHEMA, None),
    (pf.Mode.JSON, None),
    (pf.Mode.MD_JSON, None),
    (pf.Mode.AUTO, None),
]
RESPONSES = [ask for ask in CHAT if ask[1] is None]
METHODS = ("create_partial", "create_iterable", "create")
LIMITS = (6, 24, 64)


@dataclass(frozen=True)
class Run:
    """One question.

    Args:
        server: Whom to ask.
        api: Over which API.
        mode: How.
        tool_choice: What is said instead of the mode's own.
        method: The method to call.
        model: The name of the type to ask for.
        limit: The most tokens.
        asynchronous: Whether the client is.
        transport: How the answer is read.
        seed: Of the model.
    """

    server: str
    api: str
    mode: str
    tool_choice: str | None
    method: str
    model: str
    limit: int
    asynchronous: bool
    transport: Literal["raw", "sdk"]
    seed: int


def plan() -> list[Run]:
    """Draw the runs: every way to ask as often as any other, the rest at random."""
    draw = random.Random(SEED)  # noqa: S311 - nothing is secret
    ways = [
        (server, api, mode.name, choice)
        for server in ("llama.cpp", "litellm", "llama-cpp-python")
        for api, asks in (("chat", CHAT), ("responses", RESPONSES))
        for mode, choice in asks
        # It has no such API.
        if (server, api) != ("llama-cpp-python", "responses")
        if not ONLY or server in ONLY
    ]
    draw.shuffle(ways)
    return [
        Run(
            *way,
            method=draw.choice(METHODS),
            model=draw.choice(["User", "Meeting"]),
            limit=draw.choice(LIMITS),
            asynchronous=draw.random() < 0.5,
            transport=draw.choice(["raw", "sdk"]),
            seed=number,
        )
        for number, way in zip(range(RUNS), itertools.cycle(ways), strict=False)
    ]


def arguments_of(run: Run) -> dict[str, Any]:
    """Return the arguments of the call."""
    limit = "max_tokens" if run.api == "chat" else "max_output_tokens"
    given: dict[str, Any] = {
        "response_model": {"User": User, "Meeting": Meeting}[run.model],
        "model": MODEL,
        "messages": [{"role": "user", "content": PROMPT}],
        limit: run.limit,
        "extra_body": {"seed": run.seed},
    }
    if run.tool_choice is not None:
        given["tool_choice"] = run.tool_choice
    return given


def ask(run: Run, url: str) -> tuple[Any, Any, list[Any]]:
    """Ask, and return the value, the exception, and what was handed out."""
    handed: list[Any] = []

    def method_of(sdk: Any) -> Any:
        client: Any = pf.from_openai(sdk, pf.Mode[run.mode], transport=run.transport)
        resource = client.chat.completions if run.api == "chat" else client.responses
        return getattr(resource, run.method)

    async def read_all() -> Any:
        async with open_async(url, timeout=300) as sdk:
            result = method_of(sdk)(**arguments_of(run))
            if run.method == "create":
                return await result
            async for each in result:
                handed.append(each)  # noqa: PERF401 - as far as it gets
            return await result.final()

    def read_all_sync() -> Any:
        with open_sync(url, timeout=300) as sdk:
            result = method_of(sdk)(**arguments_of(run))
            if run.method == "create":
                return result
            for each in result:
                handed.append(each)  # noqa: PERF402 - as far as it gets
            return result.final()

    try:
        value = asyncio.run(read_all()) if run.asynchronous else read_all_sync()
    except Exception as error:  # noqa: BLE001 - that is what is judged
        return None, error, handed
    return value, None, handed


def judge(run: Run, tap: Tap) -> tuple[str, str | None]:
    """Ask, and return how it ended and what is wrong with that."""
    value, error, handed = ask(run, tap.url)
    heard = tap.take()
    ending = "a value" if error is None else type(error).__name__
    if not heard:
        return ending, f"nothing was sent: {error!r}"
    # Before it, a mode may have been found out.
    said = read(heard[-1])
    model: Any = {"User": User, "Meeting": Meeting}[run.model]
    items = run.method == "create_iterable"
    wanted = list[model] if items else model
    problem = problem_of(said, wanted, "items" if items else None, value, error)
    if problem is None and error is None and run.method != "create":
        last = handed if items else handed[-1]
        problem = None if last == value else "the last that was handed out is not the value"
    if problem is not None:
        kept = FOLDER / f"{run.seed}.txt"
        about = f"{asdict(run)}\n{problem}\n{error!r}\n{value!r}\n"
        kept.write_bytes(about.encode() + heard[-1].body)
        problem = f"{problem}; see {kept}"
    return ending, problem


def rows(ended: Counter[tuple[str, str, str, str]]) -> Iterator[str]:
    """Yield the lines of the table."""
    endings = sorted({ending for *_, ending in ended})
    yield f"| server | API | how it is asked | {' | '.join(endings)} |"
    yield "| --- | --- | --- |" + " ---: |" * len(endings)
    for row in sorted({key[:3] for key in ended}):
        keys = [(*row, ending) for ending in endings]
        yield f"| {' | '.join(row)} | {' | '.join(str(ended[key] or '') for key in keys)} |"


def main() -> int:
    """Run all; return the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.environ["PARTIALFAST_CACHE_DIR"] = str((FOLDER / "cache").resolve())
    ended: Counter[tuple[str, str, str, str]] = Counter()
    wrong: list[tuple[Run, str]] = []
    since = time.monotonic()
    with running(FOLDER) as urls, ExitStack() as stack:
        taps = {name: stack.enter_context(tapped(url)) for name, url in urls.items()}
        for number, run in enumerate(plan(), 1):
            ending, problem = judge(run, taps[run.server])
            how = run.mode if run.tool_choice is None else f"{run.mode}, {run.tool_choice}"
            ended[run.server, run.api, how, ending] += 1
            if problem is not None:
                wrong.append((run, problem))
                print(f"WRONG {json.dumps(asdict(run))}: {problem}", flush=True)
            if number % 25 == 0:
                print(f"{number} of {RUNS} runs, {len(wrong)} wrong", file=sys.stderr, flush=True)
    print(*rows(ended), sep="\n")
    total = sum(ended.values())
    print(f"{total} runs, {len(wrong)} wrong, {time.monotonic() - since:.0f} s")
    return 1 if wrong or total < RUNS else 0


if __name__ == "__main__":
    sys.exit(main())
