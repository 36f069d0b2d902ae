"""What a chunk costs: snapshots of each provider's stream, beside the SDK's own reading of it.

    python -m benches.providers            # each provider that is installed
    python -m benches.providers anthropic  # one of them

A server of another process plays a JSON answer of about 10 KB in token-sized chunks, in the
protocol of each provider. The figures are CPU time of this process for each chunk, the median of
several answers: ``ours`` are typed snapshots, ``sdk`` is what the SDK offers for its stream, with
nothing done with it, ``instructor`` its snapshots of the same answer by the same SDK, where it has
them. (It reads the whole text again at each chunk, so that its figure grows with the answer.) What
has no figure says why below the table.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from benches.measuring import last, replaying
from partialfast import Mode

_RUNS = 7
_PROMPT = [{"role": "user", "content": "Who?"}]


class Order(BaseModel):
    """An order."""

    number: int
    customer: str
    lines: list[str]


class Orders(BaseModel):
    """Orders."""

    orders: list[Order]


def _text() -> str:
    orders = [
        {"number": n, "customer": f"Customer {n}", "lines": [f"Article {n * k}" for k in range(8)]}
        for n in range(55)
    ]
    return json.dumps({"orders": orders})


def _anthropic(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    import anthropic

    from partialfast.providers.anthropic import from_anthropic

    sdk = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    tool: Any = {"name": "Orders", "input_schema": Orders.model_json_schema()}

    def read() -> Iterator[Any]:
        messages: Any = _PROMPT
        with sdk.messages.stream(
            model="m", max_tokens=9999, messages=messages, tools=[tool]
        ) as events:
            yield from events

    return from_anthropic(sdk, model="m"), read


def _google(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    from google import genai

    from partialfast.providers.google import from_genai

    sdk = genai.Client(api_key="k", http_options={"base_url": url})

    def read() -> Iterator[Any]:
        yield from sdk.models.generate_content_stream(model="m", contents="Who?")

    return from_genai(sdk, model="m"), read


def _bedrock(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    import boto3

    from partialfast.providers.bedrock import from_bedrock

    sdk: Any = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - the server takes any
    )
    messages = [{"role": "user", "content": [{"text": "Who?"}]}]

    def read() -> Iterator[Any]:
        yield from sdk.converse_stream(modelId="m", messages=messages)["stream"]

    return from_bedrock(sdk, Mode.MD_JSON, model="m"), read


def _mistral(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    from mistralai.client import Mistral

    from partialfast.providers.mistral import from_mistral

    sdk: Any = Mistral(api_key="k", server_url=url)

    def read() -> Iterator[Any]:
        yield from sdk.chat.stream(model="m", messages=_PROMPT)

    return from_mistral(sdk, Mode.MD_JSON, model="m"), read


def _cohere(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    import cohere

    from partialfast.providers.cohere import from_cohere

    sdk: Any = cohere.ClientV2(api_key="k", base_url=url)

    def read() -> Iterator[Any]:
        yield from sdk.chat_stream(model="m", messages=_PROMPT)

    return from_cohere(sdk, model="m"), read


def _ollama(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    import ollama

    from partialfast.providers.ollama import from_ollama

    sdk: Any = ollama.Client(host=url)

    def read() -> Iterator[Any]:
        yield from sdk.chat("m", messages=_PROMPT, stream=True)

    return from_ollama(sdk, model="m"), read


def _groq(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    import groq

    from partialfast.providers.openai import from_openai

    sdk: Any = groq.Groq(base_url=url, api_key="k", max_retries=0)

    def read() -> Iterator[Any]:
        yield from sdk.chat.completions.create(model="m", messages=_PROMPT, stream=True)

    return from_openai(sdk, model="m"), read


def _huggingface(url: str) -> tuple[Any, Callable[[], Iterator[Any]]]:
    from huggingface_hub import InferenceClient

    from partialfast.providers.huggingface import from_huggingface

    sdk: Any = InferenceClient(base_url=f"{url}/v1", api_key="k")

    def read() -> Iterator[Any]:
        yield from sdk.chat_completion(_PROMPT, model="m", stream=True)

    return from_huggingface(sdk, model="m"), read


def _asked(client: Any, **arguments: Any) -> Callable[[], Iterator[Any]]:
    """Return what reads the snapshots of a client of instructor's."""

    def read() -> Iterator[Any]:
        yield from client.create_partial(response_model=Orders, messages=_PROMPT, **arguments)

    return read


def _instructor_anthropic(url: str) -> Callable[[], Iterator[Any]]:
    import anthropic
    import instructor

    client: Any = instructor
    sdk = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    return _asked(client.from_anthropic(sdk), model="m", max_tokens=9999)


