"""How the model is asked for JSON."""

# ruff: noqa: PIE796 - one mode has several names

from __future__ import annotations

from enum import Enum

__all__ = ["Mode"]


class Mode(Enum):
    """How the model is asked for JSON.

    Attributes:
        TOOLS: A forced function tool whose parameters are the model's schema. Understood by nearly
            every server.
        TOOLS_STRICT: The same with ``strict: true`` and OpenAI's rules for strict schemas.
        JSON_SCHEMA: The schema as the answer's format (structured outputs), strict.
        JSON: The answer's format is a JSON object; the schema stands in the instructions.
        MD_JSON: Nothing but instructions. For servers that know none of the above; prose, code
            fences and ``<think>`` blocks around the JSON are skipped.
        AUTO: What the server honours, found out by a few small requests before the first call, and
            remembered for each endpoint and model.
        RESPONSES_TOOLS: As `TOOLS`, where the client's own `create` and its variants ask OpenAI's
            Responses API.
        RESPONSES_TOOLS_WITH_INBUILT_TOOLS: The same; the model may use OpenAI's tools before.
        FUNCTIONS: Another name of `TOOLS`, instructor's. Its others, such as ``ANTHROPIC_JSON``,
            are names of the modes above as well.
        PARALLEL_TOOLS: Another name of `TOOLS`, instructor's: ask for ``Iterable[A | B]``.
    """

    TOOLS = "tools"
    TOOLS_STRICT = "tools_strict"
    JSON_SCHEMA = "json_schema"
    JSON = "json"
    MD_JSON = "md_json"
    AUTO = "auto"
    RESPONSES_TOOLS = "responses_tools"
    RESPONSES_TOOLS_WITH_INBUILT_TOOLS = "responses_tools_with_inbuilt_tools"

    # Instructor's other names, as it reads them itself.
    FUNCTIONS = TOOLS
    PARALLEL_TOOLS = TOOLS
    ANTHROPIC_TOOLS = TOOLS
    ANTHROPIC_REASONING_TOOLS = TOOLS
    ANTHROPIC_PARALLEL_TOOLS = TOOLS
    ANTHROPIC_JSON = JSON
    BEDROCK_TOOLS = TOOLS
    BEDROCK_JSON = MD_JSON
    CEREBRAS_TOOLS = TOOLS
    CEREBRAS_JSON = MD_JSON
    COHERE_TOOLS = TOOLS
    COHERE_JSON_SCHEMA = JSON_SCHEMA
    FIREWORKS_TOOLS = TOOLS
    FIREWORKS_JSON = MD_JSON
    GEMINI_TOOLS = TOOLS
    GEMINI_JSON = MD_JSON
    GENAI_TOOLS = TOOLS
    GENAI_JSON = JSON
    GENAI_STRUCTURED_OUTPUTS = JSON_SCHEMA
    JSON_O1 = MD_JSON
    MISTRAL_TOOLS = TOOLS
    MISTRAL_STRUCTURED_OUTPUTS = JSON_SCHEMA
    OPENROUTER_STRUCTURED_OUTPUTS = JSON_SCHEMA
    PERPLEXITY_JSON = MD_JSON
    VERTEXAI_TOOLS = TOOLS
    VERTEXAI_PARALLEL_TOOLS = TOOLS
    VERTEXAI_JSON = MD_JSON
    WRITER_TOOLS = TOOLS
    WRITER_JSON = MD_JSON
    XAI_TOOLS = TOOLS
    XAI_JSON = MD_JSON

    @property
    def is_responses(self) -> bool:
        """Whether it names the API as well as the way to ask."""
        return self._value_ in {"responses_tools", "responses_tools_with_inbuilt_tools"}

    @property
    def is_tools(self) -> bool:
        """Whether the JSON comes as the arguments of a function call."""
        return self._value_ in {"tools", "tools_strict"}

    @property
    def is_strict(self) -> bool:
        """Whether the schema has to follow OpenAI's strict rules."""
        return self._value_ in {"tools_strict", "json_schema"}
