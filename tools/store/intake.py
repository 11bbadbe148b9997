"""The new signals of one tenant: placed with their leads, stored, and each lead given its work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from domain.audit import AuditEntry
from domain.ids import LeadId, Region, TenantId
from domain.instants import instant
from domain.kinds import Kind
from domain.signal import Signal
from tools.store.accounts_due import mark
from tools.store.audit import Chains
from tools.store.codec import event_count, signal_bytes
from tools.store.components import as_json, components, learn
from tools.store.config import Config
from tools.store.engine import Tx
from tools.store.marked import marked
from tools.store.moving import Mover, Plan
from tools.store.placing import Placing
from tools.store.refs import Fresh
from tools.store.regroup import Regrouping


@dataclass(slots=True)
class Touch:
    """What a batch brings to one lead. `account` is (at, ref, name): the newest wins."""

    region: Region
    last_seen: int = 0
    account: tuple[int, str, str] = (0, "", "")
    suppresses: bool = False
    waits: bool = False

    def add(self, one: Fresh) -> None:
        """Take one signal in."""
        signal = one.signal
        self.last_seen = max(self.last_seen, one.at)
        if signal.account is not None:
            self.account = max(self.account, (one.at, one.ref, signal.account))
        if signal.kind is Kind.PRIVACY_DELETE:
            self.suppresses = True


@dataclass(slots=True)
class Intake:
    """Takes in the new signals of one tenant, within one transaction."""

    tx: Tx
    config: Config
    chains: Chains
    tenant: TenantId
    now: int
    waiting: dict[Region, int] = field(default_factory=dict)
    """By how much the number of waiting signals changed, by region."""
    merges: int = 0
    touched: dict[str, str] = field(default_factory=dict)
    """Leads that were merged or split -> their region: their vault keys may have moved."""

    def take(self, fresh: Sequence[Fresh]) -> None:
        """Place and store `fresh`."""
        signals = [one.signal for one in fresh]
        placing = Placing(self.config.new_id, self.tx.one("next_key").n)
        learn(self.tx, placing, self.tenant, values={key.value for s in signals for key in s.keys})
        alone = [placing.place(signal) for signal in signals]
        self._store_links(placing)
        plans = self._resolve(placing, signals) if placing.doubtful else []
        self._store_keys(placing)
        homes = [
            str((row or placing.home(signal)).lead_id) for signal, row in zip(signals, alone, strict=True)
        ]
        touches: dict[str, Touch] = {}
        for one, home in zip(fresh, homes, strict=True):
            touch = touches.get(home)
            if touch is None:
                touch = touches[home] = Touch(one.signal.region)
            touch.add(one)
        stored = self._stored_leads(touches)
        anew = self._anew(plans, touches, stored)
        self._store_signals(fresh, homes, stored, anew, touches)
        self._store_leads(touches, stored, anew)
        self._renew(anew, plans, touches)

    def _resolve(self, placing: Placing, signals: Sequence[Signal]) -> list[Plan]:
        plans = []
        regrouping = self._regrouping()
        for component in components(self.tx, placing, self.tenant):
            plan = Mover(self.tx, placing, self.tenant, component).plan(signals, self._first_seen)
            regrouping.move(plan)
            self.merges += len(plan.merges)
            plans.append(plan)
        return plans

    def _regrouping(self) -> Regrouping:
        return Regrouping(self.tx, self.config, self.chains, self.tenant, self.now)

    def _first_seen(self, leads: Iterable[str]) -> Mapping[str, int]:
        """When each was first seen; one that this batch would make comes after all that are stored."""
        leads = set(leads)
        rows = self.tx.rows("first_seen", {"tenant": self.tenant, "leads": as_json(leads)})
        return dict.fromkeys(leads, self.now + 1) | {row.lead_id: row.first_seen for row in rows}

    def _store_links(self, placing: Placing) -> None:
        if not placing.links:
            return
        regions = {row.key_id: row.region for row in placing.rows.values()}
        rows = [
            {
                "tenant": self.tenant,
                "region": regions[a],
                "a": a,
                "b": b,
                "kind": kind,
                "first_at": link.first.at,
                "first_ref": link.first.ref,
                "first_known": link.first.known,
                "last_at": link.last.at,
                "last_ref": link.last.ref,
                "last_known": link.last.known,
            }
            for (a, b, kind), link in placing.links.items()
        ]
        self.tx.run("add_link", rows)

    def _store_keys(self, placing: Placing) -> None:
        new, old = [], []
        for row in placing.rows.values():
            values = {
                "key_id": row.key_id,
                "tenant": self.tenant,
                "lead": row.lead_id,
                "born": row.born,
                "shared": row.shared,
            }
            if row.new:
                new.append(
                    values | {"region": row.region, "kind": row.key.kind.value, "value": row.key.value}
                )
            elif row.changed:
                old.append(values)
        self.tx.run("insert_key", new)
        self.tx.run("update_key", old)

    def _stored_leads(self, leads: Iterable[str]) -> dict[str, Any]:
        rows = self.tx.rows("batch_leads", {"tenant": self.tenant, "leads": as_json(leads)})
        return {row.lead_id: row for row in rows}

    def _anew(
        self, plans: Sequence[Plan], touches: Mapping[str, Touch], stored: Mapping[str, Any]
    ) -> dict[str, Region]:
        """Leads to be made anew: other signals than before, woken from the dead, or asked to be forgotten."""
        anew = {lead: Region(plan.region) for plan in plans for lead in plan.changed}
        for lead, touch in touches.items():
            row = stored.get(lead)
            if (row and not row.live) or (touch.suppresses and not (row and row.suppressed)):
                anew[lead] = touch.region
        return anew

    def _store_signals(
        self,
        fresh: Sequence[Fresh],
        homes: Sequence[str],
        stored: Mapping[str, Any],
        anew: Mapping[str, Region],
        touches: Mapping[str, Touch],
    ) -> None:
        rows = []
        states = {home: _state(None if home in anew else stored.get(home)) for home in touches}
        received = lru_cache(maxsize=2)(instant)
        for one, home in zip(fresh, homes, strict=True):
            state, reason = states[home]
            if state == "waiting":
                touches[home].waits = True
                self.waiting[one.signal.region] = self.waiting.get(one.signal.region, 0) + 1
            rows.append(_row(one, home, state, reason, received(one.signal.received_at)))
        self.tx.run("insert_signal", rows)

    def _store_leads(
        self, touches: Mapping[str, Touch], stored: Mapping[str, Any], anew: Mapping[str, Region]
    ) -> None:
        new, old, seen = [], [], []
        for lead, touch in touches.items():
            if lead in anew:
                continue
            row = stored.get(lead)
            if row is None:
                ready = self.now if touch.waits else None
                at, ref, account = touch.account
                new.append(
                    (
                        lead,
                        self.tenant,
                        touch.region,
                        account or None,
                        at,
                        ref,
                        ready,
                        self.now,
                        touch.last_seen,
                    )
                )
            elif self._changes(touch, row):
                old.append((*self._values(touch, row), lead, self.tenant))
            elif touch.last_seen > row.last_seen:
                seen.append((touch.last_seen, lead, self.tenant))
        self.tx.run("insert_lead", new)
        self.tx.run("touch_lead", old)
        self.tx.run("see_lead", seen)

    def _changes(self, touch: Touch, row: Any) -> bool:
        """True if a stored lead changes in more than when it was last seen."""
        hurries = (
            touch.waits and not row.lease_until and (row.ready_at is None or row.ready_at > self._due(row))
        )
        return hurries or touch.account > (row.account_at, row.account_ref, row.account or "")

    def _due(self, row: Any) -> int:
        return max(self.now, int(row.retry_at))

    def _values(self, touch: Touch, row: Any) -> tuple[object, ...]:
        """The columns of a stored lead that a batch changes, in the order of ``touch_lead``.

        Whoever holds it keeps it; what waits is seen at the commit.
        """
        before = (row.account_at, row.account_ref, row.account or "")
        at, ref, account = max(before, touch.account)
        if row.account and row.account != account:
            mark(self.tx, self.tenant, touch.region, [row.account], self.now)
        ready = row.ready_at
        if touch.waits and not row.lease_until:
            ready = self._due(row) if ready is None else min(ready, self._due(row))
        return ready, max(touch.last_seen, row.last_seen), account or None, at, ref

    def _renew(
        self,
        anew: Mapping[str, Region],
        plans: Sequence[Plan],
        touches: Mapping[str, Touch],
    ) -> None:
        regrouping = self._regrouping()
        for lead, region in sorted(anew.items()):
            absorbed = [loser for plan in plans for winner, loser in plan.merges if winner == lead]
            change = regrouping.renew(lead, region, absorbed)
            self.waiting[region] = self.waiting.get(region, 0) + change
            self.touched[lead] = region
            if lead in touches and touches[lead].suppresses:
                self.chains.add([self._suppressed(lead, region)])

    def _suppressed(self, lead: str, region: Region) -> AuditEntry:
        return AuditEntry(
            tenant=self.tenant,
            region=region,
            step="inbox",
            code="suppressed",
            at=self.now,
            lead_id=LeadId(lead),
        )


def _state(lead: Any) -> tuple[str, str | None]:
    """State and reason of a signal that arrives for a stored lead (None: new, or about to be made anew)."""
    if lead is None:
        return "waiting", None
    if lead.suppressed:
        return "superseded", "suppressed"
    return ("parked", lead.parked) if lead.parked else ("waiting", None)


def _row(one: Fresh, home: str, state: str, reason: str | None, received: int) -> tuple[object, ...]:
    """In the order of ``insert_signal``."""
    signal = one.signal
    return (
        signal.tenant,
        signal.region,
        one.ref,
        signal.source,
        home,
        str(signal.kind),
        signal.account,
        one.at,
        received if signal.known_at is signal.received_at else instant(signal.known_at),
        received,
        state,
        reason,
        event_count(signal),
        int(signal.text is not None),
        one.digest,
        marked(signal_bytes(signal)),
    )
