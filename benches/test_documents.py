"""Cost of a whole document in one piece."""

from __future__ import annotations

import json

import pytest

from benches.conftest import Measure
from benches.documents import DOCUMENTS, document
from benches.peers import LOADS


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("subject", LOADS)
def test_loads(measure: Measure, subject: str, name: str) -> None:
    data = document(name)
    if data is None:
        pytest.skip(f"no {name}.json in ../shared/data/bench")
    assert LOADS[subject](data) == json.loads(data)
    measure(f"loads/{subject}/{name}", lambda: LOADS[subject](data), units=1)
