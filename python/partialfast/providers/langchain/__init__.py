"""A chat model of LangChain as a source: its chunks become snapshots.

    from partialfast.providers import langchain

    for user in langchain.stream(User, model.bind_tools([User]).stream("...")): ...

The chunks are ``AIMessageChunk`` objects: what the ``stream`` of a chat model gives.

Importing this module does not import that package.
"""

from __future__ import annotations

from typing import Final

from partialfast.providers._source import Streams
from partialfast.providers.langchain._source import LangChain

__all__ = ["astream", "astream_items", "stream", "stream_items"]

_streams = Streams(LangChain)

stream: Final = _streams.stream
stream_items: Final = _streams.stream_items
astream: Final = _streams.astream
astream_items: Final = _streams.astream_items
