"""What a batch asks of its client, and of earlier answers: protocols, so that it imports none."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

__all__ = [
    "READING",
    "AnswerStream",
    "Answers",
    "KnownAnswer",
    "RequestFunction",
    "reading",
    "request_digest",
]

#: Those options of a request that say how its answer is read; the server is not told of them.
READING = ("lenient", "max_repairs", "coerce")


def reading(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give those options of requests that say how answers are read.

    Args:
        options: All options of requests.

    Returns:
        Arguments of `partialfast.StreamState`.
    """
    return {name: options[name] for name in READING if name in options}


def request_digest(messages: Sequence[Mapping[str, Any]], *, beside: bytes = b"") -> bytes:
    """Give what two requests have in common only if they ask the same.

    Args:
        messages: What is asked.
        beside: Stands for the rest: the endpoint, the model, the schema, the options.

    Returns:
        32 bytes.
    """
    text = json.dumps(messages, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(beside + b"\0" + text.encode(), digest_size=32).digest()


class KnownAnswer(NamedTuple):
    """An answer that was given before.

    Args:
        value: Its value.
        text: What the model wrote.
        repairs: What was repaired in it, by those who read leniently.
    """

    value: Any
    text: str
    repairs: tuple[Any, ...] = ()


class Answers(Protocol):
    """Answers that were given before, by what was asked."""

    @abstractmethod
    def find(self, messages: Sequence[Mapping[str, Any]]) -> KnownAnswer | None:
        """Give an answer, if there is one that is valid."""

    @abstractmethod
    def keep(self, messages: Sequence[Mapping[str, Any]], text: str) -> None:
        """Keep the text of a valid answer."""


class AnswerStream(Protocol):
    """An answer being read, as `partialfast.providers.openai.AsyncStream` is one."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The raw text so far."""

    @property
    @abstractmethod
    def snapshot(self) -> Any:
        """The last snapshot."""

    @property
    @abstractmethod
    def usage(self) -> Any:
        """What the server reported, if it did."""

    @property
    @abstractmethod
    def attempt(self) -> int:
        """Number of the current attempt, counted from 1."""

    @property
    @abstractmethod
    def attempts(self) -> tuple[Any, ...]:
        """The attempts that gave an invalid answer, each with ``text`` and ``usage``."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the snapshots."""

    @abstractmethod
    async def final(self) -> Any:
        """Return the final value."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the response."""


class RequestFunction(Protocol):
    """Sends a request: ``create_partial`` of an asynchronous client, or the like."""

    def __call__(  # noqa: PLR0913 - those of `create_partial` that are used
        self,
        *,
        response_model: Any,
        model: str,
        messages: list[Any],
        max_retries: int,
        on_retry: Callable[[Any], Any],
        every: Any,
        **options: Any,
    ) -> AnswerStream: ...
