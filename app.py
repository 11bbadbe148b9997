"""The composition root: settings -> ports -> graph -> surfaces. Nobody imports this file; it imports lazily."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tools.toolbox import Tools

if TYPE_CHECKING:
    from domain.features import Catalogue
    from domain.ports.clock import Clock
    from domain.ports.desks import Desks
    from domain.ports.events import Events
    from domain.ports.home import Home
    from domain.ports.inbox import Inbox
    from domain.ports.memory import Memory
    from domain.ports.model import Model
    from domain.ports.policy import Policy
    from domain.ports.upstream import Upstream
    from tools.audit.log import SqlAuditLog
    from tools.backup.doors import Backups
    from tools.home import Hold
    from tools.models.registry import Registry
    from tools.models.scorers import HomeScorers
    from tools.privacy.keys import Keys
    from tools.privacy.vault import KeyRow, LeadVault
    from tools.reasoner.local import LocalReasoner
    from tools.settings import Settings
    from tools.store import Store

DATABASE = "leadgraph.db"


def main() -> None:
    """Entry point of the command ``leadgraph``."""
    from rich.console import Console

    from surfaces.cli.context import Cli
    from surfaces.cli.root import run

    sys.exit(run(Cli(open=open_home, tools=Toolbox(), out=Console(), err=Console(stderr=True))))


def _unheard(_: str) -> None:
    """Nobody listens to the store's points."""


@contextmanager
def open_home(
    *,
    virtual_clock: bool = False,
    exclusive: bool = True,
    home: Path | None = None,
    given: Mapping[str, Any] | None = None,
    clock: "Clock | None" = None,
    on_point: Callable[[str], None] = _unheard,
) -> "Iterator[Home]":
    """Open the home that the settings name, or `home`; close it at the end. `given` settings win over all others.

    `virtual_clock` puts it on stream time, where it then stays. Without `exclusive` it is only read. Else it is held:
    alone, or, by the setting `beside`, together with others. What a dead process held is given back: alone all of it,
    beside others what the one of the same writer name held. `clock` and `on_point` (told of the store's boundaries)
    are for tests.
    Raises: ConfigError, Temporary (in use, disk full), Permanent (damaged).
    """
    from tools.home import held, opening
    from tools.settings import find_settings

    settings = find_settings(home=home, **(given or {})).settings
    hold = _hold(settings, virtual_clock=virtual_clock, exclusive=exclusive)
    with held(settings.home, hold, writer=settings.writer), ExitStack() as later:
        with opening(settings.home):
            clock = clock or _clock(settings.home, hold, virtual=virtual_clock, later=later)
            opened = _opened(settings, hold, clock=clock, on_point=on_point, later=later)
        yield opened


def _hold(settings: "Settings", *, virtual_clock: bool, exclusive: bool) -> "Hold":
    """Stream time is one process's affair."""
    from tools.home import Hold

    if not exclusive:
        return Hold.READING
    return Hold.BESIDE if settings.beside and not virtual_clock else Hold.ALONE


def _clock(root: Path, hold: "Hold", *, virtual: bool, later: ExitStack) -> "Clock":
    """Real time, or the stream's, which is kept at the end. Raises: ConfigError."""
    from domain.errors import ConfigError
    from tools.clock import ReplayClock, SystemClock, stored_time
    from tools.home import Hold

    file = root / "clock"
    if not virtual and stored_time(file) is None:
        return SystemClock()
    if hold is Hold.BESIDE:
        raise ConfigError(
            f"beside: {root} is on stream time since a replay, so one process works on it alone; "
            f"unset LEADGRAPH_BESIDE, or delete {file} to go back to real time"
        )
    clock = ReplayClock(file=file)
    if hold is Hold.ALONE:
        later.callback(clock.save)
    return clock


