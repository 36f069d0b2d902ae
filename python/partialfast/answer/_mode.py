"""How the model is asked for JSON."""

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
        RESPONSES_TOOLS: As `TOOLS`, where the client's own `create` and its kin ask OpenAI's
            Responses API.
        RESPONSES_TOOLS_WITH_INBUILT_TOOLS: The same; the model may use OpenAI's tools before.
        FUNCTIONS: Another name of `TOOLS`, instructor's.
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

    FUNCTIONS = TOOLS
    PARALLEL_TOOLS = TOOLS  # noqa: PIE796 - both are meant

    @property
    def is_responses(self) -> bool:
        """Whether it names the API as well as the way to ask."""
        return self in {Mode.RESPONSES_TOOLS, Mode.RESPONSES_TOOLS_WITH_INBUILT_TOOLS}

    @property
    def is_tools(self) -> bool:
        """Whether the JSON comes as the arguments of a function call."""
        return self in {Mode.TOOLS, Mode.TOOLS_STRICT}

    @property
    def is_strict(self) -> bool:
        """Whether the schema has to follow OpenAI's strict rules."""
        return self in {Mode.TOOLS_STRICT, Mode.JSON_SCHEMA}
