"""The compiled module: incremental JSON parsing, in Rust."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeAlias, final

from typing_extensions import Buffer, Self, disjoint_base

from partialfast._repairs import Lenient, Repair

__version__: str
"""The version of the package."""

__all__ = [
    "Delta",
    "EventReader",
    "JsonParser",
    "Op",
    "Plan",
    "StateCore",
    "TextReader",
    "__version__",
    "ask_about_instances",
    "loads",
]

_Part: TypeAlias = Literal["text", "refusal", "reasoning", "call"]
_Outcome: TypeAlias = Literal["whole", "cut_off", "filtered", "refused", "failed", "unknown"]

@disjoint_base
class Delta:
    """A piece of what a provider sends, whatever its dialect: an object of one of the variants.

    Choices and calls are numbered by the reader, whatever the server wrote: calls from 0 within
    their choice, in the order in which they begin.
    """

    @final
    class Head(Delta):
        """What the server calls the answer, and the model that it comes from.

        Args:
            id: The server's name for the response; `None` where it has not said.
            model: The model; `None` likewise.
        """

        __match_args__ = ("id", "model")
        def __new__(cls, id: str | None, model: str | None) -> Self: ...  # noqa: A002
        @property
        def id(self) -> str | None: ...
        @property
        def model(self) -> str | None: ...

    @final
    class Piece(Delta):
        """More of a text: pieces, concatenated, are the text.

        Args:
            choice: The number of the choice, from 0.
            part: Which of its texts: ``"text"`` for the content, ``"refusal"``, ``"reasoning"``, or
                ``"call"`` for the arguments of a function call.
            call: The number of the call; `None` for other texts.
            text: The characters.
        """

        __match_args__ = ("choice", "part", "call", "text")
        def __new__(cls, choice: int, part: _Part, call: int | None, text: str) -> Self: ...
        @property
        def choice(self) -> int: ...
        @property
        def part(self) -> _Part: ...
        @property
        def call(self) -> int | None: ...
        @property
        def text(self) -> str: ...

    @final
    class Whole(Delta):
        """All of a text, given at its end, whether or not pieces have brought it already.

        Args:
            choice: As in `Piece`.
            part: As in `Piece`.
            call: As in `Piece`.
            text: All of it.
        """

        __match_args__ = ("choice", "part", "call", "text")
        def __new__(cls, choice: int, part: _Part, call: int | None, text: str) -> Self: ...
        @property
        def choice(self) -> int: ...
        @property
        def part(self) -> _Part: ...
        @property
        def call(self) -> int | None: ...
        @property
        def text(self) -> str: ...

    @final
    class CallBegins(Delta):
        """A call begins, or more of its id or name is known than when it began.

        Args:
            choice: The number of the choice, from 0.
            call: The number of the call within its choice, from 0.
            id: The server's name for it; `None` where it has not said.
            name: The function; `None` likewise.
        """

        __match_args__ = ("choice", "call", "id", "name")
        def __new__(
            cls,
            choice: int,
            call: int,
            id: str | None,  # noqa: A002
            name: str | None,
        ) -> Self: ...
        @property
        def choice(self) -> int: ...
        @property
        def call(self) -> int: ...
        @property
        def id(self) -> str | None: ...
        @property
        def name(self) -> str | None: ...

    @final
    class CallEnds(Delta):
        """The server has said that nothing more comes of a call.

        Args:
            choice: The number of the choice.
            call: The number of the call.
        """

        __match_args__ = ("choice", "call")
        def __new__(cls, choice: int, call: int) -> Self: ...
        @property
        def choice(self) -> int: ...
        @property
        def call(self) -> int: ...

    @final
    class Usage(Delta):
        """Token usage.

        Args:
            json: The JSON text of the provider's own object.
        """

        __match_args__ = ("json",)
        def __new__(cls, json: str) -> Self: ...
        @property
        def json(self) -> str: ...

    @final
    class Finish(Delta):
        """The server says that a choice has ended; see `Reopens`.

        Args:
            choice: The number of the choice.
            reason: What the server wrote.
            outcome: What that means: ``"whole"``, ``"cut_off"``, ``"filtered"``, ``"refused"``,
                ``"failed"``, or ``"unknown"`` for a reason that is on no list.
        """

        __match_args__ = ("choice", "reason", "outcome")
        def __new__(cls, choice: int, reason: str, outcome: _Outcome) -> Self: ...
        @property
        def choice(self) -> int: ...
        @property
        def reason(self) -> str: ...
        @property
        def outcome(self) -> _Outcome: ...

    @final
    class Reopens(Delta):
        """More comes of a choice that had ended: what its `Finish` said is void.

        Servers that write a finish reason into every event do that.

        Args:
            choice: The number of the choice.
        """

        __match_args__ = ("choice",)
        def __new__(cls, choice: int) -> Self: ...
        @property
        def choice(self) -> int: ...

    @final
    class ServerError(Delta):
        """The server says that it failed.

        Args:
            said: The JSON text of its error object, or plain text.
        """

        __match_args__ = ("said",)
        def __new__(cls, said: str) -> Self: ...
        @property
        def said(self) -> str: ...

    @final
    class Stray(Delta):
        """Text that the server has sent instead of events, or among them, such as a page.

        It comes at the end; of a long text only the beginning. It is not a failure by itself, but
        it may say why an answer is incomplete.

        Args:
            said: The text.
        """

        __match_args__ = ("said",)
        def __new__(cls, said: str) -> Self: ...
        @property
        def said(self) -> str: ...

    @final
    class Corrupt(Delta):
        """An event that cannot be read.

        Args:
            why: What is wrong with it.
        """

        __match_args__ = ("why",)
        def __new__(cls, why: str) -> Self: ...
        @property
        def why(self) -> str: ...

    @final
    class Done(Delta):
        """What follows is of no interest."""

        __match_args__: ClassVar[tuple[()]] = ()
        def __new__(cls) -> Self: ...

@final
class EventReader:
    """Reads one answer in a provider's dialect: bytes or events in, deltas out.

    Args:
        dialect: Its name, such as ``"openai_chat"``; `None` where there are only deltas to come.

    Raises:
        ValueError: There is no such dialect; the message lists the known ones.
    """

    def __new__(cls, dialect: str | None, /) -> Self: ...
    def put(self, block: bytes, /) -> None:
        """Take more of the response's body, to be read by `pull`.

        Args:
            block: The next bytes, cut anywhere.

        Raises:
            RuntimeError: `pull` has not yet read to its end what was put before.
        """

    def put_event(self, name: str, json: str, /) -> None:
        """Take one event, to be read by `pull`: the JSON of an SDK's object, or of a whole answer.

        Args:
            name: What the event is called (the ``event`` field of a server-sent event); "" where
                it has no name.
            json: Its data.

        Raises:
            RuntimeError: `pull` has not yet read to its end what was put before.
        """

    def put_delta(self, delta: Delta, /) -> None:
        """Take what a provider has read itself, to be given by `pull` or the iteration.

        Args:
            delta: What it says.

        Raises:
            RuntimeError: `pull` has not yet read to its end what was put before.
        """

    def put_end(self) -> None:
        """Say that the body is at its end, as it should be: what was held back is then read.

        A lost connection is not such an end.

        Raises:
            RuntimeError: `pull` has not yet read to its end what was put before.
        """

    def attach(
        self, reader: TextReader, /, *, choice: int, call: int | None, by_block: bool
    ) -> None:
        """Hand the pieces of one text to its reader without making deltas of them.

        Args:
            reader: Where they go.
            choice: Which choice it is part of.
            call: The number of the function call; `None` for the content.
            by_block: Whether what a block has for it is handed over as one piece.
        """

    def detach(self) -> None:
        """Make deltas of all that follows."""

    def pull(self) -> Delta | Literal[True] | None:
        """Read on, up to something new.

        Returns:
            A delta; `True` when there is news from the attached reader; `None` when all that was
            put is read. Nothing comes after `Delta.Done`, `Delta.ServerError` or `Delta.Corrupt`.

        Raises:
            JsonError: The text of the attached answer is not JSON.
            pydantic.ValidationError: A complete value of it is invalid.
        """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Any:
        """Return the next snapshot of the attached answer.

        The iteration stops at whatever else there is, errors included, which `pull` then gives.
        """

    @property
    def last(self) -> Any:
        """What was handed out last: by the iteration, or by whoever set it."""

    @last.setter
    def last(self, handed: Any, /) -> None: ...
    @property
    def progress(self) -> int:
        """How many deltas have said what the model writes, pieces of the attached text included."""

    def stop(self) -> None:
        """Read nothing more, not even what is left of what was put."""

@final
class TextReader:
    """The text of one answer on its way to the parser; what surrounds the value is removed.

    Args:
        state: The parser.
        noise: Prose, code fences and ``<think>`` blocks may stand around the JSON text.
        key: The property of the root object that holds the wanted value; `None` for the root.
        bare_array: A root that is an array is taken as it is, although a property is named.
        items: The parser hands out items, not snapshots.
    """

    def __new__(
        cls, state: StateCore, /, *, noise: bool, key: str | None, bare_array: bool, items: bool
    ) -> Self: ...
    def feed(self, piece: str, /) -> bool:
        """Read more of the text.

        Returns:
            Whether there is a new snapshot, or an item.

        Raises:
            JsonError: The text is not JSON. Positions count from the first byte of the value, or
                of the object around it where that is wrong; in lenient reading, where the envelope
                takes something off, from that of all the text.
            UnicodeError: `piece` has half of a surrogate pair.
            pydantic.ValidationError: A complete value is invalid.
        """

    @property
    def text(self) -> str | None:
        """All the text; `None` where the parser has it."""

    def end(self) -> None:
        """End the text: a value that a byte after it would have completed is complete.

        Raises:
            pydantic.ValidationError: It is invalid.
        """

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far, with its places in all the text."""

    @property
    def trailing(self) -> str:
        """What followed the JSON text, without a closing code fence."""

    @property
    def error(self) -> Exception | None:
        """What is wrong with the text around the value, or with a value in the middle of prose.

        The latter is not an error while more may come: the model may be reasoning.
        """

    @property
    def restarts(self) -> int:
        """How often reading began anew, the parser included.

        A tag that closes the model's reasoning says that what came before it was not the answer,
        even if no tag had opened it. What the parser had read until then is discarded.
        """

    @property
    def begun(self) -> bool:
        """Whether JSON began."""

    @property
    def found(self) -> bool:
        """Whether the wanted value was found."""

    @property
    def done(self) -> bool:
        """Whether the JSON text is complete, with what the value is wrapped in."""

