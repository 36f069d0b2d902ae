"""One JSON text that the model writes, read into snapshots of the type that the caller wants."""

from __future__ import annotations

from typing import Any, TypedDict

from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from partialfast._core import Envelope, loads
from partialfast._errors import JsonError, TruncatedError
from partialfast._stream import ItemState, OnInvalid, StreamState
from partialfast.openai._target import Shape

__all__ = ["Answer", "Path", "StateOptions"]

Path = tuple[str | int, ...]

_UNKNOWN = object()


class StateOptions(TypedDict):
    """What a call hands on to `partialfast.StreamState`."""

    strict: bool | None
    context: Any
    on_invalid: OnInvalid


class Answer:
    """Reads one text: what stands around the value is taken off, the rest goes to the parser.

    Args:
        shape: What the model was asked to write.
        options: Options of the parser.
        noisy: Whether prose, code fences and ``<think>`` blocks may stand around the JSON.
        items: Whether the wanted list is handed out item by item.
    """

    def __init__(self, shape: Shape, options: StateOptions, *, noisy: bool, items: bool) -> None:
        self.shape = shape
        self.completed: list[Path] = []
        class_: type[StreamState[Any]] = ItemState if items else StreamState
        self._state = class_(shape.wanted, **options)
        self._envelope: Envelope | None = None
        if noisy or shape.key is not None:
            # A model that is asked for {"items": [...]} without being forced to it likes to write
            # the bare list. That can be told from the first character, so it costs nothing.
            self._envelope = Envelope(noise=noisy, key=shape.key, bare_array=shape.key == "items")
        # The parser keeps the text, unless it is not all of it or it drops what was read.
        self._raw: list[str] | None = [] if self._envelope is not None or items else None
        self._result: Any = _UNKNOWN

    @property
    def text(self) -> str:
        """All the text received, noise included."""
        if self._raw is None:
            return self._state.text
        if len(self._raw) > 1:
            self._raw[:] = ["".join(self._raw)]
        return self._raw[0] if self._raw else ""

    @property
    def trailing_text(self) -> str:
        """What stood after the JSON and its closing fence."""
        return self._envelope.trailing if self._envelope is not None else ""

    @property
    def done(self) -> bool:
        """Whether the JSON text is complete, with what the value is wrapped in."""
        return self._state.done if self._envelope is None else self._envelope.done

    @property
    def is_whole(self) -> bool:
        """Whether the text is a whole JSON text, be it valid or not for the wanted type."""
        try:
            loads(self.text)
        except JsonError:
            return False
        return True

    @property
    def path(self) -> Path:
        """Where the model is writing, from the root of the wanted value."""
        return self._state.path

    @property
    def snapshot(self) -> Any:
        """The newest snapshot, or ``None`` when nothing can be shown yet."""
        return self._state.snapshot

    def feed(self, piece: str) -> bool:
        """Read the next piece of the text.

        Args:
            piece: Text as it came.

        Returns:
            Whether there is a new snapshot.

        Raises:
            JsonError: The text is not JSON.
            pydantic.ValidationError: A complete value is invalid.
        """
        if self._raw is not None:
            self._raw.append(piece)
        envelope = self._envelope
        if envelope is not None:
            piece = envelope.feed(piece)
        changed = False
        self.completed = []
        if piece:
            try:
                changed = self._state.feed(piece) is not None
            finally:
                self.completed = self._state.completed
        if envelope is not None and envelope.error is not None:
            raise envelope.error
        return changed

    def take_items(self) -> list[Any]:
        """Return the items that are complete and were not taken yet."""
        return self._state.take_items()

    def finish(self, *, empty_is_object: bool = False) -> Any:
        """Return the final value; the same one when called again.

        Args:
            empty_is_object: Whether no text at all stands for ``{}``. Servers differ in how they
                write a call without arguments.

        Raises:
            TruncatedError: The JSON is incomplete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        if self._result is _UNKNOWN:
            if empty_is_object and not self.text.strip():
                self._result = self._finish_empty()
            else:
                self._check_envelope()
                self._result = self._state.finish()
        return self._result

    def _finish_empty(self) -> Any:
        try:
            self._state.feed("{}")
            return self._state.finish()
        except ValidationError:
            raise TruncatedError("there is no JSON") from None

    def _check_envelope(self) -> None:
        envelope = self._envelope
        if envelope is None:
            return
        said = self.text.strip()
        if said and not envelope.begun:
            before = self.text[: self.text.index(said)]
            raise JsonError(
                "the model answered in words: there is no JSON in the text",
                kind="expected_value",
                offset=len(before.encode()),
                line=before.count("\n") + 1,
                column=len(before) - before.rfind("\n"),
            )
        if not envelope.done:
            raise TruncatedError("the object around the value is incomplete")
        if not envelope.found:
            missing = InitErrorDetails(type="missing", loc=(self.shape.key or "",), input=said)
            title = TypeAdapter(self.shape.wanted).validator.title
            raise ValidationError.from_exception_data(title, [missing], input_type="json")
