"""Setting Salesforce up: a connected app's login, the fields that an administrator makes, and the tokens we issue."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from domain.ports.setup import Ask
from tools.clock import SystemClock
from tools.crm.salesforce import MANNERS, OWN, ROOT, Salesforce
from tools.field_map import field_map
from tools.login import Login
from tools.sent import Sent
from tools.setup import trial
from tools.setup.recipe import Opened, Recipe
from tools.vendor import Api, Call


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The org of a client's credentials. Raises: ConfigError."""
    clock, url = SystemClock(), values["crm_url"]
    fields = field_map(Path(values["config"]), "salesforce", own=OWN)
    login = Login(url, values["crm_client_id"], values["crm_client_secret"])
    api = Api(MANNERS, url, login, clock, setting="crm_client_secret")
    sent = Sent(Path(":memory:"), clock)
    try:
        check = Salesforce(api, fields, sent, login, create=False).check
        yield Opened(api, values, fields.own, check)
    finally:
        sent.close()
        await api.aclose()


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
        Ask("crm_client_secret", "consumer secret of the connected app", secret=True),
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
        "OAuth scope api, client-credentials flow, run as an integration user",
        "read, create, edit and transfer Leads; read, create and edit Tasks, delete its own",
        "read and edit the fields named in config/fields/salesforce.toml",
    ),
    webhook="salesforce",
    gives={"crm": "salesforce"},
    told=steps,
    signed=trial.salesforce,
    open=opened,
    who=who,
)
"""Salesforce's."""
