"""Lenient reading in a batch: values of what is not quite JSON, and what the summary says of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import TypeAdapter

import partialfast as pf
from partialfast import replay
from partialfast.batch import Meter, Result, extract
from partialfast.batch.io._rows import encode
from partialfast.batch.run._display import summary
from tests.batching import Person, answer
from tests.sloppy import written

pytestmark = pytest.mark.network


def gather(url: str, count: int, meter: Meter, **options: Any) -> list[Result[Person]]:
    async def run() -> list[Result[Person]]:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            found = extract(
                [f"doc {number}." for number in range(count)],
                model=Person,
                client=pf.from_openai(client),
                llm="gpt-4",
                meter=meter,
                max_retries=0,
                **options,
            )
            return [result async for result in found]

    return asyncio.run(run())


def test_repairs_reach_the_results_and_the_summary() -> None:
    text = written(answer(1), 5, {"quotes", "keys"})
    expected = pf.JsonParser(lenient=True)
    expected.feed(text)
    assert expected.repairs
    with replay.serve({"text": text}) as url:
        meter = Meter(total=3)
        results = gather(url, 3, meter, options={"lenient": True})
        strict = gather(url, 1, Meter(total=1))
    for result in results:
        assert result.value == Person(**answer(1))
        assert list(result.repairs) == expected.repairs
        _, encoded = encode(TypeAdapter(Person), result)
        line = json.loads(encoded)
        assert line["repairs"][0] == expected.repairs[0]._asdict()
    assert strict[0].error is not None
    lines = list(summary(meter.figures()))
    [said] = [line for line in lines if "repairs" in line]
    assert said.startswith("3 answers needed repairs: ")
    quotes = sum(repair.kind == "quotes" for repair in expected.repairs)
    assert f"{3 * quotes:,} other quotes" in said
