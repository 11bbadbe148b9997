"""Setting Zendesk up: an agent's API token, our two ticket fields, the webhook with its signing secret."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from domain.ports.setup import Ask, Hook
from tools.clock import SystemClock
from tools.desk.zendesk import MANNERS, OWN, Tickets, Zendesk
from tools.field_map import field_map
from tools.setup import trial
from tools.setup.recipe import NAME, Missing, Opened, Recipe, asking, rows
from tools.vendor import Call

EVENTS: Final = (
    "zen:event-type:ticket.created",
    "zen:event-type:ticket.comment_added",
    "zen:event-type:ticket.status_changed",
    "zen:event-type:messaging_ticket.message_added",
)
"""What the webhook is to tell of."""


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a token. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "zendesk", own=OWN)
    async with asking(MANNERS, values["desk_url"], values["desk_token"], setting="desk_token") as api:
        check = Zendesk(api, Tickets(api, fields), fields, SystemClock()).check
        yield Opened(api, values, fields.own, check)


async def who(account: Opened) -> str:
    """The agent in whose name we write, with the role."""
    found = await account.api.read(Call("GET", "/api/v2/users/me"))
    user = found.get("user") if isinstance(found, Mapping) else None
    name, role = (user.get("id"), user.get("role")) if isinstance(user, Mapping) else (None, None)
    return f"Zendesk {account.values['desk_url']} as user {name} ({role})"


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


async def hooked(account: Opened, url: str) -> Hook:
    """Our webhook to `url`, with the secret that it signs with: only an administrator may."""
    listed = await account.api.read(Call("GET", f"/api/v2/webhooks?filter%5Bname_contains%5D={quote(NAME)}"))
    found = next((one for one in rows(listed, "webhooks") if one.get("endpoint") == url), None)
    made = found is None
    if found is None:
        hook = {
            "name": NAME,
            "endpoint": url,
            "http_method": "POST",
            "request_format": "json",
            "status": "active",
            "subscriptions": list(EVENTS),
        }
        answer = (await account.api.write(Call("POST", "/api/v2/webhooks", {"webhook": hook}))).body
        inner: Any = answer.get("webhook") if isinstance(answer, Mapping) else None
        found = inner if isinstance(inner, Mapping) else {}
    place = str(found.get("id") or "")
    told = await account.api.read(Call("GET", f"/api/v2/webhooks/{quote(place, safe='')}/signing_secret"))
    shown = told.get("signing_secret") if isinstance(told, Mapping) else None
    secret = shown.get("secret") if isinstance(shown, Mapping) else None
    words = f"webhook {place} {'made, it calls' if made else 'calls'} {url}{'' if made else ' already'}"
    return Hook(words, made=made, secret=secret if isinstance(secret, str) else None)


RECIPE: Final = Recipe(
    name="zendesk",
    asks=(
        Ask("desk_url", "address of your Zendesk, such as https://acme.zendesk.com"),
        Ask(
            "desk_token",
            "EMAIL/token:TOKEN of Leadgraph's own agent (Admin Center, APIs, API tokens)",
            secret=True,
        ),
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
    missing=missing,
    hooked=hooked,
)
"""Zendesk's."""
