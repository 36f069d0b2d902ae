"""What is extracted from each document."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field


class Person(BaseModel):
    name: str
    email: str


class Task(BaseModel):
    what: str
    who: str
    due: date


class Meeting(BaseModel):
    title: str
    day: date
    place: str
    kind: Literal["planning", "review", "interview", "workshop"]
    people: list[Person] = Field(min_length=2)
    budget: int | None
    tasks: list[Task]
