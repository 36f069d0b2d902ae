"""One call of the caller's: what it asks for, and how it is asked again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from partialfast.answer._mode import Mode
from partialfast.answer._pace import Every, Pace
from partialfast.answer._target import Target, read_target
from partialfast.answer._text import StateOptions
from partialfast.providers.openai._chat import ChatState, prepare_chat
from partialfast.providers.openai._responses import ResponsesState, prepare_responses
from partialfast.providers.openai._state import State
from partialfast.providers.openai._transport import Transport

__all__ = ["CHAT", "RESPONSES", "Api", "Attempt", "Call", "Options", "Settings"]

logger = logging.getLogger("partialfast")

_REFUSING = frozenset({400, 422})


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer that was invalid, so that the model was or could be asked again.

    Args:
        number: Counted from 1.
        error: What was wrong with it.
        text: The raw text as far as it was read.
        usage: Token usage, if the server had reported it by then.
        finish_reason: The provider's finish reason, if it had come by then.
        request_id: The server's name for the request.
    """

    number: int
    error: Exception
    text: str
    usage: Any
    finish_reason: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Api:
    """What tells one API from the other.

    Args:
        name: For the log.
        prepare: Adds what asks for the target to the arguments.
        state: Reads an answer.
        messages: The argument that holds the conversation.
        has_usage_option: Whether usage comes in a stream only when it is asked for.
    """

    name: str
    prepare: Callable[[Mapping[str, Any], Target, Mode], dict[str, Any]]
    state: type[State]
    messages: str
    has_usage_option: bool


CHAT = Api("chat.completions", prepare_chat, ChatState, "messages", has_usage_option=True)
RESPONSES = Api("responses", prepare_responses, ResponsesState, "input", has_usage_option=False)


