"""Ask again when an answer breaks a rule, and stop paying for it at the first broken one.

partialfast replay examples/recordings.jsonl --rate 40 &
OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=replay python examples/retry.py
"""

from __future__ import annotations

from typing import Literal

from openai import OpenAI
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast.providers.openai import Attempt

LETTER = """
Please transfer 49 euros and 90 cents for three months of the orchard newsletter, order A-1207.
"""


class Invoice(BaseModel):
    order: str = Field(pattern=r"^[A-Z]-\d{4}$")
    currency: Literal["EUR", "USD", "GBP"]
    amount: float = Field(gt=0)
    description: str


def tell(attempt: Attempt) -> None:
    print(f"attempt {attempt.number} was invalid after {len(attempt.text)} characters:")
    print("  " + str(attempt.error).splitlines()[1])


client = pf.from_openai(OpenAI())

stream = client.chat.completions.create_partial(
    model="gpt-4o-mini",
    response_model=Invoice,
    messages=[{"role": "user", "content": f"Extract the invoice. {LETTER}"}],
    max_retries=2,
    on_retry=tell,
)
for invoice in stream:
    # Each attempt starts with an empty snapshot.
    print(f"attempt {stream.attempt}: {invoice.model_dump(exclude_unset=True)}")
print(repr(stream.final()))