@final
class JsonParser:
    """An incremental parser of one JSON text (RFC 8259), without a type.

    Feed it chunks, cut anywhere, and ask for the value so far when you want it. Numbers, `true`,
    `false` and `null` appear when they are complete; strings and containers from their first
    character on. A snapshot never changes afterwards, and shares its complete parts with later
    ones: it is to be read, not changed.

    Args:
        max_depth: How many containers may be open at once.
        max_bytes: How many bytes the text may have.
        lenient: Read what models write instead of JSON, wherever it can mean one thing only;
            ``"quotes"`` also guesses which quotes are text. `None` is `False`.
        max_repairs: How many repairs a lenient text may need.

    Raises:
        ValueError: `lenient` is not one of the allowed values.
    """

    def __new__(
        cls,
        *,
        max_depth: int = 200,
        max_bytes: int = 1073741824,
        lenient: Lenient | None = None,
        max_repairs: int = 100000,
    ) -> Self: ...
    def feed(self, chunk: str | Buffer, /) -> None:
        """Read more of the text.

        Args:
            chunk: Text, or UTF-8 in anything bytes-like.

        Raises:
            JsonError: The text is not JSON. The error names the first byte that no JSON text could
                go on with, however the text was cut; later calls raise it again.
            TypeError: `chunk` is neither text nor bytes-like.
        """

    def snapshot(self) -> Any:
        """Return the value so far, or `None` before anything can be shown."""

    def finish(self) -> Any:
        """End the text and return the whole value.

        Raises:
            JsonError: The text is not complete (kind ``"truncated"``), or not JSON.
        """

    def take_ops(self) -> list[Op]:
        """Return what changed in the value since the last call; at the first, all of it."""

    def reset(self) -> None:
        """Forget everything, to read another text."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices from the root to the value being written."""

    @property
    def completed(self) -> list[tuple[str | int, ...]]:
        """Paths of the values that the last chunk completed, children before parents."""

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far, in the order of the text."""

    @property
    def done(self) -> bool:
        """Whether the value is complete."""

@final
class Op:
    """One change to a JSON value that is being written.

    Args:
        op: ``"set"``: the value at the path is this, whatever was there; a path into a list at its
            length adds an item. ``"append"``: the text at the path goes on with this.
        path: Keys and indices from the root; ``()`` is the whole value.
        value: A JSON value; for ``"append"`` a `str`.
    """

    __match_args__ = ("op", "path", "value")

    def __new__(
        cls, op: Literal["set", "append"], path: tuple[str | int, ...], value: Any
    ) -> Self: ...
    @property
    def op(self) -> Literal["set", "append"]:
        """``"set"`` or ``"append"``."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices from the root."""

    @property
    def value(self) -> Any:
        """A JSON value."""

    def __hash__(self) -> int: ...

