"""The state of a typed stream, without I/O: chunks in, snapshots out."""

from __future__ import annotations

import codecs
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypedDict,
    TypeVar,
    cast,
    overload,
)

from pydantic import ValidationError
from pydantic_core import (
    InitErrorDetails,
    PydanticCustomError,
    SchemaSerializer,
)

from partialfast._core import JsonParser, StateCore, TextReader
from partialfast._errors import JsonError, TruncatedError
from partialfast._repairs import Lenient, Repair
from partialfast.typed._display import Displayed
from partialfast.typed._plan import compile_type
from partialfast.typed._whole_errors import details_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from typing_extensions import Buffer, TypeForm

    from partialfast._core import Op
    from partialfast.typed._partial import Partial

    #: A piece of the text, as it arrives.
    Chunk: TypeAlias = str | Buffer

__all__ = ["Chunk", "ItemsState", "OnInvalid", "StreamOptions", "StreamState"]

T = TypeVar("T")

#: What an invalid value does: raise at once, or be reported at the end.
OnInvalid = Literal["raise", "defer"]

#: How many containers may be open at once: as many as pydantic's own parser allows.
MAX_DEPTH = 200
#: How many bytes a text may have.
MAX_BYTES = 1 << 30
#: How many repairs a lenient text may need: each is remembered.
MAX_REPAIRS = 100_000


class StreamOptions(TypedDict, total=False):
    """The options of `StreamState`, for functions that hand them on."""

    strict: bool | None
    context: Any
    by_alias: bool | None
    by_name: bool | None
    on_invalid: OnInvalid
    max_depth: int
    max_bytes: int
    lenient: Lenient
    max_repairs: int
    coerce: bool
    envelope: bool


#: Dumps by what a value is, as pydantic does where nothing is declared.
_ANY = SchemaSerializer({"type": "any"})


