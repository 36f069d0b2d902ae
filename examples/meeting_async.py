"""Start the next job as soon as what it needs is known, while the model still writes the rest.

partialfast replay examples/recordings.jsonl --rate 40 &
OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=replay python examples/meeting_async.py
"""

from __future__ import annotations

import asyncio

from openai import AsyncOpenAI
from pydantic import BaseModel

import partialfast as pf

NOTES = """
Ada Lovelace (ada@example.com) and Grace Hopper (grace@example.com) meet on 10 December 2025 in
the Science Museum in London to plan a lecture on compilers. They may spend 1200 pounds.
"""


class Guest(BaseModel):
    name: str
    email: str


class Meeting(BaseModel):
    date: str
    location: str
    guests: list[Guest]
    budget: int
    agenda: str


async def book_room(location: str, date: str) -> str:
    await asyncio.sleep(0)  # a request to someone's booking service
    return f"room booked: {location}, {date}"


async def invite(guest: Guest) -> str:
    await asyncio.sleep(0)
    return f"invited: {guest.name} <{guest.email}>"


async def main() -> None:
    jobs: list[asyncio.Task[str]] = []
    async with AsyncOpenAI() as openai:
        client = pf.from_openai(openai)
        stream = client.chat.completions.create_partial(
            model="gpt-4o-mini",
            response_model=Meeting,
            messages=[{"role": "user", "content": f"Extract the meeting. {NOTES}"}],
        )
        async for meeting in stream:
            for path in stream.completed:
                print(f"complete: {'.'.join(map(str, path)) or 'all'}")
                if path == ("location",):
                    # The date came before it, and both are validated: why wait for the rest?
                    booking = book_room(meeting.location, meeting.date)
                    jobs.append(asyncio.create_task(booking))
                elif path[:1] == ("guests",) and isinstance(path[-1], int):
                    invitation = invite(meeting.guests[path[-1]])
                    jobs.append(asyncio.create_task(invitation))
        final = await stream.final()
    for job in jobs:
        print(await job)
    print(final.model_dump_json(indent=2))


asyncio.run(main())
