"""Checks of the environment: each says what it looked at, whether it is well, and what to do if not."""

import importlib.metadata
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from domain.errors import LeadgraphError
from tools.clock import SystemClock, stored_time
from tools.credentials import Credentials
from tools.settings import RECEIVED, Settings

NEEDED_SQLITE = (3, 35, 0)
"""RETURNING and upserts with several conflicts."""
LOW_DISK_BYTES = 500_000_000
_ASK_AGAIN = "it asks again by itself; leadgraph sync asks now"
_CODES = {
    "expired": "it began at the earliest there is: leadgraph sync --since",
    "behind": "what was missed is being asked for; leadgraph sync does it now",
    "account": "the login is of an organisation that webhook_accounts does not name",
}
"""Code of a position -> what a person does about it."""
_REFUSED = ("forbidden", "gone", "invalid")
_CHANNEL = "Salesforce has no such channel, or not for this user: docs/vendors/salesforce.md"
FIXED = ("langgraph", "langchain-openai", "openai", "pydantic", "chromadb", "tenacity", "langsmith", "zen-engine",
         "sqlalchemy", "polars")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def diagnose(settings: Settings, load_tables: Callable[[], str]) -> Iterator[Check]:
    """All checks in the order in which a person would mend them. `load_tables` loads what people edit and names it."""
    yield _python()
    yield from _packages()
    yield _sqlite()
    yield _home(settings.home)
    yield from _keys(settings)
    yield from _grants(settings)
    yield _anchor(settings)
    yield _tables(load_tables)
    yield _model(settings)
    yield from _vendors(settings)
    yield from _webhooks(settings)
    yield from _positions(settings)
    yield from _subscriptions(settings)
    yield _time(settings)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), found, "use Python 3.11 or newer and run make setup")


