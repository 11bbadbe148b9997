"""Deciding about a support talk: read the situation, hear, read it again right before acting, write it down, answer.

A talk's decisions share one run id, so what was decided before is read from the audit log and a restart forgets
nothing. If the situation changed between the two readings it is decided once more, then a person is asked. Within a
process decisions are made one at a time from the second reading to the record; beside other processes on one home
two can still decide the same talk at the same moment.
"""

import asyncio
from dataclasses import replace
from hashlib import sha256
from typing import Final

from pydantic import ValidationError

from agents.handoff import decide, fallback, silent, still_with_person, to_read
from domain.audit import AuditEntry
from domain.errors import BadInput, Temporary
from domain.handoff import Handoff, Situation, Step, Talk
from domain.ids import RunId
from domain.instants import Instant
from domain.lead import LeadState
from domain.ports.home import Home
from domain.ports.listener import Listener

STEP: Final = "handoff"
DEADLINE_S: Final = 2.0
_ATTEMPTS: Final = 2


class Desk:
    """Decides about talks of one home."""

    def __init__(self, home: Home, listener: Listener, *, deadline_s: float = DEADLINE_S) -> None:
        """`deadline_s` bounds the hearing; after it a person is asked."""
        self._home, self._listener, self._deadline_s = home, listener, deadline_s
        self._writing = asyncio.Lock()

    async def decide(self, talk: Talk) -> Handoff:
        """The answer to `talk`, on record. Raises: BadInput, Permanent (the reader cannot be used at all)."""
        run = run_of(self._home, talk)
        seen, lead = await self._situation(talk, run)
        for _ in range(_ATTEMPTS):
            answer = await self._answer(talk, seen)
            async with self._writing:
                current, lead = await self._situation(talk, run)
                if current == seen:
                    return await self._record(talk, replace(answer, run_id=run), lead)
            seen = current
        async with self._writing:
            seen, lead = await self._situation(talk, run)
            if still_with_person(talk, seen):
                return await self._record(talk, replace(silent("none"), run_id=run), lead)
            answer = fallback(seen, why="conflict", degraded="conflict")
            return await self._record(talk, replace(answer, run_id=run), lead)

    async def _answer(self, talk: Talk, seen: Situation) -> Handoff:
        if still_with_person(talk, seen):
            return silent("none")
        try:
            heard = await asyncio.wait_for(self._listener.hear(to_read(talk, seen)), self._deadline_s)
        except TimeoutError:
            return fallback(seen, why="unread", degraded="reader:deadline")
        except Temporary:
            return fallback(seen, why="unread", degraded="reader:down")
        return decide(talk, heard, seen)

    async def _situation(self, talk: Talk, run: RunId) -> tuple[Situation, LeadState | None]:
        home, now = self._home, self._home.clock.now()
        found = await home.reads.find_lead(home.tenant, talk.lead or f"conversation:{talk.conversation_id}")
        lead = await home.reads.lead(home.tenant, found) if found else None
        rows = [
            row for row in await home.reads.audit_rows(home.tenant, run_id=run) if row.get("step") == STEP
        ]
        given = [_messages(row) for row in rows if row.get("code") != Step.STAY.value]
        region = lead.region if lead else home.region
        reps = await home.reads.reps(home.tenant, now=now)
        free = [rep for rep in reps if rep.load < rep.capacity and (not rep.regions or region in rep.regions)]
        owner = lead.owner if lead else None
        best = min(free, key=lambda rep: (rep.rep_id != owner, rep.last_assigned, rep.rep_id), default=None)
        _, _, opens_at = home.policy.calendar(now, region)
        situation = Situation(
            blocked=talk.blocked or (lead is not None and lead.suppressed),
            handed_at=given[-1] if given else None,
            decided=len(rows),
            owner=owner,
            free=best.rep_id if best else None,
            listed=bool(reps),
            opens_at=opens_at,
        )
        return situation, lead

    async def _record(self, talk: Talk, answer: Handoff, lead: LeadState | None) -> Handoff:
        """One audit row: codes and numbers; of messages their places only."""
        place = {message.id: index for index, message in enumerate(talk.messages)}
        entry = AuditEntry(
            tenant=self._home.tenant,
            region=lead.region if lead else self._home.region,
            step=STEP,
            code=answer.decision.value,
            at=Instant(self._home.clock.now()),
            run_id=RunId(answer.run_id),
            lead_id=lead.lead_id if lead else None,
            evidence=tuple(f"message:{place[one.message_id]}" for one in answer.evidence),
            versions=dict(self._home.versions),
            detail={
                "why": answer.why,
                "messages": len(talk.messages),
                "probability": answer.probability,
                "team": answer.route.team if answer.route else None,
                "path": answer.route.path if answer.route else None,
                "reasoner": answer.reasoner,
                "degraded": answer.degraded,
            },
        )
        await self._home.audit.append([entry])
        return answer


def run_of(home: Home, talk: Talk) -> RunId:
    """One id for all decisions about a talk."""
    return RunId("ho_" + sha256(f"{home.tenant}\n{talk.conversation_id}".encode()).hexdigest()[:24])


def talk_of(raw: bytes | str, place: str) -> Talk:
    """A talk in JSON. Raises: BadInput naming `place`, never the text."""
    try:
        return Talk.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{place} {where}".strip(), first["msg"], "see docs/handoff.md for its form") from None


def _messages(row: object) -> int:
    detail = row.get("detail") if isinstance(row, dict) else None
    count = detail.get("messages") if isinstance(detail, dict) else None
    return count if isinstance(count, int) else 0
