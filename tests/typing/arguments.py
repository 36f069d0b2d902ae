"""What type checkers make of the SDK's arguments of a call. Checked, not run."""

# mypy: disable-error-code="unused-awaitable"
# pyright: reportUnusedCoroutine=false

from __future__ import annotations

from typing import Any

import openai
from anthropic import Anthropic
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel
from tenacity import Retrying
from typing_extensions import assert_type

import partialfast as pf
from partialfast.providers.anthropic import from_anthropic
from partialfast.providers.openai import AsyncItemStream, AsyncStream, ItemStream, Stream


class User(BaseModel):
    name: str


class PartialUser(BaseModel):
    name: str | None


client = pf.from_openai(OpenAI())
calls = client.chat.completions
said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "x"}]
parts: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
]

# What is right: the SDK's own types, literals, what is not sent, and what only a server knows.
assert_type(calls.create(response_model=User, model="m", messages=said, temperature=0), User)
assert_type(calls.create_partial(response_model=User, messages=parts, seed=1), Stream[User])
assert_type(
    calls.create_partial(
        response_model=User,
        model="m",
        messages=[
            {"role": "system", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": "x"}]},
        ],
        temperature=openai.omit,
        max_tokens=None,
        tools=[],
        extra_body={"top_k": 5},
        extra_headers={"x-trace": "1"},
        timeout=3,
    ),
    Stream[User],
)
assert_type(client.create_iterable(response_model=User, messages=said), ItemStream[User])
assert_type(client.create_iterable(response_model=User, messages="Who?"), ItemStream[User])
assert_type(
    client.create_partial(response_model=User, as_=PartialUser, messages=said, every=0.1),
    Stream[PartialUser, User],
)

# What must be refused. An ignore that nothing needs is an error of its own.
calls.create(response_model=User, messages=[{"role": "user", "contnet": "x"}])  # type: ignore[list-item]
calls.create(response_model=User, stream=True, messages=[{"rol": "user"}])  # type: ignore[call-overload]
calls.create(response_model=User, temperature="x")  # type: ignore[call-overload]
calls.create_partial(response_model=User, messages=[{"role": "usr", "content": "x"}])  # type: ignore[arg-type, list-item, misc]
calls.create_partial(response_model=User, max_tokens="x")  # type: ignore[call-overload]
calls.create_partial(response_model=User, as_=PartialUser, seed="x")  # type: ignore[call-overload]
calls.create_partial(response_model=User, as_=PartialUser, every="chunk")  # type: ignore[call-overload]
calls.create_iterable(response_model=User, messages=[{"role": "user", "contnet": "x"}])  # type: ignore[list-item]
client.create_iterable(response_model=User, model=1)  # type: ignore[call-overload]
client.messages.create_partial(response_model=User, messages=[{"content": "x"}])  # type: ignore[arg-type, list-item]

# A name that neither this package nor the SDK has.
calls.create(response_model=User, temprature=0)  # type: ignore[call-overload]
calls.create(response_model=User, stream=True, temprature=0)  # type: ignore[call-overload]
calls.create_partial(response_model=User, temprature=0)  # type: ignore[call-overload]
calls.create_partial(response_model=User, as_=PartialUser, evry=1)  # type: ignore[call-overload]
calls.create_iterable(response_model=User, max_token=1)  # type: ignore[call-overload]
calls.create_with_completion(response_model=User, max_retry=1)  # type: ignore[call-arg]
client.create_partial(response_model=User, mesages=said)  # type: ignore[call-overload]
# What is for other kinds of calls.
calls.create(response_model=User, every=1)  # type: ignore[call-overload]
calls.create_iterable(response_model=User, every=1)  # type: ignore[call-overload]
calls.create_with_completion(response_model=User, stall_timeout=1)  # type: ignore[call-arg]

# Tools, and the whole of the answer.
function: Any = {"name": "f", "parameters": {}}
assert_type(
    calls.create_with_completion(
        response_model=User,
        messages=said,
        tools=[{"type": "function", "function": {"name": "f"}}],
        max_retries=Retrying(),
    ),
    tuple[User, Any],
)
calls.create(response_model=User, tools=[{"type": "function", "functoin": function}])  # type: ignore[list-item]
calls.create_with_completion(response_model=User, temperature="x")  # type: ignore[arg-type]

# The Responses API.
assert_type(
    client.responses.create_partial(
        response_model=User,
        model="m",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "x"}]}],
        instructions="Be brief.",
        reasoning={"effort": "low"},
        max_output_tokens=9,
    ),
    Stream[User],
)
client.responses.create(response_model=User, input=[{"role": "usr", "content": "x"}])  # type: ignore[list-item, misc]
client.responses.create(response_model=User, input=5)  # type: ignore[call-overload]
client.responses.create(response_model=User, imput="x")  # type: ignore[call-overload]
client.responses.create_partial(response_model=User, reasoning={"efort": "low"})  # type: ignore[call-overload]

# The messages of other SDKs are theirs.
claude = from_anthropic(Anthropic())
native: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "document", "source": {}}]}]
assert_type(
    claude.create_partial(response_model=User, model="m", max_tokens=9, messages=native),
    Stream[User],
)


async def run() -> None:
    calls = pf.from_openai(AsyncOpenAI()).chat.completions
    assert_type(calls.create_partial(response_model=User, messages=said), AsyncStream[User])
    assert_type(calls.create_iterable(response_model=User, messages=said), AsyncItemStream[User])
    await calls.create(response_model=User, messages=[{"role": "user", "contnet": "x"}])  # type: ignore[list-item]
    calls.create_partial(response_model=User, temperature="x")  # type: ignore[call-overload]
    calls.create_iterable(response_model=User, messages=[{"contnet": "x"}])  # type: ignore[list-item]
