"""Approvals in one transaction: read, opened with a decision, and ended with what they hold back."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from domain.action import ActionState, Move
from domain.approval import Approval, ApprovalState, Edited, Showing, Terms, Vote, VoteKind
from domain.audit import Sealed
from domain.errors import Permanent
from domain.ids import DecisionId, LeadId, Region, TenantId
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.effect_rows import Effects, Stored
from tools.store.effects import asked
from tools.store.engine import Tx
from tools.store.waking import wake

_MOVE: Final = {
    ApprovalState.APPROVED: Move.APPROVE,
    ApprovalState.REJECTED: Move.REJECT,
    ApprovalState.EXPIRED: Move.EXPIRE,
    ApprovalState.REDECIDED: Move.EXPIRE,
    ApprovalState.EDITED: Move.EXPIRE,
}
_CODE: Final = {
    ApprovalState.APPROVED: "released",
    ApprovalState.EXPIRED: "expired",
    ApprovalState.REDECIDED: "redecided",
}
"""Audit codes; a rejection is told by the vote's own row, an edit by its own."""
_STATES: Final = frozenset(state.value for state in ApprovalState)
_WAKES: Final = {ApprovalState.EXPIRED: "approval_expired", ApprovalState.REDECIDED: "redo"}


@dataclass(frozen=True, slots=True)
class Asking:
    """Open questions within one transaction, for everyone who ends them."""

    tx: Tx
    config: Config
    effects: Effects = field(repr=False)

    def waiting(self, approval: Approval) -> list[Stored]:
        """The actions that it still holds back."""
        rows = self.effects.found(
            "effects_of_approval", approval=approval.approval_id, tenant=approval.tenant
        )
        return [one for one in rows if one.row.state is ActionState.WAITING]

    def of_lead(self, tenant: str, lead: str) -> list[Approval]:
        """The open ones of a lead."""
        rows = self.tx.rows("approvals_of_lead", {"tenant": tenant, "lead": lead})
        return read(self.tx, self.config, (row.approval_id for row in rows))

    def end(
        self, approval: Approval, state: ApprovalState, *, reason: str = "", wakes: bool = True
    ) -> Approval:
        """End a question: its actions go out, or never do, and a lead that is to be decided anew is woken."""
        now, move = self.effects.now, _MOVE[state]
        after = replace(approval, state=state, reason=reason, decided_at=now)
        place = {"approval": approval.approval_id, "tenant": approval.tenant}
        self.tx.run("end_approval", {**place, "state": state.value, "reason": reason, "now": now})
        if state in _CODE:
            self.effects.chains.add([asked(after, _CODE[state], now)])
        for one in self.waiting(approval):
            due = now if move is Move.APPROVE else None
            why = reason or ("" if move is Move.APPROVE else state.value)
            self.effects.move(one, move, reason=why, next_try=due)
        if wakes and state in _WAKES:
            wake(self.tx, approval.tenant, approval.lead_id, _WAKES[state], now)
        return after


def read(tx: Tx, config: Config, ids: Iterable[str]) -> list[Approval]:
    """Approvals in the order of their ids, with actions and votes. A comment whose key is gone is empty.

    One in a state that does not exist is left out: `leadgraph home verify` names it.
    """
    order = list(ids)
    if not order:
        return []
    given = {"ids": as_json(order)}
    rows = {row.approval_id: row for row in tx.rows("approvals", given) if row.state in _STATES}
    actions: dict[str, list[str]] = {}
    for row in tx.rows("actions_of_approvals", given):
        actions.setdefault(row.approval_id, []).append(row.action_id)
    votes: dict[str, list[Vote]] = {}
    for row in tx.rows("votes_of_approvals", given):
        votes.setdefault(row.approval_id, []).append(_vote(config, rows[row.approval_id].tenant, row))
    shown: dict[str, list[Showing]] = {}
    for row in tx.rows("showings_of_approvals", given):
        shown.setdefault(row.approval_id, []).append(Showing(row.viewer, row.at))
    return [
        replace(
            _approval(rows[one], tuple(actions.get(one, ())), tuple(votes.get(one, ()))),
            shown=tuple(shown.get(one, ())),
        )
        for one in order
        if one in rows
    ]


def approval_values(asks: Approval, run: str) -> dict[str, object]:
    """What `insert_approval` needs of a question that the run asks, but for its place."""
    return {
        "approval": asks.approval_id,
        "decision": asks.decision_id,
        "run": run,
        "hash": asks.proposal_hash,
        "state": asks.state.value,
        "policy": asks.policy,
        "people": asks.terms.people,
        "hours": asks.terms.hours,
        "asked_at": asks.asked_at,
        "expires_at": asks.expires_at,
    }


def _vote(config: Config, tenant: str, row: Any) -> Vote:
    comment = ""
    if row.ciphertext is not None:
        try:
            sealed = Sealed(row.ciphertext, row.salt, row.commitment, row.key_id)
            comment = config.open_text(TenantId(tenant), sealed).decode()
        except Permanent:  # erased with its lead's keys: that is what erasing is for
            comment = ""
    return Vote(row.voter, VoteKind(row.kind), row.at, comment)


def _approval(row: Any, actions: tuple[str, ...], votes: tuple[Vote, ...]) -> Approval:
    return Approval(
        approval_id=row.approval_id,
        tenant=TenantId(row.tenant),
        region=Region(row.region),
        lead_id=LeadId(row.lead_id),
        decision_id=DecisionId(row.decision_id),
        action_ids=actions,
        proposal_hash=row.proposal_hash,
        state=ApprovalState(row.state),
        policy=row.policy,
        terms=Terms(row.people, row.hours),
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        assignee=row.assignee,
        votes=votes,
        decided_at=row.decided_at,
        reason=row.reason,
        edited=None if row.editor is None else Edited(row.edited_from, row.editor, row.edited_at),
    )
