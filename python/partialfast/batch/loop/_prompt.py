"""From an item to the messages of its request."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from partialfast.batch.loop._result import BatchError, Item

__all__ = ["Message", "Prompt", "make_prompt", "placeholders", "prompt_characters"]

Message = Mapping[str, Any]

#: A text with the item's fields in braces, or a function that gives a text or whole messages.
Prompt = str | Callable[[Item], str | Sequence[Message]]


def placeholders(template: str) -> frozenset[str]:
    """Find the fields that a template names.

    Args:
        template: A text with fields in braces; ``{{`` and ``}}`` stand for braces.

    Returns:
        Their names.

    Raises:
        BatchError: The template cannot be understood.
    """
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise BatchError(
            f"the prompt cannot be understood: {error}; write {{{{ and }}}} for braces"
        ) from error
    names: set[str] = set()
    for _, name, spec, _ in parsed:
        if name is None:
            continue
        plain = name.replace("_", "").replace("-", "").replace(" ", "")
        # A number would be the place of an argument, and there are none.
        if not plain.isalnum() or name.isdecimal():
            raise BatchError(
                f"the prompt names {{{name}}}, which is not a field: a plain name is needed "
                "(write {{ and }} for braces)"
            )
        names.add(name)
        names |= placeholders(spec or "")
    return frozenset(names)


def make_prompt(
    prompt: Prompt,
    *,
    system: str | None,
    attach: Callable[[Item], Sequence[Mapping[str, Any]]] | None = None,
) -> Callable[[Item], list[Message]]:
    """Prepare what turns items into messages.

    Args:
        prompt: A template, or a function.
        system: A system message to go before it.
        attach: Gives what goes with a template's text, as parts of a message.

    Returns:
        A function from an item to its messages; it raises `BatchError` for an item that the
        template does not fit.

    Raises:
        BatchError: The template cannot be understood.
    """
    before: list[Message] = [{"role": "system", "content": system}] if system else []
    if not isinstance(prompt, str):
        return lambda item: [*before, *_messages(prompt(item))]
    names = placeholders(prompt)

    def fill(item: Item) -> list[Message]:
        _require(names, item)
        try:
            said = prompt.format_map(item.fields)
            # JSON has an escape for half of a surrogate pair, but no request can hold it.
            said.encode()
        except (ValueError, TypeError) as error:
            raise BatchError(f"item {item.id!r} does not fit the prompt: {error}") from error
        parts = attach(item) if attach is not None else ()
        if parts:
            content = [{"type": "text", "text": said}, *parts]
            return [*before, {"role": "user", "content": content}]
        return [*before, *_messages(said)]

    return fill


def prompt_characters(messages: Iterable[Message]) -> int:
    """Count the characters of what is asked; images and files have none.

    Args:
        messages: The messages.
    """
    count = 0
    for message in messages:
        content: Any = message.get("content", "")
        if isinstance(content, list):
            count += sum(len(str(part.get("text", ""))) for part in content)
        else:
            count += len(str(content))
    return count


def _require(names: Iterable[str], item: Item) -> None:
    missing = sorted(name for name in names if name not in item.fields)
    if missing:
        there = ", ".join(sorted(map(str, item.fields))) or "none"
        raise BatchError(
            f"item {item.id!r} has no field {', '.join(map(repr, missing))}, which the prompt "
            f"names; its fields: {there}"
        )


def _messages(said: str | Sequence[Message]) -> list[Message]:
    return [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