@final
class Plan:
    """A compiled type: what the builder does at each place of the document.

    Args:
        nodes: What `partialfast.typed._plan` made of pydantic's core schema; the first is the root.
    """

    def __new__(cls, nodes: list[Any], /) -> Self: ...
    @staticmethod
    def words() -> dict[str, list[str]]:
        """The words that a plan is made of, by the name of their literal in `typed._nodes`."""

    def __len__(self) -> int: ...

@disjoint_base
class StateCore:
    """What `partialfast.StreamState` is made of; its ``__init__`` calls `start`."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def start(
        self,
        plan: Plan,
        *,
        root: Callable[..., Any],
        arguments: dict[str, Any] | None,
        defer: bool,
        hooks: tuple[
            Callable[..., Any],
            Callable[..., Any],
            type[Exception],
            type[Exception],
            Callable[..., Any],
        ],
        max_depth: int,
        max_bytes: int,
        items: bool,
        lenient: Lenient,
        max_repairs: int,
        coerce: bool,
    ) -> None:
        """Begin a text.

        Args:
            plan: The compiled type.
            root: The whole type's ``validate_json``.
            arguments: Keyword arguments for every validation.
            defer: Go on after an invalid value and keep its error.
            hooks: ``(error, location) -> ValidationError``, ``(kind, location, key) ->
                ValidationError``, the class of validation errors, that of what pydantic raises
                where a validator tells it to use the default or to leave a value out, and what
                copies a default.
            max_depth: How many containers may be open at once.
            max_bytes: How many bytes the text may have.
            items: Hand the items of the root array out one by one.
            lenient: As in `JsonParser`.
            max_repairs: As in `JsonParser`.
            coerce: In lenient reading, also help where the type tells what was meant.

        Raises:
            ValueError: `lenient` is not one of the allowed values, or `coerce` is asked for without
                it.
        """

    def feed(self, chunk: str | Buffer, /) -> Any:
        """Read more of the text and return the new snapshot, if something visible changed."""

    def end(self) -> Any:
        """End the text and return the final value, or `None` where `errors` says why not."""

    def begin_ops(
        self,
        *,
        snapshots: bool,
        by_alias: bool | None,
        options: dict[str, Any],
        root: Callable[..., Any],
        by_value: Callable[..., Any],
    ) -> None:
        """Keep ops of the value's dump from now on.

        Args:
            snapshots: Whether `feed` goes on to make snapshots.
            by_alias: Whether fields are named by their alias.
            options: Keyword arguments for every ``to_python`` of a serializer.
            root: The ``to_python`` of the whole type's serializer.
            by_value: The ``to_python`` of a serializer that goes by the value.
        """

    def begin_document_ops(self, *, snapshots: bool) -> None:
        """Keep ops of the document, read without its type, from now on.

        Args:
            snapshots: Whether `feed` goes on to make snapshots.
        """

    @property
    def has_ops(self) -> bool:
        """Whether ops are kept."""

    def take_ops(self) -> list[Op]:
        """Return the ops since the last call."""

    def take_items(self) -> list[Any]:
        """Return the complete items that were not taken yet."""

    @property
    def snapshot(self) -> Any:
        """The value so far; `None` before anything can be shown."""

    @property
    def copies(self) -> int:
        """How many containers were made for snapshots so far.

        Those that nobody holds any more are brought up to date and handed out again. Where a
        program keeps its snapshots, each is a copy of all containers that are open.
        """

    @property
    def raw(self) -> bytes:
        """The text received so far."""

    @property
    def text(self) -> str:
        """The same, as text, without an unfinished UTF-8 sequence at its end."""

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far, in the order of the text."""

    @property
    def more_errors(self) -> int:
        """How many more errors were put off than `errors` has."""

    @property
    def errors(self) -> list[Exception]:
        """Validation errors that were put off, the whole type's own last."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys and indices from the root to the value being written."""

    @property
    def completed(self) -> list[tuple[str | int, ...]]:
        """Paths of the values that the last chunk completed, children before parents."""

    @property
    def newly_completed(self) -> list[tuple[str | int, ...]]:
        """Paths of the values completed since `feed` last returned a snapshot."""

    @property
    def done(self) -> bool:
        """Whether the value is complete."""

