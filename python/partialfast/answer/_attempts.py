"""One call over all its attempts: retries, corrections, fallbacks."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast, runtime_checkable

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from partialfast._errors import (
    ContentFilterError,
    CorruptStreamError,
    DroppedError,
    InvalidAnswerError,
    InvalidJsonError,
    JsonError,
    RefusalError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TruncatedError,
)
from partialfast.answer._advice import advice, advise
from partialfast.answer._asked import Asked
from partialfast.answer._attempt import Attempt
from partialfast.answer._explain import printable
from partialfast.answer._mode import Mode
from partialfast.answer._options import CallOptions, Settings
from partialfast.answer._pace import Pace, phase
from partialfast.answer._reader import AnswerReader
from partialfast.answer._retrying import RetryBudget
from partialfast.answer._seam import (
    AsyncReply,
    Mistake,
    Provider,
    Question,
    Reply,
    Request,
    Settled,
)
from partialfast.answer._target import Target, read_target
from partialfast.answer._templates import filled
from partialfast.answer._text import StateOptions
from partialfast.answer._watch import Sent, Watchers
from partialfast.answer._words import explain
from partialfast.typed._whole_errors import details_of

__all__ = ["Call", "StandIn"]

logger = logging.getLogger("partialfast")

# After an attempt that ends with one of these, it makes sense to ask somebody else.
_WORTH_A_FALLBACK = (
    TruncatedError,
    DroppedError,
    ContentFilterError,
    StreamTimeoutError,
    ServerError,
    CorruptStreamError,
)


@runtime_checkable
class StandIn(Protocol):
    """A client, or a part of one, that can stand in for another."""

    def stand_in(self, name: str) -> tuple[Provider, Settings]:
        """Return whom to ask, and how.

        Args:
            name: `Provider.name` of what is called, where the client has several.
        """
        ...


class _Asking:
    """Whom a call asks: the first, or one of its fallbacks.

    Args:
        provider: Who is asked.
        settings: What its client was told.
        options: The arguments that are not the SDK's.
        arguments: The arguments that are.
    """

    def __init__(
        self,
        provider: Provider,
        settings: Settings,
        options: CallOptions,
        arguments: dict[str, Any],
    ) -> None:
        self.provider = provider
        self.settings = settings
        self.options = options
        self.given = arguments
        # How it is asked is found out before the first request; what is wrong with the arguments is
        # said at once.
        self.is_settled = settings.mode is not Mode.AUTO
        self.mode = mode = settings.mode if self.is_settled else provider.modes[0]
        if mode not in provider.modes:
            known = ", ".join(f"Mode.{each.name}" for each in provider.modes)
            raise ValueError(f"{provider.name} knows the modes {known}, not Mode.{mode.name}")
        self.target: Target = read_target(
            options.response_model,
            items=options.items,
            tools=mode.is_tools,
            strict=provider.strict_schema if mode.is_strict else None,
        )
        self.choices = provider.choices(arguments)
        if self.choices != 1 and not options.items:
            raise TypeError("n asks for several answers: use create_iterable, or leave n out")
        self.exact_names = provider.offers_tools(arguments)
        question = Question(arguments, self.target, mode, options.stream)
        self.arguments = provider.ask(question)
        # Plain JSON, made here: none of the caller's arguments has a part in it.
        self.made = frozenset(self.arguments.keys() - arguments.keys())

    def settled(self, how: Settled) -> _Asking:
        """Return the same in the mode that was found out.

        Args:
            how: How to ask.
        """
        settings = Settings(how.mode, self.settings.defaults)
        return _Asking(self.provider, settings, self.options, {**how.arguments, **self.given})


class Call:
    """A call under way, over all its attempts.

    Args:
        provider: Who is asked.
        settings: What the client was told.
        options: The arguments that are not the SDK's.
        arguments: The arguments that are.
    """

    def __init__(
        self,
        provider: Provider,
        settings: Settings,
        options: CallOptions,
        arguments: Mapping[str, Any],
    ) -> None:
        self.attempt: int = 1
        self.attempts: list[Attempt] = []
        self.options = options
        #: The SDK's object of an answer that came at once.
        self.completion: Any = None
        #: Seconds to wait before the next attempt.
        self.pause: float = 0.0
        self._watchers: Watchers | None = None
        self._hooks = settings.hooks if options.hooks is None else settings.hooks + options.hooks
        told = filled(arguments, options.context)
        self._asking = _Asking(provider, settings, options, told)
        self._budget = RetryBudget(options.max_retries)
        self._rest = self._fallbacks(provider, settings, told)

    def _fallbacks(
        self, provider: Provider, settings: Settings, arguments: dict[str, Any]
    ) -> Iterator[_Asking]:
        # An error in one of them is raised before anything is sent.
        told = [self._fallback(each, provider, settings, arguments) for each in self._given]
        return iter(told)

    @property
    def _given(self) -> list[Any]:
        return list(self.options.fallbacks)

    def _fallback(
        self, given: Any, provider: Provider, settings: Settings, arguments: dict[str, Any]
    ) -> _Asking:
        changes: dict[str, Any] = {}
        client: Any = given
        if isinstance(given, Mapping):
            changes = dict(cast("Mapping[str, Any]", given))
            client = changes.pop("client", None)
        if client is not None:
            if not isinstance(client, StandIn):
                raise TypeError(
                    "a fallback must be a dict of arguments to change, or a client of "
                    f"partialfast's such as from_openai gives: {client!r}"
                )
            provider, settings = client.stand_in(provider.name)
            # Its own model, and not that of the client it stands in for.
            changes = {**settings.defaults, **changes}
        return _Asking(provider, settings, self.options, {**arguments, **changes})

    # What the streams ask for.

    @property
    def provider(self) -> Provider:
        """Who is asked now."""
        return self._asking.provider

    @property
    def request(self) -> Request:
        """The request to send next."""
        asking = self._asking
        return Request(
            dict(asking.arguments), asking.made, self.options.stream, self.options.opening_timeout
        )

    def settle(self) -> bool:
        """Find out how to ask, where that is not known yet, without asynchrony.

        Returns:
            Whether something has changed, so that another reader is needed.

        Raises:
            Exception: As the SDK raises it.
        """
        if self._asking.is_settled:
            return False
        how = self._asking.provider.settle(self._asking.given)
        self._asking = self._asking.settled(how)
        return True

    async def asettle(self) -> bool:
        """Find out how to ask; the twin of `settle`."""
        if self._asking.is_settled:
            return False
        how = await self._asking.provider.asettle(self._asking.given)
        self._asking = self._asking.settled(how)
        return True

    def new_reader(self) -> AnswerReader:
        """Return what reads the answer of the next attempt."""
        asking, options = self._asking, self.options
        asked = Asked(
            provider=asking.provider,
            target=asking.target,
            tools=asking.mode.is_tools,
            exact_names=asking.exact_names,
            choices=asking.choices,
            options=StateOptions(
                strict=options.strict,
                context=options.context,
                on_invalid=options.on_invalid,
                lenient=options.lenient,
                max_repairs=options.max_repairs,
                coerce=options.coerce,
            ),
        )
        return AnswerReader(asked, Pace(options.every, first=phase()))

    def begin_attempt(self) -> Any:
        """Log that a request is about to be sent, and tell the caller when it is a further one.

        Returns:
            What the caller's ``on_retry`` returned.
        """
        # Neither the text of the request nor its secrets.
        asking = self._asking
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s: asking for %s, mode %s, attempt %d",
                asking.provider.name,
                asking.target.title,
                asking.mode.name,
                self.attempt,
            )
        if self._hooks.listen_to("completion:kwargs"):
            self._hooks.tell("completion:kwargs", **asking.arguments)
        if self.attempt == 1 or self.options.on_retry is None:
            return None
        return self.options.on_retry(self.attempts[-1])

    def opening(self) -> AbstractContextManager[None]:
        """Return what the sending of a request stands in; those who watch are told of it."""
        if not self._hooks.has_watches:
            return nullcontext()
        asking = self._asking
        sent = Sent(asking.provider, asking.arguments, self.options.stream, asking.choices)
        self._watchers = self._hooks.begin(sent)
        return self._watchers.active()

    def look_at(self, reply: Reply | AsyncReply) -> None:
        """Let those who watch notice the first of an answer.

        Args:
            reply: The answer, of which nothing has been read.
        """
        if self._watchers is not None:
            self._watchers.look_at(reply)

    def leave(self, reader: AnswerReader) -> None:
        """Tell those who watch that the caller wants no more of an answer, if it has not ended.

        Args:
            reader: What read it.
        """
        if self._watchers is not None:
            self._watchers.end(reader.received, None)

    def log_end(self, reader: AnswerReader, error: BaseException | None) -> None:
        """Log how an answer ended, and tell whoever listens."""
        if self._watchers is not None:
            self._watchers.end(reader.received, error)
        if error is None and self.completion is not None:
            self._hooks.tell("completion:response", self.completion)
        # The object is made anew whenever it is asked for.
        if self._hooks.listen_to("completion:usage"):
            usage = reader.received.usage
            if usage is not None:
                self._hooks.tell("completion:usage", usage)
        if isinstance(error, (JsonError, ValidationError)):
            self._hooks.tell("parse:error", error)
        elif isinstance(error, Exception):
            self._hooks.tell("completion:error", error)
        if not logger.isEnabledFor(logging.DEBUG):
            return
        logger.debug(
            "%s: attempt %d ended with %s, finish reason %s, usage %s",
            self._asking.provider.name,
            self.attempt,
            type(error).__name__ if error else "a value",
            printable(repr(reader.received.finish_reason)),
            printable(repr(reader.received.usage)),
        )

    # What happens after an attempt.

    def note_failure(
        self, error: BaseException, reader: AnswerReader, request_id: str | None
    ) -> bool:
        """Take note of a failed attempt.

        Args:
            error: How it failed.
            reader: What read it.
            request_id: The server's name for the request.

        Returns:
            Whether to go on with another attempt, for which all is then ready.
        """
        self.log_end(reader, error)
        if not isinstance(error, Exception) or not self._is_noteworthy(error):
            return False
        model = reader.received.model or self._asking.arguments.get("model")
        self.attempts.append(
            Attempt(
                self.attempt,
                error,
                # A text may be large: that of the exception is the same.
                error.text if isinstance(error, StreamError) else reader.received.text,
                reader.received.usage,
                reader.received.finish_reason,
                request_id,
                model if isinstance(model, str) else None,
                reader.received.tokens,
            )
        )
        pause = self._budget.take(error) if self._is_retryable(error, reader) else None
        self.pause = pause or 0.0
        if pause is not None:
            self._correct(error, reader)
        elif not (self._is_worth_a_fallback(error, reader) and self._take_fallback()):
            return False
        self.attempt += 1
        return True

    def final_error(self, error: Exception, reader: AnswerReader) -> Exception:
        """Return what is raised when no attempt is left.

        Args:
            error: How the last attempt failed.
            reader: What read it.
        """
        self._hooks.tell("completion:last_attempt", error)
        attempts = tuple(self.attempts)
        if isinstance(error, StreamError):
            error.attempts = attempts
            return error
        if not isinstance(error, (JsonError, ValidationError)):
            asking = self._asking
            lost = asking.provider.lost(error) is not None
            advise(error, advice(error, mode=asking.mode.name, lost=lost))
            return error
        details = {**reader.details(), "attempts": attempts}
        title = self._asking.target.title
        if isinstance(error, ValidationError):
            made: InvalidAnswerError = InvalidAnswerError.make(
                title, details_of(error, ()), **details
            )
        else:
            line = InitErrorDetails(
                type="json_invalid", loc=(), input=reader.received.text, ctx={"error": str(error)}
            )
            made = InvalidJsonError.make(
                title, [line], message=str(error), **details, **error.__dict__
            )
        made.__cause__ = error
        return made

    def _is_noteworthy(self, error: Exception) -> bool:
        """Tell whether the attempt itself failed, and not code of the caller's."""
        return isinstance(
            error, (StreamError, JsonError, ValidationError)
        ) or self._asking.provider.is_unavailable(error)

    def _is_retryable(self, error: Exception, reader: AnswerReader) -> bool:
        """Tell whether the error is about what the model wrote, so that it may do better."""
        if isinstance(error, CorruptStreamError):
            return False
        if isinstance(error, RefusalError):
            return reader.answered_in_words
        if isinstance(error, TruncatedError):
            # Small models stop at once, and gateways invent a proper end.
            return reader.received.ending.outcome in {"whole", "unknown"}
        return isinstance(error, (JsonError, ValidationError))

    def _is_worth_a_fallback(self, error: Exception, reader: AnswerReader) -> bool:
        """Tell whether somebody else may do better."""
        return (
            isinstance(error, _WORTH_A_FALLBACK)
            or self._is_retryable(error, reader)
            or self._asking.provider.is_unavailable(error)
        )

    def _correct(self, error: Exception, reader: AnswerReader) -> None:
        asking = self._asking
        call = reader.newest_call
        answer = None if call is None else call.answer
        # Incomplete arguments are not sent back as arguments: servers parse them.
        whole = call is not None and answer is not None and call.id and answer.is_whole
        mistake = Mistake(
            text=reader.received.text or reader.received.beside.words,
            explanation=explain(error),
            # As we named it: OpenAI refuses what some servers make of the name.
            name=answer.shape.name if answer is not None else None,
            call_id=call.id if call is not None and whole else None,
        )
        asking.arguments = asking.provider.correct(asking.arguments, mistake)

    def _take_fallback(self) -> bool:
        following = next(self._rest, None)
        if following is None:
            return False
        logger.debug("%s: asking a fallback", following.provider.name)
        self._asking = following
        self._budget = RetryBudget(self.options.max_retries)
        return True
