"""Writes values as models do that do not quite write JSON."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection
from typing import Any

__all__ = ["KINDS", "written"]

#: What a text may have that JSON has not.
KINDS = (
    "quotes",
    "blanks",
    "literals",
    "words",
    "controls",
    "numbers",
    "keys",
    "commas",
    "missing_commas",
    "closings",
    "absent",
    "escapes",
)

#: Opening and closing quote, all that close such a string, and whether a plain quote does not.
_QUOTES = [
    ('"', '"', '"', False),
    ('"', '"', '"', False),
    ("'", "'", "'", True),
    ("`", "`", "`\u00b4", True),
    ("\u201c", "\u201d", "\u201c\u201d\u201e\u201f", False),
    ("\u2018", "\u2019", "\u2018\u2019\u201a\u201b'", True),
    ("\u00ab", "\u00bb", "\u00ab\u00bb", True),
]
_BLANKS = ["", "", " ", "\n", "\t ", " // it's {\n", '/* " */', "# x\n", "\\n", "\u00a0"]
_LITERALS = {
    True: ["true", "True", "TRUE"],
    False: ["false", "False"],
    None: ["null", "None", "undefined"],
}
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_READ_AS_LITERALS = {"true", "false", "null", "none", "undefined", "nan", "infinity", "inf"}


class _Writer:
    """Writes one value, in ways that a seed chooses.

    Args:
        seed: For the choices.
        kinds: What it may write that JSON has not.
    """

    def __init__(self, seed: int, kinds: Collection[str]) -> None:
        self._kinds = kinds
        self._random = random.Random(seed)  # noqa: S311 - a test's choices, no secret
        # Whether what was written last lacks its bracket.
        self._open = False

    def _any(self, choices: list[str]) -> str:
        return self._random.choice(choices)

    def _often(self) -> bool:
        return self._random.random() < 0.5

    def _has(self, kind: str, share: float = 0.3) -> bool:
        return kind in self._kinds and self._random.random() < share

    def _blank(self) -> str:
        return self._any(_BLANKS) if "blanks" in self._kinds else ""

    def value(self, value: Any) -> str:
        if isinstance(value, str):
            return self._word(value) or self.string(value)
        if isinstance(value, bool) or value is None:
            return self._any(_LITERALS[value]) if "literals" in self._kinds else json.dumps(value)
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, list):
            return self._list(list(value))
        return self._dict(value)

    def _word(self, text: str) -> str | None:
        """Return one word without quotes; what follows is always a delimiter here."""
        if "words" not in self._kinds:
            return None
        plain = _WORD.fullmatch(text) and text.lower() not in _READ_AS_LITERALS
        return f"{text} " if plain and self._random.random() < 0.2 else None

    def string(self, text: str) -> str:
        quotes = _QUOTES if "quotes" in self._kinds else _QUOTES[:1]
        opening, closing, closers, takes_quotes = self._random.choice(quotes)
        written = json.dumps(text, ensure_ascii=self._often())[1:-1]
        if takes_quotes:
            written = written.replace('\\"', '"')
        if opening != '"':
            for closer in closers:
                written = written.replace(closer, f"\\u{ord(closer):04x}")
        if self._has("escapes"):
            # A quote of another family needs no backslash, and may have one.
            written = written.replace("'", "\\'")
        if "controls" in self._kinds and self._often():
            # Raw control characters; an escaped backslash may stand before such an n.
            written = re.sub(r"\\([nt\\])", self._control, written)
        return opening + written + closing

    @staticmethod
    def _control(found: re.Match[str]) -> str:
        return {"n": "\n", "t": "\t"}.get(found[1], found[0])

    def _number(self, value: float) -> str:
        written = json.dumps(value)
        if "numbers" not in self._kinds:
            return written
        if not isinstance(value, int):
            plain = re.fullmatch(r"0(\.\d+)", written)
            return self._any([written, plain[1] if plain else written, written])
        if value >= 0:
            written = self._any([written, f"+{value}", f"{value:_}", f"{value:#x}"])
            return written if len(written) < 30 else str(value)
        return written

    def _list(self, items: list[Any]) -> str:
        parts = [self._blank() + self.value(item) + self._blank() for item in items]
        parts[-1:] = [self._unclosed(part, items[-1], list) for part in parts[-1:]]
        # A container begins and ends by its brackets.
        clear = all(isinstance(item, list | dict) for item in items)
        if clear and self._has("missing_commas"):
            return "[" + " ".join(parts) + "]"
        return "[" + self._joined(parts) + "]"

    def _dict(self, members: dict[str, Any]) -> str:
        parts = [
            f"{self._blank()}{self._key(key)}{self._blank()}:{self._blank()}{self.value(value)}"
            + self._blank()
            for key, value in members.items()
        ]
        values = list(members.values())
        parts[-1:] = [self._unclosed(part, values[-1], dict) for part in parts[-1:]]
        self._open = self._open and bool(parts)
        for _ in range(3):
            if self._has("absent", 0.1):
                at = self._random.randrange(len(parts) + (not self._open))
                parts.insert(at, f"{self._key('absent')}:{self._blank()}")
        return "{" + self._joined(parts) + "}"

    def _unclosed(self, text: str, value: Any, around: type) -> str:
        """Leave the last bracket out, where the one around it closes it too."""
        # What is left open inside `value` is closed by its own bracket, which has to be there.
        inside, self._open = self._open and bool(value), False
        whole = text.rstrip()
        other = isinstance(value, list | dict) and value and not isinstance(value, around)
        if inside or not other or not whole.endswith(("]", "}")) or not self._has("closings"):
            return text
        self._open = True
        return whole[:-1]

    def _key(self, key: str) -> str:
        plain = "keys" in self._kinds and _WORD.fullmatch(key) and self._often()
        return key if plain else self.string(key)

    def _joined(self, parts: list[str]) -> str:
        if "commas" not in self._kinds:
            return ",".join(parts)
        text = self._any(["", "", ",", "...,"])
        text += self._any([",", ",", ",,", ", ... ,"]).join(parts)
        return text + self._any(["", ",", ", ...", self._blank()])


def written(value: Any, seed: int, kinds: Collection[str] = KINDS) -> str:
    """Return `value` as text that lenient reading reads as `value`.

    Args:
        value: What `json.loads` may return, without floats that JSON cannot write.
        seed: Chooses how it is written.
        kinds: What it may have that JSON has not.
    """
    writer = _Writer(seed, kinds)
    if isinstance(value, str):
        # Alone, one word is prose.
        return writer.string(value)
    return writer.value(value)
