"""A model of pydantic-ai as a source: its chunks become snapshots.

    from partialfast.providers import pydantic_ai

    async with model_request_stream(...) as response:
        async for user in pydantic_ai.astream(User, response): ...

The chunks are a ``StreamedResponse``, or the events of one.

Importing this module does not import that package.
"""

from __future__ import annotations

from typing import Final

from partialfast.providers._source import Streams
from partialfast.providers.pydantic_ai._source import PydanticAi

__all__ = ["astream", "astream_items", "stream", "stream_items"]

_streams = Streams(PydanticAi)

stream: Final = _streams.stream
stream_items: Final = _streams.stream_items
astream: Final = _streams.astream
astream_items: Final = _streams.astream_items
