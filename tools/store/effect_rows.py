"""Outbox rows in one transaction: read, moved through their life cycle, carried to another lead, with audit rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.action import ActionKind, ActionState, Move, moved
from domain.effect import StepProgress
from domain.ids import ActionId, DecisionId, LeadId, Region, RunId, TenantId
from domain.ports.outbox import OutboxRow
from tools.store.audit import Chains
from tools.store.components import as_json
from tools.store.desk_due import fall_due, given_in_vain
from tools.store.effects import (
    UNFINISHED,
    occupies,
    occupying,
    outranks,
    params_from,
    steps_from,
    steps_text,
    turned,
    unread,
    unsent,
)
from tools.store.engine import Tx

_KINDS: Final = frozenset(kind.value for kind in ActionKind)
_STATES: Final = frozenset(state.value for state in ActionState)


@dataclass(frozen=True, slots=True)
class Stored:
    """One outbox row with what only the store needs: `token` fences, `open_key` is its effect key while it keeps it."""

    row: OutboxRow
    token: int
    lease_until: int
    send_key: str | None
    open_key: str | None
    readable: bool = True
    """Its JSON is sound. Of one that is torn, nobody knows whether something has left."""

    @property
    def unsent(self) -> bool:
        """Whether nothing of it can have left."""
        return self.readable and unsent(self.row)


@dataclass(frozen=True, slots=True)
class Effects:
    """The outbox within one transaction, for everyone who changes it."""

    tx: Tx
    chains: Chains
    now: int
    desk: str = ""
    """The desk whose conversations are followed; empty: none."""

    def read(self, ids: Iterable[str]) -> list[Stored]:
        """Rows in the order of their ids."""
        return read(self.tx, ids)

    def found(self, name: str, **values: object) -> list[Stored]:
        """Rows whose ids a statement finds, in its order."""
        return found(self.tx, name, **values)

    def due(self, limit: int) -> list[Stored]:
        """Rows that may be taken now, oldest first; those of a kind or state that does not exist are set aside."""
        rows = self.tx.rows("takeable_effects", {"now": self.now, "limit": limit})
        found = self.read(row.action_id for row in rows)
        for lost in {row.action_id for row in rows} - {one.row.action_id for one in found}:
            self.chains.add([unread(self.tx.one("unread_effect", {"action": lost}), self.now)])
        return found

    def move(
        self, one: Stored, move: Move, *, reason: str = "", next_try: int | None = None, person: str = ""
    ) -> Stored:
        """Move a row by its life cycle, end any hold of it, and note the move. Raises: Permanent."""
        state = moved(one.row.state, move)
        row = replace(
            one.row,
            state=state,
            reason=reason,
            next_try=next_try,
            finished_at=None if state in UNFINISHED else self.now,
        )
        after = self.save(replace(one, row=row, token=one.token + 1, lease_until=0))
        self.chains.add([turned(after.row, self.now, person)])
        if self.desk and given_in_vain(after.row):
            fall_due(self.tx, self.desk, after.row, self.now)
        return after

    def save(self, one: Stored) -> Stored:
        """Write a row's state and hold. Its key is given up if the state asks for it, and then goes to an heir."""
        row = one.row
        after = replace(one, open_key=self._key_for(one, row.effect_key))
        self.tx.run(
            "move_effect",
            {
                "action": row.action_id,
                "tenant": row.tenant,
                "state": row.state.value,
                "reason": row.reason or None,
                "attempt": row.attempt,
                "token": one.token,
                "lease": one.lease_until,
                "next_try": row.next_try,
                "finished": row.finished_at,
                "open_key": after.open_key,
            },
        )
        if one.open_key and not after.open_key:
            self._hand_over(row, one.open_key)
        return after

    def keep_steps(self, one: Stored) -> None:
        """Write how far the steps are."""
        place = {"action": one.row.action_id, "tenant": one.row.tenant}
        self.tx.run("keep_steps", {**place, "steps": steps_text(one.row.steps), "send_key": one.send_key})

    def merge(self, tenant: str, winner: str, loser: str) -> list[str]:
        """Carry the loser's rows to the winner. Unsent ones whose key the winner has expire.

        An effect that is, or may be, in the target keeps the key against one that is not: of two tasks, the
        winner's unsent one would otherwise still be sent.
        Returns: open approvals of the winner that lost a row so.
        """
        broken: dict[str, None] = {}
        for one in self.found("effects_of_lead", tenant=tenant, lead=loser):
            holder = self.holder(tenant, _key(winner, one.row))
            if holder is not None and one.unsent:
                self.move(one, Move.EXPIRE, reason="merged")
                continue
            if holder is not None and outranks(one.row, holder.row):
                if holder.row.state is ActionState.WAITING and holder.row.approval_id:
                    broken[holder.row.approval_id] = None
                self.move(holder, Move.EXPIRE, reason="merged")
            self.relocate(one, winner)
        return list(broken)

    def split(self, tenant: str, part: str) -> None:
        """Give back to a lead what was proposed for it before it was merged."""
        for one in self.found("effects_from_lead", tenant=tenant, lead=part):
            self.relocate(one, part)

    def expire_unsent(self, tenant: str, lead: str, reason: str) -> None:
        """What has not left never will."""
        for one in self.found("effects_of_lead", tenant=tenant, lead=lead):
            if one.unsent:
                self.move(one, Move.EXPIRE, reason=reason)

    def relocate(self, one: Stored, lead: str) -> None:
        """Carry a row to another lead, whose key it takes if that is free."""
        effect = _key(lead, one.row)
        self.tx.run(
            "relocate_effect",
            {
                "action": one.row.action_id,
                "tenant": one.row.tenant,
                "lead": lead,
                "effect": effect,
                "open_key": self._key_for(one, effect),
            },
        )
        if one.open_key and one.open_key != effect:
            self._hand_over(one.row, one.open_key)

    def holder(self, tenant: str, effect: str) -> Stored | None:
        """The row that keeps others of this effect key out."""
        return next(iter(self.found("holder_of_key", tenant=tenant, effect=effect)), None)

    def claims_key(self, one: Stored) -> bool:
        """Whether the row has its key, or it is free to take: nobody else has this effect in hand."""
        return self._key_for(one, one.row.effect_key) is not None

    def _key_for(self, one: Stored, effect: str) -> str | None:
        if not occupies(one.row.kind, one.row.state):
            return None
        if one.open_key == effect:
            return effect
        holder = self.tx.one("holder_of_key", {"tenant": one.row.tenant, "effect": effect})
        return effect if holder is None else None

    def _hand_over(self, row: OutboxRow, effect: str) -> None:
        states = as_json(occupying(row.kind))
        heir = self.tx.one("heir_of_key", {"tenant": row.tenant, "effect": effect, "states": states})
        if heir is not None:
            self.tx.run("give_key", {"action": heir.action_id, "tenant": row.tenant})


