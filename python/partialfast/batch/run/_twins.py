"""Documents about which the same would be asked: asked once, written for each.

The first of them is asked about. The others wait for its result, or have it at once if it is there.
This is told by a digest of what is asked, so that a field that the prompt does not name makes no
difference.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from partialfast.batch.io._journal import Journal

__all__ = ["Twins"]


class Twins:
    """Knows which documents are the same. Documents may come from another thread than results.

    Args:
        journal: Where results are.
        number: The number of the run. What other runs have asked was asked in another way.
    """

    def __init__(self, journal: Journal, number: int) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._answered = {
            row.request: id_
            for rows in (journal.failed, journal.done)
            for id_, row in rows.items()
            if row.run == number
        }
        # Of those that are asked about: by the request, the id; and by the id, the request and the
        # ids of those that wait.
        self._asked: dict[bytes, str] = {}
        self._waiting: dict[str, tuple[bytes, list[str]]] = {}
        self._ready: deque[tuple[str, str, bytes]] = deque()

    def is_first(self, id_: str, request: bytes) -> bool:
        """Tell whether a document is to be asked about.

        Args:
            id_: The document's, which has no result.
            request: The digest of what would be asked.

        Returns:
            Whether it is; if not, its result is that of another.
        """
        with self._lock:
            if (answered := self._answered.get(request)) is not None:
                self._ready.append((id_, answered, request))
                return False
            first = self._asked.setdefault(request, id_)
            if first == id_:
                self._waiting[id_] = (request, [])
                return True
            self._waiting[first][1].append(id_)
            return False

    def request(self, id_: str) -> bytes:
        """Give the digest of what is asked about a document."""
        with self._lock:
            return self._waiting[id_][0]

    def finished(self, id_: str) -> None:
        """Note that a document has its result."""
        with self._lock:
            request, waiting = self._waiting.pop(id_)
            del self._asked[request]
            self._answered[request] = id_
            self._ready.extend((twin, id_, request) for twin in waiting)

    def ready(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Give the documents that have their result from another.

        Yields:
            The id, the line of the other, and the digest of what would be asked.
        """
        while True:
            with self._lock:
                if not self._ready:
                    return
                twin, first, request = self._ready.popleft()
            yield twin, self._journal.line(first), request
