"""``partialfast doctor``: what an endpoint honours of what it is asked."""

from __future__ import annotations

import argparse
import sys

from partialfast.cli._errors import CommandError, missing

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast doctor``."""
    parser.description = (
        "Ask an OpenAI-compatible endpoint a few small questions, print which ways to ask for JSON "
        "it honours, and say which mode to use. The key is taken from OPENAI_API_KEY."
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="the server (default: OPENAI_BASE_URL, or OpenAI's own)"
    )
    parser.add_argument("--model", required=True, help="the model to ask")


def execute(args: argparse.Namespace) -> None:
    """Run ``partialfast doctor``.

    Raises:
        CommandError: The endpoint cannot be asked at all.
    """
    try:
        from openai import OpenAI, OpenAIError  # noqa: PLC0415 - heavy

        from partialfast.providers.openai._endpoint import Endpoint  # noqa: PLC0415
        from partialfast.providers.openai._examine import examine  # noqa: PLC0415
    except ImportError as error:
        raise missing(error) from error
    try:
        endpoint = Endpoint.of_environment(args.base_url)
    except ValueError as error:
        raise CommandError(str(error)) from error
    with OpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key, max_retries=0) as sdk:
        try:
            for line in examine(sdk, args.model):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        except OpenAIError as error:
            where = sdk.base_url
            raise CommandError(
                f"{where} cannot be asked: {type(error).__name__}: {error}"
            ) from error
