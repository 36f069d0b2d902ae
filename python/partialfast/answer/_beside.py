"""The text beside the answer: words, a refusal, reasoning."""

from __future__ import annotations

import sys

from partialfast._errors import JsonError

__all__ = ["Beside", "too_much"]

# A parser bounds its own text. Documented in docs/bounds.md.
MOST = 1 << 30


def too_much(what: str) -> JsonError:
    """Return the error for too much of something.

    Args:
        what: What there is too much of, with the limit.
    """
    message = f"The model wrote {what}; see `snapshot` and `text` for what came before."
    return JsonError(message, kind="size_limit", offset=0, line=1, column=1)


class Beside:
    """Keeps what is not part of the answer, within a limit for all of it together."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[str]] = {"text": [], "refusal": [], "reasoning": []}
        self._size = 0

    def keep(self, part: str, piece: str) -> None:
        """Keep more of a text.

        Args:
            part: ``"text"``, ``"refusal"`` or ``"reasoning"``.
            piece: What follows.

        Raises:
            JsonError: There is too much of it.
        """
        self.count(piece)
        self._pieces[part].append(piece)

    def keep_whole(self, part: str, whole: str) -> None:
        """Keep the part of a text that pieces have not brought.

        Args:
            part: See `keep`.
            whole: All of it.

        Raises:
            JsonError: There is too much of it.
        """
        received = self._joined(part)
        if whole.startswith(received):
            self.keep(part, whole[len(received) :])

    def count(self, piece: str) -> None:
        """Count what is kept elsewhere, such as the arguments of a call whose name is not known.

        Args:
            piece: What is kept.

        Raises:
            JsonError: There is too much of it.
        """
        self._size += sys.getsizeof(piece)
        if self._size > MOST:
            raise too_much(f"more than {MOST:,} bytes of text beside its answer")

    @property
    def words(self) -> str:
        """What the model said in words where the answer was to be a call."""
        return self._joined("text")

    @property
    def refusal(self) -> str:
        """What the model said instead of answering."""
        return self._joined("refusal")

    @property
    def reasoning(self) -> str:
        """What the server sent of the model's reasoning."""
        return self._joined("reasoning")

    def _joined(self, part: str) -> str:
        pieces = self._pieces[part]
        if len(pieces) > 1:
            # Joined once, however often it is asked for.
            pieces[:] = ["".join(pieces)]
        return pieces[0] if pieces else ""
