"""Setting Slack up: a bot in one channel, where questions are asked and answered by buttons."""

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

import orjson

from domain.instants import SECOND
from domain.ports.receivers import JSON, Delivery
from domain.ports.setup import Ask, Standing
from tools.chat.slack import MANNERS, URL
from tools.setup.recipe import Opened, Recipe, asking, settings_of
from tools.vendor import Call
from tools.vendors import token_of

SCOPES: Final = "x-oauth-scopes"
"""The header in which Slack tells what a token may do."""


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The workspace of a bot's token. Raises: ConfigError."""
    url = values.get("slack_url") or URL
    settings = settings_of(values)
    async with asking(
        MANNERS, url, token_of("slack", settings.slack_token, settings.slack_token_file)
    ) as api:
        yield Opened(api, values, {})


async def who(account: Opened) -> str:
    """The bot, and its workspace."""
    found = await account.api.read(Call("GET", "/api/auth.test"))
    team, user = (found.get("team"), found.get("user")) if isinstance(found, Mapping) else (None, None)
    return f"Slack workspace {team} as {user}, channel {account.values['slack_channel']}"


async def rights(account: Opened) -> Standing:
    """The scopes of the bot's token, as Slack tells them beside each answer."""
    answer = await account.api.asked(Call("GET", "/api/auth.test"))
    scopes = {one.strip() for one in answer.headers.get(SCOPES, "").split(",")}
    if not any(scopes):
        return Standing(untold=("Slack does not tell the scopes of this token",))
    reads = "groups:history" if account.values["slack_channel"].startswith("G") else "channels:history"
    lacks = [] if "chat:write" in scopes else ["scopes: give the app chat:write"]
    lacks += [] if scopes & {"channels:history", "groups:history"} else [f"scopes: give the app {reads}"]
    return Standing(lacks)


def steps(url: str) -> Sequence[str]:
    """By hand: an app cannot set its own request address."""
    return (
        f"api.slack.com/apps, your app, Interactivity: on, Request URL {url}",
        "invite the app into the channel: /invite and its name",
        "who may decide: names and Slack's ids in [people] of config/fields/slack.toml",
    )


def trial(secret: str, _url: str, now: int) -> Delivery:
    """What Slack sends to see whether an address is ours."""
    body, at = orjson.dumps({"type": "url_verification", "challenge": f"trial{now}"}), str(now // SECOND)
    mac = hmac.digest(secret.encode(), f"v0:{at}:".encode() + body, sha256).hex()
    return Delivery(
        {"content-type": JSON, "x-slack-signature": f"v0={mac}", "x-slack-request-timestamp": at}, body
    )


RECIPE: Final = Recipe(
    name="slack",
    asks=(
        Ask("slack_url", "address of Slack, if it is another", needed=False, rare=True),
        Ask(
            "slack_token",
            "Bot User OAuth Token of your app (xoxb-...)",
            secret=True,
            unless="slack_token_file",
        ),
        Ask("slack_token_file", "file of that token", needed=False, rare=True),
        Ask(
            "slack_channel",
            "id of the channel in which questions are asked (C...; at the end of its details)",
        ),
        Ask(
            "webhook_slack_secrets",
            "signing secret of the app (Basic Information)",
            secret=True,
            needed=False,
        ),
        Ask(
            "public_url",
            "address under which Slack reaches Leadgraph, such as https://leads.example.com",
            needed=False,
        ),
    ),
    scopes=("chat:write", "channels:history (groups:history for a private channel)"),
    webhook="slack",
    path="/v1/slack/interactions",
    told=steps,
    signed=trial,
    open=opened,
    who=who,
    rights=rights,
    untold=("Slack does not tell whether interactivity is on",),
)
"""Slack's."""
