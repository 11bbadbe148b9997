"""Setting Salesforce up: a connected app's login, the fields that an administrator makes, and the tokens we issue."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from domain.ports.setup import Ask, Standing
from tools.crm.salesforce import MANNERS, OWN, ROOT
from tools.field_map import field_map
from tools.login import Login
from tools.mapping_fit import Field, unfit
from tools.setup import trial
from tools.setup.recipe import Opened, Recipe, asking, rows, settings_of
from tools.vendor import Call
from tools.vendors import login_of

NEEDED: Final[Mapping[str, Mapping[str, str]]] = {
    "Lead": {"queryable": "read", "updateable": "edit"},
    "Task": {"queryable": "read", "createable": "create", "updateable": "edit", "deletable": "delete"},
}
"""Rights of our user, by Salesforce's word for each."""
TEXTS: Final = frozenset({"string", "textarea", "url", "phone", "email", "encryptedstring"})
WHOLE: Final = frozenset({"int", "long"})
DECIMAL: Final = frozenset({"double", "currency", "percent"})
"""Types of fields, in Salesforce's words."""


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The org of a client's credentials, or of its key. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "salesforce", own=OWN)
    login = login_of(settings_of(values))
    async with asking(MANNERS, login.url, (login.setting, login)) as api:
        yield Opened(api, values, {**fields.fields, **fields.owner, **fields.own}, login)


async def us(account: Opened) -> str:
    """The user that we log in as, known by the first token."""
    if not isinstance(account.login, Login):
        raise AssertionError("Salesforce's login is one of ours")
    return account.login.user


async def rights(account: Opened) -> Standing:
    """What our user may do with Leads and Tasks, as Salesforce describes them to it."""
    lacks = []
    for kind, needed in NEEDED.items():
        found = await account.api.read(Call("GET", f"{ROOT}/sobjects/{kind}/describe"))
        told = found if isinstance(found, Mapping) else {}
        lacks += _misfits(account, rows(told, "fields")) if kind == "Lead" else []
        lacks += [
            f"{kind}: give our user the right to {words}"
            for may, words in needed.items()
            if told.get(may) is False
        ]
    return Standing(lacks)


async def who(account: Opened) -> str:
    """The org, and how much of the day's requests is left: a request that any user may make."""
    found = await account.api.read(Call("GET", f"{ROOT}/limits"))
    day = found.get("DailyApiRequests") if isinstance(found, Mapping) else None
    left = (
        f", {day.get('Remaining')} of {day.get('Max')} requests left today"
        if isinstance(day, Mapping)
        else ""
    )
    return f"Salesforce {account.values['crm_url']}{left}"


def _misfits(account: Opened, described: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which fields are there and cannot hold what we write."""
    there, lacks = {str(one.get("name")): one for one in described}, []
    for ours, name in account.own.items():
        if ours in ("owner", "key") or name not in there:
            continue
        field = _field(there[name])
        kind = there[name].get("type")
        why = f"is a {kind}; make it a text" if field is None else unfit(ours, field)
        lacks += [f"Lead: {name} {why}"] if why else []
    return lacks


def _field(made: Mapping[str, Any]) -> Field | None:
    """A field as it takes values, None if it takes none of ours; a picklist that is not restricted takes others too."""
    kind = str(made.get("type"))
    if kind in WHOLE:
        return Field("number", digits=_whole(made, "digits") or None)
    if kind in DECIMAL:
        precision = _whole(made, "precision")
        return Field("number", digits=precision - (_whole(made, "scale") or 0) if precision else None)
    if kind in ("picklist", "combobox"):
        names = frozenset(
            str(one.get("value")) for one in rows(made.get("picklistValues")) if one.get("active")
        )
        return Field("list", values=names if made.get("restrictedPicklist") else None)
    return Field("text", length=_whole(made, "length")) if kind in TEXTS else None


def _whole(made: Mapping[str, Any], name: str) -> int | None:
    value = made.get(name)
    return value if isinstance(value, int) else None


def steps(url: str) -> Sequence[str]:
    """Fields are made by an administrator: the integration user has no right to, and shall have none."""
    return (
        "the fields that are listed as missing: Setup, Object Manager, Lead or Activity, Fields (docs/connectors.md)",
        f"Outbound message (Setup, Workflow Actions): endpoint {url}/TOKEN, TOKEN being the secret that you just gave",
        f"or a Flow with an HTTP Callout to {url} and the header Authorization: Bearer TOKEN",
        "or nothing of both: LEADGRAPH_CRM_CHANNELS=/data/LeadChangeEvent once Change Data Capture is on for it",
    )


RECIPE: Final = Recipe(
    name="salesforce",
    asks=(
        Ask("crm_url", "your My Domain, such as https://acme.my.salesforce.com"),
        Ask("crm_client_id", "consumer key of the connected app"),
        Ask(
            "crm_client_secret",
            "consumer secret of the connected app; Enter to log in with a key",
            secret=True,
            needed=False,
            unless="crm_jwt_key_file",
        ),
        Ask(
            "crm_jwt_key",
            "private key of the connected app: @ and the name of the PEM file",
            secret=True,
            needed=False,
            unless="crm_client_secret",
        ),
        Ask("crm_jwt_key_file", "file of that key", needed=False, rare=True),
        Ask(
            "crm_jwt_user",
            "name of the user who logs in with that key",
            needed=False,
            unless="crm_client_secret",
        ),
        Ask(
            "crm_jwt_audience",
            "whom that login is for; of a sandbox https://test.salesforce.com",
            needed=False,
            rare=True,
        ),
        Ask(
            "webhook_salesforce_secrets",
            "a token that you make: openssl rand -hex 24",
            secret=True,
            needed=False,
        ),
        Ask(
            "public_url",
            "address under which Salesforce reaches Leadgraph, such as https://leads.example.com",
            needed=False,
        ),
    ),
    scopes=(
        "OAuth scope api, client-credentials flow or digital signatures, run as an integration user",
        "read, create, edit and transfer Leads; read, create and edit Tasks, delete its own",
        "read and edit the fields named in config/fields/salesforce.toml",
    ),
    webhook="salesforce",
    gives={"crm": "salesforce"},
    told=steps,
    signed=trial.salesforce,
    open=opened,
    who=who,
    us=us,
    rights=rights,
    untold=(
        "Salesforce does not tell us of outbound messages and flows: see that they call, and hold what is needed",
    ),
)
"""Salesforce's."""
