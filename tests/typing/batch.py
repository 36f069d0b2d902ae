"""What type checkers make of the results of a batch. Checked, not run."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from typing_extensions import assert_type

from partialfast.batch import Failed, Failure, Result, Succeeded, extract, extract_sync


class User(BaseModel):
    name: str


def by_flag(result: Result[User]) -> None:
    if result.ok is True:
        assert_type(result, Succeeded[User])
        assert_type(result.error, None)
    else:
        assert_type(result, Failed[User])
        assert_type(result.error, Failure)


def by_error(result: Result[User]) -> str:
    if result.error is not None:
        assert_type(result, Failed[User])
        return result.error.message
    return result.value.name


def by_class(result: Result[User]) -> str:
    match result:
        case Succeeded(value=user):
            return user.name
        case Failed(error=failure):
            return failure.message


def run(client: Any, texts: list[str]) -> None:
    for result in extract_sync(texts, model=User, client=client, llm="m", ordered=True):
        assert_type(result, Succeeded[User] | Failed[User])
        if result.ok is True:
            assert_type(result.value.name, str)

    # What must be refused. An ignore that nothing needs is an error of its own.
    extract_sync(texts, model=User, client=client, llm="m", concurency=1)  # type: ignore[call-arg]
    extract_sync(texts, model=User, client=client, llm=1)  # type: ignore[arg-type]


async def arun(client: Any, texts: list[str]) -> None:
    async for result in extract(texts, model=User, client=client, llm="m"):
        assert_type(result, Succeeded[User] | Failed[User])