def _packages() -> Iterator[Check]:
    for name in FIXED:
        try:
            yield Check(f"package {name}", True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(f"package {name}", False, "not installed", "run make setup")


def _sqlite() -> Check:
    remedy = "use a Python built with a newer SQLite"
    return Check("sqlite", sqlite3.sqlite_version_info >= NEEDED_SQLITE, sqlite3.sqlite_version, remedy)


def _home(home: Path) -> Check:
    place = home if home.exists() else home.resolve().parent
    if home.exists() and not home.is_dir():
        return Check("home", False, f"{home} is a file", "set LEADGRAPH_HOME to a folder")
    if not os.access(place, os.W_OK):
        return Check("home", False, f"{place} cannot be written", "give yourself the right to write there")
    free = shutil.disk_usage(place).free
    state = "exists" if home.exists() else "will be made on first use"
    detail = f"{home} {state}, {free // 1_000_000:,} MB free"
    return Check("home", free > LOW_DISK_BYTES, detail, "make room on the disk: a full disk stops the door")


def _keys(settings: Settings) -> Iterator[Check]:
    folder = settings.home / "keys"
    if not folder.is_dir():
        yield Check("keys", True, "none yet; made on first use")
        return
    for file in sorted(folder.iterdir()):
        open_to_others = bool(file.stat().st_mode & 0o077) and file.suffix != ".pub"
        remedy = f"chmod 600 {file}"
        yield Check(
            f"key {file.name}",
            not open_to_others,
            "readable by others" if open_to_others else "private",
            remedy,
        )


def _grants(settings: Settings) -> Iterator[Check]:
    """What came of a refresh token that is not there any more: somebody who ran on may have kept it."""
    from tools.refresh import PREFIX, SETTING

    if settings.crm_refresh_token is not None:
        return
    try:
        left = [
            name
            for name in Credentials(settings.home, master=settings.master_key).ages()
            if name.startswith(PREFIX)
        ]
    except LeadgraphError as error:
        yield Check("credentials", False, str(error), "see leadgraph credentials list")
        return
    if left:
        remedy = f"stop what runs, then: leadgraph credentials forget {SETTING}"
        yield Check("credentials", False, f"{', '.join(left)} without a {SETTING}", remedy)


def _anchor(settings: Settings) -> Check:
    try:
        file = settings.anchor_file()
    except LeadgraphError as error:
        return Check(
            "audit anchor", False, str(error), "set LEADGRAPH_ANCHOR to a file on another disk or machine"
        )
    state = "exists" if file.exists() else "not written yet"
    return Check("audit anchor", True, f"{file} ({state}); keep it on another machine if you can")


def _tables(load_tables: Callable[[], str]) -> Check:
    try:
        return Check("tables", True, load_tables())
    except LeadgraphError as error:
        return Check("tables", False, str(error), "mend the table, then run leadgraph policy check")


def _model(settings: Settings) -> Check:
    """What is configured; nobody is asked."""
    from tools.llm.opening import described

    try:
        return Check("model", True, described(settings))
    except LeadgraphError as error:
        return Check("model", False, str(error), "see docs/endpoints.md")


def _vendors(settings: Settings) -> Iterator[Check]:
    """Each vendor in use is asked, by reads alone, if its account is ready."""
    from tools.standing import standings  # here: it takes a fifth of a second to import

    for one in standings(settings):
        well = "; ".join(["reached; every field, label and team is there", *one.untold])
        detail = "; ".join(one.lacks) if one.lacks else well
        yield Check(f"connector {one.name}", not one.lacks, detail, "see docs/connectors.md")


def _webhooks(settings: Settings) -> Iterator[Check]:
    """Each source that has a secret takes a request signed as its vendor signs; nothing is sent or stored."""
    if not any(getattr(settings, name) for name in RECEIVED):
        return
    from tools.setup import NAMES, door, setup

    for name in NAMES:
        recipe = setup(name)
        secrets = getattr(settings, f"webhook_{recipe.webhook}_secrets", ())
        if not secrets:
            continue
        url = f"{(settings.public_url or '').rstrip('/')}{recipe.path}"
        now = SystemClock().now()
        try:
            delivery = recipe.trial(secrets[0].get_secret_value(), url, now)
            tried = door.here(settings, recipe.webhook, delivery, now)
            ok, words = bool(tried["ok"]), tried["words"]
        except LeadgraphError as error:
            ok, words = False, str(error)
        detail = f"{words}; {len(secrets)} secret{'s' if len(secrets) > 1 else ''}, address {url}"
        yield Check(f"webhook {recipe.webhook}", ok, detail, f"leadgraph connect {name}")


def _positions(settings: Settings) -> Iterator[Check]:
    """How each poller and stream of this home stands; vendors are not asked."""
    file = settings.home / "leadgraph.db"
    wanted = {f"salesforce.stream{channel}" for channel in settings.crm_channels}
    if not (settings.poll or wanted) or not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            rows = store.execute(
                "SELECT name, code, lease_until FROM sync_position WHERE tenant = ? ORDER BY name",
                (settings.tenant,),
            ).fetchall()
    except sqlite3.Error as error:
        yield Check("poll", False, str(error), "open the home once: leadgraph worker --once")
        return
    for name, code, held_until in rows:
        streams = ".stream/" in name
        if streams and name not in wanted:
            continue
        remedy = _CODES.get(code, _CHANNEL if streams and code in _REFUSED else _ASK_AGAIN)
        heard = ", somebody listens" if held_until > SystemClock().now() else ", nobody listens now"
        yield Check(f"poll {name}", code in ("ok", "new"), f"{code}{heard if streams else ''}", remedy)
    for name in sorted(wanted - {name for name, *_ in rows}):
        yield Check(
            f"poll {name}", False, "nobody has listened yet", "leadgraph serve, or leadgraph sync salesforce"
        )


def _subscriptions(settings: Settings) -> Iterator[Check]:
    """Whether those who are told of events answer; nobody is asked."""
    file = settings.home / "leadgraph.db"
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            rows = store.execute(
                "SELECT subscription_id, state, reason FROM subscription WHERE tenant = ? AND state <> 'ended'"
                " ORDER BY subscription_id",
                (settings.tenant,),
            ).fetchall()
    except sqlite3.Error as error:
        yield Check("events", False, str(error), "open the home once: leadgraph events list")
        return
    for name, state, reason in rows:
        remedy = f"leadgraph events test {name}, then: leadgraph events resume {name}"
        yield Check(f"events {name}", state == "on", f"{state} ({reason})" if reason else state, remedy)


def _time(settings: Settings) -> Check:
    try:
        stored = stored_time(settings.home / "clock")
    except LeadgraphError as error:
        return Check("clock", False, str(error), "delete the file to go back to real time")
    if stored is None:
        return Check("clock", True, "real time")
    detail = f"stream time of a replay, in {settings.home / 'clock'}"
    return Check("clock", True, detail)


def loaded_tables(folder: Path) -> str:
    """Load everything that people edit, and name what was loaded. Raises: ConfigError."""
    from tools.catalogue import load_catalogue
    from tools.models.baseline import baseline
    from tools.policy.load import load_policy
    from tools.policy.reps import load_reps
    from tools.reasoner.local import local_reasoner

    catalogue = load_catalogue(folder / "features.toml")
    scorer = baseline(folder, catalogue)
    policy = load_policy(folder / "policies")
    reps, reasoner = load_reps(folder / "reps.csv"), local_reasoner(folder)
    return (
        f"{len(catalogue.definitions)} features {catalogue.version}, scoring {scorer.version}, "
        f"lexicon {reasoner.version}, policy {policy.version}, {len(reps)} salespeople"
    )
