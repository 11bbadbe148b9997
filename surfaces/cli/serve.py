"""``leadgraph serve``: the HTTP API, with deliveries beside it, until stopped."""

import asyncio
import signal
from ipaddress import ip_address
from typing import Annotated, Final

import typer
import uvicorn
from fastapi import FastAPI

from domain.errors import ConfigError
from domain.ports.home import Home
from surfaces.api.app import build_app
from surfaces.cli.context import cli
from surfaces.dispatcher import Dispatcher
from surfaces.handoff import Desk

app = typer.Typer()
DRAIN_S: Final = 15
"""Seconds that requests in hand may take after a stop was asked for."""


@app.command()
def main(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
) -> None:
    """Answer ``/v1`` over HTTP and deliver actions; on SIGTERM requests in hand are answered first.

    Beyond this machine every caller must show LEADGRAPH_API_KEY as a bearer; put TLS in front.
    """
    tools = cli(ctx)
    with tools.open() as home:
        key = home.settings.api_key
        if key is None and not on_this_machine(host):
            raise ConfigError(f"api_key: listening on {host} needs one; set LEADGRAPH_API_KEY")
        secret = key.get_secret_value() if key is not None else None
        listener, receivers = tools.tools.texts().listener(), tools.tools.receivers()
        api = build_app(home, listener, receivers=receivers, key=secret)
        asyncio.run(Desk(home, listener).warm())
        asyncio.run(serve(home, api, host=host, port=port))


async def serve(home: Home, api: FastAPI, *, host: str, port: int) -> None:
    """Serve `api` until SIGTERM or SIGINT; then deliveries in hand are finished too. Raises: ConfigError."""
    config = uvicorn.Config(
        api,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # addresses of webhooks may hold a secret
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=256,
        server_header=False,
    )
    server, stop = uvicorn.Server(config), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server takes signals for itself and raises them again once it has drained: they must not kill us then.
        signal.signal(number, lambda *_: stop.set())
    delivering = asyncio.create_task(Dispatcher(home, home.targets).serve(stop))
    try:
        await server.serve()
    except SystemExit:
        raise ConfigError(f"port: {host}:{port} cannot be listened on; is something there already?") from None
    finally:
        stop.set()
        await delivering


def on_this_machine(host: str) -> bool:
    """True if nobody else can reach `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
