"""Exceptions that are both ours and an SDK's, for failures that the server tells in its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partialfast._errors import ServerError
from partialfast.answer._explain import words_of

__all__ = ["failure_class"]

# Attributes of SDKs' exceptions that cannot be pickled.
_NOT_KEPT = frozenset({"request", "response", "raw_response"})


def failure_class(
    base: Any, fill: Callable[[Any, str, Any], None], remake: Callable[..., ServerError]
) -> Callable[..., ServerError]:
    """Return a class of exceptions that are a `ServerError` and an SDK's exception at once.

    Args:
        base: The SDK's class.
        fill: Gives an instance what the SDK's class has: called with it, with what the server said
            in words, and with the request that was answered so, if that is known.
        remake: Makes an instance anew, of its message and its body; at the top level of a module,
            so that it can be pickled.

    Returns:
        The class. It is called with a message, with what the server said, and with the request.
    """

    def __init__(self: Any, message: str, body: Any, request: Any = None) -> None:  # noqa: N807
        # Ours comes first: the SDK's may look at what is there.
        ServerError.__init__(self, message, body=body)
        fill(self, words_of(body) or message, request)
        # The text of the exception is ours, whatever the SDK made of it.
        self.args = (message,)

    def __reduce__(self: Any) -> tuple[Any, ...]:  # noqa: N807
        kept = {name: value for name, value in vars(self).items() if name not in _NOT_KEPT}
        return remake, (self.args[0], self.body), kept

    made: Any = type(
        f"{base.__module__.partition('.')[0].title()}ServerError",
        (ServerError, base),
        {
            "__doc__": f"The server reported that it failed: the SDK's `{base.__name__}` as well.",
            "__module__": __name__,
            "__init__": __init__,
            "__reduce__": __reduce__,
            "__str__": Exception.__str__,
            # An SDK's class may be a dataclass that is compared by its fields, and frozen.
            "__eq__": object.__eq__,
            "__hash__": object.__hash__,
            "__setattr__": object.__setattr__,
        },
    )
    class_: Callable[..., ServerError] = made
    return class_
