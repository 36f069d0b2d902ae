"""What a chunk costs: snapshots of each provider's stream, beside the SDK's own reading of it.

A server of another process plays a JSON answer of about 10 KB in token-sized chunks, in the
protocol of each provider. The figures are CPU time of this process for each chunk, the least of
several answers: ``ours`` are typed snapshots, ``sdk`` is what the SDK offers for its stream, with
nothing done with it, ``instructor`` its snapshots of the same answer by the same SDK, where it has
them. (It reads the whole text again at each chunk, so that its figure grows with the answer.) What
has no figure says why below the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from pydantic import BaseModel

from benches.measuring import best_cpu, last, replaying
from benches.tables import table
from partialfast import Mode
from partialfast.replay._script import count_tokens

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast",)

_ASKED: list[Any] = [{"role": "user", "content": "Who?"}]


class Order(BaseModel):
    """An order."""

    number: int
    customer: str
    lines: list[str]


class Orders(BaseModel):
    """Orders."""

    orders: list[Order]


class Provider(NamedTuple):
    """An SDK, and who reads its stream.

    Attributes:
        sdk: ``MODULE:CLASS``.
        made: Its arguments, of a URL.
        read: The SDK's own reading.
        ours: Of ``partialfast.providers``, as ``MODULE:FUNCTION``.
        mode: In which it is asked by ours; its own by default.
        instructor: The function of instructor's, where it has one.
        peer_mode: In which it is asked by instructor.
        peer_call: What instructor wants besides.
    """

    sdk: str
    made: Callable[[str], Mapping[str, Any]]
    read: Callable[[Any], Iterable[Any]]
    ours: str
    mode: Mode | None = None
    instructor: str = ""
    peer_mode: str = ""
    peer_call: Mapping[str, Any] = {"model": "m"}


def _anthropic(sdk: Any) -> Iterator[Any]:
    tools: Any = [{"name": "Orders", "input_schema": Orders.model_json_schema()}]
    with sdk.messages.stream(model="m", max_tokens=9999, messages=_ASKED, tools=tools) as events:
        yield from events


def _bedrock(sdk: Any) -> Any:
    messages = [{"role": "user", "content": [{"text": "Who?"}]}]
    return sdk.converse_stream(modelId="m", messages=messages)["stream"]


_PROVIDERS = {
    "anthropic": Provider(
        "anthropic:Anthropic",
        lambda url: {"base_url": url, "api_key": "k", "max_retries": 0},
        _anthropic,
        "anthropic:from_anthropic",
        instructor="from_anthropic",
        peer_call={"model": "m", "max_tokens": 9999},
    ),
    "google": Provider(
        "google.genai:Client",
        lambda url: {"api_key": "k", "http_options": {"base_url": url}},
        lambda sdk: sdk.models.generate_content_stream(model="m", contents="Who?"),
        "google:from_genai",
        instructor="from_genai",
        peer_mode="GENAI_STRUCTURED_OUTPUTS",
    ),
    "bedrock": Provider(
        "boto3:client",
        lambda url: {
            "service_name": "bedrock-runtime",
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
        },
        _bedrock,
        "bedrock:from_bedrock",
        mode=Mode.MD_JSON,
        instructor="from_bedrock",
        peer_mode="BEDROCK_TOOLS",
        peer_call={"modelId": "m"},
    ),
    "mistral": Provider(
        "mistralai.client:Mistral",
        lambda url: {"api_key": "k", "server_url": url},
        lambda sdk: sdk.chat.stream(model="m", messages=_ASKED),
        "mistral:from_mistral",
        mode=Mode.MD_JSON,
        instructor="from_mistral",
        peer_mode="MISTRAL_STRUCTURED_OUTPUTS",
    ),
    "cohere": Provider(
        "cohere:ClientV2",
        lambda url: {"api_key": "k", "base_url": url},
        lambda sdk: sdk.chat_stream(model="m", messages=_ASKED),
        "cohere:from_cohere",
        instructor="from_cohere",
    ),
    "ollama": Provider(
        "ollama:Client",
        lambda url: {"host": url},
        lambda sdk: sdk.chat("m", messages=_ASKED, stream=True),
        "ollama:from_ollama",
    ),
    "groq": Provider(
        "groq:Groq",
        lambda url: {"base_url": url, "api_key": "k", "max_retries": 0},
        lambda sdk: sdk.chat.completions.create(model="m", messages=_ASKED, stream=True),
        "openai:from_openai",
        instructor="from_groq",
    ),
    "huggingface": Provider(
        "huggingface_hub:InferenceClient",
        lambda url: {"base_url": f"{url}/v1", "api_key": "k"},
        lambda sdk: sdk.chat_completion(_ASKED, model="m", stream=True),
        "huggingface:from_huggingface",
    ),
}


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _us(read: Callable[[], Iterable[Any]], rounds: int) -> float:
    """Return microseconds of CPU time for an answer."""
    return best_cpu(lambda: last(read()), rounds=rounds) * 1e6


def _us_of_instructor(provider: Provider, sdk: Any, text: str) -> float | str:
    """Return the same for instructor, or why it has none."""
    if not provider.instructor:
        return "instructor has no client for it"
    try:
        peer: Any = import_module("instructor")
        mode = {"mode": peer.Mode[provider.peer_mode]} if provider.peer_mode else {}
        client = getattr(peer, provider.instructor)(sdk, **mode)
        call = {"response_model": Orders, "messages": _ASKED, **provider.peer_call}
        got = last(client.create_partial(**call))
        if got is None or got.model_dump() != json.loads(text):
            return f"instructor did not get the answer whole: {got!r:.80}"
        return _us(lambda: client.create_partial(**call), rounds=2)
    except Exception as error:  # noqa: BLE001 - whatever its providers raise is the finding
        return f"{type(error).__name__}: {' '.join(str(error).split()):.160}"


def _row(name: str, url: str, text: str, remarks: list[str]) -> list[str]:
    provider = _PROVIDERS[name]
    try:
        sdk = _named(provider.sdk)(**provider.made(url))
    except ImportError as error:
        remarks.append(f"{name}: {error}")
        return [name, *[""] * 5]
    mode = () if provider.mode is None else (provider.mode,)
    client = _named(f"partialfast.providers.{provider.ours}")(sdk, *mode, model="m")
    chunks = count_tokens(text)
    mine = _us(lambda: client.create_partial(Orders, messages=_ASKED), rounds=7) / chunks
    theirs = _us(lambda: provider.read(sdk), rounds=7) / chunks
    cells = [name, f"{mine:.1f}", f"{theirs:.1f}", f"{theirs / mine:.1f}"]
    peer = _us_of_instructor(provider, sdk, text)
    if isinstance(peer, str):
        remarks.append(f"{name}: {peer}")
        return [*cells, "", ""]
    return [*cells, f"{peer / chunks:.1f}", f"{peer / chunks / mine:.1f}"]


def lines(*, only: str = "") -> Iterator[str]:
    """Measure all providers that are installed, or those that are named; yield the table."""
    orders = [
        {"number": n, "customer": f"Customer {n}", "lines": [f"Article {n * k}" for k in range(8)]}
        for n in range(55)
    ]
    text = json.dumps({"orders": orders})
    yield f"{len(text):,} characters in {count_tokens(text):,} chunks; us of CPU time a chunk:"
    remarks: list[str] = []
    with replaying([{"text": text}]) as url:
        origin = url.removesuffix("/v1")
        names = only.split(",") if only else _PROVIDERS
        rows = [_row(name, origin, text, remarks) for name in names]
        yield table(["provider", "ours", "sdk", "ratio", "instructor", "ratio"], rows)
    yield from remarks
