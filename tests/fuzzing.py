"""The property tests as a fuzzer: run for a given time instead of a number of examples.

    python -m tests.fuzzing SECONDS [PART_OF_A_NAME ...]

Every property of the test suite that needs nothing but generated input is a target: streams of
generated models against pydantic, any text against other parsers, any split against the whole.
The time is shared among them. What fails is shrunk, printed, and kept in ``.hypothesis``, where the
next run of the test begins with it; add it as an ``@example`` to its test.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

__all__ = ["Target", "targets"]

ROOT = Path(__file__).parents[1]
#: Examples between two looks at the clock.
ROUND = 100


class Target:
    """One property.

    Args:
        name: Module and function.
        test: The test, as hypothesis made it.
    """

    def __init__(self, name: str, test: Any) -> None:
        self.name = name
        self.executions = 0
        self._test = test
        inner: Callable[..., Any] = test.hypothesis.inner_test

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.executions += 1
            return inner(*args, **kwargs)

        test.hypothesis.inner_test = counted

    def run(self, seconds: float) -> bool:
        """Run for about that long; return whether the property held."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self._test()
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a panic of Rust's is no `Exception`, but a finding
            traceback.print_exc()
            return False
        return True


def targets() -> Iterator[Target]:
    """Yield every property of the test suite that takes no fixture."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "typing" in parts:
            continue
        try:
            module = importlib.import_module(".".join(parts))
        except pytest.skip.Exception as skipped:
            print(f"not fuzzed: {'.'.join(parts)}: {skipped}")
            continue
        for name, test in list(vars(module).items()):
            if (
                name.startswith("test_")
                and is_hypothesis_test(test)
                and not inspect.signature(test).parameters
            ):
                yield Target(f"{module.__name__}.{name}", test)


def _main(arguments: list[str]) -> int:
    if not arguments:
        sys.exit(__doc__)
    seconds = float(arguments[0])
    warnings.simplefilter("error")
    settings.register_profile(
        "fuzz",
        max_examples=ROUND,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    # Before the tests are imported: each takes the profile that it finds.
    settings.load_profile("fuzz")
    wanted = arguments[1:] or [""]
    found = [target for target in targets() if any(part in target.name for part in wanted)]
    failed = 0
    for target in found:
        held = target.run(seconds / len(found))
        failed += not held
        print(f"{target.executions:>9,} executions, {'held' if held else 'FAILED'}: {target.name}")
    total = sum(target.executions for target in found)
    print(f"{total:,} executions of {len(found)} properties, {failed} failed")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