class StreamState(Displayed, StateCore, Generic[T]):
    """Turns the chunks of one JSON text into snapshots of a type.

    The text is parsed once, however it is cut. ``snapshot`` (the last one), ``path`` (keys and
    indices from the root to the value being written), ``completed`` (paths of the values that the
    last chunk completed, children first) and ``done`` can be read at any time.

    Args:
        type_: Any type that pydantic can validate: a model, ``Partial[M]``, ``list[M]``, a union.
        strict: As in pydantic's ``validate_json``.
        context: As in pydantic's ``validate_json``.
        by_alias: As in pydantic's ``validate_json``.
        by_name: As in pydantic's ``validate_json``.
        on_invalid: ``"raise"`` raises at the chunk that completes the first invalid value;
            ``"defer"`` goes on and lets `finish` report all errors.
        max_depth: How many containers may be open at once.
        max_bytes: How many bytes the text may have.
        lenient: Read what models write instead of JSON, wherever it can mean one thing only;
            ``"quotes"`` also guesses which quotes are text. ``docs/lenient.md`` says what it is.
        max_repairs: How many repairs a lenient text may need.
        coerce: In lenient reading, also help where the type tells for certain what was meant: wrap
            an object where a list is wanted, find an enumeration's member by its name or in other
            case, take null for an absent list or object, and absence for null.
        envelope: Skip what models write around their JSON: prose, code fences, ``<think>`` blocks.
            Positions count from the first byte of the value.

    Raises:
        TypeError: pydantic cannot validate `type_`.
        ValueError: `on_invalid` is neither ``"raise"`` nor ``"defer"``, `lenient` is not one of the
            allowed values, or `coerce` is asked for without it.
    """

    _items = False
    #: Skips what surrounds the JSON, if anything may.
    _reader: TextReader | None = None
    #: The text without its type, for `is_complete`, and how much of it was read.
    _outline: JsonParser | None = None
    _outlined = 0
    _outline_restarts = 0
    #: `max_depth`, `max_bytes`, `lenient` and `max_repairs`, for the same. An answer may have many
    #: thousand texts, so each keeps only what differs.
    _limits: tuple[int, int, Lenient, int] = (MAX_DEPTH, MAX_BYTES, False, MAX_REPAIRS)

    @overload
    def __init__(
        self,
        type_: type[Partial[T]],
        *,
        strict: bool | None = ...,
        context: Any = ...,
        by_alias: bool | None = ...,
        by_name: bool | None = ...,
        on_invalid: OnInvalid = ...,
        max_depth: int = ...,
        max_bytes: int = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        envelope: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        type_: TypeForm[T],
        *,
        strict: bool | None = ...,
        context: Any = ...,
        by_alias: bool | None = ...,
        by_name: bool | None = ...,
        on_invalid: OnInvalid = ...,
        max_depth: int = ...,
        max_bytes: int = ...,
        lenient: Lenient = ...,
        max_repairs: int = ...,
        coerce: bool = ...,
        envelope: bool = ...,
    ) -> None: ...

    def __init__(  # noqa: PLR0913 - pydantic's own options, and ours
        self,
        type_: Any,
        *,
        strict: bool | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
        on_invalid: OnInvalid = "raise",
        max_depth: int = MAX_DEPTH,
        max_bytes: int = MAX_BYTES,
        lenient: Lenient = False,
        max_repairs: int = MAX_REPAIRS,
        coerce: bool = False,
        envelope: bool = False,
    ) -> None:
        if on_invalid not in ("raise", "defer"):
            message = f'on_invalid must be "raise" or "defer", not {on_invalid!r}'
            raise ValueError(message)
        compiled = compile_type(type_, by_alias=by_alias, by_name=by_name, items=self._items)
        given = {"strict": strict, "context": context, "by_alias": by_alias, "by_name": by_name}
        arguments = {name: value for name, value in given.items() if value is not None}
        self._compiled = compiled
        self.start(
            compiled.plan,
            root=compiled.validate,
            arguments=arguments or None,
            defer=on_invalid == "defer",
            hooks=compiled.hooks,
            max_depth=max_depth,
            max_bytes=max_bytes,
            lenient=lenient,
            max_repairs=max_repairs,
            coerce=coerce,
            items=self._items,
        )
        if envelope:
            self._reader = TextReader(
                self, noise=True, key=None, bare_array=False, items=self._items
            )
            self._decode = codecs.getincrementaldecoder("utf-8")().decode
            # Only such a state pays for the extra step.
            self.__dict__["feed"] = self._feed_envelope
        limits = (max_depth, max_bytes, lenient, max_repairs)
        if limits != self._limits:
            self._limits = limits

    if TYPE_CHECKING:

        def feed(self, chunk: Chunk, /) -> T | None:
            """Read more of the text.

            Args:
                chunk: The next piece of the text, cut anywhere.

            Returns:
                The new snapshot, or ``None`` when nothing visible changed. Once the text is
                complete the snapshot is the final value. Snapshots are to be read, not changed.

            Raises:
                JsonError: The text is not JSON.
                pydantic.ValidationError: A value is complete and invalid (with ``"raise"``).
                TypeError: `chunk` is neither text nor bytes-like.
            """

        @property
        def snapshot(self) -> T | None:
            """The value so far; ``None`` before anything can be shown."""

    def keep_ops(
        self,
        *,
        of: Literal["value", "document"] = "value",
        by_alias: bool | None = None,
        snapshots: bool = True,
    ) -> None:
        """Keep what changes from now on, for `take_ops`. What is shown already is the first op.

        Args:
            of: ``"value"`` for the dump of the snapshots, ``"document"`` for the JSON as it is
                written.
            by_alias: Whether paths and values name fields by their alias, as in ``model_dump``.
            snapshots: Whether `feed` goes on to make a snapshot of each chunk and return it. Where
                it does not, it returns ``None``, and ``snapshot`` makes one when asked for.

        Raises:
            ValueError: `of` is neither.
        """
        if of not in ("value", "document"):
            message = f'of must be "value" or "document", not {of!r}'
            raise ValueError(message)
        if of == "document":
            self.begin_document_ops(snapshots=snapshots)
            return
        options = {"mode": "json", "exclude_unset": True, "warnings": False}
        self.begin_ops(
            snapshots=snapshots,
            by_alias=by_alias,
            options=options if by_alias is None else {**options, "by_alias": by_alias},
            root=self._compiled.adapter.serializer.to_python,
            by_value=_ANY.to_python,
        )

    def take_ops(self) -> list[Op]:
        """Return what changed in the JSON of the value since the last call.

        Applied in order to nothing (`apply_ops`), all ops so far give what
        ``snapshot.model_dump(mode="json", exclude_unset=True)`` gives now. The first call begins to
        keep ops, unless `keep_ops` was called before.

        Raises:
            pydantic_core.PydanticSerializationError: The complete value cannot be dumped, as
                ``model_dump`` could not dump it either (the same goes for whatever a serializer
                raises). Raised once, after the last op was taken, and not by `feed` or `finish`.
        """
        if not self.has_ops:
            self.keep_ops()
        # Asked for at every chunk, and `super()` takes longer than what it finds.
        return StateCore.take_ops(self)

    def _feed_envelope(self, chunk: Chunk, /) -> T | None:
        """Read more of a text with something around its JSON."""
        text = chunk if isinstance(chunk, str) else self._decode(bytes(memoryview(chunk)))
        reader = cast("TextReader", self._reader)
        return self.snapshot if reader.feed(text) else None

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far, in the order of the text."""
        return super().repairs if self._reader is None else self._reader.repairs

    @property
    def restarts(self) -> int:
        """How often the snapshots began anew, as reasoning ended that had no beginning.

        Always 0 without ``envelope=True``.
        """
        return 0 if self._reader is None else self._reader.restarts

    def __repr__(self) -> str:
        """Say of what type it is, and how far."""
        where = "complete" if self.done else f"inside {self.path!r}" if self.path else "open"
        title = self._compiled.adapter.validator.title
        return f"<{type(self).__name__} {title}, {len(self.raw)} bytes, {where}>"

    def _ended(self) -> bool:
        return self.done

    def is_complete(self, path: Iterable[str | int]) -> bool:
        """Tell whether the value at a place of the document has been received to its end.

        The first call reads the text so far once more, and each later call what has come since.

        Args:
            path: Keys and indices from the root to the value, as the document has them.

        Returns:
            Whether it is complete; ``False`` for what has not begun, or is not there.
        """
        steps = tuple(path)
        if not self.done and self.path[: len(steps)] == steps:
            return False
        if self._outline is None or self._outline_restarts != self.restarts:
            self._outline_restarts, self._outlined = self.restarts, 0
            max_depth, max_bytes, lenient, max_repairs = self._limits
            self._outline = JsonParser(
                max_depth=max_depth,
                max_bytes=max_bytes,
                lenient=lenient,
                max_repairs=max_repairs,
            )
        raw = self.raw
        try:
            self._outline.feed(raw[self._outlined :])
        except JsonError:
            # Reading what may not be the answer did not raise this either.
            if self._reader is None or self._reader.error is None:
                raise
        self._outlined = len(raw)
        value = self._outline.snapshot()
        for step in steps:
            if isinstance(value, dict):
                if step not in value:
                    return False
                value = value[step]
            elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            else:
                return False
        return self.done or bool(steps)

    @property
    def text(self) -> str:
        """The text received so far, without an unfinished UTF-8 sequence at its end."""
        if self._reader is not None:
            return self._reader.text or ""
        return super().text

    def finish(self) -> T:
        """End the text and return the final value.

        Returns:
            What pydantic's ``validate_json`` gives for the whole text.

        Raises:
            TruncatedError: The text is not complete. Carries the last snapshot and the text.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        try:
            value = self._end()
        except JsonError as error:
            if error.kind != "truncated":
                raise
            raise self._truncated(error) from error
        if value is None and self.errors:
            raise self._all_errors() if self.more_errors else self.errors[-1]
        return cast("T", value)

    def _all_errors(self) -> ValidationError:
        """Return one error of the first that were put off, and the number of the others."""
        errors = cast("list[ValidationError]", self.errors)
        details = [detail for error in errors for detail in details_of(error, ())]
        if self.more_errors:
            others = PydanticCustomError(
                "more_errors", "and {count} more errors", {"count": self.more_errors}
            )
            details.append(InitErrorDetails(type=others, loc=(), input=None))
        return self._compiled.errors.of(details)

    def _end(self) -> Any:
        if self._reader is not None:
            self._reader.end()
            if self._reader.error is not None:
                raise self._reader.error
        return self.end()

    def _truncated(self, error: JsonError) -> TruncatedError:
        if self._reader is not None and not self._reader.begun:
            message = "the text ended and there is no JSON in it; `text` has all of it"
            return TruncatedError(message, snapshot=None, text=self.text)
        message = (
            f"the text ended after {error.offset} bytes, before its JSON was complete"
            + (f", inside {self.path!r}" if self.path else "")
            + "; `snapshot` has what was received"
        )
        return TruncatedError(message, snapshot=self.snapshot, text=self.text)


