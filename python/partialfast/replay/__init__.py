"""A server on loopback that plays recordings, in the protocols of several providers.

For tests and demonstrations: it answers like OpenAI or another server, as fast
or slow as wanted, whole or in pieces of any size, and with faults on demand.

    from partialfast import replay

    with replay.serve({"text": '{"name": "Ada"}'}) as url:
        client = OpenAI(base_url=url, api_key="replay")

Only `serve` needs more than the package itself: ``pip install "partialfast[demo]"``.
"""

from __future__ import annotations

from partialfast.replay._exchanges import Exchange
from partialfast.replay._faults import Fault, FaultKind, parse_fault, parse_faults
from partialfast.replay._recording import (
    Recording,
    RecordingError,
    ToolCall,
    builtin,
    load,
    read_all,
)
from partialfast.replay._server import Server, serve
from partialfast.replay._shapes import SHAPES

__all__ = [
    "SHAPES",
    "Exchange",
    "Fault",
    "FaultKind",
    "Recording",
    "RecordingError",
    "Server",
    "ToolCall",
    "builtin",
    "load",
    "parse_fault",
    "parse_faults",
    "read_all",
    "serve",
]
