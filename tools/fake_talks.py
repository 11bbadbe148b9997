"""Conversations in memory: the twin of `tools.store.talks`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from domain.action import ActionKind, ActionState, Move, Proposal
from domain.approval import ApprovalState
from domain.audit import Sealed
from domain.handing import PERSON_HAS_IT, TALK, Given, Handing, given_of, handing_of
from domain.ids import DecisionId, LeadId, TenantId
from domain.instants import DAY
from domain.ports.outbox import OutboxRow
from domain.ports.talks import MOST_HANDINGS, Kept, Standing, StoredTalk, TalkDecision, after, as_seen
from domain.recheck import Rule
from tools.fake_effects import Effect
from tools.store.effects import REPLACED, gives_way, unsent
from tools.store.talks import check, decision_id, lets_go, may_let_go, still_so, told_of

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
    action_id: str | None = None
    """By which it was last given to a person."""


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

    def by(self, action: str) -> list[tuple[str, Talk]]:
        """The conversations that were last given to a person by this action, with their names."""
        return [(name, talk) for (_, name), talk in self.talks.items() if talk.action_id == action]

    def says(self, row: OutboxRow) -> str:
        """Why a handing over is not to be sent, by what is known of its conversation."""
        talk = self.talks.get((row.tenant, row.params.get(TALK, "")))
        if TALK not in row.params:
            return PERSON_HAS_IT if self.taken(row.lead_id) else ""
        if talk is None:
            return ""
        if talk.standing.taken:
            return PERSON_HAS_IT
        return REPLACED if talk.action_id not in (None, row.action_id) else ""

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
        if talk is None:
            return Standing()
        acted = self._world.effects.rows.get(talk.action_id or "")
        return replace(talk.standing, given=given_of(acted.row) if acted else None)

    async def handings(self, tenant: TenantId, lead_id: str) -> tuple[Handing, ...]:
        """The lead's handings over."""
        return self._handings(tenant, lead_id)

    async def decide(self, given: TalkDecision, *, expected: int | None, now: int) -> Kept | None:
        """Keep a decision, or say that it is out of date."""
        check(given, expected)
        entry = given.entry
        before = await self.standing(entry.tenant, given.conversation)
        if expected is not None and not (
            before.version == expected
            and still_so(given, before.given, lambda lead: self._handings(entry.tenant, lead))
            and self._holds(given, now)
        ):
            return None
        standing = after(before if expected is None else as_seen(before, given.seen), given)
        lead = self._world.leads.get(entry.lead_id or "")
        kept = Kept(standing.version)
        if given.proposal is not None:
            kept = self._propose(given, given.proposal, standing.version, now)
        sealed = None if lead is not None and lead.state.suppressed else self._seal(given)
        self._world.note([replace(entry, commitment=sealed.commitment if sealed else None)])
        key = entry.tenant, given.conversation
        gave = standing.given.action_id if standing.given else None
        action = kept.action_id if given.gives or given.returns else gave
        self._kept.talks[key] = Talk(standing, entry.tenant, entry.lead_id, entry.lead_id, now, action)
        self._let_go(given, before.given, now)
        name = decision_id(given, standing.version)
        told = told_of(given, kept) if sealed is not None else None
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

    def _handings(self, tenant: str, lead: str) -> tuple[Handing, ...]:
        mine = [
            effect
            for effect in self._world.effects.rows.values()
            if (effect.row.tenant, effect.row.lead_id, effect.row.kind) == (tenant, lead, ActionKind.HANDOFF)
            and effect.row.state is not ActionState.EXPIRED
        ]
        newest = sorted(mine, key=lambda one: (-one.row.at, -one.place, one.row.action_id))
        return tuple(
            handing_of(
                one.row,
                released=[talk.standing.released for _, talk in self._kept.by(one.row.action_id)],
                keeps=one.keeps,
            )
            for one in newest[:MOST_HANDINGS]
        )

    def _let_go(self, given: TalkDecision, gave: Given | None, now: int) -> None:
        if gave is None or not lets_go(given, gave):
            return
        effect, talks = self._world.effects.rows[gave.action_id], self._kept.by(gave.action_id)
        if may_let_go(effect.row) and all(talk.standing.released for _, talk in talks):
            self._world.effects.move(effect, Move.EXPIRE, now, reason=Rule.CLOSED.value)

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
