"""The table of docs/providers.md says what each provider's own client does over a socket."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from partialfast.answer._mode import Mode
from tests.either import drained, value_of
from tests.providers.cases import CASES, Case
from tests.providers.test_providers import SAID, TEXT, User

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
WORDS = {
    "TOOLS": "tools",
    "TOOLS_STRICT": "strict tools",
    "JSON_SCHEMA": "schema",
    "JSON": "JSON",
    "MD_JSON": "words",
}
#: The row of each case, and the packages that its last column names.
ROWS = {
    "anthropic": ("Anthropic", ["anthropic"]),
    "google": ("Gemini", ["google-genai"]),
    "bedrock": ("Bedrock", ["boto3", "aiobotocore"]),
    "mistral": ("Mistral", ["mistralai"]),
    "cohere": ("Cohere", ["cohere"]),
    "ollama": ("Ollama", ["ollama"]),
    "huggingface": ("HuggingFace", ["huggingface_hub"]),
    "groq": ("OpenAI chat and its look-alikes", ["openai", "groq"]),
}
READ_AS: dict[type[Any], str] = {bytes: "bytes", str: "objects"}
AS_OPENAI = "OpenAI chat and its look-alikes"


def rows() -> dict[str, list[str]]:
    """Return the cells of the table by provider."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and not set(line) <= set("|-: "):
            found[cells[0]] = cells[1:]
    return found


def cell(provider: str, column: int) -> str:
    """Return what a cell says, or the row that it points at."""
    table = rows()
    said = table[provider][column]
    return table[AS_OPENAI][column] if said == "as OpenAI" else said


def _bare(text: str) -> str:
    # The wire has some names in another case than the SDK.
    return text.replace("_", "").lower()


def test_every_provider_has_a_row() -> None:
    assert {row for row, _ in ROWS.values()} | {"LiteLLM", "xAI over gRPC"} <= set(rows())


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name in ROWS], ids=lambda case: case.name
)
def test_a_row_says_what_is(case: Case) -> None:
    provider, packages = ROWS[case.name]
    modes, partials, items, mistake, endings, usage, bytes_or_objects, versions = (
        cell(provider, column) for column in range(8)
    )

    async def test(url: replay.Server) -> None:
        async with case.connected(url, is_async=False) as client:
            known = [WORDS[mode.name] for mode in client._provider.modes]
            assert re.sub(r" \([^)]*\)", "", modes).split(", ") == known
            assert ("a call comes whole" in partials) is case.whole_calls
            stream = client.create_partial(User, model=case.model, messages=SAID, max_retries=1)
            block = next(stream._reply.blocks)
            assert bytes_or_objects.startswith(READ_AS[type(block)])
            stream.close()
            best, client._settings.mode = client._settings.mode, Mode.TOOLS
            stream = client.create_partial(User, model=case.model, messages=SAID, max_retries=1)
            await drained(stream)
            client._settings.mode = best
            name = type(stream.usage).__name__
            assert name.removeprefix("GenerateContentResponse") in usage or usage in {
                "the dict",
                "the counts",
                "its own",
            }
            sent = url.exchanges[-1].raw.decode()
            for word in re.findall("`([^`]+)`", mistake):
                assert f'"{_bare(word)}"' in _bare(sent), word
            listed = await value_of(client.create_iterable(User, model=case.model, messages=SAID))
            assert bool(await drained(listed)) is (items == "yes")

    answers: list[dict[str, Any]] = [
        {"text": TEXT, "times": 1},
        {"text": TEXT.replace("36", "-36"), "times": 1},
        {"text": TEXT, "times": 1},
        {"text": f'{{"items": [{TEXT}]}}'},
    ]
    with replay.serve(answers, shape=case.shape) as url:
        asyncio.run(test(url))
    assert ("filtered" in endings) is case.filters
    for package in packages:
        assert re.search(rf"\b{package} [0-9]+\.[0-9]+", versions), package
