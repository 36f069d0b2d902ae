"""Two tables that refer to each other; their annotations cannot be put off."""

import importlib
from typing import Any

__all__ = ["Author", "Book"]

sqlmodel: Any = importlib.import_module("sqlmodel")


class Author(sqlmodel.SQLModel, table=True):  # type: ignore[call-arg, misc]
    """Who wrote books."""

    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str
    books: list["Book"] = sqlmodel.Relationship(back_populates="author")


class Book(sqlmodel.SQLModel, table=True):  # type: ignore[call-arg, misc]
    """A book of an author."""

    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    title: str
    author_id: int | None = sqlmodel.Field(default=None, foreign_key="author.id")
    author: Author | None = sqlmodel.Relationship(back_populates="books")