def _opened(
    settings: "Settings", hold: "Hold", *, clock: "Clock", on_point: Callable[[str], None], later: ExitStack
) -> "Home":
    """The home's parts, which `later` closes; what was left held is given back."""
    import asyncio

    from tools.backup.finish import finish_restore
    from tools.home import Hold
    from tools.privacy.keys import open_keys
    from tools.privacy.vault import LeadVault
    from tools.sent import open_notes
    from tools.sentences import load_sentences
    from tools.store import open_store
    from tools.store_config import config_of

    root = settings.home
    fresh = not (root / DATABASE).exists()
    keys = open_keys(root / "keys", master=settings.master_key, create=fresh)
    opened: list[Store] = []

    def fetch(tenant: str, lead: str | None, key: str | None) -> "Sequence[KeyRow]":
        return opened[0].fetch_keys(tenant, lead, key)  # the vault and the store know each other

    vault = LeadVault(keys.master, fetch=fetch)
    store = open_store(root / DATABASE, config_of(settings, keys, vault), on_point=on_point)
    opened.append(store)
    later.callback(store.close)
    if hold is not Hold.READING:
        mine = hold is Hold.BESIDE
        asyncio.run(store.work.reclaim(now=clock.now(), mine_only=mine))
        asyncio.run(store.outbox.reclaim(now=clock.now(), mine_only=mine))
    home = _home(settings, store, keys, vault=vault, clock=clock, later=later)
    sentences = load_sentences(settings.config)
    home = replace(home, access=store.access, spending=store.spending, sentences=sentences)
    home = replace(home, events=_events(settings, store, keys, clock=clock))
    home = replace(home, upstream=_upstream(settings, store, clock=clock, later=later))
    home = replace(home, desk=_desks(settings, store, clock=clock, later=later))
    if hold is not Hold.READING:
        home = replace(home, notes=open_notes(root, clock, later))
        asyncio.run(finish_restore(home, settings.erased_file(), fresh=fresh))
    return home


@contextmanager
def throw_away_home(*, real_time: bool = False) -> "Iterator[Home]":
    """A home on stream time, or on real time, in a folder that is deleted afterwards; it remembers nothing.

    What it does stays in it, whatever the settings say of vendors.
    """
    from tools.targets import ALONE

    with (
        TemporaryDirectory(prefix="leadgraph-") as scratch,
        open_home(
            virtual_clock=not real_time, home=Path(scratch) / "home", given=ALONE | {"memory": "off"}
        ) as home,
    ):
        yield home


def _home(
    settings: "Settings",
    store: "Store",
    keys: "Keys",
    *,
    vault: "LeadVault",
    clock: "Clock",
    later: ExitStack,
) -> "Home":
    from domain.ids import Region, TenantId
    from domain.ports.home import Home
    from tools.catalogue import home_catalogue
    from tools.fingerprint import versions_of
    from tools.models.baseline import baseline
    from tools.privacy.hasher import contact_hasher, text_mark
    from tools.targets import open_targets

    tenant, region, tables = TenantId(settings.tenant), Region(settings.region), settings.config
    catalogue, attributes = home_catalogue(tables, settings.home)
    reasoner, memory = _readers(settings, store, clock=clock, later=later)
    scorer = baseline(tables, catalogue)
    audit = _audit(settings, store, keys)
    models, scorers = _models(settings, keys, catalogue)
    policy = _policy(settings, audit, at=clock.now())
    model, named = _model(settings, store, keys, clock=clock)
    return Home(
        root=settings.home,
        tenant=tenant,
        region=region,
        regions=frozenset(Region(name) for name in (*settings.regions, settings.region)),
        clock=clock,
        inbox=_inbox(settings, store),
        work=store.work,
        commit=store.commit,
        reads=store.reads,
        accounts=store.accounts,
        quarantine=store.quarantine,
        outbox=store.outbox,
        approvals=store.approvals,
        limits=store.limits,
        feedback=store.feedback,
        talks=store.talks,
        targets=open_targets(settings, settings.home, clock=clock, limits=store.limits, later=later),
        audit=audit,
        vault=vault,
        hasher=contact_hasher(keys.secret, tables, tenant=settings.tenant),
        reasoner=reasoner,
        scorer=scorer,
        scorers=scorers,
        models=models,
        policy=policy,
        catalogue=catalogue,
        attributes=attributes,
        versions=versions_of(features=catalogue, policy=policy, reasoner=reasoner, scorer=scorer) | named,
        settings=settings,
        mark=text_mark(keys.secret),
        model=model,
        memory=memory,
        remembered=store.remembered,
    )


def _upstream(settings: "Settings", store: "Store", *, clock: "Clock", later: ExitStack) -> "Upstream":
    from domain.ports.upstream import Upstream

    if settings.crm == "embedded" and settings.desk == "off" and not (settings.poll or settings.crm_channels):
        return Upstream(store.todos, store.positions)
    from tools.records.opening import open_upstream  # here: httpx takes a fifth of a second to import

    todos, positions, limits = store.todos, store.positions, store.limits
    return open_upstream(settings, todos, positions, clock=clock, limits=limits, later=later)


