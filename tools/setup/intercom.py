"""Setting Intercom up: an app's token and its admin, our tag and attributes, the app's webhook."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from domain.ports.setup import Ask
from tools.desk.intercom import MANNERS, OWN, URL
from tools.field_map import field_map
from tools.setup import trial
from tools.setup.recipe import Opened, Recipe, asking, known, settings_of
from tools.vendor import Call
from tools.vendors import token_of


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The workspace of a token. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "intercom", own=OWN)
    url = values.get("desk_url") or URL
    settings = settings_of(values)
    login = token_of("desk", settings.desk_token, settings.desk_token_file)
    async with asking(MANNERS, url, login) as api:
        yield Opened(api, values, fields.own)


async def who(account: Opened) -> str:
    """The admin behind the token, and the workspace."""
    found = await account.api.read(Call("GET", "/me"))
    app = found.get("app") if isinstance(found, Mapping) else None
    workspace = app.get("id_code") if isinstance(app, Mapping) else None
    admin = known("intercom", found.get("id") if isinstance(found, Mapping) else None)
    return f"Intercom workspace {workspace} as admin {admin}"


def steps(url: str) -> Sequence[str]:
    """All of it by hand: the API makes attributes of contacts and companies only, and no webhooks."""
    return (
        f"Developer Hub, your app, Webhooks: endpoint {url}",
        "topics conversation.user.created, conversation.user.replied, conversation.admin.replied,"
        " conversation.admin.closed, contact.user.created, contact.lead.created, contact.merged, contact.deleted,"
        " contact.archive, contact.unsubscribed",
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
        Ask(
            "desk_token",
            "access token of your app (Developer Hub, Authentication)",
            secret=True,
            unless="desk_token_file",
        ),
        Ask("desk_token_file", "file of that token", needed=False, rare=True),
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
    untold=(
        "Intercom tells neither what the app may write nor its webhook topics: see docs/vendors/intercom.md",
    ),
)
"""Intercom's."""
