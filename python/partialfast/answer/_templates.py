"""Jinja templates in messages, filled in with the call's ``context``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["filled"]

#: The arguments that hold what the model is told, in the SDKs that have them.
_TOLD = ("messages", "input", "instructions", "system", "contents", "prompt")
#: The members of a message, or of a part of one, that are text.
_TEXTS = frozenset({"content", "text", "parts", "input", "output"})


def filled(arguments: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Fill in the templates of a call's messages.

    Args:
        arguments: The caller's arguments for the SDK.
        context: The call's context. Templates are for those who pass one: without, or where it is
            no mapping, braces are text like any other.

    Returns:
        The arguments; those without a template are the same objects.

    Raises:
        ImportError: There is a template, and jinja2 is not installed.
    """
    if not isinstance(context, Mapping):
        return dict(arguments)
    values = {str(name): value for name, value in context.items()}
    return {
        name: _fill(value, values) if name in _TOLD else value for name, value in arguments.items()
    }


def _fill(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return _render(value, values) if "{{" in value or "{%" in value else value
    if isinstance(value, list):
        return [_fill(each, values) for each in value]
    if isinstance(value, dict):
        return {
            name: _fill(each, values) if name in _TEXTS else each for name, each in value.items()
        }
    return value


def _render(text: str, values: dict[str, Any]) -> str:
    try:
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415 - for those who use it
    except ModuleNotFoundError as error:
        raise ImportError(
            "a message has a template and the call a context, but jinja2 is not installed: "
            'pip install "partialfast[templates]", or fill the message in yourself',
            name="jinja2",
        ) from error
    # Sandboxed: a template may come from wherever the message does.
    rendered: str = (
        SandboxedEnvironment(keep_trailing_newline=True).from_string(text).render(values)
    )
    return rendered