def read(tx: Tx, ids: Iterable[str]) -> list[Stored]:
    """Rows in the order of their ids; one of a kind or state that does not exist is left out, and never acted upon."""
    order = list(ids)
    if not order:
        return []
    rows = {row.action_id: row for row in tx.rows("effects", {"ids": as_json(order)}) if _known(row)}
    return [_stored(rows[action]) for action in order if action in rows]


def found(tx: Tx, name: str, **values: object) -> list[Stored]:
    """Rows whose ids a statement finds, in its order."""
    return read(tx, (row.action_id for row in tx.rows(name, values)))


def shown(rows: Sequence[Stored]) -> list[OutboxRow]:
    """Rows for people and surfaces."""
    return [one.row for one in rows]


def _key(lead: str, row: OutboxRow) -> str:
    return f"{lead}/{row.kind.value}/{row.episode}"


def _known(row: Any) -> bool:
    """Whether its kind and state exist: damage that `leadgraph home verify` names."""
    return row.kind in _KINDS and row.state in _STATES


def _stored(row: Any) -> Stored:
    """A row of the table. Of one with torn JSON the rest is still known."""
    readable, params = True, dict[str, str]()
    steps: tuple[StepProgress, ...] = ()
    try:
        params = params_from(row.params)
        steps = () if row.steps is None else steps_from(row.steps)
    except ValueError:
        readable = False
    return Stored(_row(row, params, steps), row.token, row.lease_until, row.send_key, row.open_key, readable)


def _row(row: Any, params: dict[str, str], steps: tuple[StepProgress, ...]) -> OutboxRow:
    return OutboxRow(
        action_id=ActionId(row.action_id),
        tenant=TenantId(row.tenant),
        region=Region(row.region),
        lead_id=LeadId(row.lead_id),
        origin=LeadId(row.origin),
        kind=ActionKind(row.kind),
        params=params,
        episode=row.episode,
        effect_key=row.effect_key,
        state=ActionState(row.state),
        proposal_hash=row.proposal_hash,
        decision_id=DecisionId(row.decision_id),
        run_id=RunId(row.run_id),
        at=row.at,
        reason=row.reason or "",
        attempt=row.attempt,
        next_try=row.next_try,
        steps=steps,
        approval_id=row.approval_id,
        finished_at=row.finished_at,
        again_at=row.again_at,
    )
