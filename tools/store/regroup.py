"""Carrying out a plan of moves: merges, splits, and every touched lead made anew from its signals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.audit import AuditEntry
from domain.ids import LeadId, Region, TenantId
from domain.lead import EVENT_CAP, BandState, LeadState, PastAction, absorb
from domain.signal import Event, compact
from tools.store.accounts_due import mark
from tools.store.audit import Chains
from tools.store.codec import signal_from, state_bytes, state_from
from tools.store.config import Config
from tools.store.engine import Tx
from tools.store.keyring import give_back
from tools.store.moving import Plan

PAGE = 500
"""Signals read at once when a lead is made anew."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Carries out plans for one tenant in one transaction."""

    tx: Tx
    config: Config
    chains: Chains
    tenant: TenantId
    now: int

    def move(self, plan: Plan) -> None:
        """Give stored signals their new leads, and to each lead what belonged to those that went into it."""
        self._ask("move_all_signals", [{"to": to, "lead": lead} for to, lead in plan.whole])
        self._ask("move_signal", [{"to": to, "seq": seq} for to, seq in plan.moves])
        for winner, loser in plan.merges:
            self._merge(plan, winner, loser)
        for lead, part in plan.splits:
            self._split(plan, lead, part)
        merged = {loser for _, loser in plan.merges}
        for lead in sorted(plan.emptied - merged):
            self._ask("expire_effects", [{"lead": lead, "reason": "identity"}])
            self._ask("drop_timers", [{"lead": lead}])
            self._ask("retire_lead", [{"lead": lead, "into": None}])

    def renew(self, lead_id: str, region: str, absorbed: Iterable[str] = ()) -> int:
        """Make a lead anew from its signals; `absorbed` are leads merged into it now.

        Its token moves on, so a run under way is fenced off; it is neither held nor parked any more. A lead that
        asked to be forgotten keeps no events, and its signals are superseded.
        Returns: by how much the number of waiting signals changed.
        """
        here = {"lead": lead_id, "tenant": self.tenant}
        self.tx.run("ensure_lead", {**here, "region": region, "now": self.now})
        facts = self.tx.one("lead_facts", here)
        suppressed = bool(facts.suppressed)
        waiting = self._suppress(lead_id) if suppressed else self.tx.run("unsuppress_signals", here)
        waiting += self.tx.run("unpark_signals", here)
        before = self.tx.one("lead_row", here)
        account = self.tx.one("lead_account", here)
        events = () if suppressed else self._events(lead_id)
        dropped = 0 if suppressed else facts.events - len(events)
        state = self._carried(lead_id, region, absorbed, events, dropped)
        self.tx.run("keep_state", {**here, "region": region, "body": state_bytes(state)})
        due = self.now if self.tx.one("has_waiting", here) else self.tx.one("first_timer", here).due_at
        self.tx.run(
            "renew_lead",
            {
                **here,
                "suppressed": int(suppressed),
                "account": account.account if account else None,
                "account_at": account.occurred if account else 0,
                "account_ref": account.ref if account else "",
                "last_seen": facts.last_seen,
                "ready_at": due,
            },
        )
        names = {before.account, account.account if account else None} - {None}
        mark(self.tx, self.tenant, region, names, self.now)
        return waiting

    def _merge(self, plan: Plan, winner: str, loser: str) -> None:
        both: dict[str, object] = {"to": winner, "lead": loser}
        for name in ("move_timers", "drop_timers", "expire_doubled_effects", "move_effects"):
            self._ask(name, [both])
        self._ask("retire_lead", [{"lead": loser, "into": winner}])
        self._note(plan.region, "merge", winner, loser)
        self.config.ring.unite(self.tenant, LeadId(winner), LeadId(loser))

    def _split(self, plan: Plan, lead: str, part: str) -> None:
        self._note(plan.region, "split", lead, part)
        self._ask("return_effects", [{"lead": part}])
        give_back(self.tx, self.config.ring, self.tenant, part, plan.region)

    def _note(self, region: str, kind: str, winner: str, loser: str) -> None:
        row = {"region": region, "kind": kind, "winner": winner, "loser": loser, "at": self.now}
        self._ask("insert_merge", [row])
        entry = AuditEntry(
            tenant=self.tenant,
            region=Region(region),
            step="identity",
            code=kind,
            at=self.now,
            lead_id=LeadId(winner),
            detail={"other": loser},
        )
        self.chains.add([entry])

    def _suppress(self, lead_id: str) -> int:
        here = {"lead": lead_id, "tenant": self.tenant}
        gone = self.tx.run("suppress_signals", {**here, "state": "waiting"})
        self.tx.run("suppress_signals", {**here, "state": "parked"})
        self.tx.run("expire_effects", {**here, "reason": "suppressed"})
        self.tx.run("drop_timers", here)
        return -gone

    def _events(self, lead_id: str) -> tuple[Event, ...]:
        """The newest `EVENT_CAP` events of its processed signals, with the tags they were given then."""
        events: list[Event] = []
        offset = 0
        while len(events) < EVENT_CAP:
            place = {"lead": lead_id, "tenant": self.tenant, "limit": PAGE, "offset": offset}
            rows = self.tx.rows("newest_processed", place)
            for row in rows:
                events += compact(signal_from(row.body), tuple(row.tags.split()))
            offset += PAGE
            if len(rows) < PAGE:
                break
        return absorb((), events)[0]

    def _carried(
        self, lead_id: str, region: str, absorbed: Iterable[str], events: tuple[Event, ...], dropped: int
    ) -> LeadState:
        """What the lead takes along from before: owner, episode, past actions. The band is folded anew."""
        ids = [lead_id, *sorted(absorbed)]
        states = [self._stored(one, region) for one in ids]
        actions = {
            action.kind: action
            for action in sorted((a for state in states for a in state.actions), key=_when)
        }
        return LeadState(
            lead_id=LeadId(lead_id),
            tenant=self.tenant,
            region=Region(region),
            events=events,
            dropped=dropped,
            band=BandState(),
            owner=next((state.owner for state in states if state.owner), None),
            episode=max(state.episode for state in states),
            actions=tuple(actions[kind] for kind in sorted(actions)),
        )

    def _stored(self, lead_id: str, region: str) -> LeadState:
        row = self.tx.one("lead_state", {"lead": lead_id, "tenant": self.tenant})
        return state_from(
            row.body if row else None, lead_id=LeadId(lead_id), tenant=self.tenant, region=Region(region)
        )

    def _ask(self, name: str, rows: Sequence[dict[str, object]]) -> None:
        self.tx.run(name, [{"tenant": self.tenant, **row} for row in rows])


def _when(action: PastAction) -> tuple[int, int]:
    return action.at, action.episode
