"""``leadgraph keys``: who may use the HTTP API, and for what."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from domain.access import ROLES, Scope
from domain.errors import BadInput
from domain.ids import Region
from domain.instants import Instant, iso
from domain.ports.access import ApiKey, ApiKeys
from domain.ports.home import Home
from surfaces.cli.context import cli, emit, fail
from surfaces.feedback import day

app = typer.Typer(help="Keys of the HTTP API: make, list, revoke.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
By = Annotated[str | None, typer.Option(help="Who does it; default: who is at the keyboard.")]


@app.command("create")
def create(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="The person or system it is for: approvals count by it.")],
    role: Annotated[str | None, typer.Option(help=f"One of: {', '.join(ROLES)}.")] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="A single scope, beside or instead of a role.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="What it sees; default: the home's region.")] = None,
    expires: Annotated[str | None, typer.Option(help="Last day (UTC) or time; default: never.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once and kept nowhere; a server that runs knows it at once."""
    tools = cli(ctx)
    scopes = _scopes(role, scope or [])
    ends = day(expires, "--expires", end=True) if expires else None
    with tools.open(exclusive=False) as home:
        made = _keys(ctx, home).make(
            home.tenant,
            _region(home, region),
            name=name,
            scopes=scopes,
            by=by or tools.tools.user_name(),
            now=home.clock.now(),
            expires_at=ends,
        )
        key, secret = asyncio.run(made)
    if as_json:
        emit({**document(key), "secret": secret})
        return
    tools.out.print(_line(key), highlight=False, markup=False)
    typer.echo(secret)
    tools.err.print("Keep it now: it is not shown again.", highlight=False)


@app.command("list")
def listed(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Every key ever made, the newest first, without its secret."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        keys: Sequence[ApiKey] = asyncio.run(_all(_keys(ctx, home), home))
    if as_json:
        emit([document(key) for key in keys])
        return
    for key in keys:
        tools.out.print(_line(key), highlight=False, markup=False)
    if not keys:
        tools.out.print("no key was made yet: leadgraph keys create NAME --role viewer", markup=False)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `list` shows it.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """End a key at once, also at a server that runs."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        who = by or tools.tools.user_name()
        ended = asyncio.run(_keys(ctx, home).revoke(home.tenant, key, by=who, now=home.clock.now()))
    if as_json:
        emit(document(ended))
    else:
        tools.out.print(_line(ended), highlight=False, markup=False)


def document(key: ApiKey) -> dict[str, Any]:
    """The JSON form of a key."""
    return {
        "key": key.caller.key_id,
        "name": key.caller.name,
        "region": key.caller.region,
        "scopes": sorted(key.caller.scopes),
        "made_at": _time(key.made_at),
        "made_by": key.made_by,
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "used_at": _time(key.used_at),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else iso(Instant(at))


def _line(key: ApiKey) -> str:
    shown = document(key)
    state = (
        f"revoked {shown['revoked_at']}" if key.revoked_at else f"expires {shown['expires_at'] or 'never'}"
    )
    scopes = ", ".join(shown["scopes"])
    used = shown["used_at"] or "never"
    return f"{shown['key']}  {key.caller.name}  {scopes}  {shown['region']}  {state}  used {used}"


def _scopes(role: str | None, scopes: Sequence[Scope]) -> frozenset[Scope]:
    if role is not None and role not in ROLES:
        raise BadInput("--role", f"{role} is none", f"take one of: {', '.join(ROLES)}")
    return frozenset(scopes) | (ROLES[role] if role else frozenset())


def _region(home: Home, name: str | None) -> Region:
    if name is not None and name not in home.regions:
        raise BadInput("--region", f"{name} is none of this home", f"take one of: {', '.join(home.regions)}")
    return home.region if name is None else Region(name)


def _keys(ctx: typer.Context, home: Home) -> ApiKeys:
    if home.access is None:
        fail(ctx, "this home keeps no keys")
    return home.access


async def _all(keys: ApiKeys, home: Home) -> Sequence[ApiKey]:
    return await keys.all(home.tenant)