@dataclass(slots=True)
class Settings:
    """What `from_openai` was told.

    Args:
        mode: How to ask.
        transport: How to read.
        defaults: Arguments for every call that does not set them.
        refuses_usage_option: Whether the server is known to refuse ``stream_options``.
    """

    mode: Mode
    transport: Transport
    defaults: dict[str, Any] = field(default_factory=dict)
    refuses_usage_option: bool = False

    def for_client_with(self, options: Mapping[str, Any]) -> Settings:
        """Return the settings of a client that is like this one but for options of the SDK's."""
        if options.get("base_url") is None:
            # The same server: what one of them learns about it is for both.
            return self
        return replace(self, refuses_usage_option=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The arguments of a call that are not the SDK's.

    Args:
        response_model: What is asked for.
        items: Whether items are asked for.
        stream: Whether the answer is streamed.
        max_retries: Attempts after the first.
        context: Context of pydantic's validators.
        strict: Pydantic's strict mode; ``None`` leaves it to the model.
        on_invalid: Whether the first invalid value ends the attempt.
        on_retry: Called before each attempt but the first.
        every: When a snapshot is due.
    """

    response_model: Any
    items: bool
    stream: bool
    max_retries: int = 0
    context: Any = None
    strict: bool | None = None
    on_invalid: Literal["raise", "defer"] = "raise"
    on_retry: Callable[[Attempt], Any] | None = None
    every: Every = "event"

    def __post_init__(self) -> None:
        """Refuse what would only fail in the middle of a stream.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has a value that means nothing.
        """
        retries = cast("object", self.max_retries)
        if not isinstance(retries, int) or isinstance(retries, bool):
            raise TypeError(
                f"max_retries must be an int, the attempts after the first: {retries!r}"
            )
        if retries < 0:
            raise ValueError(f"max_retries must not be negative: {retries}")
        if self.on_invalid not in {"raise", "defer"}:
            raise ValueError(f"on_invalid must be 'raise' or 'defer': {self.on_invalid!r}")
        if self.on_retry is not None and not callable(self.on_retry):
            raise TypeError(f"on_retry must be callable: {self.on_retry!r}")
        if self.strict not in {None, True, False}:
            raise TypeError(f"strict must be True, False or None: {self.strict!r}")
        every: object = self.every
        if isinstance(every, (int, float)) and not isinstance(every, bool) and every > 0:
            return
        if every not in {"event", "read", "value"}:
            raise ValueError(
                f"every must be 'event', 'read', 'value' or a number of seconds: {every!r}"
            )


class Call:
    """A call under way, over all its attempts.

    Args:
        api: Which API is called.
        settings: What `from_openai` was told.
        options: The arguments that are not the SDK's.
        kwargs: The arguments that are.
    """

    def __init__(
        self, api: Api, settings: Settings, options: Options, kwargs: Mapping[str, Any]
    ) -> None:
        self.attempt = 1
        self.attempts: list[Attempt] = []
        self.transport: Transport = settings.transport
        self._api = api
        self._settings = settings
        self._options = options
        mode = settings.mode
        self._target = read_target(
            options.response_model,
            items=options.items,
            tools=mode.is_tools,
            strict=mode.is_strict,
        )
        given = dict(kwargs)
        self._choices: int = given.get("n") or 1
        if self._choices != 1 and not options.items:
            raise TypeError("n asks for several answers: use create_iterable, or leave n out")
        messages = given.get(api.messages)
        if isinstance(messages, str):
            given[api.messages] = [{"role": "user", "content": messages}]
        elif messages is not None:
            given[api.messages] = list(messages)
        self.kwargs = api.prepare(given, self._target, mode)
        self._exact_names = bool(given.get("tools"))
        self._asks_usage = (
            options.stream
            and api.has_usage_option
            and "stream_options" not in given
            and not settings.refuses_usage_option
        )
        if self._asks_usage:
            self.kwargs["stream_options"] = {"include_usage": True}
        #: The arguments that none of the caller's has a part in: plain JSON, made here.
        self.made = frozenset(self.kwargs.keys() - given.keys())

    def new_state(self) -> State:
        """Return what reads the answer of the next attempt."""
        options = self._options
        return self._api.state(
            self._target,
            tools=self._settings.mode.is_tools,
            exact_names=self._exact_names,
            choices=self._choices,
            options=StateOptions(
                strict=options.strict, context=options.context, on_invalid=options.on_invalid
            ),
            pace=Pace(options.every),
        )

    def begin_attempt(self) -> Any:
        """Log that a request is about to be sent, and tell the caller when it is a further one.

        Returns:
            What the caller's ``on_retry`` returned.
        """
        # Neither the text of the request nor its secrets.
        logger.debug(
            "%s: asking for %s, mode %s, attempt %d of at most %d",
            self._api.name,
            self._target.title,
            self._settings.mode.name,
            self.attempt,
            1 + self._options.max_retries,
        )
        if self.attempt == 1 or self._options.on_retry is None:
            return None
        return self._options.on_retry(self.attempts[-1])

    def log_end(self, state: State, error: BaseException | None) -> None:
        """Log how an answer ended."""
        if not logger.isEnabledFor(logging.DEBUG):
            return
        logger.debug(
            "%s: attempt %d ended with %s, finish reason %s, usage %s",
            self._api.name,
            self.attempt,
            type(error).__name__ if error else "a value",
            state.finish_reason,
            state.usage,
        )

    def drop_usage_option(self, error: Exception) -> bool:
        """Leave the usage option out if the server refused the request for it.

        Args:
            error: What the SDK raised.

        Returns:
            Whether to send the request once more.
        """
        said = f"{error} {getattr(error, 'body', '')}"
        refused = getattr(error, "status_code", None) in _REFUSING and "stream_options" in said
        if not (self._asks_usage and refused):
            return False
        logger.debug("%s: the server refuses stream_options; asking without", self._api.name)
        self._asks_usage = False
        self._settings.refuses_usage_option = True
        del self.kwargs["stream_options"]
        return True

    def note_failure(self, error: BaseException, state: State, request_id: str | None) -> bool:
        """Take note of a failed attempt.

        Args:
            error: How it failed.
            state: What read it.
            request_id: The server's name for the request.

        Returns:
            Whether to go on with another attempt, for which `kwargs` are then ready.
        """
        self.log_end(state, error)
        if not isinstance(error, Exception) or not state.is_retryable(error):
            return False
        self.attempts.append(
            Attempt(self.attempt, error, state.text, state.usage, state.finish_reason, request_id)
        )
        if self.attempt > self._options.max_retries:
            return False
        self.attempt += 1
        conversation: list[Any] = self.kwargs.get(self._api.messages) or []
        self.kwargs[self._api.messages] = [*conversation, *state.correction(error)]
        return True
