"""``leadgraph serve``: the HTTP API, with a worker and deliveries in the same process, until stopped."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Annotated, Any

import typer
from fastapi import FastAPI

from domain.errors import ConfigError
from domain.ports.home import Home
from surfaces.announcing import Announcer
from surfaces.api.app import Terms, build_app
from surfaces.api.metrics import Figures
from surfaces.api.protocol import server_of
from surfaces.api.rates import rates_of
from surfaces.api.requests import to_stderr
from surfaces.asking import Asking
from surfaces.cli.context import Cli, cli
from surfaces.desk_loop import desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.handoff import warm
from surfaces.process import settle, share_evenly
from surfaces.working import Working, worker_of

app = typer.Typer()
Beside = Callable[[asyncio.Event], Coroutine[Any, Any, Any]]
"""What goes on beside the answering until the event is set."""


@app.command()
def main(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    worker: Annotated[
        bool,
        typer.Option(
            "--worker/--no-worker", help="Decide and deliver here too, or leave both to `leadgraph worker`."
        ),
    ] = True,
    beside: Annotated[
        bool | None,
        typer.Option("--beside/--alone", help="Let others work on the home too (default: the setting)."),
    ] = None,
) -> None:
    """Answer ``/v1`` over HTTP; on SIGTERM requests in hand are answered, and the work in hand is finished.

    Beyond this machine every caller must show a key (`leadgraph keys create`, or LEADGRAPH_API_KEY); put TLS in front.
    """
    tools = cli(ctx)
    with tools.open(given={"beside": beside}) as home, tools.tools.chat(home) as chat:
        terms = _terms(tools, home, host)
        figures, listener = Figures(home), tools.tools.texts().listener()
        working = Working(worker_of(home), decided=figures.decided) if worker else None
        asking = Asking(home, chat) if chat is not None else None
        api = build_app(
            home,
            listener,
            terms,
            receivers=tools.tools.receivers(),
            asking=asking,
            figures=figures,
            worker=working,
            told=to_stderr(),
        )
        asyncio.run(warm(listener))
        loops: list[Beside] = [] if asking is None else [asking.serve]
        if worker:
            follows = desk_loop(home, listener)
            announcer = Announcer(home) if home.events is not None else None
            parts = (Dispatcher(home, home.targets), announcer, follows)
            loops += [part.serve for part in parts if part is not None]
        asyncio.run(serve(api, host=host, port=port, working=working, loops=loops))


async def serve(
    api: FastAPI, *, host: str, port: int, working: Working | None = None, loops: list[Beside] | None = None
) -> None:
    """Serve `api` until SIGTERM or SIGINT, with a worker in a thread of its own and `loops` on this loop.

    Then requests in hand are answered, and what is under way in the others is finished. Raises: ConfigError.
    """
    share_evenly()
    settle()
    server, stop = server_of(api, host, port), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server takes signals for itself and raises them again once it has drained: they must not kill us then.
        signal.signal(number, lambda *_: stop.set())
    if working is not None:
        working.start()
    beside = [asyncio.create_task(loop(stop)) for loop in loops or []]
    try:
        await server.serve()
    except SystemExit:
        raise ConfigError(f"port: {host}:{port} cannot be listened on; is something there already?") from None
    finally:
        stop.set()
        if working is not None:
            await working.stop()
        await asyncio.gather(*beside)


def _terms(tools: Cli, home: Home, host: str) -> Terms:
    """How this server is to be had. Raises: ConfigError if nobody could use it but everybody could reach it."""
    settings, here = home.settings, on_this_machine(host)
    key = settings.api_key.get_secret_value() if settings.api_key is not None else None
    kept = asyncio.run(home.access.all(home.tenant)) if home.access is not None else ()
    if key is None and not kept:
        if not here:
            raise ConfigError(
                f"api_key: listening on {host} needs a key; `leadgraph keys create NAME --role admin`, "
                "or set LEADGRAPH_API_KEY"
            )
        tools.err.print(
            "no key was made: whoever is on this machine may do everything; `leadgraph keys create` ends that",
            highlight=False,
        )
    rates = rates_of(settings.api_per_minute, settings.api_burst)
    return Terms(key=key, here=here, rates=rates, hosts=frozenset({"localhost", "127.0.0.1", "::1", host}))


def on_this_machine(host: str) -> bool:
    """True if nobody else can reach `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
