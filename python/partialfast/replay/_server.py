"""Serves recordings for as long as a ``with`` block runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial

from typing_extensions import Self

from partialfast.replay._exchanges import Exchange, ExchangeLog
from partialfast.replay._faults import Fault, parse_faults
from partialfast.replay._recording import RecordingSet, Source, read_all
from partialfast.replay._steps import Options

__all__ = ["Server", "serve"]

_LOOPBACK = "127.0.0.1"


class Server(str):
    """A running server: its base URL, with what it saw.

    It is the string that a client takes as ``base_url``, ending with ``/v1``.
    """

    __slots__ = ("_log", "_release")

    _log: ExchangeLog
    _release: Callable[[int | None], None]

    def __new__(cls, url: str, log: ExchangeLog, release: Callable[[int | None], None]) -> Self:
        """Make the handle of a server at `url`."""
        self = super().__new__(cls, url)
        self._log = log
        self._release = release
        return self

    @property
    def url(self) -> str:
        """The base URL, as a plain string."""
        return str.__str__(self)

    @property
    def origin(self) -> str:
        """The URL without a path, as Azure's clients take it for their endpoint."""
        return self.removesuffix("/v1")

    @property
    def exchanges(self) -> list[Exchange]:
        """The requests so far and what became of them, in the order they came.

        Of very many the newest are kept: 100,000, with bodies of 256 MiB.
        """
        return list(self._log.exchanges)

    @property
    def disconnects(self) -> list[Exchange]:
        """The exchanges that the client ended by closing the connection."""
        return [exchange for exchange in self.exchanges if exchange.ending == "disconnect"]

    def release(self, count: int | None = None) -> None:
        """Let held-back text go.

        Args:
            count: How many pieces; ``None`` for all from now on.
        """
        self._release(count)

    def wait_ended(self, number: int = -1, *, timeout: float = 5.0) -> Exchange:
        """Wait until an exchange has ended.

        Args:
            number: Which one, in the order the requests came; the last by default.
            timeout: Seconds to wait at most.

        Returns:
            The exchange.

        Raises:
            TimeoutError: It did not end in time.
        """
        exchange = self._log.exchanges[number]
        exchange.wait_ended(timeout)
        return exchange


@contextmanager
def serve(  # noqa: PLR0913 - each is an option of its own, all with a default
    recordings: Source | Iterable[Source],
    *,
    port: int = 0,
    shape: str = "openai",
    rate: float | None = None,
    chunk: int | None = None,
    split: int | None = None,
    faults: str | Fault | Sequence[str | Fault] = (),
    hold: int | None = None,
    batches: Sequence[str] = (),
) -> Generator[Server, None, None]:
    """Serve recordings on loopback while the block runs.

    A request can change `shape`, `rate`, `chunk`, `split` and `faults` for
    itself with headers such as ``x-replay-shape: vllm`` and
    ``x-replay-faults: stall@10:1,drop@80``.

    Args:
        recordings: One or several recordings, mappings or paths of files.
        port: The port; 0 for a free one.
        shape: The server to imitate, one of `SHAPES`.
        rate: Tokens per second; ``None`` for as fast as they can be sent.
        chunk: Characters of each delta; ``None`` for pieces like a model's tokens.
        split: Bytes of each write; ``None`` for one write per event.
        faults: What goes wrong, in every answer whose recording has no fault of its own.
        hold: How many pieces of text go out before `Server.release`; ``None`` for all.
        batches: What goes wrong with one batch after the other, such as ``expire@3``.

    Yields:
        The running server, which is also its base URL.

    Raises:
        ImportError: The packages that the server needs are not installed.
        OSError: The port is taken, or a recording file cannot be read.
        RecordingError: There are no recordings, or one is not valid.
        ValueError: An option is out of range.
    """
    options = Options(shape, rate, chunk, split, parse_faults(faults))
    played = RecordingSet(read_all(recordings))
    try:
        from anyio.from_thread import start_blocking_portal  # noqa: PLC0415

        from partialfast.replay._app import App  # noqa: PLC0415 - needs more than the package
    except ModuleNotFoundError as error:
        wanted = f"the replay server needs {error.name}, which is not installed"
        message = f'{wanted}: pip install "partialfast[demo]"'
        raise ImportError(message, name=error.name) from error
    app = App(played, options, hold=hold, batches=batches)
    # Not `socket.create_server`, which leaves its socket open where the number is not a port.
    # asyncio sends each write at once (TCP_NODELAY) only where the protocol is named; else a client
    # that uses its connection again waits 40 ms for each answer.
    loop = {"loop_factory": asyncio.SelectorEventLoop}
    with (
        socket.socket(proto=socket.IPPROTO_TCP) as listener,
        start_blocking_portal(backend_options=loop) as portal,
    ):
        # A port that was just used by a server before this one is not refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        portal.call(app.start, listener)
        try:
            url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}/v1"
            yield Server(url, app.log, partial(portal.call, app.gate.release))
        finally:
            portal.call(app.stop)
