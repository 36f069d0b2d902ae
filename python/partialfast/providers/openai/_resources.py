"""``chat.completions`` and ``responses``, with ``response_model``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from partialfast.answer._pace import Every
from partialfast.answer._target import is_item_list
from partialfast.providers.openai._call import Api, Attempt, Call, Options, Settings
from partialfast.providers.openai._stream import (
    AsyncItemStream,
    AsyncStream,
    AsyncValue,
    ItemStream,
    Stream,
    fetch,
)
from partialfast.typed._partial import partial_origin

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typing_extensions import TypeForm

    from partialfast.typed._partial import Partial

__all__ = ["AsyncResource", "Proxy", "Resource"]

T = TypeVar("T")
Model = TypeVar("Model", bound="BaseModel")

OnInvalid = Literal["raise", "defer"]
OnRetry = Callable[[Attempt], Any]

# The arguments that are ours and not the SDK's, beside the model and the stream.
_OURS = ("max_retries", "context", "strict", "on_invalid", "on_retry", "every")


class Proxy:
    """Passes on every attribute that it does not have.

    Args:
        resource: An object of the SDK's.
        settings: What `from_openai` was told.
    """

    def __init__(self, resource: Any, settings: Settings) -> None:
        self._resource = resource
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the SDK's object."""
        if name.startswith("__") or name == "_resource":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._resource, name)

    def __repr__(self) -> str:
        """Say whose proxy it is."""
        return f"<{type(self).__name__} of {self._resource!r}>"


class _Resource(Proxy):
    """What sync and async resources share.

    Args:
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.
        settings: What `from_openai` was told.
        api: Which of the two it is.
    """

    _awaits: ClassVar[bool]

    def __init__(self, resource: Any, settings: Settings, api: Api) -> None:
        super().__init__(resource, settings)
        self._api = api

    def _call(
        self, response_model: Any, kwargs: dict[str, Any], *, stream: bool, items: bool = False
    ) -> Call:
        """Tell our arguments from the SDK's, and refuse what cannot be meant."""
        if "every" in kwargs and (items or not stream):
            raise TypeError("every is for snapshots: leave it out for items and without a stream")
        kwargs = {**self._settings.defaults, **kwargs}
        ours = {name: kwargs.pop(name) for name in _OURS if name in kwargs}
        if "validation_context" in kwargs:
            if "context" in ours:
                raise TypeError("context and validation_context are the same: pass one of them")
            ours["context"] = kwargs.pop("validation_context")
        if items or not stream:
            # The default of the client, which also asks for snapshots.
            ours.pop("every", None)
        if inspect.iscoroutinefunction(ours.get("on_retry")) and not self._awaits:
            raise TypeError("on_retry is a coroutine function, which only an async client awaits")
        if response_model is None:
            raise TypeError("response_model is missing: pass the type of the answer")
        options = Options(response_model=response_model, items=items, stream=stream, **ours)
        return Call(self._api, self._settings, options, kwargs)

    def _created(
        self, response_model: Any, kwargs: dict[str, Any]
    ) -> tuple[Call, Literal["value", "items", "snapshots"]]:
        """Read the arguments of ``create``."""
        kwargs = _given(kwargs)
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