def _desks(settings: "Settings", store: "Store", *, clock: "Clock", later: ExitStack) -> "Desks | None":
    if "off" in (settings.desk, settings.desk_handoff):
        return None
    from tools.desk_talks import open_desks  # here: httpx takes a fifth of a second to import

    return open_desks(settings, store.due_talks, clock=clock, limits=store.limits, later=later)


def _readers(
    settings: "Settings", store: "Store", *, clock: "Clock", later: ExitStack
) -> "tuple[LocalReasoner, Memory | None]":
    """What reads texts and what remembers them: with one embedder, so that a text is read once."""
    from tools.embed.here import embedder_here
    from tools.memory.opening import open_memory
    from tools.reasoner.local import local_reasoner

    embedder = embedder_here()
    memory = open_memory(settings, store.remembered, embedder, clock, later=later)
    return local_reasoner(settings.config, embedder), memory


def _inbox(settings: "Settings", store: "Store") -> "Inbox":
    from tools.privacy.erased import ErasureList, RememberingInbox

    return RememberingInbox(store.inbox, ErasureList(settings.erased_file()))


def _models(settings: "Settings", keys: "Keys", catalogue: "Catalogue") -> "tuple[Registry, HomeScorers]":
    from domain.ids import Region, TenantId
    from tools.models.registry import Registry
    from tools.models.scorers import HomeScorers

    models = Registry(settings.home, tenant=TenantId(settings.tenant), region=Region(settings.region))
    return models, HomeScorers(models, catalogue, keys.secret)


def _policy(settings: "Settings", audit: "SqlAuditLog", *, at: int) -> "Policy":
    from domain.ids import Region, TenantId
    from tools.policy.shelf import PolicyShelf

    shelf = PolicyShelf(settings.home, tenant=TenantId(settings.tenant), region=Region(settings.region))
    return shelf.open(settings.config / "policies", at=at, record=audit.append_now)


def _model(
    settings: "Settings", store: "Store", keys: "Keys", *, clock: "Clock"
) -> "tuple[Model | None, dict[str, str]]":
    """The language model, and the versions that a decision made with it names; none of both if none is configured."""
    if not settings.model:
        return None, {}
    from prompts.load import load_prompts, version_of
    from tools.llm.opening import open_model

    model = open_model(settings, keys.secret, answers=store.answers, spending=store.spending, clock=clock)
    names = {f"model.{agent}": name for agent, name in model.versions.items()} if model is not None else {}
    return model, {**names, "prompts": version_of(load_prompts())}


def _events(settings: "Settings", store: "Store", keys: "Keys", *, clock: "Clock") -> "Events":
    """What others are told, and the way there."""
    from domain.ports.events import Events
    from tools.callbacks import HttpCallbacks

    callbacks = HttpCallbacks(keys.secret, clock, here=settings.events_to_loopback)
    return Events(store.feed, store.subscriptions, callbacks)


def _audit(settings: "Settings", store: "Store", keys: "Keys") -> "SqlAuditLog":
    from tools.audit.log import SqlAuditLog

    append, anchor = store.append_audit, settings.anchor_file()
    return SqlAuditLog(store.database, append=append, signer=keys.signer, anchor=anchor)


class Toolbox(Tools):
    """What commands need of tools, with what only the root can give."""

    def throw_away_home(self, *, real_time: bool = False) -> "AbstractContextManager[Home]":
        """See `throw_away_home`."""
        return throw_away_home(real_time=real_time)

    def backups(self) -> "Backups":
        """Backing the home up, verifying, restoring."""
        from tools.backup.doors import Backups

        return Backups(self.settings().settings, open_home)

    def bench(self, *, told: Callable[[str], None], quick: bool) -> dict[str, Any]:
        """All benchmarks."""
        from benchmarks.suite import run_all

        return run_all(open_home, told=told, quick=quick)

    def bench_http(self, *, told: Callable[[str], None], quick: bool) -> dict[str, Any]:
        """Signals over HTTP, beside a bare application."""
        from benchmarks.http import measure

        return measure(open_home, told=told, quick=quick)


if __name__ == "__main__":
    main()
