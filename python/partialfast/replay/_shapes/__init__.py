"""The forms that real servers give an answer.

`OpenAI` is the reference; every other class says in its docstring how its
server differs and where that is known from (source, documentation or recorded
traffic, read in 2026). A difference that no client can see is left out.
"""

from __future__ import annotations

from partialfast.replay._shapes._azure import Azure, AzureAsync
from partialfast.replay._shapes._hosted import Gemini, Mistral, OpenRouter
from partialfast.replay._shapes._local import VLLM, IkLlamaCpp, LlamaCpp, Ollama, Ollama2024
from partialfast.replay._shapes._openai import OpenAI, server_error

__all__ = ["SHAPES", "OpenAI", "server_error", "shape_named"]

_ALL: list[type[OpenAI]] = [
    OpenAI,
    Azure,
    AzureAsync,
    VLLM,
    LlamaCpp,
    IkLlamaCpp,
    Ollama,
    Ollama2024,
    OpenRouter,
    Gemini,
    Mistral,
]

#: The servers that can be imitated, by name.
SHAPES: dict[str, OpenAI] = {shape.name: shape() for shape in _ALL}


def shape_named(name: str) -> OpenAI:
    """Find a shape.

    Args:
        name: One of `SHAPES`.

    Returns:
        The shape.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return SHAPES[name]
    except KeyError:
        message = f"unknown shape {name!r}; known are {', '.join(SHAPES)}"
        raise ValueError(message) from None