class Resource(_Resource):
    """``client.chat.completions`` or ``client.responses`` of a sync client.

    All arguments but those named here are the SDK's own and are sent as they are.
    """

    _awaits = False

    @overload
    def create(self, response_model: None = None, **kwargs: Any) -> Any: ...

    @overload
    def create(
        self,
        response_model: type[Partial[T]],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> Stream[T]: ...

    @overload
    def create(  # pyright: ignore[reportOverlappingOverload] - see below
        self,
        response_model: TypeForm[Model],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> Stream[Model]: ...

    # A model is an iterable too, of its fields: the overload above has to come first.
    @overload
    def create(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> ItemStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> Stream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[False] = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> T: ...

    def create(self, response_model: Any = None, **kwargs: Any) -> Any:
        """Ask for a value of a type.

        Without a `response_model` the call is the SDK's own, untouched.

        Args:
            response_model: The type of the answer: a pydantic model or any type that pydantic can
                validate; with ``stream=True`` also ``Partial[M]``. A union of models lets the
                model choose.
            **kwargs: ``stream``, whether to get a stream of snapshots (of items, for ``list[M]``
                and ``Iterable[M]``) rather than the final value; ``max_retries``, the attempts
                after the first when the answer is invalid (default 0); ``on_retry``, called with
                the failed `Attempt` before each of them; ``context`` (or ``validation_context``)
                and ``strict``, as in pydantic; ``on_invalid``, ``"raise"`` at the first invalid
                value or ``"defer"`` to the end; ``every``, when a snapshot is due: at each
                ``"event"`` that changed something, after each ``"read"``, at each complete
                ``"value"``, or at most once in so many seconds. All others are the SDK's.

        Returns:
            The value, or the stream.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        if response_model is None:
            return self._resource.create(**kwargs)
        call, result = self._created(response_model, kwargs)
        if result == "value":
            return fetch(call, self._resource)
        make: Any = ItemStream if result == "items" else Stream
        return make(call, self._resource)

    @overload
    def create_partial(
        self,
        response_model: type[Partial[T]],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> Stream[T]: ...

    @overload
    def create_partial(
        self,
        response_model: TypeForm[T],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> Stream[T]: ...

    def create_partial(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream snapshots of a value; as `create` with ``stream=True`` and ``Partial[M]``.

        Args:
            response_model: The type of the answer; a list type gives growing lists.
            **kwargs: See `create`.

        Returns:
            The stream of snapshots.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        kwargs = _streamed(kwargs)
        return Stream(self._call(response_model, kwargs, stream=True), self._resource)

    @overload
    def create_iterable(  # pyright: ignore[reportOverlappingOverload] - as in `create`
        self,
        response_model: TypeForm[Model],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> ItemStream[Model]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> ItemStream[T]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[T],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> ItemStream[T]: ...

    def create_iterable(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream complete items, each as soon as the model has written it.

        Args:
            response_model: The type of an item, or ``list`` or ``Iterable`` of it. With functions
                as the mode, a union of models lets the model call one function per item.
            **kwargs: See `create`.

        Returns:
            The stream of items.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        kwargs = _streamed(kwargs)
        call = self._call(response_model, kwargs, stream=True, items=True)
        return ItemStream(call, self._resource)


class AsyncResource(_Resource):
    """``client.chat.completions`` or ``client.responses`` of an async client.

    All arguments but those named here are the SDK's own and are sent as they are.

    What a call returns can be awaited and iterated alike.
    """

    _awaits = True

    @overload
    def create(self, response_model: None = None, **kwargs: Any) -> Any: ...

    @overload
    def create(
        self,
        response_model: type[Partial[T]],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[T]: ...

    @overload
    def create(  # pyright: ignore[reportOverlappingOverload] - see below
        self,
        response_model: TypeForm[Model],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[Model]: ...

    # A model is an iterable too, of its fields: the overload above has to come first.
    @overload
    def create(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[True],
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[False] = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncValue[T]: ...

    def create(self, response_model: Any = None, **kwargs: Any) -> Any:
        """Ask for a value of a type.

        Without a `response_model` the call is the SDK's own, untouched.

        Args:
            response_model: The type of the answer: a pydantic model or any type that pydantic can
                validate; with ``stream=True`` also ``Partial[M]``. A union of models lets the
                model choose.
            **kwargs: ``stream``, whether to get a stream of snapshots (of items, for ``list[M]``
                and ``Iterable[M]``) rather than the final value; ``max_retries``, the attempts
                after the first when the answer is invalid (default 0); ``on_retry``, called with
                the failed `Attempt` before each of them; ``context`` (or ``validation_context``)
                and ``strict``, as in pydantic; ``on_invalid``, ``"raise"`` at the first invalid
                value or ``"defer"`` to the end; ``every``, when a snapshot is due: at each
                ``"event"`` that changed something, after each ``"read"``, at each complete
                ``"value"``, or at most once in so many seconds. All others are the SDK's.

        Returns:
            An object that gives the value when awaited, or the stream.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        if response_model is None:
            return self._resource.create(**kwargs)
        call, result = self._created(response_model, kwargs)
        if result == "value":
            return AsyncValue(call, self._resource)
        make: Any = AsyncItemStream if result == "items" else AsyncStream
        return make(call, self._resource)

    @overload
    def create_partial(
        self,
        response_model: type[Partial[T]],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[T]: ...

    @overload
    def create_partial(
        self,
        response_model: TypeForm[T],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[T]: ...

    def create_partial(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream snapshots of a value; as `create` with ``stream=True`` and ``Partial[M]``.

        Args:
            response_model: The type of the answer; a list type gives growing lists.
            **kwargs: See `create`.

        Returns:
            The stream of snapshots.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        kwargs = _streamed(kwargs)
        return AsyncStream(self._call(response_model, kwargs, stream=True), self._resource)

    @overload
    def create_iterable(  # pyright: ignore[reportOverlappingOverload] - as in `create`
        self,
        response_model: TypeForm[Model],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[Model]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[T]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[T],
        *,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[T]: ...

    def create_iterable(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream complete items, each as soon as the model has written it.

        Args:
            response_model: The type of an item, or ``list`` or ``Iterable`` of it. With functions
                as the mode, a union of models lets the model call one function per item.
            **kwargs: See `create`.

        Returns:
            The stream of items.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has no meaning.
            openai.OpenAIError: As the SDK raises it before the first byte of the answer.
        """
        kwargs = _streamed(kwargs)
        call = self._call(response_model, kwargs, stream=True, items=True)
        return AsyncItemStream(call, self._resource)


def _given(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the SDK has a value for that says it is left out."""
    sdk = sys.modules.get("openai")
    if sdk is None:
        return kwargs
    left_out = (sdk.NotGiven, sdk.Omit)
    return {name: value for name, value in kwargs.items() if not isinstance(value, left_out)}


def _streamed(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Read the arguments of a call that streams in any case."""
    given = _given(kwargs)
    if given.pop("stream", True) is not True:
        raise TypeError("this call always streams: use create for the final value alone")
    return given
