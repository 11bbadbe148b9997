"""Conversations in memory: the twin of `tools.store.talks`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from domain.action import Move, Proposal
from domain.approval import ApprovalState
from domain.audit import Sealed
from domain.ids import DecisionId, LeadId, TenantId
from domain.instants import DAY
from domain.ports.outbox import OutboxRow
from domain.ports.talks import Kept, Standing, StoredTalk, TalkDecision, after
from tools.fake_effects import Effect
from tools.store.effects import REPLACED, gives_way, unsent
from tools.store.talks import check, decision_id

if TYPE_CHECKING:
    from tools.fake_world import World


@dataclass(slots=True)
class Talk:
    """One conversation; `origin` is the lead of the last decision before any merge."""

    standing: Standing
    tenant: str
    lead_id: str | None
    origin: str | None
    at: int


@dataclass(slots=True)
class Decided:
    """One decision about a conversation."""

    decision_id: str
    tenant: str
    lead_id: str | None
    origin: str | None
    at: int
    record: Sealed | None
    told: str | None = None
    """What others are told of it."""


@dataclass(slots=True)
class KeptTalks:
    """All conversations and the decisions about them."""

    talks: dict[tuple[str, str], Talk] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)

    def named(self, decision: str) -> Decided:
        """The decision of that id."""
        return next(one for one in self.decisions if one.decision_id == decision)

    def taken(self, lead: str) -> bool:
        """Whether a person has the conversation that the lead was last in."""
        mine = [talk for talk in self.talks.values() if talk.lead_id == lead]
        return bool(mine) and max(mine, key=lambda talk: talk.at).standing.taken

    def merge(self, winner: str, loser: str) -> None:
        """All that the loser has is the winner's."""
        for one in self._all():
            if one.lead_id == loser:
                one.lead_id = winner

    def split(self, part: str) -> None:
        """`part` gets back what was decided for it."""
        for one in self._all():
            if one.origin == part:
                one.lead_id = part

    def drop(self, lead: str) -> None:
        """Keep nothing of what was said."""
        for one in self.decisions:
            if lead in (one.lead_id, one.origin):
                one.record = None

    def _all(self) -> list[Talk | Decided]:
        return [*self.talks.values(), *self.decisions]


class MemoryTalks:
    """Satisfies `domain.ports.talks.Talks`."""

    def __init__(self, world: "World") -> None:
        self._world, self._kept = world, world.talks

    async def standing(self, tenant: TenantId, conversation: str) -> Standing:
        """How the conversation stands."""
        talk = self._kept.talks.get((tenant, conversation))
        return talk.standing if talk else Standing()

    async def decide(self, given: TalkDecision, *, expected: int | None, now: int) -> Kept | None:
        """Keep a decision, or say that it is out of date."""
        check(given, expected)
        entry = given.entry
        before = await self.standing(entry.tenant, given.conversation)
        if expected is not None and not (before.version == expected and self._holds(given, now)):
            return None
        standing, lead = after(before, given), self._world.leads.get(entry.lead_id or "")
        kept = Kept(standing.version)
        if given.proposal is not None:
            kept = self._propose(given, given.proposal, standing.version, now)
        sealed = None if lead is not None and lead.state.suppressed else self._seal(given)
        self._world.note([replace(entry, commitment=sealed.commitment if sealed else None)])
        key = entry.tenant, given.conversation
        self._kept.talks[key] = Talk(standing, entry.tenant, entry.lead_id, entry.lead_id, now)
        name = decision_id(given, standing.version)
        told = given.told if sealed is not None and entry.lead_id is not None else None
        decided = Decided(name, entry.tenant, entry.lead_id, entry.lead_id, now, sealed, told)
        self._kept.decisions.append(decided)
        if told is not None:
            self._world.tell((entry.tenant, entry.region), "talk", name, now)
        return kept

    async def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredTalk]]:
        """All decisions in the order of their commit."""
        mine = [one for one in self._kept.decisions if one.tenant == tenant]
        for start in range(0, len(mine), batch):
            yield [
                StoredTalk(one.decision_id, LeadId(one.lead_id) if one.lead_id else None, one.at, one.record)
                for one in mine[start : start + batch]
            ]

    def _holds(self, given: TalkDecision, now: int) -> bool:
        world, entry = self._world, given.entry
        lead = world.leads.get(entry.lead_id or "")
        if entry.lead_id is not None and (lead is None or not lead.live):
            return False
        acts = given.record is not None or given.proposal is not None
        if lead is not None and lead.state.suppressed and acts:
            return False
        capacity = {rep.rep_id: rep.capacity for rep in world.config.reps}.get(given.reserved or "")
        if given.reserved is None or capacity is None:
            return True
        leads = world.assigned.get((entry.tenant, given.reserved, now // DAY), {})
        return entry.lead_id in leads or len(leads) < capacity

    def _propose(self, given: TalkDecision, proposal: Proposal, version: int, now: int) -> Kept:
        entry, effects = given.entry, self._world.effects
        self._make_way(entry.tenant, proposal, now)
        holder = effects.holder(entry.tenant, proposal.effect_key)
        if holder is not None:
            return Kept(version, holder.row.action_id, already_open=True)
        row = OutboxRow(
            action_id=proposal.action_id,
            tenant=entry.tenant,
            region=entry.region,
            lead_id=proposal.lead_id,
            origin=proposal.lead_id,
            kind=proposal.kind,
            params=proposal.params,
            episode=proposal.episode,
            effect_key=proposal.effect_key,
            state=proposal.state,
            proposal_hash=proposal.proposal_hash,
            decision_id=DecisionId(decision_id(given, version)),
            run_id=given.run_id,
            at=now,
            next_try=now,
        )
        effects.add(Effect(row, 0))
        if given.reserved is not None:
            day = self._world.assigned.setdefault((entry.tenant, given.reserved, now // DAY), {})
            day.setdefault(proposal.lead_id, now)
        return Kept(version, proposal.action_id)

    def _make_way(self, tenant: str, proposal: Proposal, now: int) -> None:
        effects = self._world.effects
        holder = effects.holder(tenant, proposal.effect_key)
        if holder is None or not gives_way(holder.row, proposal.params):
            return
        asked = effects.approvals.get(holder.row.approval_id or "")
        if asked is not None and asked.state is ApprovalState.OPEN:
            effects.end(asked, ApprovalState.REDECIDED, now, reason=REPLACED)
        if unsent(holder.row):
            effects.move(holder, Move.EXPIRE, now, reason=REPLACED)

    def _seal(self, given: TalkDecision) -> Sealed | None:
        if given.record is None:
            return None
        entry = given.entry
        return self._world.config.seal_text(entry.tenant, LeadId(entry.lead_id or given.run_id), given.record)
