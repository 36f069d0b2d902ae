"""What each provider is sent: the type in every mode, conversations of others, corrections."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from partialfast.answer._mode import Mode
from partialfast.answer._target import read_target
from partialfast.providers import Mistake, Provider, Question
from partialfast.providers.anthropic._provider import Messages
from partialfast.providers.bedrock._provider import Converse
from partialfast.providers.cohere._provider import Chat as Cohere
from partialfast.providers.google._provider import GenerateContent
from partialfast.providers.google._schema_subset import gemini_schema
from partialfast.providers.ollama._provider import Chat as Ollama


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


class Place(BaseModel):
    city: str


PROVIDERS: list[Provider] = [
    Messages(None),
    Converse(None),
    Cohere(None),
    GenerateContent(None),
    Ollama(None),
]
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Look."}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "A cat."},
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


def ask(provider: Provider, mode: Mode, type_: Any = User, **arguments: Any) -> dict[str, Any]:
    strict = provider.strict_schema if mode.is_strict else None
    target = read_target(type_, items=False, tools=mode.is_tools, strict=strict)
    arguments.setdefault("messages", "Who?")
    return provider.ask(Question({"model": "m", **arguments}, target, mode, stream=True))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_mode_says_the_type_and_changes_nothing_of_the_callers(provider: Provider) -> None:
    talk = json.dumps(TALK)
    for mode in provider.modes:
        asked = json.dumps(ask(provider, mode, messages=json.loads(talk)), default=str)
        assert "age" in asked, mode
        assert "Be brief." in asked
        given = json.loads(talk)
        ask(provider, mode, messages=given)
        assert given == json.loads(talk)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_several_types_are_several_tools(provider: Provider) -> None:
    asked = json.dumps(ask(provider, Mode.TOOLS, User | Place))
    assert '"User"' in asked
    assert '"Place"' in asked


def test_anthropic_talks_and_is_corrected() -> None:
    provider = Messages(None)
    sent = ask(provider, Mode.TOOLS, messages=TALK, system="You are a cat.")
    assert sent["system"] == "You are a cat.\n\nBe brief."
    assert sent["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {"at": 1}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "A cat."}],
        },
    ]
    assert sent["tool_choice"] == {
        "type": "tool",
        "name": "User",
        "disable_parallel_tool_use": True,
    }
    thinking = ask(provider, Mode.TOOLS, thinking={"type": "enabled", "budget_tokens": 1024})
    assert thinking["tool_choice"]["type"] == "auto"
    image = ask(provider, Mode.TOOLS, messages=[{"role": "user", "content": [IMAGE]}])
    source = image["messages"][0]["content"][0]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "aGk="}
    schema = ask(provider, Mode.JSON_SCHEMA)["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    with pytest.raises(TypeError, match=r"output_config\.format"):
        ask(provider, Mode.JSON_SCHEMA, output_config={"format": {}})
    wrong = provider.correct(sent, Mistake('{"age": -1}', "No.", "User", "c2"))
    assert wrong["messages"][-2:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c2", "name": "User", "input": {"age": -1}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c2", "is_error": True, "content": "No."}
            ],
        },
    ]
    words = provider.correct(sent, Mistake("Hm. ", "No."))
    assert [each["content"] for each in words["messages"][-2:]] == ["Hm.", "No."]


def test_bedrock_talks_and_is_corrected() -> None:
    provider = Converse(None)
    sent = ask(provider, Mode.TOOLS, messages=TALK, max_tokens=9)
    assert sent["modelId"] == "m"
    assert sent["system"] == [{"text": "Be brief."}]
    assert sent["inferenceConfig"] == {"maxTokens": 9}
    use = {"toolUseId": "c1", "name": "look", "input": {"at": 1}}
    result = {"toolUseId": "c1", "content": [{"text": "A cat."}]}
    assert sent["messages"] == [
        {"role": "user", "content": [{"text": "Look."}]},
        {"role": "assistant", "content": [{"toolUse": use}]},
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    assert sent["toolConfig"]["toolChoice"] == {"tool": {"name": "User"}}
    image = ask(provider, Mode.TOOLS, messages=[{"role": "user", "content": [IMAGE]}])
    assert image["messages"][0]["content"] == [
        {"image": {"format": "png", "source": {"bytes": b"hi"}}}
    ]
    wrong = provider.correct(sent, Mistake('{"age": -1}', "No.", "User", "c2"))
    result = {"toolUseId": "c2", "content": [{"text": "No."}], "status": "error"}
    assert wrong["messages"][-1] == {"role": "user", "content": [{"toolResult": result}]}


def test_google_talks_and_is_corrected() -> None:
    provider = GenerateContent(None)
    sent = ask(provider, Mode.TOOLS, messages=TALK, config={"temperature": 0})
    assert sent["config"]["temperature"] == 0
    assert sent["config"]["system_instruction"] == "Be brief."
    assert sent["contents"] == [
        {"role": "user", "parts": [{"text": "Look."}]},
        {"role": "model", "parts": [{"function_call": {"name": "look", "args": {"at": 1}}}]},
        {
            "role": "user",
            "parts": [{"function_response": {"name": "look", "response": {"result": "A cat."}}}],
        },
    ]
    # Calls have no ids.
    wrong = provider.correct(sent, Mistake('{"age": -1}', "No.", "User"))
    assert wrong["contents"][-2:] == [
        {"role": "model", "parts": [{"function_call": {"name": "User", "args": {"age": -1}}}]},
        {
            "role": "user",
            "parts": [{"function_response": {"name": "User", "response": {"error": "No."}}}],
        },
    ]
    with pytest.raises(TypeError, match="messages and contents are the same"):
        ask(provider, Mode.TOOLS, contents="Who?")
    with pytest.raises(TypeError, match=r"config\.response_schema is what"):
        ask(provider, Mode.JSON_SCHEMA, config={"response_schema": {}})


def test_ollama_and_cohere_are_corrected() -> None:
    sent = ask(Ollama(None), Mode.TOOLS, messages=TALK)
    assert sent["messages"][2]["tool_calls"] == [
        {"function": {"name": "look", "arguments": {"at": 1}}}
    ]
    wrong = Ollama(None).correct(sent, Mistake('{"age": -1}', "No.", "User"))
    assert wrong["messages"][-1] == {"role": "tool", "tool_name": "User", "content": "No."}
    sent = ask(Cohere(None), Mode.TOOLS, messages=TALK)
    assert sent["tool_choice"] == "REQUIRED"
    wrong = Cohere(None).correct(sent, Mistake('{"age": -1}', "No.", "User", "c2"))
    assert wrong["messages"][-1] == {"role": "tool", "tool_call_id": "c2", "content": "No."}


def test_gemini_keeps_what_it_knows() -> None:
    class Node(BaseModel):
        kind: Literal["node"]
        label: str = Field(pattern="^a", min_length=1)
        mark: Literal[1, 2] | None = None
        pair: tuple[int, str] = (1, "a")
        children: list[Node] = []
        more: dict[str, int] = {}

    schema = gemini_schema(Node.model_json_schema())
    node = schema["$defs"]["Node"] if "$defs" in schema else schema
    properties = node["properties"]
    assert properties["kind"]["enum"] == ["node"]
    assert "pattern" not in properties["label"]
    assert properties["children"]["items"] == {"$ref": properties["children"]["items"]["$ref"]}
    assert properties["more"]["additionalProperties"] == {"type": "integer"}
    assert properties["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"type": "object", "properties": {"a": {}}}, "a value of any type, at .*'a'"),
        ({"not": {"type": "string"}}, "not"),
        ({"type": "object", "patternProperties": {"a": {}}}, "patternProperties"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "allOf"),
        ({"enum": ["a", 1]}, "an enum of several types"),
        ({"type": "array", "items": True}, "True"),
    ],
)
def test_gemini_refuses_early_what_it_cannot_say(schema: dict[str, Any], what: str) -> None:
    with pytest.raises(TypeError, match=f"cannot say this: {what}"):
        gemini_schema(schema)


def test_a_type_that_gemini_cannot_say_is_refused_before_the_request() -> None:
    class Loose(BaseModel):
        anything: Any

    with pytest.raises(TypeError, match="a value of any type"):
        ask(GenerateContent(None), Mode.JSON_SCHEMA, Loose)
    assert ask(GenerateContent(None), Mode.MD_JSON, Loose)
