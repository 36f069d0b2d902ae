"""``partialfast demo``: stream an example into the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from openai import APIConnectionError, NotFoundError, OpenAIError
from pydantic import ValidationError

from partialfast import PartialFastError, demo, replay
from partialfast.cli import _asking, _demo_web
from partialfast.cli._errors import CommandError, missing, without_v1
from partialfast.cli._value_types import not_negative
from partialfast.providers._names import NAMES
from partialfast.providers.openai import Mode

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast demo``."""
    parser.add_argument(
        "--base-url", metavar="URL", help="a real OpenAI-compatible server, instead of a recording"
    )
    parser.add_argument(
        "--model",
        help="the model to ask there, with the key in OPENAI_API_KEY (default: gpt-4o-mini)",
    )
    parser.add_argument(
        "--provider",
        choices=NAMES,
        metavar="NAME",
        help="another provider, by its own SDK: with --model the real one, else the recording in "
        f"its protocol; one of {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--rate",
        type=not_negative,
        default=90.0,
        metavar="TOKENS_PER_S",
        help="speed of the recording; 0 for as fast as possible (default: 90)",
    )
    _asking.configure(parser)
    _demo_web.configure(parser)


def execute(args: argparse.Namespace) -> None:
    """Run ``partialfast demo``."""
    try:
        mode = None if args.mode is None else Mode(args.mode)
        asked = _asking.said(args, mode=mode or Mode.TOOLS)
        with _endpoint(args) as found:
            endpoint = replace(found, mode=mode, asked=asked)
            if args.web:
                _demo_web.execute(args, endpoint, editable=not _is_recording(args))
                return
            demo.run_terminal(endpoint, out=sys.stdout, err=sys.stderr)
    except ImportError as error:
        raise missing(error) from error
    except APIConnectionError as error:
        where = args.base_url or os.environ.get("OPENAI_BASE_URL") or "api.openai.com"
        reason = error.__cause__ or error
        raise CommandError(
            f"cannot reach {where}: {reason}; is a server running there, and is --base-url right?"
        ) from error
    except NotFoundError as error:
        raise CommandError(f"{error}{without_v1(args.base_url)}") from error
    except (OpenAIError, PartialFastError, ValidationError, ValueError) as error:
        raise CommandError(f"{type(error).__name__}: {error}") from error


def _is_recording(args: argparse.Namespace) -> bool:
    return args.base_url is None and args.model is None


@contextmanager
def _endpoint(args: argparse.Namespace) -> Generator[demo.DemoEndpoint, None, None]:
    """Find the server that was asked for, or start one with the recording."""
    if _is_recording(args):
        # Two characters a delta: a fast model's pieces, and enough of them to watch.
        with replay.serve(replay.builtin("meeting"), rate=args.rate or None, chunk=2) as url:
            if args.provider is not None:
                yield demo.replayed(args.provider, url)
            else:
                yield demo.DemoEndpoint(url, "replay", "gpt-4")
        return
    if args.provider is not None:
        arguments = {} if args.base_url is None else {"base_url": args.base_url}
        if args.model is None:
            raise CommandError(f"--provider {args.provider} with --base-url needs --model")
        yield demo.DemoEndpoint(None, "", args.model, args.provider, arguments)
        return
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        if args.base_url is None:
            raise CommandError("set OPENAI_API_KEY to the key of api.openai.com")
        # Local servers need none, but the SDK does.
        key = "none"
    base_url = args.base_url or os.environ.get("OPENAI_BASE_URL")
    yield demo.DemoEndpoint(base_url, key, args.model or "gpt-4o-mini")
