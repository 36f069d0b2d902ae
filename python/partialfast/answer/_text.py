"""One JSON text that the model writes, read into snapshots of the type that the caller wants."""

from __future__ import annotations

from typing import Any, Final, TypedDict

from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from partialfast._core import TextReader, loads
from partialfast._errors import JsonError, TruncatedError
from partialfast._repairs import Lenient, Repair
from partialfast.answer._target import Shape
from partialfast.typed._state import MAX_REPAIRS, ItemsState, OnInvalid, StreamState

__all__ = ["DEFAULTS", "Answer", "Path", "StateOptions"]

Path = tuple[str | int, ...]

_UNKNOWN = object()


class StateOptions(TypedDict):
    """What a call hands on to `partialfast.StreamState`."""

    strict: bool | None
    context: Any
    on_invalid: OnInvalid
    lenient: Lenient
    max_repairs: int
    coerce: bool


#: As a call that sets none hands them on.
DEFAULTS: Final = StateOptions(
    strict=None,
    context=None,
    on_invalid="raise",
    lenient=False,
    max_repairs=MAX_REPAIRS,
    coerce=False,
)


class Answer:
    """Reads one text: what stands around the value is taken off, the rest goes to the parser.

    `reader` reads the pieces and tells whether there is something new. An answer may be one of a
    hundred thousand calls, so that nothing is kept here that can be asked for there.

    Args:
        number: Its place among the answers, counted from 0.
        shape: What the model was asked to write.
        options: Options of the parser.
        noisy: Whether prose, code fences and ``<think>`` blocks may stand around the JSON.
        items: Whether the wanted list is handed out item by item.
    """

    __slots__ = ("_noisy", "_options", "_result", "number", "parser", "reader", "shape")

    def __init__(
        self, number: int, shape: Shape, options: StateOptions, *, noisy: bool, items: bool
    ) -> None:
        self.number: int = number
        self.shape: Shape = shape
        self._options = options
        self._noisy = noisy
        class_: type[StreamState[Any]] = ItemsState if items else StreamState
        self.parser: StreamState[Any] = class_(shape.wanted, **options)
        # A model that is asked for {"items": [...]} without being forced to it likes to write the
        # bare list. That can be told from the first character, so it costs nothing to take it.
        self.reader: TextReader = TextReader(
            self.parser,
            noise=noisy,
            key=shape.key,
            bare_array=shape.key == "items",
            items=items,
        )
        self._result: Any = _UNKNOWN

    @property
    def text(self) -> str:
        """All the text received, noise included."""
        text = self.reader.text
        return self.parser.text if text is None else text

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired, with its places in all the text."""
        return self.reader.repairs

    @property
    def trailing_text(self) -> str:
        """What stood after the JSON and its closing fence."""
        return self.reader.trailing

    @property
    def begun(self) -> bool:
        """Whether JSON began; always true where nothing may come before it."""
        return self.reader.begun

    @property
    def done(self) -> bool:
        """Whether the JSON text is complete, with what the value is wrapped in."""
        return self.reader.done

    @property
    def is_whole(self) -> bool:
        """Whether the text is a whole JSON text, valid for the wanted type or not."""
        try:
            loads(self.text, lenient=self._options["lenient"])
        except JsonError:
            return False
        return True

    def finish(self, *, cut_off: bool = False) -> Any:
        """Return the final value; the same one when called again.

        Args:
            cut_off: Whether the model would have written more, so that what is not there may have
                been about to come.

        Raises:
            TruncatedError: The JSON is incomplete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        if self._result is _UNKNOWN:
            # Servers differ in how they write a call without arguments.
            if not (self._noisy or cut_off or self.text.strip()):
                self._result = self._finish_empty()
            else:
                self.reader.end()
                self._check_envelope(cut_off=cut_off)
                self._result = self.parser.finish()
        return self._result

    def _finish_empty(self) -> Any:
        empty: StreamState[Any] = StreamState(self.shape.wanted, **self._options)
        try:
            empty.feed("{}")
            return empty.finish()
        except ValidationError:
            raise TruncatedError("there is no JSON") from None

    def _check_envelope(self, *, cut_off: bool) -> None:
        reader = self.reader
        if reader.error is not None:
            raise reader.error
        said = "" if reader.begun else self.text.strip()
        if said:
            if cut_off:
                raise TruncatedError("there is no JSON yet")
            before = self.text[: self.text.index(said)]
            raise JsonError(
                "the model answered in words: there is no JSON in the text",
                kind="expected_value",
                offset=len(before.encode()),
                line=before.count("\n") + 1,
                column=len(before) - before.rfind("\n"),
            )
        if reader.found and not reader.done:
            # The parser has its value; what the value is wrapped in is not closed.
            self.parser.finish()
            raise TruncatedError("the object around the value is incomplete")
        if reader.done and not reader.found:
            missing = InitErrorDetails(
                type="missing", loc=(self.shape.key or "",), input=self.text.strip()
            )
            title = TypeAdapter(self.shape.wanted).validator.title
            raise ValidationError.from_exception_data(title, [missing], input_type="json")
