"""The protocols of the providers, one file each.

Each docstring says where the protocol is known from (documentation, the types of the SDKs,
recorded traffic, read in 2026).
"""

from __future__ import annotations

from partialfast.replay._protocols._anthropic import Anthropic
from partialfast.replay._protocols._base import Protocol
from partialfast.replay._protocols._bedrock import Bedrock, BedrockAnthropic
from partialfast.replay._protocols._chat import Chat
from partialfast.replay._protocols._cohere import Cohere
from partialfast.replay._protocols._google import Google
from partialfast.replay._protocols._ollama import Ollama
from partialfast.replay._protocols._responses import Responses

__all__ = ["PROTOCOLS", "Protocol"]

_OPENAI = (Chat(), Responses())
_OTHERS = (Anthropic(), Google(), Bedrock(), BedrockAnthropic(), Cohere(), Ollama())

#: The protocols, by name.
PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (*_OPENAI, *_OTHERS)}
