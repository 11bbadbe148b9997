"""The composition root: settings -> ports -> graph -> surfaces. Nobody imports this file; it imports lazily."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domain.features import Catalogue
    from domain.instants import Instant
    from domain.ports.clock import Clock
    from domain.ports.home import Home
    from domain.ports.policy import Policy
    from domain.ports.sources import RawItem, Source
    from domain.verification import Verification
    from tools.diagnosis import Check
    from tools.policy.load import PolicyReport
    from tools.policy.shelf import PolicyShelf
    from tools.privacy.keys import Keys
    from tools.privacy.vault import KeyRow, LeadVault
    from tools.settings import Found, Settings
    from tools.store import Config, Store

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
    on_point: Callable[[str], None] = _unheard,
) -> "Iterator[Home]":
    """Open the home that the settings name, or `home`; close it at the end.

    `virtual_clock` puts it on stream time, where it then stays. `exclusive` takes the home's lock and gives leases of
    a dead process back; without it the home is only read. `on_point` hears of the store's boundaries (crash tests).
    Raises: ConfigError, Temporary (in use, disk full), Permanent (damaged).
    """
    import asyncio

    from tools.clock import ReplayClock, SystemClock, stored_time
    from tools.home import held
    from tools.privacy.keys import open_keys
    from tools.privacy.vault import LeadVault
    from tools.settings import find_settings
    from tools.store import open_store

    settings = find_settings(home=home).settings
    root = settings.home
    with held(root, exclusive=exclusive):
        fresh = not (root / DATABASE).exists()
        keys = open_keys(root / "keys", master=settings.master_key, create=fresh)
        streamed = virtual_clock or stored_time(root / "clock") is not None
        clock = ReplayClock(file=root / "clock") if streamed else SystemClock()
        opened: list[Store] = []

        def fetch(tenant: str, lead: str | None, key: str | None) -> "Sequence[KeyRow]":
            return opened[0].fetch_keys(tenant, lead, key)  # the vault and the store know each other

        vault = LeadVault(keys.master, fetch=fetch)
        store = open_store(root / DATABASE, _config(settings, keys, vault), on_point=on_point)
        opened.append(store)
        try:
            if exclusive:
                asyncio.run(store.work.reclaim(now=clock.now()))
                asyncio.run(store.outbox.reclaim(now=clock.now()))
            with ExitStack() as later:
                yield _home(settings, store, keys, vault=vault, clock=clock, later=later)
        finally:
            store.close()
            if isinstance(clock, ReplayClock) and exclusive:
                clock.save()


@contextmanager
def throw_away_home() -> "Iterator[Home]":
    """A home on stream time in a folder that is deleted afterwards."""
    with (
        TemporaryDirectory(prefix="leadgraph-") as scratch,
        open_home(virtual_clock=True, home=Path(scratch) / "home") as home,
    ):
        yield home


def _config(settings: "Settings", keys: "Keys", vault: "LeadVault") -> "Config":
    from tools.policy.reps import load_reps
    from tools.privacy.raw import RawSeal
    from tools.store import Config
    from tools.store.people import digest_of_names

    raw = RawSeal(keys.master)
    return Config(
        writer=settings.writer,
        max_waiting=settings.max_waiting,
        max_attempts=settings.max_attempts,
        reps=load_reps(settings.config / "reps.csv"),
        seal_raw=raw.seal,
        open_raw=raw.open,
        ring=vault,
        seal_text=vault.seal,
        open_text=vault.open,
        person=digest_of_names(keys.secret),
    )


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
    from tools.audit.log import SqlAuditLog
    from tools.catalogue import load_catalogue
    from tools.models.baseline import baseline
    from tools.policy.shelf import PolicyShelf
    from tools.privacy.hasher import ContactHasher, role_addresses
    from tools.reasoner.local import local_reasoner
    from tools.targets import open_targets

    tenant, region, tables = TenantId(settings.tenant), Region(settings.region), settings.config
    catalogue = load_catalogue(tables / "features.toml")
    reasoner, scorer = local_reasoner(tables), baseline(tables, catalogue)
    audit = SqlAuditLog(
        store.database, append=store.append_audit, signer=keys.signer, anchor=settings.anchor_file()
    )
    shelf = PolicyShelf(settings.home, tenant=tenant, region=region)
    policy = shelf.open(tables / "policies", at=clock.now(), record=audit.append_now)
    versions = _versions(
        features=catalogue.version, policy=policy.version, reasoner=reasoner.version, scorer=scorer.version
    )
    return Home(
        root=settings.home,
        tenant=tenant,
        region=region,
        regions=frozenset(Region(name) for name in (*settings.regions, settings.region)),
        clock=clock,
        inbox=store.inbox,
        work=store.work,
        commit=store.commit,
        reads=store.reads,
        accounts=store.accounts,
        quarantine=store.quarantine,
        outbox=store.outbox,
        approvals=store.approvals,
        limits=store.limits,
        feedback=store.feedback,
        targets=open_targets(settings, settings.home, clock=clock, limits=store.limits, later=later),
        audit=audit,
        vault=vault,
        hasher=ContactHasher(
            keys.secret, role_addresses(tables / "role_addresses.txt"), tenant=settings.tenant
        ),
        reasoner=reasoner,
        scorer=scorer,
        policy=policy,
        catalogue=catalogue,
        versions=versions,
        settings=settings,
    )


def _versions(**parts: str) -> dict[str, str]:
    """Those of the parts that people edit, and of the code itself."""
    from tools.fingerprint import code_version, graph_version

    return {**parts, "code": code_version(), "graph": graph_version()}


class Toolbox:
    """Functions of `tools` that commands need and may not import themselves; each is loaded on use."""

    def throw_away_home(self) -> "AbstractContextManager[Home]":
        """See `throw_away_home`."""
        return throw_away_home()

    def settings(self) -> "Found":
        """The settings and where each came from."""
        from tools.settings import find_settings

        return find_settings()

    def diagnose(self) -> "tuple[Found, list[Check]]":
        """The settings, and what is well or broken in the environment."""
        from tools.diagnosis import diagnose

        found = self.settings()
        return found, list(diagnose(found.settings, lambda: _tables(found.settings.config)))

    def source(self, name: str) -> "Source":
        """The reader of one kind of file. Raises: BadInput listing the names."""
        from tools.sources import source

        return source(name)

    def read_leads(self, file: Path) -> "Iterator[tuple[int, RawItem]]":
        """The signals of a file of leads."""
        from tools.sources.leads import read_leads

        return read_leads(file)

    def catalogue(self) -> "Catalogue":
        """The catalogue of features, without opening a home."""
        from tools.catalogue import load_catalogue

        return load_catalogue(self.settings().settings.config / "features.toml")

    def load_policy(self, folder: Path) -> "Policy":
        """The decision tables in `folder`. Raises: ConfigError."""
        from tools.policy.load import load_policy

        return load_policy(folder)

    @property
    def policy_folder(self) -> Path:
        """The shipped tables."""
        return self.settings().settings.config / "policies"

    def check_policy(self, folder: Path) -> "PolicyReport":
        """All mistakes of the tables in `folder`, and of the list of salespeople."""
        from tools.policy.load import check_policy

        return check_policy(folder, self.settings().settings.config / "reps.csv")

    def policy_shelf(self, home: "Home") -> "PolicyShelf":
        """The versions of a home."""
        from tools.policy.shelf import PolicyShelf

        return PolicyShelf(home.root, tenant=home.tenant, region=home.region)

    def policy_versions(self, home: "Home") -> "Callable[[str], Policy | None]":
        """Recorded versions by their hash."""
        return self.policy_shelf(home).get

    def crm_ledger(self, home: "Home") -> list[tuple[str, str]]:
        """(key, kind) of every request that the home's embedded CRM applied, from its own file."""
        from tools.targets import crm_ledger

        return crm_ledger(home.root)

    def user_name(self) -> str:
        """Who is at the keyboard."""
        from tools.policy.shelf import user_name

        return user_name()

    def closed_world(self) -> "AbstractContextManager[None]":
        """A wall around replays."""
        from tools.guard import closed_world

        return closed_world()

    def make_company(self, folder: Path, *, leads: int, seed: int) -> None:
        """A made-up company's tables."""
        from tools.company import make_company

        make_company(folder, leads=leads, seed=seed)

    def company_items(self, folder: Path, *, days: int) -> "list[tuple[int, RawItem]]":
        """Its signals of the first `days` days."""
        from tools.company import last_day

        return list(self.source("leadforge").read(folder, until=last_day(days)))

    def company_wins(self, folder: Path) -> "Mapping[str, int]":
        """Its sales, the future included: key -> Instant."""
        from tools.company import wins

        return wins(self.source("leadforge").read(folder))

    def audit_verify_file(
        self, file: Path, *, anchor: Path | None, key: Path | None, until: "Instant | None"
    ) -> "Verification":
        """Verify an export."""
        from tools.audit.doors import audit_verify_file

        return audit_verify_file(file, anchor=anchor, key=key, until=until)

    async def audit_verify(
        self, home: "Home", *, anchor: Path | None, key: Path | None, until: "Instant | None"
    ) -> "Verification":
        """Verify the log of a home."""
        from tools.audit.doors import audit_verify

        return await audit_verify(home, anchor=anchor, key=key, until=until)

    async def audit_export(self, home: "Home", file: Path, *, told: Callable[[int], None]) -> dict[str, int]:
        """Write a home's log to `file`; the counts of what was written."""
        from tools.audit.doors import audit_export

        return await audit_export(home, file, told=told)

    def audit_anchor(self, home: "Home") -> Path:
        """Where a home's roots are anchored."""
        from tools.audit.doors import audit_anchor

        return audit_anchor(home)

    def bench(self, *, told: Callable[[str], None], quick: bool) -> dict[str, Any]:
        """All benchmarks."""
        from benchmarks.suite import run_all

        return run_all(open_home, told=told, quick=quick)


def _tables(folder: Path) -> str:
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


if __name__ == "__main__":
    main()
