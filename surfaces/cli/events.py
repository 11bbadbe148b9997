"""``leadgraph events``: who is told what happened, how far each has come, and what there is to tell."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from domain.happening import TEST, body_of, short, types_from
from domain.ids import Region
from domain.instants import Instant, iso
from domain.ports.events import Events, Subscription, SubscriptionState
from domain.ports.home import Home
from surfaces.announcing import events_in, page
from surfaces.cli.context import cli, emit, fail

app = typer.Typer(help="Tell others what happened: subscribe, list, replay, test, unsubscribe.")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="A subscription, see: leadgraph events list.")]
Types = Annotated[str, typer.Option(help="Such as lead.scored,decision.made; left out: all.")]


@app.command("subscribe")
def subscribe(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="https address that takes the events.")],
    types: Types = "",
    from_position: Annotated[
        int | None, typer.Option("--from", min=0, help="Position to begin after; left out: from now on.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Region whose events are told; default: the home's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell an address from now on, signed after Standard Webhooks; the secret is shown here, and by `secret`."""
    tools = cli(ctx)

    async def work(home: Home) -> tuple[Subscription, str]:
        events = events_in(home)
        where = _region(home, region)
        checked = await events.callbacks.checked(url)
        wanted = types_from(types)
        begin = await events.feed.end(home.tenant, where) if from_position is None else from_position
        made = await events.subscriptions.make(
            home.tenant, where, url=checked, types=wanted, position=begin, now=home.clock.now()
        )
        return made, events.callbacks.secret(made)

    with tools.open(exclusive=False) as home:
        made, secret = asyncio.run(work(home))
    if as_json:
        emit(document(made) | {"secret": secret})
    else:
        tools.out.print(f"{made.subscription_id} is told of {_words(made)}", markup=False, highlight=False)
        tools.out.print(f"secret {secret}", markup=False, highlight=False)


@app.command("list")
def list_all(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Every subscription, how far it has come, and what is wrong with it."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found = asyncio.run(_all(home))
    for one in found:
        if as_json:
            emit(document(one))
            continue
        trouble = f"  {one.reason} x{one.tries}" if one.reason else ""
        tools.out.print(
            f"{one.subscription_id}  {one.state.value}  at {one.position}  {one.url}  {_words(one)}{trouble}",
            markup=False, highlight=False,
        )  # fmt: skip
    if not found:
        tools.err.print("nobody is told: leadgraph events subscribe URL")


@app.command("log")
def log(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Position to begin after.")] = 0,
    types: Types = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
) -> None:
    """What there is to tell after a position: one event a line, as it is sent."""
    tools = cli(ctx)

    async def work(home: Home) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        wanted, position, more = types_from(types), after, True
        while more and len(told) < limit:
            found = await page(home, home.region, position, types=wanted, limit=limit - len(told))
            told += [event.document(home.tenant, home.region) for event in found.events]
            position, more = found.after, found.more
        return told

    with tools.open(exclusive=False) as home:
        for one in asyncio.run(work(home)):
            emit(one)


@app.command("replay")
def replay(
    ctx: typer.Context,
    name: Name,
    from_position: Annotated[
        int, typer.Option("--from", min=0, help="Position to begin after; 0 is the first.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell a subscription again of what came after a position, under the same ids."""
    _tell(
        ctx,
        _changed(ctx, lambda events, home: events.subscriptions.restart(home.tenant, name, from_position)),
        as_json,
    )


@app.command("resume")
def resume(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Go on where a paused subscription stopped."""

    async def work(events: Events, home: Home) -> Subscription:
        found = await _named(home, name)
        return await events.subscriptions.restart(home.tenant, name, found.position)

    _tell(ctx, _changed(ctx, work), as_json)


@app.command("unsubscribe")
def unsubscribe(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Tell an address nothing more, for good."""
    _tell(
        ctx,
        _changed(ctx, lambda events, home: events.subscriptions.end(home.tenant, name, "unsubscribed")),
        as_json,
    )


@app.command("secret")
def secret(
    ctx: typer.Context,
    name: Name,
    rotate: Annotated[bool, typer.Option(help="Make a new one; the old one signs too for a day.")] = False,
) -> None:
    """Show the signing secret of a subscription."""
    tools = cli(ctx)

    async def work(home: Home) -> str:
        found = await _named(home, name)
        if rotate:
            found = await events_in(home).subscriptions.rotate(home.tenant, name, now=home.clock.now())
        return events_in(home).callbacks.secret(found)

    with tools.open(exclusive=False) as home:
        tools.out.print(asyncio.run(work(home)), markup=False, highlight=False)


@app.command("test")
def send_test(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Send one test event out of turn, and say what the receiver answered."""
    tools = cli(ctx)

    async def work(home: Home) -> str:
        found = await _named(home, name)
        at = home.clock.now()
        message = f"{found.subscription_id}.test.{at}"
        told = {
            "specversion": "1.0",
            "id": message,
            "source": f"/leadgraph/{home.tenant}/{found.region}",
            "type": TEST,
            "time": iso(Instant(at)),
            "datacontenttype": "application/json",
            "data": {"subscription": found.subscription_id},
        }
        return (await events_in(home).callbacks.post(found, message, body_of(told))).code

    with tools.open(exclusive=False) as home:
        code = asyncio.run(work(home))
    if as_json:
        emit({"subscription": name, "answer": code})
    else:
        tools.out.print(f"{name}: {code}", markup=False, highlight=False)
    if code != "ok":
        fail(ctx, f"the receiver did not take it ({code})")


def document(one: Subscription) -> dict[str, Any]:
    """The JSON form, without the secret."""
    return {
        "subscription": one.subscription_id,
        "url": one.url,
        "region": one.region,
        "types": sorted(one.types),
        "state": one.state.value,
        "position": one.position,
        "reason": one.reason,
        "tries": one.tries,
        "failing_since": iso(Instant(one.failing_since)) if one.failing_since is not None else None,
        "made_at": iso(Instant(one.made_at)),
    }


Work = Callable[[Events, Home], Awaitable[Subscription]]


def _changed(ctx: typer.Context, work: Work) -> Subscription:
    async def run(home: Home) -> Subscription:
        return await work(events_in(home), home)

    with cli(ctx).open(exclusive=False) as home:
        return asyncio.run(run(home))


def _tell(ctx: typer.Context, one: Subscription, as_json: bool) -> None:
    if as_json:
        emit(document(one))
        return
    words = "ended" if one.state is SubscriptionState.ENDED else f"told of what comes after {one.position}"
    cli(ctx).out.print(f"{one.subscription_id} is {words}", markup=False, highlight=False)


async def _all(home: Home) -> list[Subscription]:
    return list(await events_in(home).subscriptions.all(home.tenant))


async def _named(home: Home, name: str) -> Subscription:
    found = next((one for one in await _all(home) if one.subscription_id == name), None)
    if found is None or found.state is SubscriptionState.ENDED:
        words = "there is no such subscription, or it has ended"
        raise BadInput("subscription", words, "see leadgraph events list", code="unknown")
    return found


def _region(home: Home, named: str | None) -> Region:
    if named is not None and named not in home.regions:
        raise BadInput("region", "is none of this home's", f"take one of {', '.join(sorted(home.regions))}")
    return Region(named) if named is not None else home.region


def _words(one: Subscription) -> str:
    return " ".join(short(kind) for kind in sorted(one.types))
