"""Draws docs/demo.svg: the terminal while `partialfast demo` fills in the form.

    python -m tools.pictures

The frames are snapshots of the recording that the demonstration plays, one after the other, in one
animated SVG. Nothing is timed: the same picture comes out each time.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

import partialfast as pf
from partialfast import replay
from partialfast.demo import MeetingInfo
from partialfast.demo._overview import FormProgress
from partialfast.demo._view import draw_form

__all__ = ["PAGE", "picture"]

#: The picture.
PAGE = Path(__file__).resolve().parents[1] / "docs" / "demo.svg"
_WIDTH = 84
_HEIGHT = 24
_FRAMES = 24
_CHARACTERS = 4
_SECONDS = 9
_TOKENS_PER_S = 60


def picture() -> str:
    """Draw the picture.

    Returns:
        An SVG whose frames are shown one after the other.
    """
    [recording] = replay.builtin("meeting")
    chunks = [
        recording.text[at : at + _CHARACTERS] for at in range(0, len(recording.text), _CHARACTERS)
    ]
    progress = FormProgress()
    frames: list[str] = []
    stream = pf.stream(MeetingInfo, chunks)
    wanted = max(1, len(chunks) // (_FRAMES - 1))
    for number, snapshot in enumerate(stream):
        progress.chunks += 1
        now = number / _TOKENS_PER_S
        progress.see(snapshot, path=stream.path, completed=stream.completed, now=now)
        if number % wanted == 0:
            frames.append(_frame(snapshot, progress, number=len(frames)))
    frames.append(_frame(stream.final(), progress, number=len(frames)))
    return _animated(frames)


def _frame(snapshot: MeetingInfo, progress: FormProgress, *, number: int) -> str:
    console = Console(record=True, width=_WIDTH, height=_HEIGHT, file=io.StringIO())
    console.print("$ partialfast demo")
    console.print(draw_form(snapshot, progress, title="gpt-4 at the replay server"))
    lines = console.export_text(clear=False).count("\n")
    console.print("\n" * max(0, _HEIGHT - lines), end="")
    return console.export_svg(title="partialfast demo", unique_id=f"f{number}")


def _animated(frames: list[str]) -> str:
    """Put frames into one SVG, each visible for its part of the time."""
    view = re.search(r'viewBox="([^"]+)"', frames[0])
    box = view[1] if view else ""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">']
    count = len(frames)
    for number, frame in enumerate(frames):
        start, end = number / count, (number + 1) / count
        times = f"0;{start:.4f};{end:.4f}" if number else f"0;{end:.4f}"
        values = "hidden;visible;hidden" if number else "visible;hidden"
        if number == count - 1:
            times, values = f"0;{start:.4f}", "hidden;visible"
        parts.append(
            f'<g visibility="hidden"><animate attributeName="visibility" calcMode="discrete" '
            f'dur="{_SECONDS}s" repeatCount="indefinite" keyTimes="{times}" values="{values}"/>'
            f"{_without_faces(frame)}</g>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _without_faces(frame: str) -> str:
    # Its fonts would be fetched from elsewhere.
    frame = re.sub(r"@font-face \{.*?\}", "", frame, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in frame.splitlines() if line.strip())


if __name__ == "__main__":
    PAGE.write_text(picture(), encoding="utf-8")
