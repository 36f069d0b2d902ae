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

from benches.measuring import best_of_each, last, replaying
from benches.pages import table
from benches.peers import imported, plain
from benches.workloads import workload
from partialfast import Mode
from partialfast.replay._script import count_tokens

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast",)

_ASKED: list[Any] = [{"role": "user", "content": "Who?"}]


_WORK = workload("orders-10k")


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
    tools: Any = [{"name": "Answer", "input_schema": _WORK.model.model_json_schema()}]
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


def _instructor(provider: Provider, sdk: Any) -> Callable[[], Any]:
    """Return its reading of the answer.

    Raises:
        LookupError: It has none, or one that did not get the answer whole.
    """
    if not provider.instructor:
        raise LookupError("instructor has no client for it")
    peer: Any = import_module("instructor")
    mode = {"mode": peer.Mode[provider.peer_mode]} if provider.peer_mode else {}
    client = getattr(peer, provider.instructor)(sdk, **mode)
    call = {"response_model": _WORK.model, "messages": _ASKED, **provider.peer_call}
    got = last(client.create_partial(**call))
    if got is None or plain(got) != json.loads(_WORK.text):
        raise LookupError(f"instructor did not get the answer whole: {got!r:.80}")
    return lambda: last(client.create_partial(**call))


def _row(name: str, url: str, remarks: list[str]) -> list[str]:
    provider = _PROVIDERS[name]
    try:
        sdk = imported(provider.sdk)(**provider.made(url))
    except ImportError as error:
        remarks.append(f"{name}: {error}")
        return [name, *[""] * 5]
    mode = () if provider.mode is None else (provider.mode,)
    client = imported(f"partialfast.providers.{provider.ours}")(sdk, *mode, model="m")
    runs: dict[str, Callable[[], Any]] = {
        "ours": lambda: last(client.create_partial(_WORK.model, messages=_ASKED)),
        "sdk": lambda: last(provider.read(sdk)),
    }
    try:
        runs["instructor"] = _instructor(provider, sdk)
    except Exception as error:  # noqa: BLE001 - whatever its providers raise is the finding
        remarks.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split()):.160}")
    us = {
        who: s / count_tokens(_WORK.text) * 1e6 for who, s in best_of_each(runs, seconds=4).items()
    }
    ours, *others = us.values()
    cells = [cell for each in others for cell in (f"{each:.1f}", f"{each / ours:.1f}")]
    return [name, f"{ours:.1f}", *cells, *[""] * (4 - len(cells))]


def lines(*, only: str = "") -> Iterator[str]:
    """Measure all providers that are installed, or those that are named; yield the table."""
    text, remarks = _WORK.text, list[str]()
    yield f"{len(text):,} characters in {count_tokens(text):,} chunks; us of CPU time a chunk:"
    with replaying([{"text": text}]) as url:
        origin = url.removesuffix("/v1")
        rows = [_row(name, origin, remarks) for name in (only.split(",") if only else _PROVIDERS)]
    yield table(["provider", "ours", "sdk", "ratio", "instructor", "ratio"], rows)
    yield from remarks
