"""What a run is given: state, new and recent signals, account, salespeople, quality, overrides, pinned at the claim."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from domain.decision import LeadClaim, RunInput
from domain.ids import AccountId, LeadId, Region, RunId, TenantId
from domain.instants import SECOND
from domain.lead import AccountSnapshot, LeadState, without
from domain.override import Override
from domain.policy import Rep
from domain.ports.work import Claimed
from domain.quality import GateFailure
from domain.signal import Signal
from tools.store.codec import signal_from, state_from
from tools.store.components import as_json
from tools.store.config import RECENT, SIGNALS_A_CLAIM, Config
from tools.store.engine import Tx
from tools.store.override_rows import told
from tools.store.reps import loaded
from tools.store.stream import Source, Streams


@dataclass(slots=True)
class Claiming:
    """Reads the input of the leads just taken, a handful of queries for all of them together."""

    tx: Tx
    config: Config
    streams: Streams
    now: int
    _reps: dict[str, tuple[Rep, ...]] = field(default_factory=dict)
    _failing: dict[Source, tuple[GateFailure, ...]] = field(default_factory=dict)
    _overrides: dict[str, tuple[Override, ...]] = field(default_factory=dict)

    def read(self, order: Sequence[str], taken: Iterable[Any]) -> tuple[list[Claimed], list[Any]]:
        """The claims in `order`, and rows of leads whose stored values cannot be read any more."""
        rows = {row.lead_id: row for row in taken}
        leads = as_json(order)
        self.tx.run("settle_timers", {"leads": leads})
        waiting = self._grouped("waiting_signals", leads, SIGNALS_A_CLAIM)
        recent = self._grouped("recent_signals", leads, RECENT)
        states = {row.lead_id: row.body for row in self.tx.rows("states_of_leads", {"leads": leads})}
        timers: dict[str, str] = {}
        for timer in self.tx.rows("due_timers", {"leads": leads, "now": self.now}):
            timers.setdefault(timer.lead_id, timer.reason)
        self._overrides = told(self.tx, order, self.now)
        in_vain: dict[str, set[tuple[str, int]]] = {}
        for asked in self.tx.rows("asked_in_vain", {"leads": leads}):
            in_vain.setdefault(asked.lead_id, set()).add((asked.kind, asked.episode))
        accounts = snapshots(self.tx, ((row.tenant, row.account) for row in rows.values() if row.account))
        claimed, unreadable = [], []
        for lead_id in order:
            row, new = rows[lead_id], waiting.get(lead_id, [])
            if not new and lead_id not in timers:
                self.tx.run("settle_lead", {"lead": lead_id, "tenant": row.tenant, "now": self.now})
                continue
            reason = "signals" if new else timers[lead_id]
            try:
                signals = _signals(new), _signals(recent.get(lead_id, []))
                lead = without(lead_state(row, states.get(lead_id)), in_vain.get(lead_id, ()))
            except (ValueError, TypeError):
                unreadable.append(row)
                continue
            given = self._given(row, lead, signals, reason, accounts.get((row.tenant, row.account)))
            claimed.append(Claimed(_claim(row), given))
        return claimed, unreadable

    def _given(
        self,
        row: Any,
        lead: LeadState,
        signals: tuple[tuple[Signal, ...], tuple[Signal, ...]],
        reason: str,
        account: AccountSnapshot | None,
    ) -> RunInput:
        new, recent = signals
        return RunInput(
            run_id=self._run_id(),
            as_of=self.now,
            reason=reason,
            lead=lead,
            new=new,
            recent=recent,
            account=account,
            reps=self._reps_of(row.tenant),
            quality=self._quality({(lead.tenant, lead.region, signal.source) for signal in new}),
            versions={},
            attempt=row.attempt,
            overrides=self._overrides.get(row.lead_id, ()),
        )

    def _run_id(self) -> RunId:
        """8 digits that rise with time, so that runs lie side by side on the disk, and 12 at random."""
        return RunId(f"rn_{self.now // SECOND & 0xFFFFFFFF:08x}{self.config.new_id()[:12]}")

    def _grouped(self, name: str, leads: str, limit: int) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for row in self.tx.rows(name, {"leads": leads, "limit": limit}):
            found.setdefault(row.lead_id, []).append(row.body)
        return found

    def _reps_of(self, tenant: str) -> tuple[Rep, ...]:
        if tenant not in self._reps:
            self._reps[tenant] = loaded(self.tx, self.config.reps, tenant, self.now)
        return self._reps[tenant]

    def _quality(self, sources: set[Source]) -> tuple[GateFailure, ...]:
        failing: list[GateFailure] = []
        for source in sorted(sources):
            if source not in self._failing:
                self._failing[source] = self.streams.failing(self.tx, [source], self.now)
            failing += self._failing[source]
        return tuple(failing)


def lead_state(row: Any, body: bytes | None) -> LeadState:
    """A lead's state from its row (lead_id, tenant, region, account, suppressed) and its stored state."""
    return state_from(
        body,
        lead_id=LeadId(row.lead_id),
        tenant=TenantId(row.tenant),
        region=Region(row.region),
        account=None if row.account is None else AccountId(row.account),
        suppressed=bool(row.suppressed),
    )


def snapshots(tx: Tx, accounts: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], AccountSnapshot]:
    """Newest snapshots of (tenant, account), where there is one."""
    wanted: dict[str, set[str]] = {}
    for tenant, account in accounts:
        wanted.setdefault(tenant, set()).add(account)
    return {
        (tenant, row.account): AccountSnapshot(
            AccountId(row.account), row.version, row.as_of, orjson.loads(row.body)
        )
        for tenant, names in wanted.items()
        for row in tx.rows("snapshots", {"tenant": tenant, "accounts": as_json(names)})
    }


def _signals(bodies: Iterable[bytes]) -> tuple[Signal, ...]:
    """Signals by (occurred, ref): the order in which they happened, however they came."""
    signals = [signal_from(body) for body in bodies]
    return tuple(sorted(signals, key=lambda signal: (signal.occurred_at, signal.signal_id)))


def _claim(row: Any) -> LeadClaim:
    return LeadClaim(LeadId(row.lead_id), row.token, row.identity_version, row.attempt, row.lease_until)
