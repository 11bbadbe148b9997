"""What is known of leads and decisions, as documents for whoever looks from outside: pages, cards, histories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from domain.action import ActionState
from domain.approval import ApprovalState
from domain.chain import GENESIS, link
from domain.errors import BadInput
from domain.ids import LeadId
from domain.instants import Instant, iso
from domain.lead import Band, LeadState
from domain.ports.home import Home
from domain.ports.reads import Before, Happened, Linked, StoredDecision
from surfaces.approving import summary
from surfaces.audit_story import Story, lead_named, tell
from surfaces.feedback import override_document
from surfaces.trouble import action_document, explain

Sees = Callable[[str], bool]
"""Whether who looks may see what lies in a region."""
SCANNED: Final = 2_000
"""Leads looked through for one page: it may be short, and still not the last."""
BATCH: Final = 500
SHOWN: Final = 50
"""Actions of a lead or a decision that are shown."""
_ENDED: Final = frozenset(
    {
        ActionState.DONE,
        ActionState.EXPIRED,
        ActionState.REJECTED,
        ActionState.COMPENSATED,
        ActionState.FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which leads: in a band, with so many points or more, decided on at an Instant or later."""

    band: Band | None = None
    points: int = 0
    since: int | None = None

    def takes(self, lead: LeadState, line: dict[str, Any], at: int | None) -> bool:
        """Whether the lead is one of them; `at` is the Instant of its newest decision."""
        return (
            (self.band is None or lead.band.band is self.band)
            and (not self.points or (line["points"] or 0) >= self.points)
            and (self.since is None or (at is not None and at >= self.since))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a longer list; `next` is where to go on, None at its end."""

    items: Sequence[dict[str, Any]]
    next: str | None


async def leads(home: Home, wanted: Wanted, *, after: str, limit: int) -> Page:
    """At most `limit` leads in the order of their ids, those that come after `after`."""
    found: list[dict[str, Any]] = []
    seen, last = 0, after
    async for batch in home.reads.leads(home.tenant, batch=BATCH, after=after, region=home.within):
        newest = await home.reads.latest_decisions(home.tenant, [lead.lead_id for lead in batch])
        for lead in batch:
            last, stored = lead.lead_id, newest.get(lead.lead_id)
            line = lead_line(lead, stored)
            if wanted.takes(lead, line, stored.as_of if stored else None):
                found.append(line)
            if len(found) == limit:
                return Page(found, last)
        seen += len(batch)
        if seen >= SCANNED:
            return Page(found, last)
    return Page(found, None)


def lead_line(lead: LeadState, stored: StoredDecision | None) -> dict[str, Any]:
    """One lead as its newest decision left it; of one that must not be processed only that."""
    said: dict[str, Any] = orjson.loads(stored.content) if stored and not lead.suppressed else {}
    score, reading, verdict = (said.get(name) or {} for name in ("score", "reading", "verdict"))
    return {
        "lead": lead.lead_id,
        "account": lead.account,
        "region": lead.region,
        "band": lead.band.band.value,
        "points": score.get("points"),
        "unit": score.get("unit"),
        "fit": score.get("fit"),
        "engagement": score.get("engagement"),
        "intent": reading.get("top"),
        "verdict": verdict.get("kind"),
        "next_step": verdict.get("next_step"),
        "owner": lead.owner,
        "reasoner": reading.get("reasoner"),
        "degraded": [flag for flag in said.get("flags", ()) if flag.startswith("degraded")],
        "decided_at": iso(Instant(stored.as_of)) if stored else None,
        "decision_id": stored.decision_id if stored else None,
        "suppressed": lead.suppressed,
    }


async def lead_card(home: Home, key: str) -> dict[str, Any]:
    """One lead with its newest decision, what people fixed, and what is open. Raises: BadInput (``unknown``)."""
    lead = await lead_seen(home, key)
    stored = await home.reads.latest_decision(home.tenant, lead.lead_id)
    story = await tell(home, stored.decision_id) if stored and not lead.suppressed else None
    rows = await home.outbox.of_lead(home.tenant, lead.lead_id, limit=SHOWN)
    going = [row for row in rows if row.state not in _ENDED]
    names = dict.fromkeys(row.approval_id for row in going if row.approval_id)
    asked = [await home.approvals.get(home.tenant, name) for name in names]
    fixed = await home.feedback.overrides(home.tenant, at=home.clock.now(), lead_id=lead.lead_id)
    keys = await home.reads.keys(home.tenant, lead.lead_id)
    return lead_line(lead, stored) | {
        "keys": [f"{one.kind.value}:{one.value}" for one in sorted(keys)],
        "fixed": [] if lead.suppressed else [override_document(row) for row in fixed],
        "decision": story.document()["decision"] if story else None,
        "versions": dict(story.versions) if story else {},
        "actions": [action_document(row, explain(home, row)) for row in going],
        "approvals": [summary(one) for one in asked if one and one.state is ApprovalState.OPEN],
    }


async def timeline(home: Home, key: str, *, before: Before | None, limit: int) -> Page:
    """What happened with a lead, the newest first: no text of anybody. Raises: BadInput (``unknown``)."""
    lead = await lead_seen(home, key)
    found = await home.reads.happened(home.tenant, lead.lead_id, before=before, limit=limit)
    last = ".".join(map(str, found[-1].place)) if len(found) == limit else None
    return Page([_event(one) for one in found], last)


async def decision_card(home: Home, sees: Sees, name: str) -> dict[str, Any]:
    """A decision's story with what became of its actions. Raises: BadInput (``unknown``)."""
    story = await _story(home, sees, name)
    rows = await home.outbox.of_decision(home.tenant, name.replace("rn_", "dc_", 1))
    return {
        **story.document(),
        "actions": [action_document(row, explain(home, row)) for row in rows],
        "approvals": list(dict.fromkeys(row.approval_id for row in rows if row.approval_id)),
    }


async def audit_card(home: Home, sees: Sees, name: str) -> dict[str, Any]:
    """A decision's audit rows as stored, in chain order, each checked against its hash and the row before it.

    That the chains are whole is what ``leadgraph audit verify`` says. Raises: BadInput (``unknown``).
    """
    story = await _story(home, sees, name)
    rows = [_linked(row) for row in await home.reads.audit_links(home.tenant, story.run_id)]
    return {"run": story.run_id, "sound": all(row["sound"] for row in rows), "rows": rows}


async def lead_seen(home: Home, key: str) -> LeadState:
    """The lead with this id or key. Raises: BadInput (``unknown``), also where it lies in no region that is seen."""
    found = await lead_named(home, key)
    lead = await home.reads.lead(home.tenant, LeadId(found)) if found else None
    if lead is None:
        problem, remedy = "none is known by this name", "give its id, or a key as the source sends it"
        raise BadInput("lead", problem, remedy, code="unknown")
    # Of one that asked to be forgotten no more than that is told.
    return replace(lead, account=None, owner=None) if lead.suppressed else lead


async def _story(home: Home, sees: Sees, name: str) -> Story:
    story = await tell(home, name) if name.startswith(("dc_", "rn_", "ho_")) else None
    if story is None or not all(map(sees, story.regions)):
        raise BadInput(
            "decision", "none is known by this name", "give dc_… as a lead's card names it", code="unknown"
        )
    return story


def _event(one: Happened) -> dict[str, Any]:
    """One thing of a history by its codes and ids."""
    event: dict[str, Any] = {
        "at": iso(Instant(one.at)),
        "what": one.what,
        "id": one.name,
        "state": one.state,
        "reason": one.reason or None,
    }
    if one.content is None:
        return event | {"decision_id" if one.what == "approval" else "kind": one.kind}
    said = orjson.loads(one.content)
    score, verdict = said["score"] or {}, said["verdict"] or {}
    return event | {
        "run": one.kind,
        "woken_by": said["reason"],
        "points": score.get("points"),
        "band": said["band"]["band"],
        "intent": (said["reading"] or {}).get("top"),
        "verdict": verdict.get("kind"),
        "signals": len(said["signals"]),
    }


def _linked(row: Linked) -> dict[str, Any]:
    before = row.before if row.before is not None or row.seq > 1 else GENESIS
    return {
        "writer": row.writer,
        "seq": row.seq,
        "prev": row.prev,
        "hash": row.hash,
        "sound": row.prev == before and link(row.prev, row.body) == row.hash,
        "body": row.body.decode(),
    }
