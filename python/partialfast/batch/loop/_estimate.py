"""Counts tokens where the server did not: learnt from the answers for which it did."""

from __future__ import annotations

from typing import Any

from partialfast.batch.loop._result import Usage

__all__ = ["Estimator", "read_usage"]

#: Characters of a token, until something better is known. English text has about four.
_CHARACTERS = 4.0
#: Tokens of an answer, until the first is complete.
_OUTPUT = 256.0


def read_usage(usage: Any) -> Usage | None:
    """Read what a server reports.

    Args:
        usage: An SDK's object or a mapping, of chat completions or of responses; or numbers that
            mean the same with every provider.

    Returns:
        The usage, or ``None`` where there is none.
    """
    if usage is None:
        return None

    def number(*names: str) -> int:
        for name in names:
            found = usage.get(name) if isinstance(usage, dict) else getattr(usage, name, None)
            if isinstance(found, int):
                return found
        return 0

    return Usage(
        number("prompt_tokens", "input_tokens", "input"),
        number("completion_tokens", "output_tokens", "output"),
    )


class Estimator:
    """Learns how many tokens requests and answers take."""

    def __init__(self) -> None:
        self._prompt_characters = self._input_tokens = 0
        self._text_characters = self._output_tokens = 0
        self._complete = 0

    @property
    def mean_output(self) -> float:
        """Tokens of a complete answer."""
        return self._output_tokens / self._complete if self._complete else _OUTPUT

    def input(self, characters: int) -> float:
        """Estimate the tokens of a request with a prompt of so many characters."""
        if not self._input_tokens:
            return characters / _CHARACTERS
        return characters * self._input_tokens / max(1, self._prompt_characters)

    def output(self, characters: int) -> int:
        """Estimate the tokens of a text of so many characters, as far as it was written."""
        if not self._output_tokens:
            return round(characters / _CHARACTERS)
        return round(characters * self._output_tokens / max(1, self._text_characters))

    def learn(self, usage: Usage, *, prompt: int, text: int) -> None:
        """Take in the usage of a complete answer.

        Args:
            usage: What the server reported.
            prompt: Characters of the prompt.
            text: Characters of the answer.
        """
        self._prompt_characters += prompt
        self._input_tokens += usage.input_tokens
        self._text_characters += text
        self._output_tokens += usage.output_tokens
        self._complete += 1
