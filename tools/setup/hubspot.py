"""Setting HubSpot up: a private app's token or an OAuth app's refresh token, our properties in a group of their own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from domain.ports.setup import Ask
from tools.clock import SystemClock
from tools.crm.hubspot import MANNERS, OWN, URL, HubSpot
from tools.field_map import FieldMap, field_map
from tools.sent import Sent
from tools.settings import Settings
from tools.setup import trial
from tools.setup.recipe import NAME, Missing, Opened, Recipe, asking, rows
from tools.vendor import Call, Renew
from tools.vendors import hubspot_login

GROUP: Final = "leadgraph"
_OAUTH: Final = ("crm_client_id", "crm_client_secret", "crm_refresh_token")
_UNIQUE: Final = frozenset({"lead", "key"})


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a token, or of a refresh token: what comes of that is sealed in the home as in use.

    Raises: ConfigError.
    """
    clock, fields = SystemClock(), field_map(Path(values["config"]), "hubspot", own=OWN)
    url = values.get("crm_url") or URL
    setting, login = _login(values)
    async with asking(MANNERS, url, login, setting=setting) as api:
        sent = Sent(Path(":memory:"), clock)
        try:
            check = HubSpot(api, fields, sent, clock, create=False).check
            yield Opened(api, values, _named(fields), check)
        finally:
            sent.close()


def _login(values: Mapping[str, str]) -> tuple[str, Renew]:
    names = ("home", "master_key", "crm_url", "crm_token", *_OAUTH)
    given: dict[str, Any] = {name: values[name] for name in names if values.get(name)}
    return hubspot_login(Settings(crm="hubspot", **given))


async def who(account: Opened) -> str:
    """The portal."""
    found = await account.api.read(Call("GET", "/account-info/v3/details"))
    return f"HubSpot account {found.get('portalId')}" if isinstance(found, Mapping) else "HubSpot"


async def missing(account: Opened) -> Sequence[Missing]:
    """Our own properties that are not there, and the group in which they stand."""
    found: list[Missing] = []
    for kind in ("contacts", "tasks", "notes"):
        answer = await account.api.read(Call("GET", f"/crm/v3/properties/{kind}"))
        there = {one.get("name") for one in rows(answer, "results")}
        lacking = [name for name in _wanted(account.own, kind) if name not in there]
        if not lacking:
            continue
        groups = await account.api.read(Call("GET", f"/crm/v3/properties/{kind}/groups"))
        if GROUP not in {one.get("name") for one in rows(groups, "results")}:
            group = Call("POST", f"/crm/v3/properties/{kind}/groups", {"name": GROUP, "label": NAME})
            found.append(Missing(f"group of properties {NAME} of {kind}", (group,)))
        found += [_property(kind, name, account.own) for name in lacking]
    return found


def _property(kind: str, name: str, own: Mapping[str, str]) -> Missing:
    unique = name in {own[ours] for ours in _UNIQUE}
    body: dict[str, Any] = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": "string",
        "fieldType": "text",
        "groupName": GROUP,
        "description": "Written by Leadgraph",
        "hasUniqueValue": unique,
    }
    words = f"property {name} of {kind} (text{', unique values' if unique else ''})"
    return Missing(words, (Call("POST", f"/crm/v3/properties/{quote(kind)}", body),))


def _wanted(own: Mapping[str, str], kind: str) -> list[str]:
    """Only what begins as ours does: a property of HubSpot's own, or of the company's, is not ours to make."""
    if kind == "contacts":
        return [name for ours, name in own.items() if ours != "key" and name.startswith("leadgraph_")]
    return [own["key"]]


def _named(fields: FieldMap) -> Mapping[str, str]:
    return {**fields.fields, **fields.owner, **fields.own}


RECIPE: Final = Recipe(
    name="hubspot",
    asks=(
        Ask("crm_url", "address of HubSpot's API, if it is not the usual one", needed=False, rare=True),
        Ask(
            "crm_token",
            "access token of your private app (Settings, Integrations, Private apps); Enter for an OAuth app",
            secret=True,
            needed=False,
        ),
        Ask("crm_client_id", "client id of your OAuth app", needed=False, unless="crm_token"),
        Ask(
            "crm_client_secret",
            "client secret of your OAuth app",
            secret=True,
            needed=False,
            unless="crm_token",
        ),
        Ask(
            "crm_refresh_token",
            "refresh token that the app got when it was installed",
            secret=True,
            needed=False,
            unless="crm_token",
        ),
        Ask("webhook_hubspot_secrets", "client secret of the app (its tab Auth)", secret=True, needed=False),
        Ask(
            "public_url",
            "address under which HubSpot reaches Leadgraph, such as https://leads.example.com",
            needed=False,
        ),
    ),
    scopes=(
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.schemas.contacts.read",
        "crm.schemas.contacts.write (only to create the properties; take it away afterwards)",
        "crm.objects.owners.read",
    ),
    webhook="hubspot",
    gives={"crm": "hubspot"},
    told=lambda url: (
        f"In the private app, tab Webhooks: target URL {url}",
        "Subscribe to contact creation, deletion, merge, privacy deletion and restore, and to the properties in"
        " docs/webhooks.md",
    ),
    signed=trial.hubspot,
    open=opened,
    who=who,
    missing=missing,
)
"""HubSpot's. Its API registers webhooks only for public apps, so a person does it."""
