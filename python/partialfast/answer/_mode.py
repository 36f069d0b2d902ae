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
    """

    TOOLS = "tools"
    TOOLS_STRICT = "tools_strict"
    JSON_SCHEMA = "json_schema"
    JSON = "json"
    MD_JSON = "md_json"

    @property
    def is_tools(self) -> bool:
        """Whether the JSON comes as the arguments of a function call."""
        return self in {Mode.TOOLS, Mode.TOOLS_STRICT}

    @property
    def is_strict(self) -> bool:
        """Whether the schema has to follow OpenAI's strict rules."""
        return self in {Mode.TOOLS_STRICT, Mode.JSON_SCHEMA}
