"""The in-memory store's approvals and shared rates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.action import Move
from domain.approval import Approval, ApprovalState, Showing, Vote, VoteKind, folded
from domain.edit import Edit
from domain.ids import Region, TenantId
from tools.fake_effects import Effect
from tools.fake_world import World
from tools.store.approvals import Word, bounded, named, outcome, outdated, refuse, unknown, used
from tools.store.editing import Plan, planned
from tools.store.effects import asked
from tools.store.limits import reserved


class MemoryApprovals:
    """Satisfies `domain.ports.approvals.Approvals`."""

    def __init__(self, world: World) -> None:
        self._world, self._effects = world, world.effects

    async def open(
        self, tenant: TenantId, *, region: Region | None = None, limit: int = 100
    ) -> Sequence[Approval]:
        """Open approvals, the oldest first."""
        mine = [one for one in self._of(tenant, region) if one.state is ApprovalState.OPEN]
        return sorted(mine, key=lambda one: (one.asked_at, one.approval_id))[:limit]

    async def page(
        self,
        tenant: TenantId,
        *,
        states: Sequence[ApprovalState],
        after: tuple[int, str] | None,
        limit: int,
        region: Region | None = None,
    ) -> Sequence[Approval]:
        """Approvals in `states`, the oldest first; only what comes after `after`."""
        found = [one for one in self._of(tenant, region) if one.state in states]
        places = {(one.asked_at, one.approval_id): one for one in found}
        return [places[place] for place in sorted(places) if after is None or place > after][:limit]

    async def get(self, tenant: TenantId, approval_id: str) -> Approval | None:
        """One approval, by its id or by the id of its decision or of one of its actions."""
        named_so = [
            one
            for one in self._of(tenant)
            if approval_id in (one.approval_id, one.decision_id, *one.action_ids)
        ]
        return min(
            named_so,
            key=lambda one: one.approval_id != approval_id and one.state is ApprovalState.EDITED,
            default=None,
        )

    async def vote(
        self,
        tenant: TenantId,
        approval_id: str,
        *,
        kind: VoteKind,
        proposal_hash: str,
        by: str,
        policy: str,
        now: int,
        comment: str = "",
    ) -> Approval:
        """Give one person's word."""
        word = Word(kind, proposal_hash, named(by), policy, bounded(comment))
        approval = await self._known(tenant, approval_id)
        if (over := self._over(approval, word, now)) is not None:
            return over
        return self._concluded(self._counted(approval, word, now), now)

    async def edit(
        self,
        tenant: TenantId,
        approval_id: str,
        *,
        edit: Edit,
        proposal_hash: str,
        by: str,
        policy: str,
        now: int,
        comment: str = "",
    ) -> Approval:
        """Change what is proposed, and approve the change."""
        word = Word(VoteKind.APPROVE, proposal_hash, named(by), policy, bounded(comment))
        approval = await self._known(tenant, approval_id)
        if (over := self._over(approval, word, now, edits=True)) is not None:
            return over
        waiting = [self._effects.rows[one].row for one in approval.action_ids]
        plan = planned(approval, waiting, edit, by=word.by, now=now)
        self._put_in_place(approval, plan, self._world.config.person(word.by), now)
        return self._concluded(self._counted(plan.question, word, now), now)

    async def shown(self, tenant: TenantId, approval_id: str, *, by: str, now: int) -> None:
        """Note that a person looks at an open question."""
        approval, viewer = await self._known(tenant, approval_id), folded(named(by))
        if approval.state is ApprovalState.OPEN and viewer not in {one.by for one in approval.shown}:
            shown = sorted((*approval.shown, Showing(viewer, now)), key=lambda one: (one.at, one.by))
            self._effects.approvals[approval.approval_id] = replace(approval, shown=tuple(shown))

    async def assign(self, tenant: TenantId, approval_id: str, *, to: str, by: str, now: int) -> Approval:
        """Give the question to somebody else."""
        assignee, person = named(to, "to"), self._world.config.person(named(by))
        approval = await self._known(tenant, approval_id)
        if approval.state is not ApprovalState.OPEN:
            raise used(approval)
        after = replace(approval, assignee=assignee)
        self._world.note([asked(after, "assigned", now, person=person)])
        self._effects.approvals[after.approval_id] = after
        return after

    async def expire(self, *, now: int) -> int:
        """End what nobody decided in time."""
        states = self._effects.approvals.values()
        due = [one for one in states if one.state is ApprovalState.OPEN and one.expires_at <= now]
        for approval in due:
            self._effects.end(approval, ApprovalState.EXPIRED, now)
        return len(due)

    async def ended(
        self, tenant: TenantId, *, states: Sequence[ApprovalState] = (), limit: int = 1_000
    ) -> Sequence[Approval]:
        """Approvals that are no longer open, newest first."""
        over = [one for one in self._of(tenant) if one.state is not ApprovalState.OPEN]
        wanted = [one for one in over if not states or one.state in states]
        return sorted(wanted, key=lambda one: (one.decided_at or 0, one.approval_id), reverse=True)[:limit]

    def _over(self, approval: Approval, word: Word, now: int, *, edits: bool = False) -> Approval | None:
        if approval.state is not ApprovalState.OPEN:
            raise used(approval)
        if approval.expires_at <= now:
            raise used(self._effects.end(approval, ApprovalState.EXPIRED, now))
        refuse(approval, word, edits=edits)
        waiting = approval.proposal_hash if self._effects.whole(approval) else ""
        why = outdated(approval, word, waiting, lead_is_there=self._lead_is_there(approval))
        if why and word.kind is VoteKind.APPROVE:
            return self._effects.end(approval, ApprovalState.REDECIDED, now, reason=why)
        return None

    def _concluded(self, approval: Approval, now: int) -> Approval:
        decided = outcome(approval)
        return self._effects.end(approval, decided, now) if decided else approval

    def _put_in_place(self, approval: Approval, plan: Plan, person: str, now: int) -> None:
        effects = self._effects
        for action in plan.dropped:
            effects.move(effects.rows[action], Move.REJECT, now, reason="dropped", person=person)
        self._world.note([asked(approval, "edited", now, person=person, fields=plan.fields)])
        effects.end(approval, ApprovalState.EDITED, now)
        for action, row in plan.rows.items():
            effects.add(Effect(row, effects.rows[action].place))
        new = plan.question
        effects.approvals[new.approval_id] = new
        self._world.tell((new.tenant, new.region), "approval", new.approval_id, now)
        self._world.note([asked(new, "opened", now)])

    def _counted(self, approval: Approval, word: Word, now: int) -> Approval:
        config, commitment = self._world.config, None
        if word.comment:
            plain = word.comment.encode()
            commitment = config.seal_text(approval.tenant, approval.lead_id, plain).commitment
        vote = Vote(word.by, word.kind, now, word.comment)
        after = replace(approval, votes=(*approval.votes, vote))
        person = config.person(word.by)
        self._world.note([asked(after, word.kind.value, now, commitment=commitment, person=person)])
        self._effects.approvals[after.approval_id] = after
        return after

    def _lead_is_there(self, approval: Approval) -> bool:
        lead = self._world.leads.get(approval.lead_id)
        return lead is not None and lead.live and not lead.state.suppressed

    async def _known(self, tenant: TenantId, approval_id: str) -> Approval:
        approval = await self.get(tenant, approval_id)
        if approval is None:
            raise unknown(approval_id)
        return approval

    def _of(self, tenant: TenantId, region: Region | None = None) -> list[Approval]:
        mine = [one for one in self._effects.approvals.values() if one.tenant == tenant]
        return [one for one in mine if region in (None, one.region)]


