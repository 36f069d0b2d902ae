"""A client by the name of its provider: ``from_provider("anthropic/claude-sonnet-5-5")``.

Each name says which SDK speaks to the provider, where it takes its key from, and where it is. What
speaks as OpenAI does is called by OpenAI's SDK, which is always there.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partialfast.answer._mode import Mode
from partialfast.answer._seam import Provider

__all__ = ["NAMES", "asking", "from_provider", "provider_in", "takes_retries"]


@dataclass(frozen=True, slots=True)
class _KnownServer:
    """A server that speaks as OpenAI's.

    Args:
        base_url: Where it is; ``None`` where a variable says it alone.
        key: The variable with the key; ``None`` for a local server, which needs none.
        url: The variable that says where it is.
        path: What is added to what that variable says.
    """

    base_url: str | None
    key: str | None = None
    url: str | None = None
    path: str = ""


_SERVERS: dict[str, _KnownServer] = {
    "cerebras": _KnownServer("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "databricks": _KnownServer(None, "DATABRICKS_TOKEN", "DATABRICKS_HOST", "/serving-endpoints"),
    "deepseek": _KnownServer("https://api.deepseek.com", "DEEPSEEK_API_KEY"),
    "fireworks": _KnownServer("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "groq": _KnownServer("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "huggingface": _KnownServer("https://router.huggingface.co/v1", "HF_TOKEN"),
    "llamacpp": _KnownServer("http://localhost:8080/v1", url="LLAMACPP_BASE_URL"),
    "lmstudio": _KnownServer("http://localhost:1234/v1", url="LMSTUDIO_BASE_URL"),
    "openrouter": _KnownServer("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "perplexity": _KnownServer("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "together": _KnownServer("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "vllm": _KnownServer("http://localhost:8000/v1", url="VLLM_BASE_URL"),
    "xai": _KnownServer("https://api.x.ai/v1", "XAI_API_KEY"),
}


@dataclass(slots=True)
class _Wish:
    """What was asked for.

    Args:
        name: The provider.
        model: Its model.
        is_async: Whether the client is to be asynchronous.
        mode: How the model is asked for JSON; ``None`` for the provider's best.
        arguments: For the SDK's client.
    """

    name: str
    model: str
    is_async: bool
    mode: Mode | None
    # The key is among them.
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)

    def need(self, argument: str, variable: str, *others: str) -> None:
        """Take an argument from the environment, or say that it has to be set."""
        if argument in self.arguments:
            return
        variables = (variable, *others)
        found = next((said for each in variables if (said := os.environ.get(each))), None)
        if found is None:
            raise ValueError(
                f"{self.name} needs {argument}: set {' or '.join(variables)}, or pass "
                f"{argument}=..."
            )
        self.arguments[argument] = found

    def load(self, module: str, package: str, extra: str | None = None) -> Any:
        """Import an SDK, or say what to install."""
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            wanted = f"partialfast[{extra or self.name}]"
            raise ImportError(
                f'{self.name} needs the package {package}: pip install "{wanted}"', name=error.name
            ) from error


def _openai(wish: _Wish) -> Any:
    openai = wish.load("openai", "openai")
    wish.need("api_key", "OPENAI_API_KEY")
    return _of_openai(wish, openai.AsyncOpenAI if wish.is_async else openai.OpenAI)


#: The first stable version of Azure's API that knows JSON schemas as an answer's format.
_AZURE_VERSION = "2024-10-21"


def _azure_openai(wish: _Wish) -> Any:
    openai = wish.load("openai", "openai")
    token = {"azure_ad_token", "azure_ad_token_provider"} & wish.arguments.keys()
    if not token:
        wish.need("api_key", "AZURE_OPENAI_API_KEY")
    if "base_url" not in wish.arguments:
        wish.need("azure_endpoint", "AZURE_OPENAI_ENDPOINT")
    if "OPENAI_API_VERSION" not in os.environ:
        wish.arguments.setdefault("api_version", _AZURE_VERSION)
    return _of_openai(wish, openai.AsyncAzureOpenAI if wish.is_async else openai.AzureOpenAI)


def _like_openai(wish: _Wish) -> Any:
    server = _SERVERS[wish.name]
    if "base_url" not in wish.arguments:
        said = os.environ.get(server.url) if server.url is not None else None
        if said:
            wish.arguments["base_url"] = said.rstrip("/") + server.path
        elif server.base_url is None:
            raise ValueError(f"{wish.name} needs base_url: set {server.url}, or pass base_url=...")
        else:
            wish.arguments["base_url"] = server.base_url
    if server.key is not None:
        wish.need("api_key", server.key)
    # A local server needs none, but the SDK does.
    wish.arguments.setdefault("api_key", "none")
    openai = wish.load("openai", "openai")
    return _of_openai(wish, openai.AsyncOpenAI if wish.is_async else openai.OpenAI)


def _of_openai(wish: _Wish, sdk: Callable[..., Any]) -> Any:
    from partialfast.providers.openai import from_openai  # noqa: PLC0415 - only what is used

    mode = Mode.TOOLS if wish.mode is None else wish.mode
    return from_openai(sdk(**wish.arguments), mode, model=wish.model)


def _anthropic(wish: _Wish) -> Any:
    from partialfast.providers.anthropic import from_anthropic  # noqa: PLC0415 - only what is used

    sdk = wish.load("anthropic", "anthropic")
    if "auth_token" not in wish.arguments:
        wish.need("api_key", "ANTHROPIC_API_KEY")
    client = (sdk.AsyncAnthropic if wish.is_async else sdk.Anthropic)(**wish.arguments)
    return from_anthropic(client, wish.mode, model=wish.model)


def _google(wish: _Wish) -> Any:
    from partialfast.providers.google import from_genai  # noqa: PLC0415 - only what is used

    sdk = wish.load("google.genai", "google-genai", "google")
    if wish.name == "vertexai":
        wish.arguments["vertexai"] = True
        if not {"api_key", "credentials"} & wish.arguments.keys():
            wish.need("project", "GOOGLE_CLOUD_PROJECT")
            wish.need("location", "GOOGLE_CLOUD_LOCATION")
    elif not wish.arguments.get("vertexai"):
        wish.need("api_key", "GOOGLE_API_KEY", "GEMINI_API_KEY")
    client = sdk.Client(**wish.arguments)
    return from_genai(client, wish.mode, use_async=wish.is_async, model=wish.model)


def _bedrock(wish: _Wish) -> Any:
    from partialfast.providers.bedrock import from_bedrock  # noqa: PLC0415 - only what is used

    if wish.is_async:
        from partialfast.providers.bedrock._late import LateClient  # noqa: PLC0415 - as above

        sdk = wish.load("aiobotocore.session", "aiobotocore", "bedrock-async")
        session = sdk.get_session()
        _need_region(wish, session.get_config_variable("region"))
        opening = session.create_client("bedrock-runtime", **wish.arguments)
        return from_bedrock(LateClient(opening), wish.mode, model=wish.model)
    sdk = wish.load("boto3", "boto3")
    _need_region(wish, sdk.session.Session().region_name)
    client = sdk.client("bedrock-runtime", **wish.arguments)
    return from_bedrock(client, wish.mode, model=wish.model)


def _need_region(wish: _Wish, configured: str | None) -> None:
    if "region_name" not in wish.arguments and configured is None:
        wish.need("region_name", "AWS_REGION", "AWS_DEFAULT_REGION")


def _cohere(wish: _Wish) -> Any:
    from partialfast.providers.cohere import from_cohere  # noqa: PLC0415 - only what is used

    sdk = wish.load("cohere", "cohere")
    wish.need("api_key", "CO_API_KEY", "COHERE_API_KEY")
    client = (sdk.AsyncClientV2 if wish.is_async else sdk.ClientV2)(**wish.arguments)
    return from_cohere(client, wish.mode, model=wish.model)


def _mistral(wish: _Wish) -> Any:
    from partialfast.providers.mistral import from_mistral  # noqa: PLC0415 - only what is used

    sdk = wish.load("mistralai.client", "mistralai")
    wish.need("api_key", "MISTRAL_API_KEY")
    client = sdk.Mistral(**wish.arguments)
    return from_mistral(client, wish.mode, use_async=wish.is_async, model=wish.model)


def _ollama(wish: _Wish) -> Any:
    from partialfast.providers.ollama import from_ollama  # noqa: PLC0415 - only what is used

    # It finds a local server by `OLLAMA_HOST`.
    sdk = wish.load("ollama", "ollama")
    client = (sdk.AsyncClient if wish.is_async else sdk.Client)(**wish.arguments)
    return from_ollama(client, wish.mode, model=wish.model)


def _litellm(wish: _Wish) -> Any:
    from partialfast.providers.litellm import from_litellm  # noqa: PLC0415 - only what is used

    # It finds the keys of its providers itself.
    sdk = wish.load("litellm", "litellm")
    function = sdk.acompletion if wish.is_async else sdk.completion
    return from_litellm(function, wish.mode, model=wish.model, **wish.arguments)


_MAKERS: Mapping[str, Callable[[_Wish], Any]] = {
    "anthropic": _anthropic,
    "azure_openai": _azure_openai,
    "bedrock": _bedrock,
    "cohere": _cohere,
    "gemini": _google,
    "google": _google,
    "litellm": _litellm,
    "mistral": _mistral,
    "ollama": _ollama,
    "openai": _openai,
    "vertexai": _google,
    **dict.fromkeys(_SERVERS, _like_openai),
}

#: The providers that `from_provider` knows.
NAMES: tuple[str, ...] = tuple(sorted(_MAKERS))


def provider_in(name: str) -> str | None:
    """Return the provider in a name such as ``"anthropic/NAME"``; ``None`` if there is none."""
    provider, slash, model = name.partition("/")
    return provider if slash and model and provider in _MAKERS else None


def takes_retries(provider: str) -> bool:
    """Tell whether the SDK's client has an argument ``max_retries``."""
    return provider in {"anthropic", "azure_openai", "openai", *_SERVERS}


