"""Setting Chatwoot up: an agent's token, our label and attributes, the account's webhook."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from domain.ports.setup import Ask, Hook
from tools.desk.chatwoot import MANNERS, OWN, Chatwoot
from tools.field_map import field_map
from tools.setup import trial
from tools.setup.recipe import NAME, Missing, Opened, Recipe, asking, rows
from tools.vendor import Call

EVENTS: Final = (
    "message_created",
    "conversation_created",
    "conversation_status_changed",
    "contact_created",
    "contact_updated",
)
"""What the webhook is to tell of."""
_TEXT, _CONVERSATION = 0, 0


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a token. Raises: ConfigError."""
    fields = field_map(Path(values["config"]), "chatwoot", own=OWN)
    async with asking(MANNERS, values["desk_url"], values["desk_token"], setting="desk_token") as api:
        check = Chatwoot(api, fields, account=int(values["desk_account"])).check
        yield Opened(api, values, fields.own, check)


async def who(account: Opened) -> str:
    """The agent in whose name we write, with the role."""
    found = await account.api.read(Call("GET", "/api/v1/profile"))
    name, role = (found.get("name"), found.get("role")) if isinstance(found, Mapping) else ("", "")
    return f"Chatwoot account {account.values['desk_account']} as {name} ({role})"


async def missing(account: Opened) -> Sequence[Missing]:
    """The label, and the attributes of a conversation: without these people would not see what we note there."""
    root, own = _root(account), account.own
    labels = {
        one.get("title") for one in rows(await account.api.read(Call("GET", f"{root}/labels")), "payload")
    }
    found = []
    if own["label"] not in labels:
        body = {"title": own["label"], "description": "Handed to sales by Leadgraph", "show_on_sidebar": True}
        found.append(Missing(f"label {own['label']}", (Call("POST", f"{root}/labels", body),)))
    path = f"{root}/custom_attribute_definitions"
    made = await account.api.read(Call("GET", f"{path}?attribute_model={_CONVERSATION}"))
    there = {one.get("attribute_key") for one in rows(made)}
    for name in (own["marks"], own["queue"]):
        if name not in there:
            body = {
                "attribute_display_name": name.replace("_", " ").capitalize(),
                "attribute_description": "Written by Leadgraph",
                "attribute_key": name,
                "attribute_display_type": _TEXT,
                "attribute_model": _CONVERSATION,
            }
            found.append(Missing(f"attribute {name} of conversations (text)", (Call("POST", path, body),)))
    return found


async def hooked(account: Opened, url: str) -> Hook:
    """The account's webhook to `url`: only an administrator's token may see or make it."""
    path = f"{_root(account)}/webhooks"
    answer = await account.api.read(Call("GET", path))
    listed = rows(answer.get("payload"), "webhooks") if isinstance(answer, Mapping) else []
    for one in listed or rows(answer):
        if one.get("url") == url:
            return Hook(f"webhook {one.get('id')} calls {url} already", made=False, secret=_secret(one))
    body = {"url": url, "name": NAME, "subscriptions": list(EVENTS)}
    made = (await account.api.write(Call("POST", path, body))).body
    inner = made.get("payload", {}).get("webhook", made) if isinstance(made, Mapping) else {}
    return Hook(f"webhook {inner.get('id')} made, it calls {url}", made=True, secret=_secret(inner))


def _secret(hook: Mapping[str, object]) -> str | None:
    secret = hook.get("secret")
    return secret if isinstance(secret, str) and secret else None


def _root(account: Opened) -> str:
    return f"/api/v1/accounts/{account.values['desk_account']}"


RECIPE: Final = Recipe(
    name="chatwoot",
    asks=(
        Ask("desk_url", "address of your Chatwoot, such as https://chat.example.com"),
        Ask("desk_account", "number of the account: the one behind /accounts/ in the address", number=True),
        Ask(
            "desk_token", "access token of Leadgraph's own agent (Profile settings, at the end)", secret=True
        ),
        Ask(
            "public_url",
            "address under which Chatwoot reaches Leadgraph, such as https://leads.example.com",
            needed=False,
        ),
        Ask(
            "webhook_chatwoot_secrets",
            "secret of the webhook, if you made one by hand",
            secret=True,
            needed=False,
        ),
    ),
    scopes=(
        "role agent, member of every inbox that is handed over",
        "role administrator while connecting, if Leadgraph is to make the label, the attributes and the webhook",
    ),
    webhook="chatwoot",
    gives={"desk": "chatwoot"},
    told=lambda url: (
        f"Settings, Integrations, Webhooks: {url}, with the events {', '.join(EVENTS)}",
        "copy the webhook's secret (Chatwoot 4.13 or newer)",
    ),
    signed=trial.chatwoot,
    open=opened,
    who=who,
    missing=missing,
    hooked=hooked,
)
"""Chatwoot's."""
