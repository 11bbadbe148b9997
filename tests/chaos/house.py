"""The house under test: the real parts around a store, in memory or on disk, and what the checks see of it."""

import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import orjson

from domain.action import ActionKind
from domain.approval import Approval
from domain.audit import AuditEntry, Sealed
from domain.effect import StepKind
from domain.features import Catalogue
from domain.ids import LeadId, Region, TenantId
from domain.lead import LeadState
from domain.policy import Rep
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from domain.ports.policy import Policy
from domain.ports.reasoner import Reasoner
from domain.ports.scorer import Scorer
from tests.chaos.faults import Trap
from tests.tools.contract.stores import AnyStore
from tests.tools.crm.faulty import Line, MemoryTarget
from tools.catalogue import load_catalogue
from tools.fakes import MemoryStore, open_memory
from tools.models.baseline import baseline
from tools.policy.load import load_policy
from tools.policy.reps import load_reps
from tools.privacy.hasher import ContactHasher, role_addresses
from tools.reasoner.local import local_reasoner
from tools.store import Config, Store, open_store
from tools.store.config import read_plainly, readable

CONFIG = Path(__file__).resolve().parents[2] / "config"
TENANT, REGION = TenantId("t1"), Region("us")


@dataclass(frozen=True)
class Parts:
    """What never changes, loaded once."""

    catalogue: Catalogue
    reasoner: Reasoner
    scorer: Scorer
    policy: Policy
    hasher: ContactHasher
    reps: tuple[Rep, ...]


@cache
def parts() -> Parts:
    """As they ship."""
    catalogue = load_catalogue(CONFIG / "features.toml")
    return Parts(
        catalogue,
        local_reasoner(CONFIG),
        baseline(CONFIG, catalogue),
        load_policy(CONFIG / "policies"),
        ContactHasher(b"secret", role_addresses(CONFIG / "role_addresses.txt"), tenant=TENANT),
        load_reps(CONFIG / "reps.csv"),
    )


