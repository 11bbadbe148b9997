"""Labels out of what is stored: reads on one snapshot, under the leads as they are known now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from domain.edit import differences
from domain.ids import DecisionId, LeadId, TenantId
from domain.instants import Instant
from domain.kinds import Kind
from domain.label import Label, LabelKind, Provenance, edit_label, said_by
from tools.store.asking import read
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.editing import params
from tools.store.effect_rows import found
from tools.store.engine import Tx
from tools.store.marked import unmarked

ALWAYS: Final = Instant(2**62)
"""Later than anything."""


def labels(tx: Tx, config: Config, tenant: TenantId, since: int | None, until: int | None) -> list[Label]:
    """Labels that became known in [`since`, `until`), in their order."""
    asked = {
        "tenant": tenant,
        "since": -ALWAYS if since is None else since,
        "until": ALWAYS if until is None else until,
    }
    said = [
        *_votes(tx, asked),
        *_edits(tx, config, asked),
        *_actions(tx, asked),
        *_overrides(tx, asked),
        *_signals(tx, asked),
    ]
    here = canonical(tx, tenant, {label.lead_id for label in said})
    kept = [replace(label, lead_id=lead) for label in said if (lead := here[label.lead_id]) is not None]
    return sorted(kept, key=lambda label: label.place)


def canonical(tx: Tx, tenant: TenantId, leads: Iterable[LeadId]) -> Mapping[LeadId, LeadId | None]:
    """Each lead as it is known now; None for one that asked to be forgotten."""
    into = {lead: lead for lead in leads}
    forgotten, ask = set[LeadId](), set(into)
    while ask:
        rows = tx.rows("lead_place", {"tenant": tenant, "leads": as_json(sorted(ask))})
        forgotten |= {LeadId(row.lead_id) for row in rows if row.suppressed}
        merged = {LeadId(row.lead_id): LeadId(row.merged_into) for row in rows if row.merged_into}
        into = {lead: merged.get(at, at) for lead, at in into.items()}
        ask = set(merged.values())
    return {lead: None if at in forgotten else at for lead, at in into.items()}


def _votes(tx: Tx, asked: Mapping[str, object]) -> Iterator[Label]:
    for row in tx.rows("labels_of_votes", asked):
        yield vote_label(row.lead_id, row.approval_id, row.state, row.decided_at,
                         votes=row.votes, decision=row.decision_id)  # fmt: skip


def _edits(tx: Tx, config: Config, asked: Mapping[str, object]) -> Iterator[Label]:
    """An edit is told by the actions before and after it."""
    origins = {row.approval_id: row.edited_from for row in tx.rows("labels_of_edits", asked)}
    for approval in read(tx, config, origins):
        before, after = (
            params(one.row for one in found(tx, "effects_of_approval", approval=name, tenant=asked["tenant"]))
            for name in (origins[approval.approval_id], approval.approval_id)
        )
        yield from (edit_label(approval.lead_id, approval, change) for change in differences(before, after))


def _actions(tx: Tx, asked: Mapping[str, object]) -> Iterator[Label]:
    for row in tx.rows("labels_of_actions", asked):
        at, decision = row.finished_at, DecisionId(row.decision_id)
        lead, ref = LeadId(row.lead_id), row.action_id
        yield Label(lead, LabelKind.UNDONE, row.kind, at, at, Provenance.ACTION, ref, decision)


def _overrides(tx: Tx, asked: Mapping[str, object]) -> Iterator[Label]:
    for row in tx.rows("labels_of_overrides", asked):
        decision = None if row.decision_id is None else DecisionId(row.decision_id)
        lead, kind, ref = LeadId(row.lead_id), LabelKind(row.kind), row.override_id
        yield Label(lead, kind, row.value, row.at, row.at, Provenance.OVERRIDE, ref, decision)


def _signals(tx: Tx, asked: Mapping[str, object]) -> Iterator[Label]:
    for row in tx.rows("labels_of_signals", asked):
        payload: dict[str, Any] = orjson.loads(unmarked(row.body))["payload"]
        kind, value = said_by(Kind(row.kind), payload)
        yield Label(LeadId(row.lead_id), kind, value, row.occurred, row.known, Provenance.SIGNAL, row.ref)


def vote_label(lead: str, approval: str, state: str, at: int, *, votes: int, decision: str) -> Label:
    """The label of an approval that its last vote ended."""
    ref = f"{approval}/{votes}"
    return Label(LeadId(lead), LabelKind.APPROVAL, state, at, at, Provenance.VOTE, ref, DecisionId(decision))
