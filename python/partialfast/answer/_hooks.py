"""The caller's functions that are told what happens in a call; the events are instructor's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from partialfast.answer._watch import Sent, Watch, Watchers

__all__ = ["EVENTS", "Hooks"]

logger = logging.getLogger("partialfast")

#: What can be listened to, and what a handler gets.
EVENTS = {
    "completion:kwargs": "the arguments of each request, as keyword arguments",
    "completion:response": "the SDK's object of an answer that was not streamed",
    "completion:usage": "the token usage of each answer, as the SDK's object",
    "completion:error": "what the SDK or the stream raised",
    "completion:last_attempt": "the same, when no attempt is left",
    "parse:error": "what was wrong with an answer: a `ValidationError` or a `JsonError`",
}

Handler = Callable[..., Any]


class Hooks:
    """The handlers of a client, or of one call: ``create(..., hooks=hooks)``."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}
        self._watches: list[Watch] = []

    def __add__(self, other: Hooks) -> Hooks:
        """Return the handlers of both."""
        both = Hooks()
        for hooks in (self, other):
            for event, handlers in hooks._handlers.items():
                both._handlers.setdefault(event, []).extend(handlers)
            both._watches += hooks._watches
        return both

    def watch(self, watch: Watch) -> None:
        """Tell a watcher of each request, and of how its answer ended.

        Args:
            watch: The watcher.
        """
        self._watches.append(watch)

    @property
    def has_watches(self) -> bool:
        """Whether anybody watches."""
        return bool(self._watches)

    def begin(self, sent: Sent) -> Watchers:
        """Tell all watchers of a request.

        Args:
            sent: The request.

        Returns:
            Those who are to be told what becomes of it.
        """
        return Watchers(self._watches, sent)

    def on(self, event: str, handler: Handler) -> None:
        """Call a function at an event.

        Args:
            event: One of `EVENTS`.
            handler: The function.

        Raises:
            TypeError: `handler` cannot be called.
            ValueError: There is no such event.
        """
        if not callable(handler):
            raise TypeError(f"a handler must be callable: {handler!r}")
        self._handlers.setdefault(_event(event), []).append(handler)

    def off(self, event: str, handler: Handler) -> None:
        """Stop calling a function.

        Args:
            event: One of `EVENTS`.
            handler: The function; nothing happens where it was not called at that event.

        Raises:
            ValueError: There is no such event.
        """
        handlers = self._handlers.get(_event(event), [])
        if handler in handlers:
            handlers.remove(handler)

    def clear(self, event: str | None = None) -> None:
        """Stop calling all functions.

        Args:
            event: At which event; ``None`` for all.

        Raises:
            ValueError: There is no such event.
        """
        if event is None:
            self._handlers.clear()
        else:
            self._handlers.pop(_event(event), None)

    def listen_to(self, event: str) -> bool:
        """Tell whether anybody listens to an event.

        Args:
            event: One of `EVENTS`.
        """
        return bool(self._handlers.get(event))

    def tell(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Call the handlers of an event. What one of them raises is logged: it ends no call.

        Args:
            event: One of `EVENTS`.
            *args: What each of them gets.
            **kwargs: What each of them gets by name.
        """
        for handler in tuple(self._handlers.get(event, ())):
            try:
                handler(*args, **kwargs)
            except Exception:  # noqa: PERF203 - one of them must not keep it from the others
                logger.exception("a handler of %s failed", event)


def _event(name: str) -> str:
    # Instructor's enumeration has the name as its value.
    found: str = getattr(name, "value", name)
    if found not in EVENTS:
        raise ValueError(f"there is no event {found!r}; there are {', '.join(EVENTS)}")
    return found
