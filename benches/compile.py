"""How long a type takes to compile, beside what pydantic takes to build its classes.

Run by ``make bench-compile``. A class is built once in a process, so each figure is the best of
some fresh interpreters.
"""

from __future__ import annotations

import json
import subprocess
import sys

__all__: list[str] = []

_GRAPH = """
from typing import Optional
from pydantic import BaseModel, create_model

def build():
    made = [create_model("C0", a=(str, ...))]
    for n in range(1, {size}):
        fields = dict(a=(str, ...), b=(list[made[-1]], ...), c=(Optional[made[n // 2]], None))
        made.append(create_model(f"C{{n}}", **fields))
    return made[-1]
"""
_FIELDS = """
from pydantic import create_model

def build():
    types = (str, int, list[str], float | None)
    return create_model("Wide", **{f"field_{n}": (types[n % 4], ...) for n in range(1000)})
"""
_RESPONSE = """
import openai._models
from pydantic import TypeAdapter

def build():
    from openai.types.responses import Response
    Response.model_rebuild(force=True)
    return Response
"""
_BUNDLE = """
def build():
    from fhir.resources.bundle import Bundle
    Bundle.model_rebuild(force=True)
    return Bundle
"""
CASES = {
    **{f"graph of {size} classes": _GRAPH.format(size=size) for size in (5, 25, 100, 400)},
    "one model of 1,000 fields": _FIELDS,
    "openai.types.responses.Response": _RESPONSE,
    "fhir.resources Bundle": _BUNDLE,
}
_MEASURE = """
import json, sys, time
import partialfast as pf
from pydantic import BaseModel
class Warm(BaseModel):
    a: list[str]
list(pf.stream(Warm, ['{"a": ["x', '"]}']))
"""
_TIMES = """
began = time.process_time()
class_ = build()
built = time.process_time()
pf.StreamState(class_)
compiled = time.process_time()
plan = pf.StreamState(class_)
again = time.process_time()
print(json.dumps([built - began, compiled - built, again - compiled]))
"""


def measure(code: str, rounds: int = 3) -> list[float]:
    """Return the seconds of CPU that building takes, compiling, and compiling once more."""
    best: list[float] = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE + code + _TIMES],
            capture_output=True,
            text=True,
            check=True,
        )
        times: list[float] = json.loads(done.stdout)
        best = [min(pair) for pair in zip(best or times, times, strict=True)]
    return best


def main() -> None:
    print("| type | pydantic builds it | partialfast compiles it | ratio | from the cache |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, code in CASES.items():
        built, compiled, again = measure(code)
        ratio = compiled / built
        print(
            f"| {name} | {built * 1e3:,.1f} ms | {compiled * 1e3:,.1f} ms | {ratio:.2f} "
            f"| {again * 1e6:,.0f} us |"
        )


if __name__ == "__main__":
    main()
