"""A run of OpenAI's Agents SDK as a source: its chunks become snapshots.

    from partialfast.providers import agents

    run = Runner.run_streamed(agent, "...")
    async for user in agents.astream(User, run.stream_events(), mode=Mode.JSON_SCHEMA): ...

The chunks are what ``stream_events`` of a streamed run gives.

Importing this module does not import that package.
"""

from __future__ import annotations

from typing import Final

from partialfast.providers._source import Streams
from partialfast.providers.agents._source import Agents

__all__ = ["astream", "astream_items", "stream", "stream_items"]

_streams = Streams(Agents)

stream: Final = _streams.stream
stream_items: Final = _streams.stream_items
astream: Final = _streams.astream
astream_items: Final = _streams.astream_items
