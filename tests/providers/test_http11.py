"""Responses of HTTP/1.1, at every cut, beside h11."""

from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partialfast.providers._http11 import HttpError, ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"


def read(parts: list[bytes], *, ended: bool = False) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader()
    body = b"".join(reader.feed(part) for part in parts)
    if ended:
        reader.end()
    return reader, body


def by_h11(data: bytes, *, ended: bool) -> tuple[int, list[tuple[str, str]], bytes, bool]:
    """Read with h11: the status, the headers, the body, and whether all has come."""
    connection = h11.Connection(h11.CLIENT)
    asked = [("host", "x"), ("content-length", "0")]
    connection.send(h11.Request(method="POST", target="/", headers=asked))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    if ended:
        connection.receive_data(b"")
    status, headers, body = 0, [], b""
    while True:
        event: Any = connection.next_event()
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return status, headers, body, True
        elif event is h11.NEED_DATA:
            return status, headers, body, False


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"X-Request-ID", b"content-type", b"Retry-After", b"x"]),
        st.text("abc 0-9;=/\xe9", max_size=12).map(lambda text: text.strip().encode("latin-1")),
    ),
    max_size=4,
)


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Give the bytes of a response, and whether only the end of the connection ends it."""
    status = draw(st.sampled_from([b"200 OK", b"429 Too Many Requests", b"503 ", b"404 No"]))
    early = draw(
        st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 x\r\n\r\n"])
    )
    lines = [name + b": " + value + b"\r\n" for name, value in draw(HEADERS)]
    parts = draw(st.lists(st.binary(max_size=40), max_size=6))
    way = draw(st.sampled_from(["chunked", "length", "end"]))
    if way == "chunked":
        lines.append(b"Transfer-Encoding: chunked\r\n")
        extension = draw(st.sampled_from([b"", b";a=b"]))
        trailer = draw(st.sampled_from([b"", b"x: y\r\n"]))
        chunks = [b"%X%b\r\n%b\r\n" % (len(part), extension, part) for part in parts if part]
        body = b"".join(chunks) + b"0\r\n" + trailer + b"\r\n"
    else:
        body = b"".join(parts)
        if way == "length":
            lines.append(b"content-length: %d\r\n" % len(body))
    return early + b"HTTP/1.1 " + status + b"\r\n" + b"".join(lines) + b"\r\n" + body, way == "end"


@given(response=responses(), data=st.data())
def test_a_response_is_read_as_h11_reads_it_however_it_is_cut(
    response: tuple[bytes, bool], data: st.DataObject
) -> None:
    whole, ended = response
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=6).map(sorted))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    reader, body = read(parts, ended=ended)
    assert reader.head is not None
    found = (reader.head.status, list(reader.head.headers), body, reader.done)
    assert found == by_h11(whole, ended=ended)
    assert reader.keeps_alive == (not ended)


@given(response=responses(), data=st.data())
def test_a_response_that_breaks_off_is_not_whole(
    response: tuple[bytes, bool], data: st.DataObject
) -> None:
    whole, ended = response
    cut = data.draw(st.integers(0, len(whole) - 1))
    reader, _ = read([whole[:cut]])
    if ended and reader.head is not None:
        return
    assert not reader.done
    with pytest.raises(HttpError, match="closed the connection"):
        reader.end()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b" folded: c\r\n\r\n",
        OK + b"a: b\0c\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"content-length: 1, 2\r\n\r\n",
        OK + b"content-length: 99999999999999999\r\n\r\n",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 5000,
        OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x" * 5000,
        OK + b"x: " + b"y" * 70_000,
    ],
)
def test_what_is_no_response_is_refused_at_every_cut(said: bytes) -> None:
    for cut in [*range(min(len(said), 120)), len(said)]:
        with pytest.raises(HttpError):
            read([said[:cut], said[cut:]])


def test_what_nobody_asked_for_ends_the_connection() -> None:
    for extra in (b"", b"HTTP/1.1 200 OK\r\n"):
        for framed in (
            b"content-length: 1\r\n\r\na",
            b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ):
            reader, _ = read([OK + framed + extra])
            assert reader.done
            assert reader.keeps_alive == (not extra)
    assert not read([b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"])[0].keeps_alive
    assert not read([OK + b"connection: close\r\ncontent-length: 0\r\n\r\n"])[0].keeps_alive
    assert read([b"HTTP/1.1 204 No Content\r\n\r\n"])[0].done
