"""What people fix about leads and what is learnt from them, as documents."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from domain.errors import BadInput
from domain.ids import LeadId
from domain.instants import DAY, Instant, instant, iso
from domain.label import Label
from domain.lead import LeadState
from domain.override import OverrideRow
from domain.ports.home import Home


def day(text: str, field: str, *, end: bool = False) -> Instant:
    """A day (UTC) or a time with a zone. Of a day its start, or with `end` its end. Raises: BadInput."""
    try:
        if len(text) == len("2026-12-31"):
            start = instant(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC))
            return Instant(start + DAY * end)
        return instant(datetime.fromisoformat(text))
    except ValueError:
        problem = "is neither a day nor a time with a zone"
        raise BadInput(field, problem, "write e.g. 2026-12-31 or 2026-12-31T09:00:00Z") from None


async def lead_called(home: Home, key: str) -> LeadId:
    """The lead with this id or key. Raises: BadInput if there is none."""
    lead = await home.reads.find_lead(home.tenant, key)
    if lead is None:
        raise BadInput("lead", f"none is known as {key}", "give its id, or the key as the source sends it")
    return lead


def override_document(row: OverrideRow) -> dict[str, Any]:
    """The JSON form of an override."""
    override = row.override
    return {
        "override": override.override_id,
        "lead": row.lead_id,
        "kind": override.kind.value,
        "value": int(override.value)
        if override.value.isdigit() and override.kind == "points"
        else override.value,
        "by": row.by,
        "at": iso(Instant(override.at)),
        "until": _maybe(override.until),
        "reason": row.reason,
        "decision": row.decision_id,
        "ended": row.end.value if row.end else None,
        "ended_at": _maybe(row.ended_at),
        "ended_by": row.ended_by or None,
    }


def label_document(label: Label) -> dict[str, Any]:
    """The JSON form of a label."""
    return {
        "lead": label.lead_id,
        "kind": label.kind.value,
        "value": label.value,
        "at": iso(Instant(label.at)),
        "known_at": iso(Instant(label.known_at)),
        "decision": label.decision_id,
        "provenance": label.provenance.value,
        "ref": label.ref,
        "by": label.by or None,
        "before": label.before or None,
        "after": label.after or None,
    }


async def listed(home: Home) -> AsyncIterator[tuple[LeadState, Sequence[OverrideRow]]]:
    """Every lead with what is fixed of it now, in the order of their ids."""
    held: dict[str, list[OverrideRow]] = {}
    for row in await home.feedback.overrides(home.tenant, at=home.clock.now()):
        held.setdefault(row.lead_id, []).append(row)
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            yield lead, held.get(lead.lead_id, ())


def lead_document(lead: LeadState, fixed: Sequence[OverrideRow]) -> dict[str, Any]:
    """One lead on one line: as its last run left it, with what is fixed of it."""
    written: Mapping[str, int | None] = {past.kind: past.points for past in lead.actions}
    return {
        "lead": lead.lead_id,
        "account": lead.account,
        "band": lead.band.band.value,
        "points_written": written.get("upsert_score"),
        "owner": lead.owner,
        "suppressed": lead.suppressed,
        "fixed": [] if lead.suppressed else [override_document(row) for row in fixed],
    }


def in_words(row: OverrideRow) -> str:
    """An override on one line."""
    override = row.override
    until = f" until {iso(Instant(override.until))[:16]}" if override.until is not None else ""
    return f"{override.kind.value} {override.value}{until} (by {row.by}, {iso(Instant(override.at))[:16]})"


def _maybe(at: int | None) -> str | None:
    return None if at is None else iso(Instant(at))
