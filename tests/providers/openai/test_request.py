"""What is sent: how each mode asks for the type, and what is left as the caller wrote it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any, Literal

import openai
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI
from openai.resources.chat.completions import Completions
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Mode
from tests.openai_driver import EVERY_WAY, TEXT, Api, Meeting, User, Way, ask, fetch

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])
Body = dict[str, Any]


class Address(BaseModel):
    street: str
    zip_code: str | None = None


class Person(BaseModel):
    """A person, as the text has it."""

    name: str = Field(description="The full name")
    age: int = 0
    address: Address = Field(description="Where they live")


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


def sent(way: Way, response_model: Any, **kwargs: Any) -> Body:
    """Return the body of the request for a type; what comes back is of no interest."""
    with replay.serve({"text": "{}"}) as url:
        ask(way, url, response_model=response_model, on_invalid="defer", **kwargs)
        body = url.exchanges[0].body
    assert body is not None
    assert body["stream"] is True
    return body


@BOTH
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.TOOLS_STRICT])
def test_tools(way: Way, api: Api, mode: Mode) -> None:
    body = sent(way, Person, api=api, mode=mode)
    (tool,) = body["tools"]
    assert tool["type"] == "function"
    function = tool["function"] if api == "chat" else tool
    assert function["name"] == "Person"
    assert function["description"] == "A person, as the text has it."
    if api == "chat":
        assert body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
        assert function.get("strict", False) is (mode is Mode.TOOLS_STRICT)
        assert body["stream_options"] == {"include_usage": True}
    else:
        assert body["tool_choice"] == {"type": "function", "name": "Person"}
        assert function["strict"] is (mode is Mode.TOOLS_STRICT)
        assert "stream_options" not in body
    schema = function["parameters"]
    if mode is Mode.TOOLS:
        assert schema == Person.model_json_schema()
    else:
        follows_the_strict_rules(schema)
    assert "response_format" not in body
    assert "text" not in body


def follows_the_strict_rules(schema: Any) -> None:
    """OpenAI, "Structured outputs, supported schemas"."""
    if isinstance(schema, list):
        for each in schema:
            follows_the_strict_rules(each)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert sorted(schema["required"]) == sorted(schema["properties"])
    if "$ref" in schema:
        assert len(schema) == 1
    for each in schema.values():
        follows_the_strict_rules(each)


@EVERY_WAY
@BOTH
def test_json_schema(way: Way, api: Api) -> None:
    body = sent(way, Person, api=api, mode=Mode.JSON_SCHEMA)
    if api == "chat":
        assert body["response_format"]["type"] == "json_schema"
        asked = body["response_format"]["json_schema"]
    else:
        asked = body["text"]["format"]
        assert asked["type"] == "json_schema"
    assert asked["name"] == "Person"
    assert asked["strict"] is True
    follows_the_strict_rules(asked["schema"])
    assert "tools" not in body


@BOTH
@pytest.mark.parametrize("mode", [Mode.JSON, Mode.MD_JSON])
def test_instructions(way: Way, api: Api, mode: Mode) -> None:
    body = sent(way, Person, api=api, mode=mode)
    if api == "chat":
        said = body["messages"][0]["content"]
    elif mode is Mode.JSON:
        # Where OpenAI looks for the word.
        said = body["input"][0]["content"]
        assert "instructions" not in body
    else:
        said = body["instructions"]
    assert json.dumps(Person.model_json_schema()) in said
    # Without the word OpenAI refuses the format.
    assert "JSON" in said
    assert ("```json" in said) is (mode is Mode.MD_JSON)
    asked = body.get("response_format") if api == "chat" else body.get("text", {}).get("format")
    assert asked == (None if mode is Mode.MD_JSON else {"type": "json_object"})
    assert "tools" not in body


@EVERY_WAY
def test_instructions_join_the_system_message(way: Way) -> None:
    user = {"role": "user", "content": "hi"}
    for role in ("system", "developer"):
        messages = [{"role": role, "content": "Be brief."}, user]
        body = sent(way, Person, mode=Mode.JSON, messages=messages)
        first, second = body["messages"]
        assert first["role"] == role
        assert first["content"].startswith("Be brief.\n\n")
        assert "schema" in first["content"]
        assert second == user
        # The caller's own list is not touched.
        assert messages[0]["content"] == "Be brief."
    parts = [{"type": "text", "text": "Be brief."}]
    body = sent(way, Person, mode=Mode.JSON, messages=[{"role": "system", "content": parts}, user])
    first, second = body["messages"][0]["content"]
    assert first == parts[0]
    assert "schema" in second["text"]
    body = sent(way, Person, mode=Mode.JSON, messages=(message for message in [user]))
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    said = sent(way, Person, api="responses", mode=Mode.MD_JSON, instructions="Be brief.")
    assert said["instructions"].startswith("Be brief.\n\n")
    said = sent(way, Person, api="responses", mode=Mode.JSON, instructions="Be brief.")
    assert said["instructions"] == "Be brief."
    system = {"role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}
    said = sent(way, Person, api="responses", mode=Mode.JSON, input=[system, user])
    assert said["input"][0]["content"][1]["type"] == "input_text"
    assert said["input"][1] == user


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Size(TypedDict):
    width: int


@EVERY_WAY
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON_SCHEMA])
@pytest.mark.parametrize(
    ("response_model", "name", "properties"),
    [
        (Point, "Point", {"x", "y"}),
        (Size, "Size", {"width"}),
        (Tree, "Tree", {"value", "children"}),
        (pf.Partial[Person], "Person", {"name", "age", "address"}),
        (list[User], "list_User", {"items"}),
        (int, "int", {"value"}),
        (Literal["a", "b"], "Literal_a_b", {"value"}),
        (Person | None, "PersonOrNoneType", {"value"}),
        (tuple[int, str], "tuple_int_str", {"value"}),
    ],
    ids=str,
)
def test_the_root_is_an_object(
    way: Way, mode: Mode, response_model: Any, name: str, properties: set[str]
) -> None:
    body = sent(way, response_model, mode=mode)
    if mode is Mode.TOOLS:
        function = body["tools"][0]["function"]
        shape, schema = function["name"], function["parameters"]
    else:
        asked = body["response_format"]["json_schema"]
        shape, schema = asked["name"], asked["schema"]
        if response_model is not tuple[int, str]:
            follows_the_strict_rules(schema)
    assert shape == name
    assert schema["type"] == "object"
    assert set(schema["properties"]) == properties


@EVERY_WAY
def test_items(way: Way) -> None:
    body = sent(way, User, method="create_iterable")
    function = body["tools"][0]["function"]
    assert function["name"] == "IterableUser"
    assert function["parameters"]["properties"]["items"]["type"] == "array"
    assert function["parameters"]["required"] == ["items"]


@EVERY_WAY
@BOTH
def test_what_the_caller_sets_is_sent(way: Way, api: Api) -> None:
    body = sent(way, Person, api=api, temperature=0.25, extra_body={"top_k": 5})
    assert body["temperature"] == 0.25
    assert body["top_k"] == 5
    body = sent(way, Person, api=api, tool_choice="auto")
    assert body["tool_choice"] == "auto"
    with replay.serve({"text": "{}"}) as url:
        ask(way, url, api=api, response_model=Person, extra_headers={"x-mine": "1"})
        assert url.exchanges[0].headers["x-mine"] == "1"
        assert url.exchanges[0].headers["authorization"] == "Bearer replay"


@BOTH
@pytest.mark.parametrize("value", [openai.omit, openai.not_given])
def test_what_the_caller_leaves_out_is_left_out(way: Way, api: Api, value: Any) -> None:
    names = ("tools", "tool_choice", "stream_options", "temperature", "user", "max_retries")
    left_out = dict.fromkeys((*names, "stream"), value)
    assert sent(way, Person, api=api, **left_out) == sent(way, Person, api=api)
    with replay.serve({"text": TEXT}) as url:
        for stream in (value, None):
            fetch(way, url, api=api, response_model=Meeting, stream=stream, tools=None)
        assert all(not (each.body or {}).get("stream") for each in url.exchanges)


@EVERY_WAY
def test_responses_take_their_own_forms_of_input(way: Way) -> None:
    body = sent(way, Person, api="responses")
    assert body["input"] == [{"role": "user", "content": "hello"}]
    text = {"verbosity": "low"}
    body = sent(way, Person, api="responses", mode=Mode.JSON, text=text)
    assert body["text"]["verbosity"] == "low"
    assert text == {"verbosity": "low"}


@EVERY_WAY
def test_usage_is_asked_for_unless_the_caller_says_how(way: Way) -> None:
    with replay.serve({"text": TEXT}) as url:
        outcome = ask(way, url, response_model=Meeting)
        assert outcome.stream.usage.total_tokens > 0
        none = ask(way, url, response_model=Meeting, stream_options={"include_usage": False})
        assert none.error is None
        assert none.stream.usage is None
        fetch(way, url, response_model=Meeting)
        options = [(exchange.body or {}).get("stream_options") for exchange in url.exchanges]
    assert options == [{"include_usage": True}, {"include_usage": False}, None]


@EVERY_WAY
def test_a_server_that_refuses_the_option_is_asked_without(way: Way) -> None:
    with replay.serve({"text": TEXT}, faults="reject:stream_options") as url:
        outcome = ask(way, url, response_model=Meeting)
        assert [exchange.status for exchange in url.exchanges] == [400, 200]
        assert "stream_options" not in (url.exchanges[1].body or {})
    assert outcome.error is None
    assert outcome.stream.attempt == 1
    # What the caller set is the caller's affair.
    with replay.serve({"text": TEXT}, faults="reject:stream_options") as url:
        options: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "response_model": Meeting,
        }
        if way.asynchronous:
            ask(way, url, **options).raised(openai.BadRequestError)
        else:
            with pytest.raises(openai.BadRequestError):
                ask(way, url, **options)
        assert len(url.exchanges) == 1
    # And any other refusal is the SDK's own error.
    with replay.serve({"text": TEXT}, faults="reject:tools") as url:
        if way.asynchronous:
            ask(way, url, response_model=Meeting).raised(openai.BadRequestError)
        else:
            with pytest.raises(openai.BadRequestError):
                ask(way, url, response_model=Meeting)
        assert len(url.exchanges) == 1


def test_the_refusal_is_remembered() -> None:
    arguments: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "response_model": Meeting,
    }
    with (
        replay.serve({"text": TEXT}, faults="reject:stream_options") as url,
        OpenAI(base_url=url, api_key="k") as sdk,
    ):
        client = pf.from_openai(sdk)
        for _ in range(2):
            client.chat.completions.create_partial(**arguments).final()
        assert [exchange.status for exchange in url.exchanges] == [400, 200, 200]
        with replay.serve({"text": TEXT}) as other:
            for options in ({"base_url": str(other)}, {"timeout": 5}):
                same = client.with_options(**options).create_partial(**arguments)
                same.final()
                # Another server may know the option.
                assert (same.usage is None) is ("timeout" in options)


def test_defaults_of_the_client() -> None:
    message: Any = {"role": "user", "content": "hello"}
    with replay.serve({"text": TEXT}) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk, model="small", temperature=0.5, max_retries=1)
        client.chat.completions.create(messages=[message], response_model=Meeting)
        client.create_partial(messages=[message], response_model=Meeting, model="big").final()
        client.chat.completions.create(messages=[message], model="other")
        # The SDK's own calls, but for the model.
        client.chat.completions.create(messages=[message])
        client.create(messages=[message])
        client.responses.create(input="hello")
        own = [exchange.body or {} for exchange in url.exchanges[3:]]
        assert [body["model"] for body in own] == ["small"] * 3
        assert all("temperature" not in body for body in own)
        patient = pf.from_openai(sdk, model="m", every="value")
        assert len(list(patient.create_partial(messages=[message], response_model=Meeting))) < 12
        # It says nothing about values and items.
        patient.create(messages=[message], response_model=Meeting)
        patient.create_iterable(messages=[message], response_model=Meeting).close()
        bodies = [exchange.body or {} for exchange in url.exchanges]
    assert [body["model"] for body in bodies[:3]] == ["small", "big", "other"]
    assert [body.get("temperature") for body in bodies[:3]] == [0.5, 0.5, None]


@pytest.mark.parametrize("transport", ["raw", "sdk"])
def test_azure(transport: Any) -> None:
    message: Any = {"role": "user", "content": "hello"}
    with (
        replay.serve({"text": TEXT}, shape="azure") as url,
        AzureOpenAI(azure_endpoint=url.origin, api_key="k", api_version="2025-01-01") as sdk,
    ):
        client = pf.from_openai(sdk, transport=transport)
        stream = client.create_partial(model="gpt-4", messages=[message], response_model=Meeting)
        assert stream.final() == Meeting.model_validate_json(TEXT)
        assert stream.response_id
        assert stream.model == "gpt-4"
        assert "/openai/deployments/gpt-4/chat/completions" in url.exchanges[0].path


@pytest.mark.parametrize("transport", ["raw", "sdk"])
@pytest.mark.parametrize("shape", ["azure", "azure-async"])
def test_azure_asynchronously(transport: Any, shape: str) -> None:
    final = Meeting.model_validate_json(TEXT)

    async def main() -> None:
        async with AsyncAzureOpenAI(
            azure_endpoint=url.origin, api_key="k", api_version="2025-01-01"
        ) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            message: Any = {"role": "user", "content": "hello"}
            ask: dict[str, Any] = {"model": "gpt-4", "messages": [message]}
            stream = client.create_partial(**ask, response_model=Meeting)
            assert await stream.final() == final
            assert await client.create(**ask, response_model=Meeting) == final
            answer = client.responses.create_partial(
                model="gpt-4", input="hello", response_model=Meeting
            )
            assert await answer.final() == final

    with replay.serve({"text": TEXT}, shape=shape) as url:
        asyncio.run(main())
        chat = "/openai/deployments/gpt-4/chat/completions"
        paths = [exchange.path.partition("?")[0] for exchange in url.exchanges]
        assert paths == [chat, chat, "/openai/responses"]


@EVERY_WAY
@BOTH
def test_an_extra_body_has_the_last_word(way: Way, api: Api) -> None:
    body = sent(way, Person, api=api, extra_body={"tool_choice": "auto", "top_k": 5})
    assert body["tool_choice"] == "auto"
    assert body["top_k"] == 5
    assert len(body["tools"]) == 1


@EVERY_WAY
def test_what_the_caller_gives_as_models_is_sent_as_json(way: Way) -> None:
    class Tool(BaseModel):
        type: str
        function: dict[str, Any]

    tool = Tool(type="function", function={"name": "search"})
    body = sent(way, Person, tools=[tool])
    assert body["tools"][0] == {"type": "function", "function": {"name": "search"}}
    assert body["tools"][1]["function"]["name"] == "Person"


class Said(BaseModel):
    role: str
    content: str


SAID: dict[str, Any] = {"role": "user", "content": "Who is it?"}
PARTS = [{"type": "text", "text": "Who is it?"}]
# Whether plain JSON or what the SDK has to turn into it.
CONVERSATIONS: dict[str, Callable[[], Any]] = {
    "plain": lambda: [{"role": "system", "content": "Be brief."}, SAID],
    "parts": lambda: [{**SAID, "content": PARTS, "extra": {"n": 1.5, "b": True, "none": None}}],
    "a model": lambda: [SAID, Said(role="user", content="Well?")],
    "a model inside": lambda: [{**SAID, "content": [Part(type="text", text="Who is it?")]}],
    "a tuple": lambda: (SAID,),
    "a generator": lambda: (each for each in [SAID]),
    "a generator inside": lambda: [{**SAID, "content": (each for each in PARTS)}],
    "deep": lambda: [{**SAID, "extra": json.loads("[" * 40 + "1" + "]" * 40)}],
}


class Part(BaseModel):
    type: str
    text: str


@BOTH
@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_messages_are_sent_as_the_sdk_sends_them(kind: str, api: Api) -> None:
    """Plain ones go past its walk over them, which changes nothing; others do not."""

    def body(transport: Any) -> str:
        with replay.serve({"text": "{}"}) as url, OpenAI(base_url=url, api_key="k") as sdk:
            client = pf.from_openai(sdk, transport=transport)
            resource: Any = client.chat.completions if api == "chat" else client.responses
            conversation = {"messages" if api == "chat" else "input": CONVERSATIONS[kind]()}
            with resource.create_partial(Person, model="m", on_invalid="defer", **conversation):
                # Nothing of the answer is wanted.
                pass
            return json.dumps(url.exchanges[0].body)

    assert body("auto") == body("raw")


def test_whoever_observes_the_sdk_sees_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    create = Completions.create

    def observe(self: Completions, **arguments: Any) -> Any:
        seen.append(arguments)
        return create(self, **arguments)

    with replay.serve({"text": "{}"}) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk)
        asked: dict[str, Any] = {"model": "m", "messages": [SAID], "on_invalid": "defer"}
        for _ in range(2):
            with client.create_partial(Person, **asked):
                pass
            monkeypatch.setattr(Completions, "create", observe)
    assert [each["messages"] for each in seen] == [[SAID]]
