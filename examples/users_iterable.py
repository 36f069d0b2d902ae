"""Handle each item of a list the moment the model has written it.

partialfast replay examples/recordings.jsonl --rate 40 &
OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=replay python examples/users_iterable.py
"""

from __future__ import annotations

from openai import OpenAI
from pydantic import BaseModel, Field

import partialfast as pf

TEXT = """
Alan Turing, born 1912, Margaret Hamilton, born 1936, and Barbara Liskov, born 1939, changed how
programs are written.
"""


class Person(BaseModel):
    name: str
    born: int = Field(ge=1800, le=2025)


client = pf.from_openai(OpenAI())

people = client.chat.completions.create_iterable(
    model="gpt-4o-mini",
    response_model=Person,
    messages=[{"role": "user", "content": f"Who is named here, and when were they born? {TEXT}"}],
)
for person in people:
    # Complete and validated, while the model is at the next one.
    print(f"{person.name} ({person.born})")
print(f"{len(people.final())} people, {people.usage.completion_tokens} tokens")
