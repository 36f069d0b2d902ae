"""The fixture for other people's tests: servers run while the test does, and no longer."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TEST = """
from openai import OpenAI
import urllib.request

seen = []


def test_two_servers(replay_server):
    first, second = replay_server({"text": "{}"}), replay_server({"text": "[]"}, chunk=1)
    for server in (first, second):
        with OpenAI(base_url=server, api_key="replay") as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
        assert len(server.exchanges) == 1
    seen.extend([first, second])


def test_they_are_gone():
    for server in seen:
        try:
            urllib.request.urlopen(server.url + "/models", timeout=5)
        except OSError:
            continue
        raise AssertionError("the server runs on")
"""


@pytest.mark.network
def test_the_fixture_serves_and_stops(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["partialfast.replay.pytest_plugin"]')
    pytester.makepyfile(TEST)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)
