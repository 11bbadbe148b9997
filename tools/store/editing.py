"""Edited questions: rules for the durable store and its twin, and the durable store's transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from domain.action import ActionKind, Move, proposal_hash
from domain.approval import Approval, ApprovalState, Edited, hash_of, next_form
from domain.edit import Edit, Params, differences, edited
from domain.ids import ActionId
from domain.ports.outbox import OutboxRow
from tools.store.asking import Asking, approval_values
from tools.store.codec import values_text
from tools.store.effects import asked


@dataclass(frozen=True, slots=True)
class Plan:
    """What an edit comes to: the new question, its rows by the id of the row each stands for, and what is dropped."""

    question: Approval
    rows: Mapping[str, OutboxRow]
    dropped: tuple[str, ...]
    fields: str
    """Names of what was edited, for the audit log."""


def planned(approval: Approval, waiting: Iterable[OutboxRow], edit: Edit, *, by: str, now: int) -> Plan:
    """The question that stands in the place of `approval`, whose actions are `waiting`. Raises: BadInput."""
    before = {row.kind: row for row in waiting}
    after = edited(params(before.values()), edit, now=now)
    name = next_form(approval.approval_id)
    rows: dict[str, OutboxRow] = {
        before[kind].action_id: _changed(before[kind], said, name) for kind, said in after.items()
    }
    question = replace(
        approval,
        approval_id=name,
        action_ids=tuple(row.action_id for row in rows.values()),
        proposal_hash=hash_of(row.proposal_hash for row in rows.values()),
        votes=(),
        edited=Edited(approval.approval_id, by, now),
    )
    dropped = tuple(row.action_id for kind, row in before.items() if kind not in after)
    fields = " ".join(change.field for change in differences(params(before.values()), after))
    return Plan(question, rows, dropped, fields)


def params(rows: Iterable[OutboxRow]) -> Params:
    """The parameters of each action."""
    said: dict[ActionKind, Mapping[str, str]] = {row.kind: row.params for row in rows}
    return said


def _changed(row: OutboxRow, said: Mapping[str, str], approval: str) -> OutboxRow:
    """The row that stands for `row`: another action, with a hash of its own."""
    return replace(
        row,
        action_id=ActionId(next_form(row.action_id)),
        origin=row.lead_id,
        params=said,
        proposal_hash=proposal_hash(row.kind, row.lead_id, said, row.episode),
        approval_id=approval,
    )


def put_in_place(asking: Asking, approval: Approval, plan: Plan, person: str) -> None:
    """Close `approval` as edited, and open the question of `plan` with its actions."""
    tx, now, new = asking.tx, asking.effects.now, plan.question
    here = {"tenant": new.tenant, "region": new.region, "approval": new.approval_id}
    for action, row in plan.rows.items():
        given = {"after": row.action_id, "action": action, "hash": row.proposal_hash}
        tx.run("insert_edited_effect", {**here, **given, "params": values_text(row.params)})
    for one in asking.waiting(approval):
        if one.row.action_id in plan.dropped:
            asking.effects.move(one, Move.REJECT, reason="dropped", person=person)
    asking.effects.chains.add([asked(approval, "edited", now, person=person, fields=plan.fields)])
    asking.end(approval, ApprovalState.EDITED)
    run = next(iter(plan.rows.values())).run_id
    tx.run("insert_approval", {**here, "lead": new.lead_id, **approval_values(new, run)})
    tx.run("insert_feed", {**here, "kind": "approval", "ref": new.approval_id, "at": now})
    if new.edited is not None:
        tx.run("insert_edit", {**here, "origin": new.edited.origin, "editor": new.edited.by, "at": now})
    tx.run("carry_showings", {**here, "before": approval.approval_id, "after": new.approval_id})
    if new.assignee:
        tx.run("assign_approval", {**here, "to": new.assignee})
    asking.effects.chains.add([asked(new, "opened", now)])
