"""Where effects go, as the settings say: the embedded CRM takes every step, others what they are named for."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from domain.effect import StepKind
from domain.errors import ConfigError
from domain.ports.clock import Clock
from domain.ports.limits import Limits
from domain.ports.target import Target
from tools.crm.embedded import EmbeddedCrm, Reports
from tools.crm.embedded.file import CrmFile
from tools.crm.files import CsvFile
from tools.guard_target import GuardedTarget, Guards
from tools.settings import Settings
from tools.waits import SharedWait, account

CRM_FILE: Final = "crm.db"
ALONE: Final = {
    "crm": "embedded",
    "crm_url": "",
    "desk": "off",
    "poll": (),
    "crm_channels": (),
    "webhook_url": "",
    "slack_channel": "",
    "programmes": "embedded",
}
"""Settings under which nothing leaves this machine: for a home that is thrown away."""
AT_HOME: Final = Guards(per_minute=0)
"""The embedded CRM and a file have no rate of their own."""
OUTSIDE: Final = Guards()
VENDOR: Final = Guards(deadline_s=45.0, per_minute=0)
"""A step at a vendor is some requests, each of which waits for its turn (`tools.waits`)."""


def open_targets(
    settings: Settings, root: Path, *, clock: Clock, limits: Limits, later: ExitStack
) -> Mapping[StepKind, Target]:
    """The target of each kind of step, each behind its guards; `later` closes them.

    With `export_file` every step goes to that file instead, with `crm_url` to the CRM there; notifications go to
    `webhook_url`, else to `slack_channel`. A vendor's CRM takes what it can and leaves the rest to the embedded one; a
    desk takes what concerns its conversations. Raises: ConfigError, Temporary (the CRM's file cannot be opened now).
    """

    def shared(vendor: str) -> SharedWait:
        return account(settings, vendor, limits, clock.now)

    def guarded(target: Target, guards: Guards, wait: SharedWait | None = None) -> Target:
        return GuardedTarget(target, guards, limits=limits, wait=wait, now=clock.now)

    main: Target
    if settings.export_file is not None:
        main = guarded(CsvFile(settings.export_file, clock), AT_HOME)
    elif settings.crm_url and settings.crm == "embedded":
        remote = _remote(settings.crm_url, settings, clock, later)
        main = guarded(remote, OUTSIDE, shared(remote.name))
    else:
        crm = EmbeddedCrm(root / CRM_FILE, clock)
        later.callback(crm.close)
        main = guarded(crm, AT_HOME)
    found = dict.fromkeys(main.takes, main)
    if settings.export_file is None:
        found |= _vendors(settings, root, clock, later, main=main, guarded=guarded, shared=shared)
    if settings.slack_channel and settings.export_file is None:
        from tools.chat.opening import open_notices  # here, as below

        wait = shared("slack")
        slack = guarded(open_notices(settings, root, clock, later, wait=wait), VENDOR, wait)
        found |= dict.fromkeys(slack.takes, slack)
    if settings.webhook_url:
        from tools.crm.webhook import Webhook  # here: httpx takes a fifth of a second to import

        secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        hook = Webhook(settings.webhook_url, secrets, clock)
        later.callback(lambda: asyncio.run(hook.aclose()))
        found |= dict.fromkeys(hook.takes, guarded(hook, OUTSIDE, shared(hook.name)))
    return found


def _vendors(
    settings: Settings,
    root: Path,
    clock: Clock,
    later: ExitStack,
    *,
    main: Target,
    guarded: Callable[[Target, Guards, SharedWait | None], Target],
    shared: Callable[[str], SharedWait],
) -> Mapping[StepKind, Target]:
    if (settings.crm, settings.desk, settings.programmes) == ("embedded", "off", "embedded"):
        return {}
    from tools.desk_first import DeskFirst
    from tools.desk_takes import TAKES
    from tools.vendors import open_contacts, open_crm, open_desk, open_programmes  # here, as above

    found: dict[StepKind, Target] = {}
    if settings.crm != "embedded":
        wait = shared(settings.crm)
        crm = guarded(open_crm(settings, root, clock, later, wait=wait).target, VENDOR, wait)
        found |= dict.fromkeys(crm.takes, crm)
    if settings.programmes != "embedded":
        wait = shared(settings.programmes)
        lists = guarded(open_programmes(settings, root, clock, later, wait=wait).target, VENDOR, wait)
        found |= dict.fromkeys(lists.takes, lists)
    if settings.desk != "off":
        wait = shared(settings.desk)
        desk = open_desk(settings, root, clock, later, wait=wait)
        notes = found.get(StepKind.ADD_NOTE, main)
        both = DeskFirst(guarded(desk.target, VENDOR, wait), notes, main, talks=desk.talks)
        found |= dict.fromkeys(TAKES, both)
        contacts = open_contacts(settings, root, clock, later, wait=wait)
        if contacts is not None:
            target = guarded(contacts.target, VENDOR, wait)
            found[StepKind.SET_FIELDS] = DeskFirst(target, main, main, talks=contacts.talks)
    return found


def _remote(url: str, settings: Settings, clock: Clock, later: ExitStack) -> Target:
    from tools.crm.embedded.remote import RemoteCrm  # here, as above

    file = settings.crm_token_file
    if file is None:
        raise ConfigError("crm_url needs crm_token_file: the file that holds the CRM's token")

    async def read_anew() -> str:
        return await asyncio.to_thread(_token, file)

    crm = RemoteCrm(url, _token(file), clock, refresh=read_anew)
    later.callback(lambda: asyncio.run(crm.aclose()))
    return crm


def _token(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"crm_token_file: {file} cannot be read ({type(error).__name__})") from None


def crm_ledger(root: Path) -> list[tuple[str, str]]:
    """(key, kind) of every request that the embedded CRM below `root` applied, as its own file says."""
    if not (root / CRM_FILE).exists():
        return []
    file = CrmFile(root / CRM_FILE)
    try:
        return [(line.key, line.kind.value) for line in Reports(file).ledger(limit=1_000_000)]
    finally:
        file.close()
