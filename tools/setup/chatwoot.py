"""Setting Chatwoot up: an agent's token, our label and attributes, the account's webhook."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from domain.ports.setup import Ask, Hook, Standing
from tools.desk.chatwoot import MANNERS, OWN
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
    settings = settings_of(values)
    login = token_of("desk", settings.desk_token, settings.desk_token_file)
    async with asking(MANNERS, values["desk_url"], login) as api:
        yield Opened(api, values, fields.own)


async def who(account: Opened) -> str:
    """The agent in whose name we write, with the role and the inboxes."""
    found = await _profile(account)
    inboxes = ", ".join(str(one.get("name")) for one in await _inboxes(account)) or "none"
    return (
        f"Chatwoot account {account.values['desk_account']} as {found.get('name')} ({_role(account, found)});"
        f" inboxes: {inboxes}"
    )


async def us(account: Opened) -> str:
    """Our user."""
    return f"user:{(await _profile(account)).get('id')}"


async def rights(account: Opened) -> Standing:
    """Our agent is of the account, and of an inbox at least: which of them are handed over only people know."""
    profile = await _profile(account)
    if _role(account, profile) == "none":
        return Standing(
            (f"role: {profile.get('name')} is not an agent of account {account.values['desk_account']}",)
        )
    there = await _inboxes(account)
    return Standing(() if there else ("inboxes: make our agent a member of every inbox that is handed over",))


async def _profile(account: Opened) -> Mapping[str, Any]:
    found = await account.api.read(Call("GET", "/api/v1/profile"))
    known("chatwoot", found.get("id") if isinstance(found, Mapping) else None)
    return dict(found)


def _role(account: Opened, profile: Mapping[str, Any]) -> str:
    """Of our user in this account; where no accounts are listed, that of the account opened last."""
    number = int(account.values["desk_account"])
    accounts = rows(profile.get("accounts"))
    told = next((one.get("role") for one in accounts if one.get("id") == number), None)
    return str(told or "none") if accounts else str(profile.get("role") or "agent")


async def _inboxes(account: Opened) -> list[Mapping[str, Any]]:
    return rows(await account.api.read(Call("GET", f"{_root(account)}/inboxes")), "payload")


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


async def unhooked(account: Opened, url: str) -> Missing | None:
    """What the webhook to `url` lacks to tell of all `EVENTS`: only an administrator's token may see it."""
    path, found = f"{_root(account)}/webhooks", await _hook(account, url)
    if found is None:
        body = {"url": url, "name": NAME, "subscriptions": list(EVENTS)}
        return Missing(f"webhook: none calls {url}", (Call("POST", path, body),))
    lacking = left_out(found, EVENTS)
    if not lacking:
        return None
    body = {"url": url, "subscriptions": [*subscribed(found), *lacking]}
    words = f"webhook: {found.get('id')} does not tell of {', '.join(lacking)}"
    return Missing(words, (Call("PATCH", f"{path}/{found.get('id')}", body),))


async def hooked(account: Opened, url: str) -> Hook:
    """Made, or put right."""
    wrong, words = await unhooked(account, url), f"calls {url} already"
    made = wrong is not None and wrong.calls[0].method == "POST"
    told: Any = None
    if wrong is not None:
        told = (await account.api.write(wrong.calls[0])).body
        words = f"made, it calls {url}" if made else f"calls {url}, now for all that is needed"
    found = _inner(told) if made else await _hook(account, url) or {}
    return Hook(f"webhook {found.get('id')} {words}", made=made, secret=_secret(found))


async def _hook(account: Opened, url: str) -> Mapping[str, Any] | None:
    answer = await account.api.read(Call("GET", f"{_root(account)}/webhooks"))
    listed = rows(answer.get("payload"), "webhooks") if isinstance(answer, Mapping) else []
    return next((one for one in listed or rows(answer) if one.get("url") == url), None)


def _inner(answer: Any) -> Mapping[str, Any]:
    found = answer.get("payload", {}).get("webhook", answer) if isinstance(answer, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


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
            "desk_token",
            "access token of Leadgraph's own agent (Profile settings, at the end)",
            secret=True,
            unless="desk_token_file",
        ),
        Ask("desk_token_file", "file of that token", needed=False, rare=True),
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
    us=us,
    rights=rights,
    missing=missing,
    hooked=hooked,
    unhooked=unhooked,
)
"""Chatwoot's."""
