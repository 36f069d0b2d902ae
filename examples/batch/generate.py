"""Make the documents of this example, and the recording that answers them.

python examples/batch/generate.py [COUNT]

Every document is minutes of a meeting, written in one of several ways. The recording is what a
model would answer: nearly always right, sometimes with a wrong type, sometimes cut off. It is what
the replay server plays, so that the example needs neither a key nor a network.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST = [
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Margaret",
    "Tony",
    "Frances",
    "Niklaus",
    "Radia",
    "John",
]
LAST = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Liskov",
    "Knuth",
    "Hamilton",
    "Hoare",
    "Allen",
    "Wirth",
    "Perlman",
]
PLACES = [
    "Science Museum, London", "Room 4.12", "Café Zentral, Wien", "the old library",
    "京都国際会館", "Hotel Adler, Zürich",
]  # fmt: skip
SUBJECTS = [
    "the new compiler", "next year's conference", "the office move", "hiring for the data team",
    "the outage of last week", "the museum's exhibition", "a course on type systems",
]  # fmt: skip
VERBS = ["write", "review", "present", "order", "translate", "measure"]
THINGS = ["the report", "the budget", "the programme", "three offers", "the floor plan", "slides"]
KINDS = {
    "planning": "We planned",
    "review": "We looked back at",
    "interview": "We interviewed someone about",
    "workshop": "We worked on",
}


def make(number: int, draw: random.Random) -> tuple[str, dict[str, object]]:
    """Make up a meeting: its minutes, and what is to be found in them."""
    names = draw.sample([f"{first} {last}" for first in FIRST for last in LAST], 2 + number % 4)
    people = [
        {"name": name, "email": name.lower().replace(" ", ".") + "@example.org"} for name in names
    ]
    day = date(2025, 1, 1) + timedelta(days=draw.randrange(365))
    subject, kind = draw.choice(SUBJECTS), draw.choice(sorted(KINDS))
    tasks = [
        {
            "what": f"{draw.choice(VERBS)} {draw.choice(THINGS)}",
            "who": draw.choice(names),
            "due": (day + timedelta(days=draw.randrange(3, 60))).isoformat(),
        }
        for _ in range(draw.randrange(4))
    ]
    budget = draw.choice([None, 500, 1_200, 50_000])
    place = draw.choice(PLACES)
    meeting: dict[str, object] = {
        "title": f"About {subject}", "day": day.isoformat(), "place": place, "kind": kind,
        "people": people, "budget": budget, "tasks": tasks,
    }  # fmt: skip
    said = [
        f"Minutes no. {number}, {day:%d %B %Y}, {place}.",
        f"{KINDS[kind]} {subject}.",
        "Present: " + ", ".join(f"{each['name']} ({each['email']})" for each in people) + ".",
        "No money was spoken of." if budget is None else f"We may spend {budget} euros.",
        *(f"{task['who']} will {task['what']} by {task['due']}." for task in tasks),
    ]
    return " ".join(said), meeting


def answer(number: int, meeting: dict[str, object], draw: random.Random) -> dict[str, object]:
    """Make the recording: what the model answers, and how that goes wrong."""
    # With the comma: number 1 is not to answer for 10 to 19.
    recording: dict[str, object] = {"match": f"Minutes no. {number},"}
    invalid, cut, refused = 0.02, 0.03, 0.035
    luck = draw.random()
    if luck < invalid:
        # A wrong type early on: the rest of the answer need not be waited for.
        return {**recording, "text": json.dumps({**meeting, "day": "some day in spring"})}
    text = json.dumps(meeting, ensure_ascii=False)
    if luck < cut:
        return {**recording, "text": text, "fault": "length@90"}
    if luck < refused:
        return {**recording, "text": text, "fault": "refuse"}
    return {**recording, "text": text}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    draw = random.Random(2025)  # noqa: S311 - made-up meetings, no secrets
    with (
        (HERE / "documents.jsonl").open("w", encoding="utf-8") as documents,
        (HERE / "recording.jsonl").open("w", encoding="utf-8") as recording,
    ):
        for number in range(1, count + 1):
            text, meeting = make(number, draw)
            document = {"id": f"minutes-{number:04}", "text": text}
            documents.write(json.dumps(document, ensure_ascii=False) + "\n")
            recording.write(json.dumps(answer(number, meeting, draw), ensure_ascii=False) + "\n")
    print(f"{count} documents in {HERE}/documents.jsonl, answers in {HERE}/recording.jsonl")


main()
