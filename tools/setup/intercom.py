"""Setting Intercom up: an app's token and its admin, our tag and attributes, the app's webhook."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from domain.ports.setup import Ask
from tools.desk.intercom import MANNERS, OWN, URL, Intercom
from tools.field_map import field_map
from tools.setup import trial
from tools.setup.recipe import Opened, Recipe, asking
from tools.vendor import Call


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The workspace of a token. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "intercom", own=OWN)
    url = values.get("desk_url") or URL
    async with asking(MANNERS, url, values["desk_token"], setting="desk_token") as api:
        check = Intercom(api, fields, admin=int(values["desk_account"])).check
        yield Opened(api, values, fields.own, check)


async def who(account: Opened) -> str:
    """The admin behind the token, and the workspace."""
    found = await account.api.read(Call("GET", "/me"))
    app = found.get("app") if isinstance(found, Mapping) else None
    workspace = app.get("id_code") if isinstance(app, Mapping) else None
    return (
        f"Intercom workspace {workspace} as admin {found.get('id') if isinstance(found, Mapping) else None}"
    )


def steps(url: str) -> Sequence[str]:
    """All of it by hand: the API makes attributes of contacts and companies only, and no webhooks."""
    return (
        f"Developer Hub, your app, Webhooks: endpoint {url}",
        "topics conversation.user.created, conversation.user.replied, conversation.admin.replied,"
        " conversation.admin.closed, contact.user.created, contact.lead.created",
        "the conversation attributes that are listed as missing: Settings, Data, Conversations",
    )


RECIPE: Final = Recipe(
    name="intercom",
    asks=(
        Ask("desk_url", "address of Intercom's API, if it is not the usual one", needed=False, rare=True),
        Ask(
            "desk_account",
            "id of the admin in whose name Leadgraph writes (GET /me with the token shows it)",
            number=True,
        ),
        Ask("desk_token", "access token of your app (Developer Hub, Authentication)", secret=True),
        Ask(
            "webhook_intercom_secrets",
            "client secret of the app (Basic information)",
            secret=True,
            needed=False,
        ),
        Ask(
            "public_url",
            "address under which Intercom reaches Leadgraph, such as https://leads.example.com",
            needed=False,
        ),
    ),
    scopes=(
        "read conversations",
        "write conversations",
        "read admins",
        "read tags",
        "write tags",
        "list data attributes",
    ),
    webhook="intercom",
    gives={"desk": "intercom"},
    told=steps,
    signed=trial.intercom,
    open=opened,
    who=who,
)
"""Intercom's."""
