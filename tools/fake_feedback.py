"""The in-memory store's overrides and labels."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from domain.action import ActionState
from domain.approval import ApprovalState
from domain.edit import differences
from domain.ids import DecisionId, LeadId, TenantId
from domain.instants import instant
from domain.label import SAYING, Label, LabelKind, Provenance, edit_label, said_by
from domain.override import ROW, OverrideEnd, OverrideKind, OverrideRow, checked_by
from domain.override_moves import ended
from tools.fake_world import Lead, World
from tools.store.editing import params
from tools.store.feedback import held, made, unknown, wished
from tools.store.labels import vote_label
from tools.store.override_rows import said


class MemoryFeedback:
    """Satisfies `domain.ports.feedback.Feedback`."""

    def __init__(self, world: World) -> None:
        self._world, self._overrides = world, world.overrides

    async def fix(
        self,
        tenant: TenantId,
        lead_id: LeadId,
        *,
        kind: OverrideKind,
        value: str,
        reason: str,
        by: str,
        now: int,
        until: int | None = None,
    ) -> OverrideRow:
        """Fix the owner or the points of a lead."""
        config, wish = self._world.config, wished(kind, value, reason=reason, by=by, until=until, now=now)
        region = self._lead(tenant, lead_id).state.region
        before = [row for row in self._overrides.not_ended(lead_id) if row.override.kind is kind]
        for row in before:
            self._overrides.keep(ended(row, OverrideEnd.REPLACED, now, by=wish.by))
        row = made(config, tenant, lead_id, region, wish=wish, decision=self._latest(lead_id), now=now)
        sealed = config.seal_text(tenant, lead_id, wish.reason.encode())
        self._overrides.keep(row)
        why = "replaces" if any(one.holds(now) for one in before) else ROW
        person = config.person(wish.by)
        self._world.note([said(row, "set", now, why=why, person=person, commitment=sealed.commitment)])
        self._world.wake(lead_id, ROW, now)
        return row

    async def lift(
        self, tenant: TenantId, lead_id: LeadId, *, kind: OverrideKind, by: str, now: int
    ) -> OverrideRow:
        """Set the owner or the points free again."""
        name = checked_by(by)
        self._lead(tenant, lead_id)
        row = held(self._overrides.of_lead(lead_id), kind, now)
        row = ended(row, OverrideEnd.LIFTED, now, by=name)
        self._overrides.keep(row)
        self._world.note([said(row, "lifted", now, why=ROW, person=self._world.config.person(name))])
        self._world.wake(lead_id, ROW, now)
        return row

    async def overrides(
        self, tenant: TenantId, *, at: int, lead_id: LeadId | None = None
    ) -> Sequence[OverrideRow]:
        """What counts at an instant."""
        mine = (row for row in self._overrides.rows.values() if row.tenant == tenant and row.holds(at))
        found = [row for row in mine if lead_id in (None, row.lead_id)]
        return sorted(found, key=lambda row: (row.lead_id, row.override.kind, row.override.at))

    async def history(self, tenant: TenantId, lead_id: LeadId) -> Sequence[OverrideRow]:
        """All that was ever fixed of a lead, the oldest first."""
        return [row for row in self._overrides.of_lead(lead_id) if row.tenant == tenant]

    async def labels(
        self, tenant: TenantId, *, since: int | None = None, until: int | None = None
    ) -> Sequence[Label]:
        """Labels that became known in [`since`, `until`)."""
        found = []
        for label in (
            *self._votes(tenant),
            *self._edits(tenant),
            *self._actions(tenant),
            *self._fixed(tenant),
            *self._said(tenant),
        ):
            lead = self._world.leads[self._canonical(label.lead_id)]
            early = since is not None and label.known_at < since
            late = until is not None and label.known_at >= until
            if not (early or late or lead.state.suppressed):
                found.append(replace(label, lead_id=lead.state.lead_id))
        return sorted(found, key=lambda label: label.place)

    def _votes(self, tenant: TenantId) -> Iterator[Label]:
        for one in self._world.effects.approvals.values():
            answered = one.state in (ApprovalState.APPROVED, ApprovalState.REJECTED)
            if one.tenant == tenant and answered and one.decided_at is not None:
                yield vote_label(one.lead_id, one.approval_id, one.state.value, one.decided_at,
                                 votes=len(one.votes), decision=one.decision_id)  # fmt: skip

    def _edits(self, tenant: TenantId) -> Iterator[Label]:
        effects = self._world.effects
        for one in effects.approvals.values():
            if one.tenant == tenant and one.edited is not None:
                origin = effects.approvals[one.edited.origin]
                before = params(effects.rows[name].row for name in origin.action_ids)
                after = params(effects.rows[name].row for name in one.action_ids)
                yield from (edit_label(one.lead_id, one, change) for change in differences(before, after))

    def _actions(self, tenant: TenantId) -> Iterator[Label]:
        for effect in self._world.effects.rows.values():
            row, at = effect.row, effect.row.finished_at
            if row.tenant == tenant and row.state is ActionState.COMPENSATED and at is not None:
                lead, value = row.lead_id, row.kind.value
                yield Label(
                    lead, LabelKind.UNDONE, value, at, at, Provenance.ACTION, row.action_id, row.decision_id
                )

    def _fixed(self, tenant: TenantId) -> Iterator[Label]:
        for row in self._overrides.rows.values():
            if row.tenant == tenant:
                one, kind = row.override, LabelKind(row.override.kind.value)
                yield Label(row.lead_id, kind, one.value, one.at, one.at, Provenance.OVERRIDE, one.override_id,
                            row.decision_id)  # fmt: skip

    def _said(self, tenant: TenantId) -> Iterator[Label]:
        for kept in self._world.signals.values():
            signal = kept.signal
            if signal.tenant == tenant and signal.kind in SAYING:
                kind, value = said_by(signal.kind, signal.payload)
                at, known = instant(signal.occurred_at), instant(signal.known_at)
                yield Label(LeadId(kept.lead_id), kind, value, at, known, Provenance.SIGNAL, signal.signal_id)

    def _canonical(self, lead: str) -> str:
        while (into := self._world.leads[lead].merged_into) is not None:
            lead = into
        return lead

    def _lead(self, tenant: TenantId, lead_id: LeadId) -> Lead:
        lead = self._world.leads.get(lead_id)
        if lead is None or not lead.live or lead.state.suppressed or lead.state.tenant != tenant:
            raise unknown(lead_id)
        return lead

    def _latest(self, lead_id: LeadId) -> DecisionId | None:
        made_before = (one.decision_id for _, one, _, _ in self._world.decisions if one.lead_id == lead_id)
        return next(reversed(list(made_before)), None)
