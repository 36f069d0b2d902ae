"""How long a type takes to compile, beside what pydantic takes to build its classes.

A class is built once in a process, so each figure is the best of some fresh interpreters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import pairwise
from types import GenericAlias
from typing import Any

from pydantic import BaseModel, create_model

import partialfast as pf
from benches.measuring import alone
from benches.pages import table

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic", "openai", "fhir.resources")
ROUNDS = 3


class _Warm(BaseModel):
    a: list[str]


def _graph(size: int) -> type[BaseModel]:
    made = [create_model("C0", a=(str, ...))]
    for n in range(1, size):
        fields: Any = {"b": (GenericAlias(list, made[-1]), ...), "c": (made[n // 2] | None, None)}
        made.append(create_model(f"C{n}", a=(str, ...), **fields))
    return made[-1]


def _wide() -> type[BaseModel]:
    types = (str, int, list[str], float | None)
    fields: Any = {f"field_{n}": (types[n % 4], ...) for n in range(1000)}
    return create_model("Wide", **fields)


def _rebuilt(module: str, name: str) -> type[BaseModel]:
    made: type[BaseModel] = getattr(import_module(module), name)
    made.model_rebuild(force=True)
    return made


_CASES: dict[str, Callable[[], type[BaseModel]]] = {
    **{f"graph of {size} classes": partial(_graph, size) for size in (5, 25, 100, 400)},
    "one model of 1,000 fields": _wide,
    "openai.types.responses.Response": partial(_rebuilt, "openai.types.responses", "Response"),
    "fhir.resources Bundle": partial(_rebuilt, "fhir.resources.bundle", "Bundle"),
}


def _seconds(name: str) -> list[float]:
    """Return the CPU time that building a case takes, compiling, and compiling once more."""
    if name.startswith("openai"):
        import_module("openai._models")
    list(pf.stream(_Warm, ['{"a": ["x', '"]}']))
    times = [time.process_time()]
    made = _CASES[name]()
    times.append(time.process_time())
    for _ in range(2):
        pf.StreamState(made)
        times.append(time.process_time())
    return [after - before for before, after in pairwise(times)]


def _row(name: str) -> list[str]:
    runs: list[list[float]] = [alone(_seconds, name) for _ in range(ROUNDS)]
    built, compiled, again = map(min, zip(*runs, strict=True))
    ms = (f"{seconds * 1e3:,.1f} ms" for seconds in (built, compiled))
    return [name, *ms, f"{compiled / built:.2f}", f"{again * 1e6:,.0f} us"]


def lines() -> Iterator[str]:
    """Measure all; yield the table."""
    columns = ["pydantic builds it", "partialfast compiles it", "ratio", "from the cache"]
    yield table(["type", *columns], map(_row, _CASES))
