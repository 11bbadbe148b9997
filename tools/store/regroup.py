"""Carrying out a plan of moves: merges, splits, and every touched lead made anew from its signals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.approval import Approval, ApprovalState
from domain.audit import AuditEntry
from domain.ids import LeadId, Region, TenantId
from domain.lead import EVENT_CAP, BandState, LeadState, PastAction, absorb
from domain.override import ROW
from domain.signal import Event, compact
from tools.store.accounts_due import mark
from tools.store.asking import Asking, read
from tools.store.audit import Chains
from tools.store.codec import signal_from, state_bytes, state_from
from tools.store.config import Config
from tools.store.effect_rows import Effects
from tools.store.engine import Tx
from tools.store.keyring import give_back
from tools.store.moving import Plan
from tools.store.override_rows import Overrides

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
            self._stop(lead, ApprovalState.REDECIDED, "identity")
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
        self.tx.run("mark_renewed", {**here, "region": region})
        names = {before.account, account.account if account else None} - {None}
        mark(self.tx, self.tenant, region, names, self.now)
        return waiting

    def _merge(self, plan: Plan, winner: str, loser: str) -> None:
        both: dict[str, object] = {"to": winner, "lead": loser}
        for name in ("move_timers", "drop_timers", "move_answers", "move_talks", "move_talk_decisions"):
            self._ask(name, [both])
        self._merge_effects(plan.region, winner, loser)
        if self._overrides.merge(winner, loser):
            self._redecide(plan.region, winner)
        self._ask("retire_lead", [{"lead": loser, "into": winner}])
        self._note(plan.region, "merge", winner, loser)
        self.config.ring.unite(self.tenant, LeadId(winner), LeadId(loser))

    def _merge_effects(self, region: str, winner: str, loser: str) -> None:
        """What was asked about the loser no longer holds, nor what is asked twice now; the rest is the winner's."""
        asked = self._asking.of_lead(self.tenant, loser)
        self._end(asked, ApprovalState.REDECIDED, "merged")
        broken = read(self.tx, self.config, self.effects.merge(self.tenant, winner, loser))
        self._end(broken, ApprovalState.REDECIDED, "merged")
        if asked or broken:
            self._ask("set_timer", [{"region": region, "lead": winner, "reason": "redo", "due_at": self.now}])

    def _stop(self, lead: str, state: ApprovalState, reason: str) -> None:
        """Nothing that has not left for this lead ever will."""
        self._end(self._asking.of_lead(self.tenant, lead), state, reason)
        self.effects.expire_unsent(self.tenant, lead, reason)

    def _end(self, approvals: Iterable[Approval], state: ApprovalState, reason: str) -> None:
        for approval in approvals:
            self._asking.end(approval, state, reason=reason, wakes=False)

    @property
    def effects(self) -> Effects:
        """The outbox in this transaction."""
        return Effects(self.tx, self.chains, self.now, self.config.desk)

    @property
    def _asking(self) -> Asking:
        return Asking(self.tx, self.config, self.effects)

    @property
    def _overrides(self) -> Overrides:
        return Overrides(self.tx, self.chains, self.tenant, self.now)

    def _redecide(self, region: str, *leads: str) -> None:
        """Other things are fixed of these leads than before."""
        rows = [{"region": region, "lead": one, "reason": ROW, "due_at": self.now} for one in leads]
        self._ask("set_timer", rows)

    def _split(self, plan: Plan, lead: str, part: str) -> None:
        self._note(plan.region, "split", lead, part)
        self.effects.split(self.tenant, part)
        for name in ("return_answers", "return_talks", "return_talk_decisions"):
            self._ask(name, [{"lead": part}])
        if self._overrides.split(lead, part):
            self._redecide(plan.region, lead, part)
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
        self._stop(lead_id, ApprovalState.EXPIRED, "suppressed")
        for name in ("drop_timers", "drop_answers", "drop_talk_records"):
            self.tx.run(name, here)
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
