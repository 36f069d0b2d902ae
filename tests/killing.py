"""Commands that are killed at moments of chance, and resumed until they have come to their end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection

from partialfast import replay
from tests.batching import Zygote, asked, wait_for

__all__ = ["Killer"]


def _arrived(server: replay.Server) -> None:
    """Wait until the server has read what a killed command had sent.

    One loop reads all connections: it has read what came before a question when it answers that. A
    connection that it had not accepted is only read along with the first question, hence a second.
    """
    for _ in range(2):
        with closing(HTTPConnection(server.origin.removeprefix("http://"))) as connection:
            connection.request("GET", "/v1/models")
            assert connection.getresponse().status == 200


def _requests(server: replay.Server, first: int) -> list[str]:
    """Return the documents that were asked about, from an exchange on."""
    return [asked(each) for each in server.exchanges[first:] if each.method == "POST"]


@dataclass
class Killer:
    """Kills commands, one after the other.

    Args:
        runner: What starts them.
        most: How often to kill, over all commands.
        concurrency: How many requests of a command may be under way.
        status: The exit status of a command that comes to its end.
        settle: Waits until nothing of a killed command's is under way any more.
    """

    runner: Zygote
    most: int
    concurrency: int
    status: int = 0
    settle: Callable[[replay.Server], None] = _arrived
    kills: int = 0
    #: How many of the kills came while requests were under way.
    amid: int = 0
    #: How many of these had results of an earlier run before them.
    amid_resumed: int = 0
    # Not seeded: the moments depend on the machine in any case.
    draw: random.Random = field(default_factory=random.Random)

    @property
    def is_done(self) -> bool:
        """Whether it has killed often enough."""
        return self.kills == self.most

    def resume_to_the_end(
        self,
        server: replay.Server,
        words: list[str],
        finished: Callable[[], set[str]],
        *,
        moments: Sequence[int],
        pause: Callable[[random.Random], float] = lambda draw: draw.uniform(0.0, 0.05),
    ) -> None:
        """Kill a command and start it again, until it ends of itself; nothing is asked for twice.

        Args:
            server: Whom it asks.
            words: Its command line, with ``--resume``.
            finished: Reads the ids that have a result.
            moments: After how many requests to kill it; one of them is drawn.
            pause: Seconds to wait then.
        """
        first = len(server.exchanges)
        interrupted: Counter[str] = Counter()
        status = -9
        while status == -9:
            done, begun = finished(), len(server.exchanges)
            child = self.runner.start(words)
            if self.is_done:
                status = self.runner.wait()
            else:
                wait_for(server, begun + self.draw.choice(moments), child)
                time.sleep(pause(self.draw))
                status = self.runner.kill(child)
                self.settle(server)
            sent = set(_requests(server, begun))
            assert not done & sent, "what has a result was asked for again"
            if status == -9:
                self.kills += 1
                now = finished()
                assert now >= done, "a result was lost"
                in_flight = sent - now
                assert len(in_flight) <= self.concurrency
                self.amid += bool(in_flight)
                self.amid_resumed += bool(done and in_flight)
                interrupted.update(in_flight)
        assert status == self.status
        requests = Counter(_requests(server, first))
        again = requests - Counter(set(requests))
        assert not again - interrupted, "what was not in flight was asked for again"
