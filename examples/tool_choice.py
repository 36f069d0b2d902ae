"""Let the model choose what to do: the function that it calls decides the type.

partialfast replay examples/recordings.jsonl --rate 40 &
OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=replay python examples/tool_choice.py
"""

from __future__ import annotations

from openai import OpenAI
from pydantic import BaseModel, Field

import partialfast as pf


class SetReminder(BaseModel):
    """Remind the user of something."""

    what: str
    minutes: int = Field(gt=0)


class SendEmail(BaseModel):
    """Write to somebody."""

    to: str
    subject: str
    body: str


client = pf.from_openai(OpenAI())

for request in (
    "Tell ada@example.com that the lecture is on Friday.",
    "Remind me of the oven in a quarter of an hour.",
):
    stream = client.chat.completions.create_partial(
        model="gpt-4o-mini",
        response_model=SetReminder | SendEmail,
        messages=[{"role": "user", "content": request}],
    )
    for action in stream:
        # Known as soon as the call has begun: long before the message is written.
        if isinstance(action, SendEmail) and ("to",) in stream.completed:
            print(f"about to write to {action.to} ...")
    print(repr(stream.final()))
