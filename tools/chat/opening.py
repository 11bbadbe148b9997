"""Opens the chat that the settings name."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigError, LeadgraphError
from domain.ids import TenantId
from domain.ports.clock import Clock
from domain.ports.limits import Limits
from tools.chat.questions import SECRETS, Questions
from tools.chat.slack import MANNERS, URL, Notices, Slack
from tools.clock import SystemClock
from tools.echoes import ids_of
from tools.field_map import field_map
from tools.marked import MarkedTarget
from tools.receivers import secrets_of
from tools.sent import Sent
from tools.settings import Settings
from tools.vendor import Api
from tools.vendors import token_of
from tools.waits import SharedWait, account

FILE: Final = "slack.db"
"""What was posted, in the home."""


def open_notices(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> MarkedTarget:
    """The channel as a target of notifications. `later` closes it. Raises: ConfigError."""
    api, slack, sent = _opened(settings, root, clock, later, wait=wait)
    return MarkedTarget(Notices(slack), api, sent, tenant=TenantId(settings.tenant))


def open_questions(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, limits: Limits | None = None
) -> Questions | None:
    """The channel as a place for questions, None where no channel is set. Raises: ConfigError.

    By `limits` what Slack asks for is shared with whoever sends notifications there.
    """
    if not settings.slack_channel:
        return None
    shared = None if limits is None else account(settings, "slack", limits, clock.now)
    _, slack, sent = _opened(settings, root, clock, later, wait=shared)
    return Questions(
        slack,
        sent,
        clock,
        field_map(settings.config, "slack"),
        secrets=secrets_of(settings, SECRETS),
        teams=ids_of(settings.webhook_accounts, "slack"),
    )


@contextmanager
def chat_of(
    settings: Any, root: Path, clock: Clock, limits: Limits | None = None
) -> Iterator[Questions | None]:
    """The same, closed at the end."""
    with ExitStack() as later:
        yield open_questions(settings, root, clock, later, limits=limits)


def lacking(settings: Settings) -> list[str]:
    """What the channel, the app and our people lack, one line each; Slack is only read."""
    with ExitStack() as later:
        try:
            _, slack, _ = _opened(settings, settings.home, SystemClock(), later)
            problems = asyncio.run(slack.check())
            people = field_map(settings.config, "slack").people
        except LeadgraphError as error:
            return [str(error)]
    known = {*settings.regions, settings.region}
    problems += [
        f"slack_regions: {name} is no region here" for name in settings.slack_regions if name not in known
    ]
    if not people:
        problems.append("people: add who may decide to config/fields/slack.toml")
    if not settings.webhook_slack_secrets:
        problems.append(f"{SECRETS} is missing: without it no button works")
    return problems


def _opened(
    settings: Settings, root: Path, clock: Clock, later: ExitStack, *, wait: SharedWait | None = None
) -> tuple[Api, Slack, Sent]:
    if not settings.slack_channel:
        raise ConfigError("slack needs slack_channel: Slack's id of the channel")
    setting, renew = token_of("slack", settings.slack_token, settings.slack_token_file)
    api = Api(MANNERS, settings.slack_url or URL, renew, clock, setting=setting, wait=wait)
    later.callback(lambda: asyncio.run(api.aclose()))
    sent = Sent(root / FILE, clock)
    later.callback(sent.close)
    return api, Slack(api, settings.slack_channel, clock), sent
