"""The figures in pytest-benchmark's file, as `benches.report` reads them."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean
from typing import Any

from benches.measuring import head


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    us: defaultdict[str, list[float]] = defaultdict(list)
    for measured in output_json["benchmarks"]:
        least_s, units = measured["stats"]["min"], measured["extra_info"]["units"]
        us[measured["group"]].append(least_s / units * 1e6)
    output_json["head"] = head(
        "partialfast", "pydantic", "instructor", "jiter", "jsonriver", "ijson"
    )
    # Of what was sampled in windows, the mean of them.
    output_json["figures"] = {key: mean(each) for key, each in us.items()}
