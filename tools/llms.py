"""Writes docs/llms.txt: for each page of the site its address, its title and what it is about.

``python -m tools.llms`` writes it; a test holds it to the pages. The form is that of llmstxt.org.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PAGE", "page"]

_ROOT = Path(__file__).resolve().parents[1]
#: The file.
PAGE = _ROOT / "docs" / "llms.txt"
_SITE = "https://github.com/partialfast/partialfast/blob/main/docs/"
_MOST = 300


def page() -> str:
    """Write the text.

    Returns:
        The text, a section for each part of the site's navigation.
    """
    text = (
        "# partialfast\n\n> Typed, validated pydantic snapshots of JSON while a language model is\n"
    )
    text += "> still writing it. `import partialfast as pf; pf.stream(Model, chunks)`.\n"
    navigation = (_ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    for line in navigation.splitlines():
        section = re.match(r" +- ([^:]+):$", line)
        entry = re.search(r"- (?:[^:]+: )?(\S+\.md)$", line)
        if section:
            text += f"\n## {section[1]}\n\n"
        elif entry:
            text += f"- {_about(entry[1])}\n"
    return text


def _about(name: str) -> str:
    source = (_ROOT / "docs" / name).read_text(encoding="utf-8")
    source = re.sub(r"<!--.*?-->|^```.*?^```$", "", source, flags=re.DOTALL | re.MULTILINE)
    title = re.search(r"^# (.+)$", source, re.MULTILINE)
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", source)]
    said = next((each for each in paragraphs if re.match(r"[A-Za-z*`]", each)), "")
    about = re.split(r"(?<=[.:])\s", said)[0][:_MOST].rstrip(":")
    link = f"[{title[1] if title else name}]({_SITE}{name})"
    return f"{link}: {about}" if about and not about.startswith(":::") else link


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
