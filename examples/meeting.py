"""Fill in a form while the model is still writing it.

The program that users of `instructor` have, with only its import changed. It runs against any
OpenAI-compatible server: the one that OPENAI_BASE_URL names, else OpenAI's own.

    partialfast replay meeting --port 8000 --rate 60 &
    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=replay python examples/meeting.py
"""

from openai import OpenAI
from pydantic import BaseModel
from rich.console import Console

import partialfast as instructor

text_block = """
In our recent online meeting, participants from various backgrounds joined to discuss the upcoming
tech conference. The names and contact details of the participants were as follows:

- Name: John Doe, Email: johndoe@email.com, Twitter: @TechGuru44
- Name: Jane Smith, Email: janesmith@email.com, Twitter: @DigitalDiva88
- Name: Alex Johnson, Email: alexj@email.com, Twitter: @CodeMaster2023

During the meeting, we agreed on several key points. The conference will be held on March 15th,
2024, at the Grand Tech Arena located at 4521 Innovation Drive. Dr. Emily Johnson, a renowned AI
researcher, will be our keynote speaker.

The budget for the event is set at $50,000, covering venue costs, speaker fees, and promotional
activities. Each participant is expected to contribute an article to the conference blog by
February 20th.

A follow-up meeting is scheduled for January 25th at 3 PM GMT to finalize the agenda and confirm
the list of speakers.
"""


class User(BaseModel):
    name: str
    email: str
    twitter: str


class MeetingInfo(BaseModel):
    users: list[User]
    date: str
    location: str
    budget: int
    deadline: str


client = instructor.from_openai(OpenAI())
console = Console()

for extraction in client.chat.completions.create(
    model="gpt-4",
    response_model=instructor.Partial[MeetingInfo],
    messages=[
        {
            "role": "user",
            "content": f"Get the information about the meeting and the users {text_block}",
        },
    ],
    stream=True,
):
    console.clear()
    console.print(extraction.model_dump())
