"""The package's own work on one workload, by name, for profiles and instruction counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import partialfast as pf
from benches.measuring import last
from benches.workloads import Workload

__all__ = ["SUBJECTS"]


def typed(work: Workload) -> Any:
    """Stream the document into its model; drop every snapshot but the last."""
    return last(pf.stream(work.model, work.chunks))


def untyped(work: Workload) -> Any:
    """Stream the document into plain values, with a snapshot at every chunk."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
        parser.snapshot()
    return parser.finish()


def feed(work: Workload) -> Any:
    """Stream the document and ask for nothing before the end."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
    return parser.finish()


def ops(work: Workload) -> Any:
    """Stream the document into its model and take the ops of each chunk; make no snapshots."""
    state: pf.StreamState[Any] = pf.StreamState(work.model)
    state.keep_ops(snapshots=False)
    for chunk in work.chunks:
        state.feed(chunk)
        state.take_ops()
    return state.finish()


def loads(work: Workload) -> Any:
    """Parse the document in one piece."""
    return pf.loads(work.text)


SUBJECTS: dict[str, Callable[[Workload], Any]] = {
    function.__name__: function for function in (typed, untyped, feed, loads, ops)
}
