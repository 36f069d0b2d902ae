"""How a model is asked, where commands let one say it: ``--mode`` and the like."""

from __future__ import annotations

import argparse
import json
from typing import Any

from partialfast.cli._errors import CommandError
from partialfast.providers.openai import Mode
from partialfast.providers.openai._command_client import MODES

__all__ = ["configure", "said"]

_CHOICES = ("auto", "required", "none")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how the model is asked.

    Args:
        parser: That of the command.
    """
    parser.add_argument(
        "--mode",
        choices=MODES,
        help="how to ask for JSON (default: tools, or the provider's best); auto: as the endpoint "
        "honours it, which a few small requests find out",
    )
    parser.add_argument(
        "--tool-choice",
        type=_tool_choice,
        metavar="CHOICE",
        help="for servers that take no named function: auto, required or none, or the JSON that "
        "the server takes",
    )
    parser.add_argument(
        "--extra-body",
        type=_object,
        metavar="JSON",
        help='more for the body of each request: {"top_k": 20}',
    )


def said(args: argparse.Namespace, *, mode: Mode) -> dict[str, Any]:
    """Return what the command line says as arguments of a call.

    Args:
        args: The arguments of the command line.
        mode: How the model is asked.

    Raises:
        CommandError: They do not go together.
    """
    given: dict[str, Any] = {}
    if args.tool_choice is not None:
        if not mode.is_tools and mode is not Mode.AUTO:
            raise CommandError(f"--tool-choice is for functions, not for --mode {mode.value}")
        given["tool_choice"] = args.tool_choice
    if args.extra_body is not None:
        given["extra_body"] = args.extra_body
    return given


def _tool_choice(text: str) -> Any:
    if text in _CHOICES:
        return text
    try:
        return _object(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(_CHOICES)}, or a JSON object: {text!r}"
        ) from None


def _object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"is not JSON ({error}): {text!r}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"must be a JSON object: {text!r}")
    return value
