"""Setting Zendesk up: an agent's API token, our two ticket fields, the webhook with its signing secret."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from domain.errors import Temporary
from domain.ports.setup import Ask, Hook, Standing
from tools.desk.zendesk import MANNERS, OWN, Tickets
from tools.field_map import field_map
from tools.setup import trial
from tools.setup.recipe import (
    NAME,
    Missing,
    Opened,
    Recipe,
    asking,
    known,
    left_out,
    rows,
    settings_of,
    subscribed,
)
from tools.vendor import Call
from tools.vendors import token_of

EVENTS: Final = (
    "zen:event-type:ticket.created",
    "zen:event-type:ticket.comment_added",
    "zen:event-type:ticket.status_changed",
    "zen:event-type:messaging_ticket.message_added",
    "zen:event-type:user.merged",
    "zen:event-type:user.deleted",
    "zen:event-type:user.active_changed",
)
"""What the webhook is to tell of."""
HOOKS: Final = "/api/v2/webhooks"
LIGHT: Final[Mapping[str, str]] = {"1": "a light agent", "2": "a chat agent", "3": "a contributor"}
"""Kinds of agents, by Zendesk's number, who may not change tickets."""


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a token. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "zendesk", own=OWN)
    settings = settings_of(values)
    login = token_of("desk", settings.desk_token, settings.desk_token_file)
    async with asking(MANNERS, values["desk_url"], login) as api:
        yield Opened(api, values, fields.own)


async def who(account: Opened) -> str:
    """The agent in whose name we write, with the role."""
    user = await _user(account)
    return f"Zendesk {account.values['desk_url']} as user {user.get('id')} ({user.get('role')})"


async def us(account: Opened) -> str:
    """Our user."""
    return str((await _user(account)).get("id") or "")


async def rights(account: Opened) -> Standing:
    """Whether our user is an agent who may change tickets, and which of them it sees."""
    user = await _user(account)
    if user.get("role") not in ("agent", "admin"):
        return Standing((f"role: our user is {user.get('role')}, no agent",))
    lacks = []
    light = LIGHT.get(str(user.get("role_type")))
    if user.get("role") == "agent" and light:
        lacks.append(f"role: our user is {light}, who may not change tickets")
    if user.get("ticket_restriction") in ("assigned", "requested"):
        lacks.append("role: our user sees only tickets of its own; let it see those of its groups, or all")
    lacks += await _misfits(account)
    custom = (
        ("what a custom role may do Zendesk tells only administrators",) if user.get("custom_role_id") else ()
    )
    return Standing(lacks, custom)


async def _misfits(account: Opened) -> list[str]:
    """What is wrong with our two ticket fields that are there; those that are not the connector misses itself."""
    fields = field_map(Path(account.values["config"]), "zendesk", own=OWN)
    listed = await Tickets(account.api, fields).listed("/api/v2/ticket_fields", "ticket_fields")
    lacks = []
    for title in (account.own["marks"], account.own["queue"]):
        named = [one for one in listed if one.get("title") == title]
        if len(named) > 1:
            lacks.append(f"ticket fields: {len(named)} are called {title}; rename all but ours")
        for one in named[:1]:
            if one.get("type", "text") not in ("text", "textarea"):
                lacks.append(f"ticket fields: {title} is a {one['type']}; make it a text")
            if one.get("active") is False:
                lacks.append(f"ticket fields: {title} is not active")
    return lacks


async def _user(account: Opened) -> Mapping[str, Any]:
    found = await account.api.read(Call("GET", "/api/v2/users/me"))
    user = found.get("user") if isinstance(found, Mapping) else None
    known("zendesk", user.get("id") if isinstance(user, Mapping) else None)
    return dict(user or {})


async def missing(account: Opened) -> Sequence[Missing]:
    """The ticket fields in which we note what we wrote; agents see them, customers do not."""
    path = "/api/v2/ticket_fields"
    there = await Tickets(account.api, field_map(Path(account.values["config"]), "zendesk")).fields()
    found = []
    for title in (account.own["marks"], account.own["queue"]):
        if title not in there:
            body = {
                "type": "text",
                "title": title,
                "description": "Written by Leadgraph",
                "visible_in_portal": False,
            }
            words = f"ticket field {title} (text, for agents only)"
            found.append(Missing(words, (Call("POST", path, {"ticket_field": body}),)))
    return found


