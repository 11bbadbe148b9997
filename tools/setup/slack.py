"""Setting Slack up: a bot in one channel, where questions are asked and answered by buttons."""

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

import orjson

from domain.instants import SECOND
from domain.ports.receivers import JSON, Delivery
from domain.ports.setup import Ask
from tools.chat.slack import MANNERS, URL, Slack
from tools.clock import SystemClock
from tools.setup.recipe import Opened, Recipe, asking
from tools.vendor import Call


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The workspace of a bot's token. Raises: ConfigError."""
    url = values.get("slack_url") or URL
    async with asking(MANNERS, url, values["slack_token"], setting="slack_token") as api:
        yield Opened(api, values, {}, Slack(api, values["slack_channel"], SystemClock()).check)


async def who(account: Opened) -> str:
    """The bot, and its workspace."""
    found = await account.api.read(Call("GET", "/api/auth.test"))
    team, user = (found.get("team"), found.get("user")) if isinstance(found, Mapping) else (None, None)
    return f"Slack workspace {team} as {user}, channel {account.values['slack_channel']}"


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
        Ask("slack_token", "Bot User OAuth Token of your app (xoxb-...)", secret=True),
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
)
"""Slack's."""