class ItemsState(StreamState[T]):
    """Like `StreamState`, for the items of a list: each is handed out complete, and not kept.

    Args are those of `StreamState`; `type_` is that of an item, or list-like (``list[M]``).
    """

    _items = True
    _taken = 0

    def take_items(self) -> list[T]:
        """Return the complete items that were not taken yet."""
        items: list[T] = super().take_items()
        self._taken += len(items)
        return items

    def is_complete(self, path: Iterable[str | int]) -> bool:
        """Tell whether an item, or the whole list, has been received to its end.

        Args:
            path: The index of the item; ``()`` for the list. Items are not kept, so that what
                stands in one counts as complete when the item is.

        Returns:
            Whether it is complete.
        """
        steps = tuple(path)
        if not steps:
            return self.done
        index, where = steps[0], self.path
        if not isinstance(index, int) or index < 0:
            return False
        before = cast("int", where[0]) if where else self._taken
        return index < before or steps[:1] in self.newly_completed

    def finish(self) -> T:
        """End the text.

        Raises:
            TruncatedError: The text is not complete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: Some items are invalid (with ``"defer"``): all their errors.
        """
        try:
            self._end()
        except JsonError as error:
            if error.kind != "truncated":
                raise
            raise self._truncated(error) from error
        if self.errors:
            raise self._all_errors()
        length_check = self._compiled.length_check
        if length_check is not None:
            try:
                length_check([None] * self._taken)
            except ValidationError as error:
                raise self._compiled.errors.of(details_of(error, ())) from None
        return cast("T", None)