class MemoryLimits:
    """Satisfies `domain.ports.limits.Limits`."""

    def __init__(self, world: World) -> None:
        self._buckets, self._waits = world.buckets, world.waits

    async def reserve(
        self,
        name: str,
        *,
        per_minute: int,
        burst: int,
        now: int,
        tokens: int = 1,
        leave: int = 0,
        ahead: int = 0,
    ) -> int:
        """Take tokens, or say in how many microseconds there will be so many."""
        asked = {"tokens": tokens, "leave": leave, "ahead": ahead}
        bucket = self._buckets.get(name)
        wait, level, at = reserved(bucket, per_minute=per_minute, burst=burst, now=now, **asked)
        self._buckets[name] = level, at
        return wait

    async def hold(self, tenant: TenantId, vendor: str, *, until: int) -> None:
        """Tell all workers."""
        self._waits[tenant, vendor] = max(until, self._waits.get((tenant, vendor), 0))

    async def held(self, tenant: TenantId, vendor: str, *, now: int) -> int:
        """What is left of it."""
        return max(0, self._waits.get((tenant, vendor), 0) - now)

    async def waits(self, tenant: TenantId, *, now: int) -> Mapping[str, int]:
        """What is left of each."""
        return {vendor: max(0, until - now) for (of, vendor), until in self._waits.items() if of == tenant}
