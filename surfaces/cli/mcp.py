"""``leadgraph mcp``: the tools for a chat agent elsewhere, over a pipe or over HTTP."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from mcp.server.mcpserver import MCPServer
from starlette.types import ASGIApp

from domain.access import ROLES, Caller
from domain.errors import BadInput, ConfigError
from domain.ports.home import Home
from surfaces.announcing import told_beside
from surfaces.api.guard import Door
from surfaces.api.guesses import Guesses
from surfaces.api.protocol import server_of
from surfaces.api.rates import rates_of
from surfaces.cli.context import Cli, cli
from surfaces.cli.serve import on_this_machine
from surfaces.dispatcher import Dispatcher
from surfaces.handoff import Desk
from surfaces.log import to_stderr
from surfaces.mcp.callers import Guarded, always, hosts, of_request
from surfaces.mcp.server import Pages, build_server
from surfaces.supervising import Crew

app = typer.Typer()
DRAIN_S: Final = 5
MOST_BYTES: Final = 2 * 1024 * 1024


@app.command()
def main(
    ctx: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Listen on HTTP instead of stdin and stdout.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8081,
    role: Annotated[
        str, typer.Option(help=f"What the agent at the pipe may do: {', '.join(ROLES)}.")
    ] = "viewer",
    beside: Annotated[
        bool | None,
        typer.Option("--beside/--alone", help="Let others work on the home too (default: the setting)."),
    ] = None,
) -> None:
    """Offer the tools over stdio, as the person at this machine; with --http under /mcp, to whoever shows a key.

    Beyond this machine LEADGRAPH_PUBLIC_URL must be set and a key is needed; put TLS in front.
    """
    if role not in ROLES:
        raise BadInput("role", "is not known", f"take one of {', '.join(ROLES)}")
    tools = cli(ctx)
    with tools.open(given={"beside": beside}) as home:
        desk = Desk(home, tools.tools.texts().listener())
        try:
            if http:
                asyncio.run(_over_http(home, desk, host=host, port=port))
            else:
                asyncio.run(_over_stdio(tools, home, desk, role))
        finally:
            desk.close()


async def _over_stdio(tools: Cli, home: Home, desk: Desk, role: str) -> None:
    person = Caller("person", tools.tools.user_name(), home.tenant, home.region, ROLES[role])
    server = build_server(home, desk, pages_of(home), always(person))
    async with _beside(home):
        await server.run_stdio_async()


async def _over_http(home: Home, desk: Desk, *, host: str, port: int) -> None:
    server = build_server(home, desk, pages_of(home), of_request)
    api = application(home, server, host=host)
    listening = server_of(api, host, port, lifespan="on", drain_s=DRAIN_S)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server takes signals for itself and raises them again once it has drained: they must not kill us then.
        signal.signal(number, lambda *_: None)
    async with _beside(home):
        try:
            await listening.serve()
        except SystemExit:
            raise ConfigError(
                f"port: {host}:{port} cannot be listened on; is something there already?"
            ) from None


def application(home: Home, server: MCPServer[Any], *, host: str) -> ASGIApp:
    """`server` under ``/mcp`` for those who show a key. Raises: ConfigError."""
    here = on_this_machine(host)
    key = home.settings.api_key
    inner = server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=hosts(host, home.settings.public_url, here=here),
    )
    guesses = Guesses(proxies=home.settings.proxies)
    door = Door(home, key.get_secret_value() if key is not None else None, guesses=guesses)
    return Guarded(inner, door, rates_of(home.settings.api_per_minute, home.settings.api_burst))


def pages_of(home: Home) -> Pages:
    """What resources show, read when they are asked for."""
    tables: Path = home.settings.config
    in_force = home.root / "policies" / home.policy.version
    return Pages(
        policies=lambda: _joined({file.name: file for file in sorted(in_force.iterdir()) if _shown(file)}),
        taxonomy=lambda: (tables / "taxonomy.toml").read_text("utf-8"),
    )


def _shown(file: Path) -> bool:
    return file.suffix in (".csv", ".toml") and not file.name.endswith(".cases.csv")


def _joined(files: Mapping[str, Path]) -> str:
    return "\n".join(f"# {name}\n{file.read_text('utf-8')}" for name, file in files.items())


@contextlib.asynccontextmanager
async def _beside(home: Home) -> AsyncIterator[None]:
    """Deliveries and outgoing events, while the block runs."""
    stop = asyncio.Event()
    crew = Crew(to_stderr("part"))
    parts = {"deliveries": Dispatcher(home, home.targets).serve, **told_beside(home, crew)}
    beside = asyncio.create_task(crew.keep(parts, stop))
    try:
        yield
    finally:
        stop.set()
        await beside
