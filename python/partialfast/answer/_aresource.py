"""An asynchronous resource: `create` and its variants.

Made from ``tools/resource.template`` by ``tools/twins.py``: change it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from partialfast._repairs import Lenient
from partialfast.answer._arguments import SnapshotArguments, StreamArguments, ValueArguments
from partialfast.answer._astream import AsyncItemStream, AsyncStream, AsyncValue
from partialfast.answer._attempt import Attempt
from partialfast.answer._pace import Every
from partialfast.answer._resources import Message, NotSent, ResourceBase
from partialfast.answer._signatures import sign

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typing_extensions import TypeForm

    from partialfast.typed._partial import Partial

__all__ = ["AsyncResource"]

T = TypeVar("T")
Shown = TypeVar("Shown")
Model = TypeVar("Model", bound="BaseModel")

OnInvalid = Literal["raise", "defer"]
OnRetry = Callable[[Attempt], Any]


class AsyncResource(ResourceBase, Generic[Message]):
    """What is called of an async client: `create` and its variants.

    Its parameter is the SDK's type of a message, where type checkers are told.

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
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[True],
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
                ``"value"``, or at most once in so many seconds; ``first_timeout``,
                ``stall_timeout`` and ``total_timeout``, the seconds that a stream may take to its
                first token, between two, and in all; ``fallbacks``, what to ask when an attempt
                gave no value: arguments to change, or other clients; ``lenient``, ``max_repairs``
                and ``coerce``, as those of `partialfast.stream`. All others are the SDK's.

        Returns:
            An object that gives the value when awaited, or the stream.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has a value that makes no sense.
            Exception: As the SDK raises it before the first byte of the answer.
        """
        if response_model is None:
            return self._plain(kwargs)
        call, result = self._created(response_model, kwargs)
        if result == "value":
            return AsyncValue(call)
        make: Any = AsyncItemStream if result == "items" else AsyncStream
        return make(call)

    def create_with_completion(
        self,
        response_model: TypeForm[T],
        **kwargs: Any,
    ) -> AsyncValue[tuple[T, Any]]:
        """Ask for a value, and get the SDK's object of the answer with it; as `create`.

        Args:
            response_model: The type of the answer.
            **kwargs: See `create`; there is no stream.

        Returns:
            An object that gives both when awaited.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has a value that makes no sense.
            Exception: As the SDK raises it.
        """
        call = self._call(response_model, self._not_streamed(kwargs), stream=False)
        both: AsyncValue[tuple[T, Any]] = AsyncValue(call, with_completion=True)
        return both

    @overload
    def create_partial(
        self,
        response_model: TypeForm[T],
        *,
        as_: type[Shown],
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[Shown, T]: ...

    @overload
    def create_partial(
        self,
        response_model: type[Partial[T]],
        *,
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        on_retry: OnRetry = ...,
        every: Every = ...,
        **kwargs: Any,
    ) -> AsyncStream[T]: ...

    @overload
    def create_partial(
        self,
        response_model: TypeForm[T],
        *,
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
            ValueError: An argument has a value that makes no sense.
            Exception: As the SDK raises it before the first byte of the answer.
        """
        kwargs = self._streamed(kwargs)
        return AsyncStream(self._call(response_model, kwargs, stream=True))

    @overload
    def create_iterable(  # pyright: ignore[reportOverlappingOverload] - as in `create`
        self,
        response_model: TypeForm[Model],
        *,
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[Model]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        on_retry: OnRetry = ...,
        **kwargs: Any,
    ) -> AsyncItemStream[T]: ...

    @overload
    def create_iterable(
        self,
        response_model: TypeForm[T],
        *,
        messages: Iterable[Message] | str = ...,
        model: str = ...,
        temperature: float | NotSent | None = ...,
        top_p: float | NotSent | None = ...,
        max_tokens: int | NotSent | None = ...,
        seed: int | NotSent | None = ...,
        max_retries: int = ...,
        context: Any = ...,
        strict: bool | None = ...,
        on_invalid: OnInvalid = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
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
            ValueError: An argument has a value that makes no sense.
            Exception: As the SDK raises it before the first byte of the answer.
        """
        kwargs = self._streamed(kwargs)
        call = self._call(response_model, kwargs, stream=True, items=True)
        return AsyncItemStream(call)


sign(
    AsyncResource,
    {
        "create": SnapshotArguments,
        "create_with_completion": ValueArguments,
        "create_partial": SnapshotArguments,
        "create_iterable": StreamArguments,
    },
)
