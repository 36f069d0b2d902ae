"""What one answer has brought so far, for any number of readers that are at different places.

Theory of operation. Ops are put in and wait, merged, until they are published as the next version.
Between two versions lies a segment: the ops that lead from one to the other. A reader holds the
number of the version that it has, and gets all segments after it as one step; one that has none
yet gets the value so far. Segments with no reader between them become one, and those that all
readers have are dropped, so that what is kept is at most the text of the answer, however many
readers there are and however slow they are.

No I/O, clock or thread of its own; the caller sees to it that only one thread is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from partialfast.web._document import Change, Document, Merge, OpLike, Path
from partialfast.web._outcome import Outcome
from partialfast.web._step import Step

if TYPE_CHECKING:
    from partialfast.web._event import Event, Piece
    from partialfast.web._wire import Wire

__all__ = ["Log", "Reader"]

_MOST_SEGMENTS = 64


@dataclass(slots=True)
class _Segment:
    """The ops from one version to another, and what wires have made of them."""

    first: int
    last: int
    changes: list[Change]
    before: Path
    encoded: dict[Wire, list[Event | Piece]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Reader:
    """Somebody who reads along.

    Args:
        version: The version that it has; 0 for none.
    """

    version: int = 0


class Log:
    """The versions of one answer."""

    def __init__(self) -> None:
        self.document = Document()
        self.version = 0
        self.at: Path = ()
        self.outcome: Outcome | None = None
        self._pending = Merge()
        self._pending_at: Path = ()
        self._segments: list[_Segment] = []
        self._readers: set[Reader] = set()

    @property
    def pending(self) -> bool:
        """Whether ops wait to be published."""
        return bool(self._pending)

    @property
    def readers(self) -> int:
        """How many read along."""
        return len(self._readers)

    def put(self, ops: Iterable[OpLike], completed: Iterable[Path] | None = None) -> None:
        """Take ops in.

        Args:
            ops: The ops, in order.
            completed: The paths that they completed; ``None`` where that is not known.

        Raises:
            ValueError: An op does not fit what those before it made.
        """
        path: Path | None = None
        for op in ops:
            path = _innermost(op.path, op.value) if op.op == "set" else op.path
            self._pending.put(op.op, op.path, op.value)
        if path is not None:
            self._pending_at = path
        for done in completed or ():
            # When what encloses the newest value closes, the model is further out.
            if self._pending_at[: len(done)] == done:
                self._pending_at = done[:-1]

    def end(self, outcome: Outcome) -> None:
        """Say how the answer ended; the first to say so counts."""
        if self.outcome is None:
            self.outcome = outcome

    def publish(self) -> bool:
        """Make the next version of what waits.

        Returns:
            Whether there was anything.

        Raises:
            ValueError: An op does not fit what those before it made.
        """
        if not self._pending:
            return False
        changes = [
            self.document.apply(change.op, change.path, change.value)
            for change in self._pending.take()
        ]
        before, self.at = self.at, self._pending_at
        first, self.version = self.version, self.version + 1
        self._segments.append(_Segment(first, self.version, changes, before))
        self._tidy()
        return True

    def join(self) -> Reader:
        """Begin to read."""
        reader = Reader()
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        """Stop reading."""
        self._readers.discard(reader)
        self._tidy()

    def read(self, reader: Reader) -> tuple[Step, _Segment | None] | None:
        """Bring a reader to the newest version.

        Args:
            reader: Who reads.

        Returns:
            The step, and its segment if all who are at the same version share it; ``None`` if the
            reader has the newest version.
        """
        if reader.version == self.version:
            return None
        have, reader.version = reader.version, self.version
        if have == 0:
            change = Change("set", (), self.document.value, new=True)
            return self._step([change], (), whole=True), None
        missed = [segment for segment in self._segments if segment.first >= have]
        before = missed[0].before
        if len(missed) == 1:
            return self._step(missed[0].changes, before, whole=False), missed[0]
        return self._step(_merged(missed), before, whole=False), None

    def _step(self, changes: list[Change], before: Path, *, whole: bool) -> Step:
        return Step(self.version, changes, before, self.at, self.document, whole)

    def _tidy(self) -> None:
        """Drop what all readers have; join those with no reader between them."""
        held = {reader.version for reader in self._readers if reader.version}
        oldest = min(held, default=self.version)
        while self._segments and self._segments[0].last <= oldest:
            del self._segments[0]
        if len(self._segments) <= _MOST_SEGMENTS:
            return
        kept: list[list[_Segment]] = []
        for segment in self._segments:
            if kept and segment.first not in held:
                kept[-1].append(segment)
            else:
                kept.append([segment])
        self._segments = [
            run[0]
            if len(run) == 1
            else _Segment(run[0].first, run[-1].last, _merged(run), run[0].before)
            for run in kept
        ]


def _innermost(path: Path, value: Any) -> Path:
    """Return where the model is, as far as can be told, when a value has just been set.

    Its last part may be open still: a container shows as soon as it opens.
    """
    while value and isinstance(value, dict | list):
        key = next(reversed(value)) if isinstance(value, dict) else len(value) - 1
        path, value = (*path, key), value[key]
    return path


def _merged(segments: list[_Segment]) -> list[Change]:
    merge = Merge()
    for segment in segments:
        for change in segment.changes:
            merge.put(change.op, change.path, change.value, new=change.new)
    return merge.take()
