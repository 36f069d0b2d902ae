"""What the replay server takes, and from whom."""

from __future__ import annotations

import http.client
import json

import pytest

from partialfast import replay
from partialfast.replay import _exchanges, _guard
from partialfast.replay._exchanges import Exchange, ExchangeLog
from partialfast.replay._guard import MOST_BODY
from tests.replaying import post

pytestmark = pytest.mark.network

ASK = json.dumps({"model": "gpt-4", "messages": [{"role": "user", "content": "hello"}]}).encode()
PATH = "/v1/chat/completions"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_other_hosts_are_refused(host: str) -> None:
    with replay.serve({"text": "hi"}) as url:
        status, said = post(url, PATH, ASK, host=host)
        assert status == 421
        assert "loopback" in json.loads(said)["error"]["message"]
        assert url.exchanges == []


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:9", "a.localhost"]
)
def test_names_of_this_machine_are_taken(host: str) -> None:
    with replay.serve({"text": "hi"}) as url:
        assert post(url, PATH, ASK, host=host)[0] == 200


def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    with replay.serve({"text": "hi"}) as url:
        connection = http.client.HTTPConnection(url.origin.removeprefix("http://"), timeout=10)
        connection.putrequest("POST", PATH)
        connection.putheader("content-length", str(MOST_BODY + 1))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert f"{MOST_BODY:,} bytes at most" in json.loads(answer.read())["error"]["message"]
        connection.close()
        assert url.exchanges == []


@pytest.mark.parametrize("size", [999, 1000, 1001, 2500])
def test_a_body_of_no_announced_length_has_the_same_limit(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_guard, "MOST_BODY", 1000)
    with replay.serve({"text": "hi"}) as url:
        connection = http.client.HTTPConnection(url.origin.removeprefix("http://"), timeout=10)
        pieces = iter([ASK, b" " * (size - len(ASK))])
        connection.request("POST", PATH, pieces, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == (200 if size <= 1000 else 413)
        answer.read()
        connection.close()
        assert [len(exchange.raw) for exchange in url.exchanges] == ([size] if size <= 1000 else [])


def test_only_the_newest_exchanges_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def entered(log: ExchangeLog, raw: bytes) -> int:
        exchange = Exchange("POST", "/", {}, raw, None)
        log.add(exchange)
        return exchange.number

    monkeypatch.setattr(_exchanges, "_MOST_KEPT", 10)
    log = ExchangeLog()
    # Numbers go on.
    assert [entered(log, b"%d" % number) for number in range(35)] == list(range(35))
    assert len(log.exchanges) <= 10
    assert log.exchanges[-1].raw == b"34"

    monkeypatch.setattr(_exchanges, "_MOST_KEPT_BYTES", 100)
    log = ExchangeLog()
    for size in (40, 40, 40, 200, 1):
        entered(log, b"x" * size)
        assert sum(len(each.raw) for each in log.exchanges[:-1]) <= 100
    assert [len(each.raw) for each in log.exchanges] == [1]
