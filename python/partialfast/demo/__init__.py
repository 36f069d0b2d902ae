"""Shows a form filling in while a model writes it: what ``partialfast demo`` runs.

On a terminal it is drawn with rich (``pip install "partialfast[demo]"``);
anywhere else every snapshot is a line of JSON. With ``--web`` it is a page in a browser.
"""

from __future__ import annotations

from partialfast.demo._endpoint import DemoEndpoint, replayed
from partialfast.demo._meeting import MeetingInfo, User
from partialfast.demo._overview import FieldMark, FormProgress, FormRow, rows
from partialfast.demo._run import run_terminal
from partialfast.demo._web import run_web, web_app

__all__ = [
    "DemoEndpoint",
    "FieldMark",
    "FormProgress",
    "FormRow",
    "MeetingInfo",
    "User",
    "replayed",
    "rows",
    "run_terminal",
    "run_web",
    "web_app",
]
