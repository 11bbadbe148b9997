"""Setting HubSpot up: a private app's token or an OAuth app's refresh token, our properties in a group of their own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from domain.errors import Refused
from domain.ports.setup import Ask, Standing
from tools.crm.hubspot import MANNERS, OWN, URL
from tools.field_map import FieldMap, field_map
from tools.mapping_fit import Field, Form, unfit
from tools.refresh import introspected
from tools.setup import trial
from tools.setup.recipe import NAME, Missing, Opened, Recipe, asking, known, rows, settings_of
from tools.vendor import Call
from tools.vendors import hubspot_login

GROUP: Final = "leadgraph"
SCHEMA: Final = "crm.schemas.contacts.read"
NEEDED: Final = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    SCHEMA,
    "crm.objects.owners.read",
)
"""Scopes without which it does not work."""
LISTS: Final = ("crm.lists.read", "crm.lists.write")
"""Scopes of programmes."""
FORMS: Final[Mapping[str, Form]] = {"string": "text", "number": "number", "enumeration": "list"}
"""Types of properties that we can write."""
_UNIQUE: Final = frozenset({"lead", "key"})


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a token, or of a refresh token: what comes of that is sealed in the home as in use.

    Raises: ConfigError.
    """
    fields = field_map(Path(values["config"]), "hubspot", own=OWN)
    setting, renew = hubspot_login(settings_of(values, crm="hubspot"))
    async with asking(MANNERS, values.get("crm_url") or URL, (setting, renew)) as api:
        yield Opened(api, values, _named(fields), renew)


async def who(account: Opened) -> str:
    """The portal."""
    found = await account.api.read(Call("GET", "/account-info/v3/details"))
    return (
        f"HubSpot account {known('hubspot', found.get('portalId') if isinstance(found, Mapping) else None)}"
    )


async def us(account: Opened) -> str:
    """The id of our app, as the events of its writes name it."""
    return str((await _told(account)).get("app") or "")


async def rights(account: Opened) -> Standing:
    """The scopes of the token, where HubSpot tells them, and the properties that cannot hold what we write."""
    scopes = (await _told(account)).get("scopes")
    if not isinstance(scopes, list):
        return Standing(await _misfits(account), ("HubSpot does not tell the scopes of this token",))
    needed = [*NEEDED, *(LISTS if account.values.get("programmes") == "hubspot" else ())]
    lacks = [f"scopes: give the app {one}" for one in needed if one not in scopes]
    return Standing([*lacks, *([] if SCHEMA not in scopes else await _misfits(account))])


async def _misfits(account: Opened) -> list[str]:
    """Which properties are there and cannot hold what we write; a text of HubSpot's holds more than any of ours."""
    answer = await account.api.read(Call("GET", "/crm/v3/properties/contacts"))
    there = {str(one.get("name")): one for one in rows(answer, "results")}
    found = []
    for ours, name in account.own.items():
        made = there.get(name, {})
        form = FORMS.get(str(made.get("type")))
        if ours in ("owner", "key") or form is None:
            continue
        values = frozenset(str(one.get("value")) for one in rows(made.get("options")))
        why = unfit(ours, Field(form, values=values if form == "list" else None))
        found += [f"contacts: {name} {why}"] if why else []
    return found


async def _told(account: Opened) -> Mapping[str, Any]:
    """What HubSpot tells of the token itself: ``scopes`` and the id of the ``app``; empty where it tells nothing."""
    values, given = account.values, await account.login(None) if account.login else ""
    token = given if isinstance(given, str) else given.token
    if not values.get("crm_refresh_token"):
        call = Call("POST", "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": token})
        try:
            found = await account.api.read(call)
        except Refused:
            return {}
        return (
            {"scopes": found.get("scopes"), "app": found.get("appId")} if isinstance(found, Mapping) else {}
        )
    form = {
        "client_id": values["crm_client_id"], "client_secret": values["crm_client_secret"], "token": token,
        "token_type_hint": "access_token",
    }  # fmt: skip
    found = await introspected(values.get("crm_url") or URL, form)
    return {"scopes": found.get("scopes"), "app": found.get("app_id")}


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
            unless="crm_token_file",
        ),
        Ask("crm_token_file", "file of that token", needed=False, rare=True),
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
        *NEEDED,
        "crm.schemas.contacts.write (only to create the properties; take it away afterwards)",
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
    us=us,
    rights=rights,
    missing=missing,
    untold=(
        "HubSpot does not tell to what a private app subscribes: compare its tab Webhooks with docs/webhooks.md",
    ),
)
"""HubSpot's. Its API registers webhooks only for public apps, so a person does it."""
