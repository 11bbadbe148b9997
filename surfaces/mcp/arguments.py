"""What is wrong with the arguments of a call, said as our other errors are: field, problem, remedy."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, InputRequiredResult, Tool
from pydantic import ValidationError

from domain.errors import BadInput

_REMEDIES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "give it",
    "literal_error": lambda said: f"take one of {said['expected']}",
    "enum": lambda said: f"take one of {said['expected']}",
    "string_pattern_mismatch": lambda said: f"take what matches {said['pattern']}",
    "greater_than_equal": lambda said: f"take {said['ge']} or more",
    "less_than_equal": lambda said: f"take {said['le']} or less",
    "string_too_short": lambda said: f"take {said['min_length']} characters or more",
    "string_too_long": lambda said: f"take {said['max_length']} characters or fewer",
    "too_short": lambda said: f"give {said['min_length']} or more",
    "too_long": lambda said: f"give {said['max_length']} or fewer",
}
"""By the kind of mistake, from what the schema says of it; never a word of what was sent."""


class Server(MCPServer[Any]):
    """The SDK's server, but each error of a tool is an object of ours, and an argument that it does not take is one."""

    async def list_tools(self) -> list[Tool]:
        """The tools; their schemas say that nothing else is taken."""
        tools = await super().list_tools()
        for one in tools:
            one.input_schema["additionalProperties"] = False
        return tools

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """What the tool gives. Raises: ToolError with `told` as its text."""
        tools = {one.name: one.input_schema for one in await self.list_tools()}
        if name not in tools:
            raise ToolError(told(_no_such(name, list(tools))))
        if extra := sorted(set(arguments) - set(tools[name]["properties"])):
            raise ToolError(told(_not_taken(extra[0], list(tools[name]["properties"]))))
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(told(_unfit(error.__cause__))) from None
            raise (error.__cause__ if isinstance(error.__cause__, ToolError) else error) from None


def told(error: BadInput) -> str:
    """An error as an agent reads it."""
    said = {"code": error.code, "field": error.field, "problem": error.problem, "remedy": error.remedy}
    return orjson.dumps(said).decode()


def _no_such(name: str, known: list[str]) -> BadInput:
    return BadInput(
        "name", f"no tool is called {name[:100]}", f"take one of {', '.join(known)}", code="unknown"
    )


def _not_taken(name: str, known: list[str]) -> BadInput:
    return BadInput(name[:100], "is not taken", f"this tool takes {', '.join(known)}", code="extra")


def _unfit(error: ValidationError) -> BadInput:
    first, *others = error.errors(include_url=False, include_input=False)
    field = ".".join(str(part) for part in first["loc"])
    remedy_of = _REMEDIES.get(first["type"])
    remedy = remedy_of(first.get("ctx", {})) if remedy_of else "see the tool's input schema"
    more = f"; {len(others)} more to mend" if others else ""
    problem = first["msg"][:1].lower() + first["msg"][1:]
    return BadInput(field[:200], problem + more, remedy, code=first["type"])