def asking(provider: str) -> Provider:
    """Return what asks a provider, without an SDK: for a request that is not sent.

    Args:
        provider: Its name.
    """
    module, kind = _ASKING.get(provider, ("openai._chat", "Chat"))
    made: Provider = getattr(importlib.import_module(f"partialfast.providers.{module}"), kind)(None)
    return made


_GOOGLE = ("google._provider", "GenerateContent")
_ASKING: Mapping[str, tuple[str, str]] = {
    "anthropic": ("anthropic._provider", "Messages"),
    "bedrock": ("bedrock._provider", "Converse"),
    "cohere": ("cohere._provider", "Chat"),
    "gemini": _GOOGLE,
    "google": _GOOGLE,
    "mistral": ("mistral._provider", "MistralChat"),
    "ollama": ("ollama._provider", "Chat"),
    "vertexai": _GOOGLE,
}


def from_provider(
    name: str,
    *,
    async_client: bool = False,
    mode: Mode | None = None,
    **client_arguments: Any,
) -> Any:
    """Return a client for a provider's model, by their names.

    Args:
        name: Such as ``"anthropic/claude-sonnet-5-5"``: the provider, and the model of calls that
            do not name one.
        async_client: Whether the client is to be asynchronous.
        mode: How the model is asked for JSON; ``None`` for the provider's best.
        **client_arguments: For the SDK's client, such as ``api_key`` and ``base_url``.

    Returns:
        The client, as the provider's own ``from_...`` makes it.

    Raises:
        ImportError: The SDK is not installed; the message says what to install.
        ValueError: There is no such provider, or its key is not set; the message says which.
    """
    provider, slash, model = name.partition("/")
    maker = _MAKERS.get(provider)
    if maker is None:
        raise ValueError(f"{provider!r} is not a provider: use one of {', '.join(NAMES)}")
    if not slash or not model:
        raise ValueError(f'{name!r} names no model: write "{provider}/MODEL"')
    return maker(_Wish(provider, model, async_client, mode, dict(client_arguments)))
