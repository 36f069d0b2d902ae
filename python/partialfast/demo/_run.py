"""Streams the meeting from an endpoint into a terminal, or as lines of JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from partialfast.demo._endpoint import DemoEndpoint
from partialfast.demo._meeting import PROMPT, MeetingInfo
from partialfast.demo._overview import FormProgress

__all__ = ["run_terminal"]


def run_terminal(endpoint: DemoEndpoint, *, out: TextIO, err: TextIO) -> None:
    """Stream the meeting and show every snapshot.

    Args:
        endpoint: Where the model is.
        out: Drawn on when it is a terminal, else given a line of JSON for each
            snapshot, the last of which is the final value.
        err: Given the figures when `out` is not a terminal.

    Raises:
        ImportError: `out` is a terminal and rich is not installed.
        PartialFastError: The stream ended without a complete value.
        openai.OpenAIError: The server refused the request.
    """
    if out.isatty():
        _draw(endpoint, out)
    else:
        _print(endpoint, out, err)


def _print(endpoint: DemoEndpoint, out: TextIO, err: TextIO) -> None:
    progress = FormProgress()
    for snapshot in _snapshots(endpoint, progress):
        # Flushed each time: whoever reads the other end of a pipe is to see it grow.
        print(snapshot.model_dump_json(exclude_unset=True), file=out, flush=True)
    print(progress.summary(), file=err)


def _draw(endpoint: DemoEndpoint, out: TextIO) -> None:
    try:
        from rich.console import Console  # noqa: PLC0415 - needed on a terminal only
        from rich.live import Live  # noqa: PLC0415

        from partialfast.demo._view import draw_form  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = (
            f"drawing on a terminal needs {error.name}, which is not installed: "
            'pip install "partialfast[demo]"'
        )
        raise ImportError(message, name=error.name) from error
    title = f"{endpoint.model} at {endpoint.place}"
    progress = FormProgress()
    console = Console(file=out)
    with Live(
        draw_form(None, progress, title=title), console=console, refresh_per_second=30
    ) as live:
        for snapshot in _snapshots(endpoint, progress):
            live.update(draw_form(snapshot, progress, title=title))


def _snapshots(endpoint: DemoEndpoint, progress: FormProgress) -> Iterator[MeetingInfo]:
    if endpoint.provider is not None:
        with endpoint.client(is_async=False) as client:
            progress.started = time.perf_counter()
            yield from _watched(client, endpoint.asked, progress, pieces=True)
        return
    import openai  # noqa: PLC0415 - heavy

    import partialfast  # noqa: PLC0415 - the package itself, for its lazy names

    def count() -> None:
        progress.chunks += 1

    with _counting_client(count) as http_client:
        client = partialfast.from_openai(
            openai.OpenAI(
                base_url=endpoint.base_url, api_key=endpoint.api_key, http_client=http_client
            ),
            endpoint.mode or partialfast.Mode.TOOLS,
        )
        # Not before: importing the SDK may take longer than an answer.
        progress.started = time.perf_counter()
        yield from _watched(client, {"model": endpoint.model, **endpoint.asked}, progress)


def _watched(
    client: Any, arguments: dict[str, Any], progress: FormProgress, *, pieces: bool = False
) -> Iterator[MeetingInfo]:
    """Give the snapshots of an answer; count them as pieces where those cannot be seen."""
    with client.create_partial(
        response_model=MeetingInfo, messages=[{"role": "user", "content": PROMPT}], **arguments
    ) as stream:
        for snapshot in stream:
            now = time.perf_counter()
            progress.chunks += pieces
            path, completed = stream.path, stream.completed
            progress.see(snapshot, path=path, completed=completed, now=now)
            yield snapshot


@contextmanager
def _counting_client(count: Callable[[], None]) -> Generator[Any, None, None]:
    """Make an HTTP client that says when a piece of a body came."""
    import openai  # noqa: PLC0415 - heavy

    def counted(response: Any) -> None:
        read = response.iter_raw

        def iter_raw(chunk_size: int | None = None) -> Iterator[bytes]:
            for piece in read(chunk_size):
                count()
                yield piece

        response.iter_raw = iter_raw

    with openai.DefaultHttpxClient(event_hooks={"response": [counted]}) as client:
        yield client
