"""Recordings of other providers as the answer of a server to the real SDK, and calls in pieces."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import Mode, replay
from partialfast.replay import Recording as Played
from partialfast.replay import Server
from tests.providers.cases import CASES, Case
from tests.providers.test_recordings import DIALECTS, Recording, comparable, recordings

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

#: Which SDK reads which dialect, as the folder of the recording says.
SDKS = {"anthropic": "anthropic", "google": "google", "bedrock": "bedrock", "groq": "groq"}
SDKS["mistral"] = "mistral"


def _played(folder: Path) -> Iterator[tuple[Recording, Case]]:
    cases = {case.name: case for case in CASES}
    for recording in recordings(folder):
        name = SDKS.get(recording.name.partition("/")[0])
        if name is not None and recording.body is not None:
            yield recording, cases[name]


# What google-genai says of a kind of traffic that is newer than it is.
@pytest.mark.filterwarnings("ignore:.* is not a valid TrafficType:UserWarning")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_each_recording_is_read_through_the_sdk(shared_data: Path, *, is_async: bool) -> None:
    """The value that was called for, or the words that were said instead, are those recorded."""
    pytest.importorskip("anthropic")
    count = 0
    for recording, case in _played(shared_data):
        count += 1
        plain = DIALECTS[recording.dialect](recording.events)
        text, reasoning, calls, endings = comparable(plain)
        first = calls[0][0][1] if calls else None
        mode = Mode.MD_JSON if first is None else Mode.TOOLS

        async def run(url: Server, case: Case = case, mode: Mode = mode) -> tuple[Any, str, str]:
            async with case.connected(url, is_async=is_async) as client:
                client._settings.mode = mode
                asked: Any = dict[str, Any]
                stream = client.create_partial(asked, model=case.model, messages="Who?")
                value: Any = None
                try:
                    if is_async:
                        value = [snapshot async for snapshot in stream][-1]
                    else:
                        value = list(stream)[-1]
                except (pf.StreamError, pf.JsonError, IndexError):
                    # Words are no JSON.
                    value = None
                return value, stream.text, stream.reasoning_text

        with replay.serve(Played(raw=recording.body), split=100) as url:
            value, said, thought = asyncio.run(run(url))
        if first is not None:
            assert value == first, recording.name
        elif endings == ["refusal"]:
            assert json.loads(said)["type"] == "refusal", recording.name
        elif value is None:
            # It is given up where it is clear that it is no JSON.
            assert text.startswith(said.rstrip()) or said in text, recording.name
        assert reasoning.startswith(thought), recording.name
    assert count > 25


class Place(BaseModel):
    city: str
    tags: list[str]
    size: float


PLACE = Place(city='Saint-Rémy "les"\n', tags=["a", "b"], size=1.5)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_vertex_sends_arguments_in_pieces(*, is_async: bool) -> None:
    genai = pytest.importorskip("google.genai")

    async def run(url: Server) -> None:
        where = {"base_url": url.origin}
        sdk = genai.Client(vertexai=True, api_key="k", http_options=where)
        client = pf.from_genai(sdk, Mode.TOOLS, use_async=is_async, model="gemini")
        stream: Any = client.create_partial(Place, messages="Where?")
        if is_async:
            snapshots = [snapshot async for snapshot in stream]
            await sdk.aio.aclose()
        else:
            snapshots = list(stream)
        sdk.close()
        assert snapshots[-1] == PLACE
        assert len(snapshots) > 5

    with replay.serve({"text": json.dumps(PLACE.model_dump())}) as url:
        asyncio.run(run(url))
