"""``leadgraph serve``: the HTTP API, with a worker and deliveries in the same process, until stopped."""

import asyncio
import signal
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Final

import typer
from fastapi import FastAPI

from domain.errors import ConfigError
from domain.ports.home import Home
from surfaces.announcing import told_beside
from surfaces.api.app import Terms, build_app
from surfaces.api.guesses import Guesses
from surfaces.api.metrics import Figures
from surfaces.api.protocol import server_of
from surfaces.api.rates import rates_of
from surfaces.asking import Asking
from surfaces.cli.context import Cli, cli
from surfaces.desk_loop import desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.handoff import warm
from surfaces.log import to_stderr
from surfaces.process import settle, share_evenly
from surfaces.supervising import Crew, Part
from surfaces.working import Working, worker_of

app = typer.Typer()


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
    open_: Annotated[
        bool,
        typer.Option(
            "--open", help="While no key was made, let in whoever is on this machine; nothing in front."
        ),
    ] = False,
    beside: Annotated[
        bool | None,
        typer.Option("--beside/--alone", help="Let others work on the home too (default: the setting)."),
    ] = None,
) -> None:
    """Answer ``/v1`` over HTTP; on SIGTERM requests in hand are answered, and the work in hand is finished.

    Every caller must show a key (`leadgraph keys create`, or LEADGRAPH_API_KEY); put TLS in front.
    """
    tools = cli(ctx)
    with tools.open(given={"beside": beside}) as home, tools.tools.chat(home) as chat:
        terms = _terms(tools, home, host, open_=open_)
        crew, listener = Crew(to_stderr("part")), tools.tools.texts().listener()
        figures = Figures(home, crew)
        working = Working(worker_of(home), crew, decided=figures.decided) if worker else None
        asking = Asking(home, chat, frozenset(home.settings.slack_regions)) if chat is not None else None
        api = build_app(
            home,
            listener,
            terms,
            receivers=tools.tools.receivers(),
            asking=asking,
            figures=figures,
            worker=working,
            crew=crew,
            told=to_stderr("request"),
        )
        asyncio.run(warm(listener))
        parts: dict[str, Part] = {} if asking is None else {"asking": asking.serve}
        if worker:
            parts |= {"deliveries": Dispatcher(home, home.targets).serve, **told_beside(home, crew)}
            follows = desk_loop(home, listener)
            parts |= {} if follows is None else {"desk": follows.serve}
        asyncio.run(serve(api, crew, parts, host=host, port=port, working=working))


async def serve(
    api: FastAPI,
    crew: Crew,
    parts: Mapping[str, Part],
    *,
    host: str,
    port: int,
    working: Working | None = None,
) -> None:
    """Serve `api` until SIGTERM or SIGINT, with a worker in a thread of its own and `parts` kept going on this loop.

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
    beside = asyncio.create_task(crew.keep(parts, stop))
    try:
        await server.serve()
    except SystemExit:
        raise ConfigError(f"port: {host}:{port} cannot be listened on; is something there already?") from None
    finally:
        stop.set()
        if working is not None:
            await working.stop()
        await beside


def _terms(tools: Cli, home: Home, host: str, *, open_: bool) -> Terms:
    """How this server is to be had. Raises: ConfigError if nobody could use it, or strangers reach what is open."""
    settings, here = home.settings, on_this_machine(host)
    key = settings.api_key.get_secret_value() if settings.api_key is not None else None
    kept = asyncio.run(home.access.all(home.tenant)) if home.access is not None else ()
    if open_ and (not here or settings.public_url is not None):
        why = f"listening on {host}" if not here else "public_url is set"
        raise ConfigError(f"--open: {why}: others than this machine get here; leave it out and make keys")
    if key is None and not kept:
        if not here:
            raise ConfigError(
                f"api_key: listening on {host} needs a key; `leadgraph keys create NAME --role admin`, "
                "or set LEADGRAPH_API_KEY"
            )
        tools.err.print(_OPEN if open_ else _SHUT, highlight=False)
    return Terms(
        key=key,
        open_=open_,
        rates=rates_of(settings.api_per_minute, settings.api_burst),
        hosts=frozenset({"localhost", "127.0.0.1", "::1", host}),
        guesses=Guesses(proxies=settings.proxies),
    )


_OPEN: Final = (
    "no key was made: whoever is on this machine may do everything; `leadgraph keys create` ends that"
)
_SHUT: Final = (
    "no key was made: nobody is let in yet; `leadgraph keys create NAME --role admin` (the server notices), "
    "or --open on a machine of your own"
)


def on_this_machine(host: str) -> bool:
    """True if nobody else can reach `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
