"""What sync and async resources share: which arguments are ours, and what a call gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Protocol

from typing_extensions import TypeVar

from partialfast._hints import OF_ARGUMENTS, OF_CLIENTS, hint
from partialfast.answer._attempts import Call
from partialfast.answer._options import OURS, CallOptions, Settings
from partialfast.answer._seam import Provider
from partialfast.answer._target import is_item_list
from partialfast.answer._watch import Watch
from partialfast.typed._partial import partial_origin

__all__ = ["Message", "NotSent", "Proxy", "ResourceBase"]

#: A message as the SDK types it; anything where nobody says.
Message = TypeVar("Message", default=Any)


class NotSent(Protocol):
    """What SDKs take for an argument that is not sent, such as ``openai.omit``."""

    def __bool__(self) -> Literal[False]:
        """It is false, which no number is always."""
        ...


class Proxy:
    """Passes on every attribute that it does not have.

    Args:
        sdk: An object of the SDK's.
    """

    def __init__(self, sdk: Any) -> None:
        self._sdk = sdk

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the SDK's object."""
        if name.startswith("__") or name == "_sdk":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            return getattr(self._sdk, name)
        except AttributeError as error:
            raise AttributeError(hint(str(error), name, OF_CLIENTS)) from None

    def __repr__(self) -> str:
        """Say whose proxy it is."""
        return f"<{type(self).__name__} of {self._sdk!r}>"


class ResourceBase(Proxy):
    """What sync and async resources share.

    Args:
        provider: Who is asked.
        settings: What the client was told.
        sdk: The SDK's object, whose attributes are passed on.
    """

    _awaits: ClassVar[bool]

    def __init__(self, provider: Provider, settings: Settings, sdk: Any) -> None:
        super().__init__(sdk)
        self._provider = provider
        self._settings = settings

    def stand_in(self, name: str) -> tuple[Provider, Settings]:
        """Return whom to ask, and how, where this is a fallback of another client.

        Args:
            name: `Provider.name` of what is called.
        """
        del name
        return self._provider, self._settings

    def _plain(self, kwargs: dict[str, Any]) -> Any:
        """Make the SDK's own call."""
        model = self._settings.defaults.get("model")
        if model is not None:
            kwargs.setdefault("model", model)
        return self._provider.plain(self._sdk, kwargs)

    def _given(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Leave out what the SDK has a value for that says it is left out."""
        left_out = self._provider.left_out
        return {name: value for name, value in kwargs.items() if not isinstance(value, left_out)}

    def _streamed(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Read the arguments of a call that always streams."""
        given = self._given(kwargs)
        if given.pop("stream", True) is not True:
            raise TypeError("this call always streams: use create for the final value alone")
        return given

    def _not_streamed(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Read the arguments of a call that never streams."""
        given = self._given(kwargs)
        if given.pop("stream", False):
            raise TypeError("this call never streams: use create_partial for snapshots")
        return given

    def watch(self, watch: Watch) -> None:
        """Tell a watcher of each request of this client's, and of how its answer ended.

        `partialfast.otel.instrument` is one that makes spans.

        Args:
            watch: The watcher.
        """
        self._settings.hooks.watch(watch)

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Call a function whenever something happens in a call of this client's.

        Args:
            event: ``"completion:kwargs"``, with the arguments of each request as keyword
                arguments; ``"completion:response"``, with the SDK's object of an answer that was
                not streamed; ``"completion:usage"``, with the token usage of each answer;
                ``"completion:error"`` and ``"completion:last_attempt"``, with what was raised, the
                latter when no attempt is left; ``"parse:error"``, with what was wrong with an
                answer.
            handler: The function. What it raises is logged, and ends no call.

        Raises:
            TypeError: `handler` cannot be called.
            ValueError: There is no such event.
        """
        self._settings.hooks.on(event, handler)

    def off(self, event: str, handler: Callable[..., Any]) -> None:
        """Stop calling a function; see `on`.

        Args:
            event: At which event.
            handler: The function.

        Raises:
            ValueError: There is no such event.
        """
        self._settings.hooks.off(event, handler)

    def clear(self, event: str | None = None) -> None:
        """Stop calling all functions; see `on`.

        Args:
            event: At which event; ``None`` for all.

        Raises:
            ValueError: There is no such event.
        """
        self._settings.hooks.clear(event)

    def _call(
        self, response_model: Any, kwargs: dict[str, Any], *, stream: bool, items: bool = False
    ) -> Call:
        """Tell our arguments from the SDK's, and refuse those that make no sense."""
        _refuse(kwargs, stream=stream, items=items)
        kwargs = {**self._settings.defaults, **kwargs}
        ours = {name: kwargs.pop(name) for name in OURS if name in kwargs}
        if "validation_context" in kwargs:
            if "context" in ours:
                raise TypeError("context and validation_context are the same: pass one of them")
            ours["context"] = kwargs.pop("validation_context")
        # The defaults of the client are for all kinds of calls.
        if items or not stream:
            ours = {name: value for name, value in ours.items() if name not in _OF_SNAPSHOTS}
        if not stream:
            ours = {name: value for name, value in ours.items() if name not in _LIMITS}
        on_retry = ours.get("on_retry")
        if on_retry and not self._awaits and inspect.iscoroutinefunction(on_retry):
            raise TypeError("on_retry is a coroutine function, which only an async client awaits")
        if response_model is None:
            raise TypeError("response_model is missing: pass the type of the answer")
        options = CallOptions(response_model=response_model, items=items, stream=stream, **ours)
        return Call(self._provider, self._settings, options, kwargs)

    def _created(
        self, response_model: Any, kwargs: dict[str, Any]
    ) -> tuple[Call, Literal["value", "items", "snapshots"]]:
        """Read the arguments of ``create``."""
        kwargs = self._given(kwargs)
        stream: object = kwargs.pop("stream", None)
        # The SDK takes `None` for the same as `False`.
        if not isinstance(stream, bool) and stream is not None:
            raise TypeError(f"stream must be True or False: {stream!r}")
        if not stream:
            if partial_origin(response_model) is not None:
                raise TypeError(
                    "Partial[M] stands for snapshots: pass stream=True, or response_model=M for "
                    "the final value alone"
                )
            return self._call(response_model, kwargs, stream=False), "value"
        if is_item_list(response_model):
            return self._call(response_model, kwargs, stream=True, items=True), "items"
        return self._call(response_model, kwargs, stream=True), "snapshots"


def _refuse(kwargs: dict[str, Any], *, stream: bool, items: bool) -> None:
    """Refuse what is for other kinds of calls."""
    for name in _OF_SNAPSHOTS:
        if name in kwargs and (items or not stream):
            raise TypeError(f"{name} is for snapshots: leave it out for items and without a stream")
    for name in _LIMITS:
        if name in kwargs and not stream:
            raise TypeError(f"{name} is for streams: without one, pass the SDK's timeout")
    for name, instead in OF_ARGUMENTS.items():
        if name in kwargs:
            raise TypeError(f"{name} is instructor's, and not there: use {instead}")


_OF_SNAPSHOTS = ("every", "on", "on_progress", "as_")
_LIMITS = ("first_timeout", "stall_timeout", "total_timeout")