class OpenVault:
    """Satisfies `domain.ports.vault.Vault` without keys."""

    def seal(self, tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        """As it is."""
        return readable(tenant, lead, plain)

    def open(self, tenant: TenantId, sealed: Sealed) -> bytes:
        """As it is."""
        return read_plainly(tenant, sealed)

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        """There are no keys."""


class StoreAudit:
    """The part of `domain.ports.audit.AuditLog` that a worker uses."""

    def __init__(self, store: AnyStore) -> None:
        self._store = store

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows that belong to no commit."""
        store = self._store
        if isinstance(store, Store):
            await store.database.write(lambda tx: store.append_audit(tx, entries))
        else:
            cast(MemoryStore, store).world.note(entries)


@dataclass
class Sight:
    """What is there right now: the store's rows and the target's own ledger."""

    signals: Mapping[str, str]
    """Ref -> state."""
    unapplied: Sequence[str]
    """Refs that are applied, but missing from the state of a lead that may still be processed."""
    rows: Mapping[str, OutboxRow]
    approvals: Mapping[str, Approval]
    suppressed: frozenset[str]
    audit: Sequence[Mapping[str, Any]]
    """Rows added since the last look."""
    ledger: Sequence[Line]
    deleted: bool
    """Whether somebody deleted a record in the target, with all that was on it."""

    def of_key(self, key: str) -> list[OutboxRow]:
        """The actions to which a step's key belongs (also the key of its undo)."""
        own = key.removesuffix("/undo")
        return [row for row in self.rows.values() if any(step.key == own for step in row.steps)]

    @property
    def live(self) -> set[str]:
        """Keys of steps that happened and were not undone."""
        keys = {line.key for line in self.ledger}
        return {key for key in keys if not key.endswith("/undo") and f"{key}/undo" not in keys}

    def effect_is_live(self, row: OutboxRow) -> bool:
        """Whether the first step of an action stands in the target."""
        return bool(row.steps) and row.steps[0].key in self.live


@dataclass
class House:
    """A store with its target; `look` is the checks' only way in."""

    store: AnyStore
    target: MemoryTarget
    trap: Trap | None = None
    file: Path | None = None
    folder: "TemporaryDirectory[str] | None" = None
    _seen: int = 0
    _reader: sqlite3.Connection | None = field(default=None)

    def close(self) -> None:
        """Let go of everything."""
        if self._reader is not None:
            self._reader.close()
        self.store.close()
        if self.folder is not None:
            self.folder.cleanup()

    async def look(self) -> Sight:
        """Everything as it is now."""
        signals, unapplied, audit = self._in_memory() if self.file is None else self._on_disk(self.file)
        outbox, approvals, reads = self.store.outbox, self.store.approvals, self.store.reads
        asked = [*await approvals.open(TENANT, limit=10_000), *await approvals.ended(TENANT, limit=10_000)]
        leads = [state async for batch in reads.leads(TENANT) for state in batch]
        return Sight(
            signals,
            unapplied(leads),
            {row.action_id: row for row in await outbox.rows(TENANT, limit=10_000)},
            {one.approval_id: one for one in asked},
            frozenset(state.lead_id for state in leads if state.suppressed),
            audit,
            tuple(self.target.ledger),
            any(card.deleted for card in self.target.world.cards.values()),
        )

    def _in_memory(self) -> tuple[Mapping[str, str], "Unapplied", list[Mapping[str, Any]]]:
        world = cast(MemoryStore, self.store).world
        fresh, self._seen = world.audit[self._seen :], len(world.audit)
        kept = [(ref, one.state, one.lead_id) for (_, ref), one in world.signals.items()]
        return (
            {ref: state for ref, state, _ in kept},
            lambda leads: _missing(kept, leads),
            [orjson.loads(row.body) for _, row in fresh],
        )

    def _on_disk(self, file: Path) -> tuple[Mapping[str, str], "Unapplied", list[Mapping[str, Any]]]:
        if self._reader is None:
            self._reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        with closing(self._reader.cursor()) as cursor:
            kept = cursor.execute("SELECT ref, state, lead_id FROM signal").fetchall()
            rows = cursor.execute(
                "SELECT seq, body FROM audit WHERE tenant = ? AND seq > ? ORDER BY seq", (TENANT, self._seen)
            ).fetchall()
        self._seen = max([self._seen, *(row[0] for row in rows)])
        return (
            {ref: state for ref, state, _ in kept},
            lambda leads: _missing(kept, leads),
            [orjson.loads(body) for _, body in rows],
        )


Unapplied = Callable[[Sequence[LeadState]], list[str]]


def _missing(kept: Sequence[tuple[str, str, str]], leads: Sequence[LeadState]) -> list[str]:
    events = {state.lead_id: {event.ref for event in state.events} for state in leads if not state.suppressed}
    applied = ((ref, LeadId(lead)) for ref, state, lead in kept if state == "applied")
    return [ref for ref, lead in applied if lead in events and ref not in events[lead]]


def counted() -> Callable[[], str]:
    """Ids that rise, so that a seed gives the same ones every time."""
    numbers = count(1)
    return lambda: f"{next(numbers):012x}{0:08x}"


@cache
def _empty() -> tuple["TemporaryDirectory[str]", Path]:
    """A database with tables and nothing in them, to be copied: migrating takes a while."""
    folder = TemporaryDirectory(prefix="chaos-")
    file = Path(folder.name) / "empty.db"
    open_store(file).close()
    return folder, file


def build(target: MemoryTarget, *, disk: bool) -> House:
    """An empty house."""
    config = Config(new_id=counted(), reps=parts().reps, max_attempts=5)
    if not disk:
        return House(open_memory(config), target)
    folder, trap = TemporaryDirectory(prefix="chaos-"), Trap()
    file = Path(folder.name) / "store.db"
    shutil.copy(_empty()[1], file)
    return House(open_store(file, config, on_point=trap), target, trap, file, folder)


def home_of(house: House, **ports: Any) -> Home:
    """The house as a `Home`; `ports` stand before the real ones."""
    fixed, store = parts(), house.store
    given: dict[str, Any] = {
        "root": Path("nowhere"),
        "tenant": TENANT,
        "region": REGION,
        "inbox": store.inbox,
        "work": store.work,
        "commit": store.commit,
        "reads": store.reads,
        "accounts": store.accounts,
        "quarantine": store.quarantine,
        "outbox": store.outbox,
        "approvals": store.approvals,
        "limits": store.limits,
        "targets": dict.fromkeys(StepKind, house.target),
        "audit": StoreAudit(store),
        "vault": OpenVault(),
        "hasher": fixed.hasher,
        "reasoner": fixed.reasoner,
        "scorer": fixed.scorer,
        "policy": fixed.policy,
        "catalogue": fixed.catalogue,
        "versions": {"policy": fixed.policy.version},
        "settings": None,
    }
    absent = {one.name: None for one in fields(Home) if one.default is MISSING}
    return Home(**{**absent, **given, **ports})


ONCE = frozenset(ActionKind) - {ActionKind.UPSERT_SCORE}
"""Kinds of which there is one of a lead in an episode; a score is written again and again."""
