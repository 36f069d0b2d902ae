"""An asynchronous resource of OpenAI's: as any other, but the SDK's arguments are known.

Made from ``tools/calls.template`` by ``tools/twins.py``: change it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from partialfast.answer._aresource import AsyncResource
from partialfast.answer._astream import AsyncItemStream, AsyncStream, AsyncValue
from partialfast.answer._signatures import sign
from partialfast.providers.openai._sdk_arguments import SnapshotCall, StreamCall, ValueCall

if TYPE_CHECKING:
    from pydantic import BaseModel
    from typing_extensions import TypeForm, Unpack

    from partialfast.typed._partial import Partial

__all__ = ["AsyncCalls"]

T = TypeVar("T")
Shown = TypeVar("Shown")
Model = TypeVar("Model", bound="BaseModel")

# The methods take fewer arguments than those of the base class, where the SDK is not known: that is
# what refuses a misspelt one.
# Of overloads that overlap the first that fits is meant: a model is an iterable too, of fields.
# mypy: disable-error-code="override, overload-overlap"
# pyright: reportIncompatibleMethodOverride=false, reportOverlappingOverload=false


class AsyncCalls(AsyncResource):
    """What is called of an async client of OpenAI's."""

    @overload
    def create(self, response_model: None = None, **kwargs: Any) -> Any: ...

    @overload
    def create(
        self,
        response_model: type[Partial[T]],
        *,
        stream: Literal[True],
        **kwargs: Unpack[SnapshotCall],
    ) -> AsyncStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[Model],
        *,
        stream: Literal[True],
        **kwargs: Unpack[SnapshotCall],
    ) -> AsyncStream[Model]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[Iterable[T]],
        *,
        stream: Literal[True],
        **kwargs: Unpack[StreamCall],
    ) -> AsyncItemStream[T]: ...

    @overload
    def create(
        self, response_model: TypeForm[T], *, stream: Literal[True], **kwargs: Unpack[SnapshotCall]
    ) -> AsyncStream[T]: ...

    @overload
    def create(
        self,
        response_model: TypeForm[T],
        *,
        stream: Literal[False] = ...,
        **kwargs: Unpack[ValueCall],
    ) -> AsyncValue[T]: ...

    def create(self, response_model: Any = None, **kwargs: Any) -> Any:
        """Ask for a value of a type; see `AsyncResource.create`."""
        return super().create(response_model, **kwargs)

    def create_with_completion(
        self, response_model: TypeForm[T], **kwargs: Unpack[ValueCall]
    ) -> AsyncValue[tuple[T, Any]]:
        """Ask for a value and the SDK's object; see `AsyncResource.create_with_completion`."""
        return super().create_with_completion(response_model, **kwargs)

    @overload
    def create_partial(
        self, response_model: TypeForm[T], *, as_: type[Shown], **kwargs: Unpack[SnapshotCall]
    ) -> AsyncStream[Shown, T]: ...

    @overload
    def create_partial(
        self, response_model: type[Partial[T]], **kwargs: Unpack[SnapshotCall]
    ) -> AsyncStream[T]: ...

    @overload
    def create_partial(
        self, response_model: TypeForm[T], **kwargs: Unpack[SnapshotCall]
    ) -> AsyncStream[T]: ...

    def create_partial(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream snapshots of a value; see `AsyncResource.create_partial`."""
        return super().create_partial(response_model, **kwargs)

    @overload
    def create_iterable(
        self, response_model: TypeForm[Model], **kwargs: Unpack[StreamCall]
    ) -> AsyncItemStream[Model]: ...

    @overload
    def create_iterable(
        self, response_model: TypeForm[Iterable[T]], **kwargs: Unpack[StreamCall]
    ) -> AsyncItemStream[T]: ...

    @overload
    def create_iterable(
        self, response_model: TypeForm[T], **kwargs: Unpack[StreamCall]
    ) -> AsyncItemStream[T]: ...

    def create_iterable(self, response_model: Any, **kwargs: Any) -> Any:
        """Stream complete items; see `AsyncResource.create_iterable`."""
        return super().create_iterable(response_model, **kwargs)


sign(
    AsyncCalls,
    {
        "create": SnapshotCall,
        "create_with_completion": ValueCall,
        "create_partial": SnapshotCall,
        "create_iterable": StreamCall,
    },
)