def _instructor_google(url: str) -> Callable[[], Iterator[Any]]:
    import instructor
    from google import genai

    client: Any = instructor
    sdk = genai.Client(api_key="k", http_options={"base_url": url})
    mode = client.Mode.GENAI_STRUCTURED_OUTPUTS
    return _asked(client.from_genai(sdk, mode=mode), model="m")


def _instructor_bedrock(url: str) -> Callable[[], Iterator[Any]]:
    import boto3
    import instructor

    client: Any = instructor
    sdk: Any = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - the server takes any
    )
    return _asked(client.from_bedrock(sdk, mode=client.Mode.BEDROCK_TOOLS), modelId="m")


def _instructor_mistral(url: str) -> Callable[[], Iterator[Any]]:
    import instructor
    from mistralai.client import Mistral

    client: Any = instructor
    sdk: Any = Mistral(api_key="k", server_url=url)
    mode = client.Mode.MISTRAL_STRUCTURED_OUTPUTS
    return _asked(client.from_mistral(sdk, mode=mode), model="m")


def _instructor_cohere(url: str) -> Callable[[], Iterator[Any]]:
    import cohere
    import instructor

    client: Any = instructor
    sdk: Any = cohere.ClientV2(api_key="k", base_url=url)
    return _asked(client.from_cohere(sdk), model="m")


def _instructor_groq(url: str) -> Callable[[], Iterator[Any]]:
    import groq
    import instructor

    client: Any = instructor
    sdk: Any = groq.Groq(base_url=url, api_key="k", max_retries=0)
    return _asked(client.from_groq(sdk), model="m")


INSTRUCTOR: dict[str, Callable[[str], Callable[[], Iterator[Any]]]] = {
    "anthropic": _instructor_anthropic,
    "google": _instructor_google,
    "bedrock": _instructor_bedrock,
    "mistral": _instructor_mistral,
    "cohere": _instructor_cohere,
    "groq": _instructor_groq,
}


PROVIDERS: dict[str, Callable[[str], tuple[Any, Callable[[], Iterator[Any]]]]] = {
    "anthropic": _anthropic,
    "google": _google,
    "bedrock": _bedrock,
    "mistral": _mistral,
    "cohere": _cohere,
    "ollama": _ollama,
    "groq": _groq,
    "huggingface": _huggingface,
}


def _cost(read: Callable[[], Iterator[Any]], chunks: int, runs: int = _RUNS) -> float:
    """Return microseconds of CPU time for each chunk."""
    costs: list[float] = []
    for _ in range(runs):
        before = time.process_time()
        last(read())
        costs.append((time.process_time() - before) / chunks * 1e6)
    return statistics.median(costs[1:])


def _cost_of_instructor(name: str, url: str, chunks: int) -> float | str:
    """Return the same for instructor, or why it has none."""
    if name not in INSTRUCTOR:
        return "instructor has no client for it"
    try:
        read = INSTRUCTOR[name](url)
        got = last(read())
        expected = Orders.model_validate_json(_text())
        if got is None or got.model_dump() != expected.model_dump():
            return f"instructor did not get the answer whole: {got!r:.80}"
        return _cost(read, chunks, runs=3)
    except Exception as error:  # noqa: BLE001 - whatever its providers raise is the finding
        words = " ".join(str(error).split())
        return f"{type(error).__name__}: {words[:160]}"


def main() -> None:
    text = _text()
    with replaying([{"text": text}]) as url:
        _compare(url.removesuffix("/v1"), sys.argv[1:] or list(PROVIDERS), text)


def _compare(url: str, names: list[str], text: str) -> None:
    from partialfast.replay._script import count_tokens

    chunks = count_tokens(text)
    print(f"{len(text):,} characters in {chunks:,} chunks; us of CPU time a chunk")
    print(f"{'provider':<14}{'ours':>8}{'sdk':>8}{'ratio':>8}{'instructor':>12}{'ratio':>8}")
    remarks: list[str] = []
    for name in names:
        try:
            client, sdk = PROVIDERS[name](url)
        except ImportError as error:
            print(f"{name:<14} {error}")
            continue

        def ours(client: Any = client) -> Iterator[Any]:
            yield from client.create_partial(Orders, messages=_PROMPT)

        mine, theirs = _cost(ours, chunks), _cost(sdk, chunks)
        line = f"{name:<14}{mine:>8.1f}{theirs:>8.1f}{theirs / mine:>8.1f}"
        peer = _cost_of_instructor(name, url, chunks)
        if isinstance(peer, str):
            remarks.append(f"{name}: {peer}")
        else:
            line += f"{peer:>12.1f}{peer / mine:>8.1f}"
        print(line, flush=True)
    print(*remarks, sep="\n")


if __name__ == "__main__":
    main()
