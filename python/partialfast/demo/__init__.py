"""Shows a form filling in while a model writes it: what ``partialfast demo`` runs.

On a terminal it is drawn with rich (``pip install "partialfast[demo]"``);
anywhere else every snapshot is a line of JSON.
"""

from __future__ import annotations

from partialfast.demo._meeting import MeetingInfo, User
from partialfast.demo._run import Endpoint, run
from partialfast.demo._watch import Mark, Progress, Row, rows

__all__ = ["Endpoint", "Mark", "MeetingInfo", "Progress", "Row", "User", "rows", "run"]