def ask_about_instances(metaclass: type[type], refuses: Callable[[Any, Any], bool], /) -> None:
    """Have a metaclass ask before it says what is an instance of one of its classes.

    It is done once in a process: a second call changes nothing.

    Args:
        metaclass: The metaclass. Its own answer is the answer, except where `refuses` says that it
            is no.
        refuses: Is given the class and the object that may be an instance, where the class of the
            object is of another metaclass than this one and `type`.
    """

def loads(
    data: str | Buffer,
    /,
    *,
    partial: bool = False,
    max_depth: int = 200,
    max_bytes: int = 1073741824,
    lenient: Lenient | None = None,
    max_repairs: int = 100000,
) -> Any:
    """Parse one JSON text (RFC 8259).

    Args:
        data: The whole text, or with `partial` the beginning of one.
        partial: Return what there is of an incomplete text.
        max_depth: How many containers may be open at once.
        max_bytes: How many bytes the text may have.
        lenient: Read what models write instead of JSON, wherever it can mean one thing only;
            ``"quotes"`` also guesses which quotes are text. `None` is `False`.
        max_repairs: How many repairs a lenient text may need.

    Returns:
        The value; with `partial`, `None` where nothing can be shown yet.

    Raises:
        JsonError: The text is not JSON, or not complete.
        TypeError: `data` is neither text nor bytes-like.

    Examples:
        >>> from partialfast import loads
        >>> loads('{"name": "Ada Ki', partial=True)
        {'name': 'Ada Ki'}
    """
