"""How one endpoint is spoken to: output modes and options that it takes, found out from what it turns down."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import orjson
from pydantic import BaseModel

TOOL: Final = "answer"
"""Name of the tool whose arguments are the answer."""


class Mode(StrEnum):
    """Ways to ask for JSON, the strictest first."""

    SCHEMA = "json_schema"
    TOOL = "tool_call"
    JSON = "json_mode"


_WORDS: Final = {
    Mode.SCHEMA: ("response_format", "json_schema", "schema", "structured", "grammar", "strict"),
    Mode.TOOL: ("tool", "function"),
    Mode.JSON: (),
}
"""What an endpoint names when it turns a mode down."""
_LOCAL: Final = frozenset({"default", "minLength", "maxLength", "uniqueItems", "examples", "title"})
"""Parts of a schema that strict modes turn down; the parser checks them all the same."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is sent beside model and messages. `modes` and `limits`: the first is used, the rest is left to try."""

    modes: tuple[Mode, ...] = tuple(Mode)
    limits: tuple[str, ...] = ("max_tokens", "max_completion_tokens")
    temperature: bool = True
    seed: bool = True

    @property
    def mode(self) -> Mode:
        """The output mode."""
        return self.modes[0]

    def without(self, complaint: str) -> "Dialect | None":
        """The dialect that does without what `complaint` (lower case) names; None if it names nothing of ours."""
        if self.limits[0] in complaint and len(self.limits) > 1:
            return replace(self, limits=self.limits[1:])
        if self.seed and "seed" in complaint:
            return replace(self, seed=False)
        if self.temperature and "temperature" in complaint:
            return replace(self, temperature=False)
        if any(word in complaint for word in _WORDS[self.mode]) and len(self.modes) > 1:
            return replace(self, modes=self.modes[1:])
        return None

    def options(self, form: type[BaseModel], *, max_tokens: int, seed: int | None) -> dict[str, Any]:
        """Options of the request, in the words of the protocol."""
        found: dict[str, Any] = {self.limits[0]: max_tokens}
        if self.temperature:
            found["temperature"] = 0
        if self.seed and seed is not None:
            found["seed"] = seed
        schema = wire_schema(form)
        if self.mode is Mode.SCHEMA:
            shape = {"name": TOOL, "schema": schema, "strict": True}
            found["response_format"] = {"type": "json_schema", "json_schema": shape}
        elif self.mode is Mode.TOOL:
            function = {"name": TOOL, "description": "Give the answer.", "parameters": schema}
            found["tools"] = [{"type": "function", "function": function}]
            found["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
        else:
            found["response_format"] = {"type": "json_object"}
        return found

    def instructions(self, prompt: str, form: type[BaseModel]) -> str:
        """The prompt; in JSON mode with the schema, which has no other place there."""
        if self.mode is not Mode.JSON:
            return prompt
        schema = orjson.dumps(wire_schema(form)).decode()
        return f"{prompt}\n\nAnswer with one JSON object and nothing else. Its JSON schema:\n{schema}"


def wire_schema(form: type[BaseModel]) -> dict[str, Any]:
    """The form as strict modes want it: every field required, nothing else allowed, no local rules."""
    found: dict[str, Any] = _strict(form.model_json_schema())
    return found


def wire_bytes(instructions: str, content: str, form: type[BaseModel]) -> int:
    """How many bytes of text a request carries at most, in whatever mode."""
    texts = len(instructions.encode("utf-8", "replace")) + len(content.encode("utf-8", "replace"))
    return texts + len(orjson.dumps(wire_schema(form)))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    found = {key: _strict(part) for key, part in node.items() if key not in _LOCAL}
    if "properties" in node:
        fields = {name: _strict(part) for name, part in node["properties"].items()}
        found |= {"properties": fields, "required": list(fields), "additionalProperties": False}
    return found
