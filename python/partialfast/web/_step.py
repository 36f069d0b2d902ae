"""A step from one version of an answer to another."""

from __future__ import annotations

from dataclasses import dataclass

from partialfast.web._document import Change, Document, Path

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """What leads a reader from the version that it has to the newest.

    Args:
        version: The number of the newest, counted from 1.
        changes: The ops, merged.
        before: Where the model was writing at the version that the reader has.
        at: Where it is writing now; each of its ends that is not in the path is complete.
        document: The value, changes included.
        whole: Whether the changes are the value so far, for a reader that has nothing yet.
    """

    version: int
    changes: list[Change]
    before: Path
    at: Path
    document: Document
    whole: bool
