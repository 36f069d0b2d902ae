"""``partialfast doctor``: what is installed and set, and what an endpoint honours."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator

from partialfast.cli._errors import CommandError, missing, without_password

__all__ = ["configure", "execute"]


#: What decides how the package behaves, and the SDKs that it can use.
_PACKAGES = (
    "partialfast",
    "pydantic",
    "pydantic_core",
    "openai",
    "anthropic",
    "google-genai",
    "boto3",
    "mistralai",
    "cohere",
    "ollama",
    "xai-sdk",
    "litellm",
    "huggingface_hub",
    "aiohttp",
    "starlette",
    "pyarrow",
)
#: Where the SDKs look for keys and servers. Their values are never shown.
_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "AZURE_OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "MISTRAL_API_KEY",
    "CO_API_KEY",
    "XAI_API_KEY",
    "GROQ_API_KEY",
    "OPENROUTER_API_KEY",
    "HF_TOKEN",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast doctor``."""
    parser.description = (
        "Print what is installed and which keys are set, not their values. With --model, ask an "
        "OpenAI-compatible endpoint a few small questions as well, print which ways to ask for "
        "JSON it honours, and say which mode to use. The key is taken from OPENAI_API_KEY."
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="the server (default: OPENAI_BASE_URL, or OpenAI's own)"
    )
    parser.add_argument("--model", help="the model to ask; without it nothing is asked")


def execute(args: argparse.Namespace) -> None:
    """Run ``partialfast doctor``.

    Raises:
        CommandError: The endpoint cannot be asked at all, or there is no model to ask.
    """
    if args.model is None:
        if args.base_url is not None:
            raise CommandError("--base-url goes with --model: say which model to ask there")
        for line in _found():
            sys.stdout.write(f"{line}\n")
        return
    try:
        from openai import OpenAI, OpenAIError  # noqa: PLC0415 - heavy

        from partialfast.providers.openai._command_client import Endpoint  # noqa: PLC0415
        from partialfast.providers.openai._examine import examine  # noqa: PLC0415
    except ImportError as error:
        raise missing(error) from error
    try:
        endpoint = Endpoint.of_environment(args.base_url)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with OpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key, max_retries=1) as sdk:
        try:
            for line in examine(sdk, args.model):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        except OpenAIError as error:
            where = without_password(str(sdk.base_url))
            raise CommandError(
                f"{where} cannot be asked: {type(error).__name__}: {error}"
            ) from error


def _found() -> Iterator[str]:
    yield f"{'Python':<24}{platform.python_version()} on {platform.platform()}"
    for package in _PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        yield f"{package:<24}{version}"
    for variable in _VARIABLES:
        yield f"{variable:<24}{'set' if os.environ.get(variable) else 'not set'}"