async def unhooked(account: Opened, url: str) -> Missing | None:
    """What our webhook to `url` lacks to be active and tell of all `EVENTS`: only an administrator may see it."""
    found = await _hook(account, url)
    if found is None:
        hook = {
            "name": NAME,
            "endpoint": url,
            "http_method": "POST",
            "request_format": "json",
            "status": "active",
            "subscriptions": list(EVENTS),
        }
        return Missing(f"webhook: none of ours calls {url}", (Call("POST", HOOKS, {"webhook": hook}),))
    wrong = _wrong(found)
    if not wrong:
        return None
    change = {"status": "active", "subscriptions": [*subscribed(found), *left_out(found, EVENTS)]}
    words = f"webhook: {found.get('id')} {' and '.join(wrong)}"
    return Missing(words, (Call("PATCH", _path(found), {"webhook": change}),))


async def hooked(account: Opened, url: str) -> Hook:
    """Made, or put right, with the secret that it signs with."""
    wrong, words = await unhooked(account, url), f"calls {url} already"
    made = wrong is not None and wrong.calls[0].method == "POST"
    answer: Any = None
    if wrong is not None:
        answer = (await account.api.write(wrong.calls[0])).body
        words = f"made, it calls {url}" if made else f"calls {url}, put right"
    found = answer.get("webhook") if made and isinstance(answer, Mapping) else await _hook(account, url)
    if not isinstance(found, Mapping):
        raise Temporary("zendesk: the answer does not name the webhook; connect again")
    told = await account.api.read(Call("GET", f"{_path(found)}/signing_secret"))
    shown = told.get("signing_secret") if isinstance(told, Mapping) else None
    secret = shown.get("secret") if isinstance(shown, Mapping) else None
    return Hook(
        f"webhook {found.get('id')} {words}", made=made, secret=secret if isinstance(secret, str) else None
    )


async def _hook(account: Opened, url: str) -> Mapping[str, Any] | None:
    listed = await account.api.read(Call("GET", f"{HOOKS}?filter%5Bname_contains%5D={quote(NAME)}"))
    return next((one for one in rows(listed, "webhooks") if one.get("endpoint") == url), None)


def _path(hook: Mapping[str, Any]) -> str:
    return f"{HOOKS}/{quote(str(hook.get('id') or ''), safe='')}"


def _wrong(hook: Mapping[str, Any]) -> list[str]:
    inactive = [] if hook.get("status") == "active" else ["is not active"]
    lacking = left_out(hook, EVENTS)
    return inactive + ([f"does not tell of {', '.join(lacking)}"] if lacking else [])


RECIPE: Final = Recipe(
    name="zendesk",
    asks=(
        Ask("desk_url", "address of your Zendesk, such as https://acme.zendesk.com"),
        Ask(
            "desk_token",
            "EMAIL/token:TOKEN of Leadgraph's own agent (Admin Center, APIs, API tokens)",
            secret=True,
            unless="desk_token_file",
        ),
        Ask("desk_token_file", "file of that token", needed=False, rare=True),
        Ask(
            "public_url",
            "address under which Zendesk reaches Leadgraph, https://leads.example.com",
            needed=False,
        ),
        Ask(
            "webhook_zendesk_secrets",
            "signing secret, if you made the webhook by hand",
            secret=True,
            needed=False,
        ),
    ),
    scopes=(
        "an agent with a role that may comment privately, edit ticket properties and assign in the groups handed over",
        "role administrator while connecting, if Leadgraph is to make the ticket fields and the webhook",
    ),
    webhook="zendesk",
    gives={"desk": "zendesk"},
    told=lambda url: (
        f"Admin Center, Apps and integrations, Webhooks: endpoint {url}, subscribed to {', '.join(EVENTS)}",
        "copy its signing secret",
    ),
    signed=trial.zendesk,
    open=opened,
    who=who,
    us=us,
    rights=rights,
    missing=missing,
    hooked=hooked,
    unhooked=unhooked,
)
"""Zendesk's."""
