"""What every command gets: the way to open the home, and the way to answer.

One JSON document (or one line per record) goes to stdout with ``--json``; progress and remarks go to stderr.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
import typer
from rich.console import Console

if TYPE_CHECKING:  # keeps `leadgraph --help` quick
    from domain.ports.home import Home


class Exit(IntEnum):
    """Exit codes, a contract."""

    OK = 0
    ERROR = 1
    GATE_FAILED = 2
    NOT_ENOUGH_DATA = 3
    BUDGET_EXCEEDED = 4


@dataclass(frozen=True, slots=True)
class Cli:
    """Carried as ``ctx.obj``."""

    open: Callable[..., AbstractContextManager["Home"]]
    """Opens the home; keyword ``virtual_clock=True`` for replays, ``exclusive=False`` for pure reads,
    ``given`` for settings that win over all others."""
    tools: Any
    """Loose functions that commands need and only the composition root may import (see `app.Toolbox`)."""
    out: Console
    """stdout."""
    err: Console
    """stderr."""


def cli(ctx: typer.Context) -> Cli:
    """The `Cli` of this invocation."""
    found = ctx.find_root().obj
    if not isinstance(found, Cli):
        raise TypeError("the command line was started without its composition root")
    return found


def emit(document: object) -> None:
    """Write one JSON document and a newline to stdout."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode())


def fail(ctx: typer.Context, problem: str, code: Exit = Exit.ERROR) -> NoReturn:
    """Say what is wrong on stderr and leave with `code`."""
    cli(ctx).err.print(f"[bold red]error:[/] {problem}", highlight=False)
    raise typer.Exit(int(code))
