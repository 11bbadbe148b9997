"""Feedback: what people fix about leads, each change in one transaction with its audit row, and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.audit import Sealed
from domain.errors import BadInput, Permanent
from domain.ids import DecisionId, LeadId, Region, TenantId
from domain.label import Label
from domain.override import (
    ROW,
    Override,
    OverrideEnd,
    OverrideKind,
    OverrideRow,
    checked,
    checked_by,
    checked_reason,
    checked_until,
)
from domain.override_moves import ended
from tools.privacy.vault import KeyRow
from tools.store.audit import Chains
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.keyring import keep_pending
from tools.store.labels import labels
from tools.store.override_rows import Overrides, row_from, said
from tools.store.waking import wake


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to fix, checked."""

    kind: OverrideKind
    value: str
    reason: str
    by: str
    until: int | None


class SqlFeedback:
    """Satisfies `domain.ports.feedback.Feedback`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

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
        wish = wished(kind, value, reason=reason, by=by, until=until, now=now)

        def work(tx: Tx) -> tuple[OverrideRow, Sequence[KeyRow]]:
            region = _region(tx, tenant, lead_id)
            chains = Chains(tx, self._config.writer)
            row = _fix(Overrides(tx, chains, tenant, now), self._config, lead_id, region, wish)
            chains.write()
            return row, keep_pending(tx, self._config.ring, {lead_id: region})

        row, keys = await self._database.write(work, point="override.fix")
        self._config.ring.stored(keys)
        return row

    async def lift(
        self, tenant: TenantId, lead_id: LeadId, *, kind: OverrideKind, by: str, now: int
    ) -> OverrideRow:
        """Set the owner or the points free again."""
        name = checked_by(by)

        def work(tx: Tx) -> OverrideRow:
            _region(tx, tenant, lead_id)
            chains = Chains(tx, self._config.writer)
            overrides = Overrides(tx, chains, tenant, now)
            row = ended(held(overrides.of_lead(lead_id), kind, now), OverrideEnd.LIFTED, now, by=name)
            overrides.keep(row)
            chains.add([said(row, "lifted", now, why=ROW, person=self._config.person(name))])
            chains.write()
            wake(tx, tenant, lead_id, ROW, now)
            return row

        return await self._database.write(work, point="override.lift")

    async def overrides(
        self, tenant: TenantId, *, at: int, lead_id: LeadId | None = None
    ) -> Sequence[OverrideRow]:
        """What counts at an instant."""
        if lead_id is None:
            return await self._rows("overrides_at", tenant=tenant, at=at)
        rows = [row for row in await self.history(tenant, lead_id) if row.holds(at)]
        return sorted(rows, key=lambda row: row.override.kind)

    async def history(self, tenant: TenantId, lead_id: LeadId) -> Sequence[OverrideRow]:
        """All that was ever fixed of a lead, the oldest first."""
        return await self._rows("override_history", tenant=tenant, lead=lead_id)

    async def labels(
        self, tenant: TenantId, *, since: int | None = None, until: int | None = None
    ) -> Sequence[Label]:
        """Labels that became known in [`since`, `until`)."""
        return await self._database.read(lambda tx: labels(tx, self._config, tenant, since, until))

    async def _rows(self, name: str, **values: object) -> list[OverrideRow]:
        rows = await self._database.read(lambda tx: tx.rows(name, values))
        return [row_from(row, self._reason(row)) for row in rows]

    def _reason(self, row: Any) -> str:
        if row.ciphertext is None:
            return ""
        try:
            sealed = Sealed(row.ciphertext, row.salt, row.commitment, row.key_id)
            return self._config.open_text(TenantId(row.tenant), sealed).decode()
        except Permanent:  # erased with its lead's keys: that is what erasing is for
            return ""


def _fix(overrides: Overrides, config: Config, lead: LeadId, region: Region, wish: Wish) -> OverrideRow:
    """Store the override in the place of the one before it, with its reason sealed and its audit row."""
    tx, tenant, now = overrides.tx, overrides.tenant, overrides.now
    before = [row for row in overrides.of_lead(lead) if row.end is None and row.override.kind is wish.kind]
    for row in before:
        overrides.keep(ended(row, OverrideEnd.REPLACED, now, by=wish.by))
    latest = tx.one("latest_decision", {"tenant": tenant, "lead": lead})
    decision = DecisionId(latest.decision_id) if latest else None
    row = made(config, tenant, lead, region, wish=wish, decision=decision, now=now)
    sealed = config.seal_text(tenant, lead, wish.reason.encode())
    place = {"tenant": tenant, "region": region, "lead": lead, "commitment": sealed.commitment}
    tx.run(
        "insert_sealed",
        place | {"ciphertext": sealed.ciphertext, "salt": sealed.salt, "key": sealed.key_id},
    )
    tx.run(
        "insert_override",
        place
        | {
            "override": row.override.override_id,
            "kind": wish.kind.value,
            "value": wish.value,
            "at": now,
            "until": wish.until,
            "by": wish.by,
            "decision": decision,
        },
    )
    why = "replaces" if any(one.holds(now) for one in before) else ROW
    person = config.person(wish.by)
    overrides.chains.add([said(row, "set", now, why=why, person=person, commitment=sealed.commitment)])
    wake(tx, tenant, lead, ROW, now)
    return row


def wished(
    kind: OverrideKind, value: str, *, reason: str, by: str, until: int | None, now: int
) -> Wish:  # fmt: skip
    """What a person wants to fix. Raises: BadInput."""
    return Wish(kind, checked(kind, value), checked_reason(reason), checked_by(by), checked_until(until, now))


def made(
    config: Config,
    tenant: TenantId,
    lead: LeadId,
    region: Region,
    *,
    wish: Wish,
    decision: DecisionId | None,
    now: int,
) -> OverrideRow:
    """A new override."""
    override = Override(f"ov_{config.new_id()}", wish.kind, wish.value, now, wish.until)
    return OverrideRow(override, tenant, region, lead, lead, wish.by, wish.reason, decision)


def held(rows: Sequence[OverrideRow], kind: OverrideKind, now: int) -> OverrideRow:
    """The override of a kind that counts now. Raises: BadInput if there is none."""
    for row in rows:
        if row.override.kind is kind and row.holds(now):
            return row
    raise BadInput(kind.value, "nothing is fixed", "look at the lead's overrides", code="none")


def unknown(lead: str) -> BadInput:
    """There is no such lead to fix anything of."""
    return BadInput("lead", f"{lead} is not a lead", "give the id or a key of a lead", code="unknown")


def _region(tx: Tx, tenant: str, lead: str) -> Region:
    """Where the lead is. Raises: BadInput if it was merged away or asked to be forgotten."""
    row = tx.one("lead_of_effect", {"tenant": tenant, "lead": lead})
    if row is None or not row.live or row.suppressed:
        raise unknown(lead)
    return Region(row.region)
