"""Runs the application in a thread of its own, for as long as a ``with`` block."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import Self

from partialfast.replay._exchanges import Exchange, ExchangeLog
from partialfast.replay._faults import Fault, parse_fault
from partialfast.replay._gate import Gate
from partialfast.replay._recording import RecordingSet, Source, read_all
from partialfast.replay._steps import Options

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Exchange", "Server", "serve"]

_LOOPBACK = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 10.0
_STEP_S = 0.001
_TURNS = 5


class Server(str):
    """A running server: its base URL, with what it saw.

    It is the string that a client takes as ``base_url``, ending with ``/v1``.
    """

    __slots__ = ("_gate", "_journal")

    _gate: Gate
    _journal: ExchangeLog

    def __new__(cls, url: str, journal: ExchangeLog, gate: Gate) -> Self:
        """Make the handle of a server at `url`."""
        self = super().__new__(cls, url)
        self._journal = journal
        self._gate = gate
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
        return list(self._journal.exchanges)

    @property
    def disconnects(self) -> list[Exchange]:
        """The exchanges that the client ended by closing the connection."""
        return [exchange for exchange in self.exchanges if exchange.ending == "disconnect"]

    def release(self, count: int | None = None) -> None:
        """Let held-back text go.

        Args:
            count: How many pieces; ``None`` for all from now on.
        """
        self._gate.release(count)

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
        exchange = self._journal.exchanges[number]
        self._journal.wait(
            lambda: exchange.ending is not None, timeout=timeout, what="end of the exchange"
        )
        return exchange

    def wait_writes(self, count: int, number: int = -1, *, timeout: float = 5.0) -> Exchange:
        """Wait until an exchange has written so often.

        Args:
            count: How many writes of the body.
            number: Which exchange; the last by default.
            timeout: Seconds to wait at most.

        Returns:
            The exchange.

        Raises:
            TimeoutError: It did not write as much in time.
        """
        exchanges = self._journal.exchanges
        self._journal.wait(
            lambda: bool(exchanges) and exchanges[number].writes >= count,
            timeout=timeout,
            what=f"{count} writes",
        )
        return exchanges[number]


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
    given = [faults] if isinstance(faults, str | Fault) else faults
    options = Options(
        shape=shape,
        rate=rate,
        chunk=chunk,
        split=split,
        faults=tuple(parse_fault(item) if isinstance(item, str) else item for item in given),
    )
    played = RecordingSet(read_all(recordings))
    journal, gate = ExchangeLog(), Gate(hold)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port that was just used by a server before this one must not be refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        runner = _Runner(played, options, journal, gate, listener, batches)
        url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}/v1"
        runner.start()
        try:
            yield Server(url, journal, gate)
        finally:
            runner.stop()
    finally:
        listener.close()


class _Runner:
    """The thread that an event loop and a server live in."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that a server has
        self,
        recordings: RecordingSet,
        options: Options,
        journal: ExchangeLog,
        gate: Gate,
        listener: socket.socket,
        batches: Sequence[str],
    ) -> None:
        try:
            import uvicorn  # noqa: PLC0415 - heavy, and needed by the server alone

            from partialfast.replay._app import Stage, build_app  # noqa: PLC0415 - as above
            from partialfast.replay._batches import (  # noqa: PLC0415 - as above
                Batches,
                parse_batch_faults,
            )
            from partialfast.replay._guard import Guard  # noqa: PLC0415 - as above
            from partialfast.replay._message_batches import (  # noqa: PLC0415 - as above
                MessageBatches,
            )
        except ModuleNotFoundError as error:
            message = (
                f"the replay server needs {error.name}, which is not installed: "
                'pip install "partialfast[demo]"'
            )
            raise ImportError(message, name=error.name) from error
        self._listener = listener
        # Shared: it is one batch after the other, whoever asks.
        faults = parse_batch_faults(batches)
        shelf = Batches(recordings, options, faults)
        message_shelf = MessageBatches(recordings, options, faults)

        def build(stopping: asyncio.Event) -> uvicorn.Server:
            config = uvicorn.Config(
                Guard(
                    build_app(
                        Stage(recordings, options, journal, gate, stopping, shelf, message_shelf)
                    )
                ),
                # The plain implementation: it behaves the same wherever the tests run.
                http="h11",
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                # A client's pool must not find its idle connection closed under it.
                timeout_keep_alive=60,
            )
            return uvicorn.Server(config)

        self._build = build
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="partialfast-replay", daemon=True)

    def start(self) -> None:
        """Start the thread and wait until requests are answered."""
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise TimeoutError("the replay server did not start")
        if self._failure is not None:
            raise RuntimeError("the replay server did not start") from self._failure

    def stop(self) -> None:
        """Give up open responses and end the thread."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_TIMEOUT_S)
        if self._failure is not None:
            raise RuntimeError("the replay server failed") from self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again where `serve` was called
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = self._build(self._stopping)
        # What `uvicorn.Server.serve` does, without its clock: that looks whether to stop only ten
        # times a second and waits as long again for the connections, and a test suite starts a
        # server a thousand times.
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[self._listener])
        self._started.set()
        await self._stopping.wait()
        for listening in server.servers:
            listening.close()
        state = server.server_state
        # What was accepted just now is known only a few turns of the loop later.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        # There is no event to wait for.
        while state.connections or state.tasks:
            for connection in list(state.connections):
                connection.shutdown()
            await asyncio.sleep(_STEP_S)
