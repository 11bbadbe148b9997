"""The in-memory store's side of the worker: claims and commits."""

from collections.abc import Sequence
from dataclasses import replace

from domain.action import ActionState, Move, Proposal
from domain.audit import AuditEntry
from domain.decision import Bundle, LeadClaim, RunInput
from domain.ids import LeadId, RunId, TenantId
from domain.instants import DAY
from domain.lead import without
from domain.policy import Rep
from domain.ports.commit import Committed
from domain.ports.outbox import OutboxRow
from domain.ports.work import Claimed
from domain.quality import GateFailure, failures
from tools.fake_effects import Effect
from tools.fake_world import Lead, World
from tools.store.codec import decision_bytes
from tools.store.commit import REFUSED_WAIT
from tools.store.config import RECENT, SIGNALS_A_CLAIM
from tools.store.effects import approval_id, asked, question, replaceable


class MemoryWork:
    """Satisfies `domain.ports.work.Work`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def claim(self, *, now: int, limit: int, lease_us: int) -> Sequence[Claimed]:
        """Take up to `limit` leads whose time has come."""
        claimed = []
        for lead_id in self._takeable(now, limit):
            lead = self._world.leads[lead_id]
            lead.token += 1
            lead.attempt += 1
            lead.lost += lead.lease_until > 0
            lead.lease_until = lead.wakes_at = now + lease_us
            lead.timers = {reason: (due, False) for reason, (due, _) in lead.timers.items()}
            given = self._given(lead_id, lead, now)
            if given is None:
                lead.lease_until = lead.attempt = lead.lost = 0
                self._world.settle(lead_id, now)
                continue
            claim = LeadClaim(
                LeadId(lead_id), lead.token, lead.identity_version, lead.attempt, lead.lease_until
            )
            self._world.tallies[lead.state.tenant, "runs"] += 1
            claimed.append(Claimed(claim, given))
        return claimed

    async def heartbeat(self, claims: Sequence[LeadClaim], *, now: int, lease_us: int) -> Sequence[LeadClaim]:
        """Extend leases."""
        kept = []
        for claim in claims:
            lead = self._held(claim)
            if lead is not None:
                lead.lease_until = lead.wakes_at = now + lease_us
                kept.append(replace(claim, lease_until=now + lease_us))
        return kept

    async def fail(self, claim: LeadClaim, *, code: str, counts: bool, retry_at: int, now: int) -> bool:
        """Give a lead back after a failure."""
        lead = self._held(claim)
        if lead is None:
            return False
        lead.free()
        lead.lost = 0
        if counts and lead.attempt >= self._world.config.max_attempts:
            self._park(claim.lead_id, lead, code, now)
            return True
        lead.attempt -= not counts
        lead.retry_at = lead.wakes_at = retry_at
        return False

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:  # noqa: ARG002 - all are its own
        """Take back all leases at once."""
        held = [lead for lead in self._world.leads.values() if lead.lease_until]
        for lead in held:
            lead.free()
            lead.lost += 1
            lead.wakes_at = max(now, lead.retry_at)
        return len(held)

    async def next_due(self) -> int | None:
        """Instant of the earliest work, timer or account refresh."""
        leads = [lead.wakes_at for lead in self._world.leads.values() if lead.wakes_at is not None]
        return min([*leads, *(due for due, _ in self._world.due.values() if due is not None)], default=None)

    async def wake(self, tenant: TenantId, lead_ids: Sequence[str], *, reason: str, now: int) -> None:
        """Let leads be decided anew."""
        for lead_id in lead_ids:
            lead = self._world.leads.get(lead_id)
            if lead is not None and lead.state.tenant == tenant:
                self._world.wake(lead_id, reason, now)

    async def unpark(self, lead_id: str, *, now: int) -> bool:
        """Let a parked lead run again."""
        lead = self._world.leads.get(lead_id)
        if lead is None or lead.parked is None:
            return False
        lead.parked, lead.attempt, lead.retry_at = None, 0, 0
        for kept in self._world.of_lead(lead_id):
            if kept.state == "parked":
                kept.state, kept.reason = "waiting", None
        self._world.settle(lead_id, now)
        self._note(lead, "park", "released", now)
        return True

    def _takeable(self, now: int, limit: int) -> list[str]:
        ready = [
            (lead.wakes_at, lead_id)
            for lead_id, lead in self._world.leads.items()
            if lead.wakes_at is not None and lead.wakes_at <= now
        ]
        taken: list[str] = []
        for _, lead_id in sorted(ready)[:limit]:
            lead = self._world.leads[lead_id]
            suspect = lead.lost > 0 or lead.lease_until > 0
            if suspect and lead.attempt >= self._world.config.max_attempts:
                lead.free()
                lead.lost = 0
                self._park(lead_id, lead, "abandoned", now)
            elif suspect:
                return taken or [lead_id]
            else:
                taken.append(lead_id)
        return taken

    def _given(self, lead_id: str, lead: Lead, now: int) -> RunInput | None:
        world = self._world
        new = [kept.signal for kept in world.waiting_of(lead_id)[:SIGNALS_A_CLAIM]]
        due = sorted((at, reason) for reason, (at, _) in lead.timers.items() if at <= now)
        if not new and not due:
            return None
        texts = [k.signal for k in world.of_lead(lead_id) if k.state == "applied" and k.signal.text][:RECENT]
        places = sorted({(s.tenant, s.region, s.source) for s in new})
        failing: tuple[GateFailure, ...] = tuple(f for p in places for f in failures(world.streams[p], now))
        tenant, account = lead.state.tenant, lead.state.account
        return RunInput(
            run_id=RunId(f"rn_{world.config.new_id()}"),
            as_of=now,
            reason="signals" if new else due[0][1],
            lead=without(lead.state, world.effects.asked_in_vain(lead_id)),
            new=tuple(sorted(new, key=lambda s: (s.occurred_at, s.signal_id))),
            recent=tuple(sorted(texts, key=lambda s: (s.occurred_at, s.signal_id))),
            account=world.accounts.get((tenant, account)) if account else None,
            reps=loaded(world, tenant, now),
            quality=failing,
            versions={},
            attempt=lead.attempt,
            overrides=world.overrides.told(lead_id, now),
        )

    def _held(self, claim: LeadClaim) -> Lead | None:
        lead = self._world.leads.get(claim.lead_id)
        return lead if lead and lead.token == claim.token and lead.lease_until else None

    def _park(self, lead_id: str, lead: Lead, code: str, now: int) -> None:
        lead.parked, lead.wakes_at = code, None
        for kept in self._world.waiting_of(lead_id):
            kept.state, kept.reason = "parked", code
        self._note(lead, "park", code, now)

    def _note(self, lead: Lead, step: str, code: str, now: int) -> None:
        state = lead.state
        self._world.note(
            [AuditEntry(state.tenant, state.region, step=step, code=code, at=now, lead_id=state.lead_id)]
        )


class MemoryCommit:
    """Satisfies `domain.ports.commit.Commit`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def commit(self, bundles: Sequence[Bundle], *, now: int) -> Sequence[Committed]:
        """Commit each bundle by itself."""
        return [await self._one(bundle, now) for bundle in bundles]

    async def _one(self, bundle: Bundle, now: int) -> Committed:
        world, claim = self._world, bundle.claim
        lead = world.leads.get(claim.lead_id)
        if lead is None or not self._holds(lead, bundle):
            return Committed.FENCED
        if not self._room(bundle, now):
            return Committed.NO_CAPACITY
        try:
            content = decision_bytes(bundle.decision)
            world.note(bundle.audit)
        except (TypeError, ValueError):
            retry = now + REFUSED_WAIT
            await MemoryWork(world).fail(claim, code="error:refused", counts=True, retry_at=retry, now=now)
            return Committed.REFUSED
        world.decisions.append((bundle.lead.tenant, bundle.decision, bundle.record, content))
        place = bundle.lead.tenant, bundle.lead.region
        world.tell(place, "decision", bundle.decision.decision_id, now)
        for rep in bundle.reserved:
            world.assigned.setdefault((bundle.lead.tenant, rep, now // DAY), {}).setdefault(
                claim.lead_id, now
            )
        self._propose(bundle, now)
        self._finish(lead, bundle, now)
        return Committed.DONE

    def _holds(self, lead: Lead, bundle: Bundle) -> bool:
        claim = bundle.claim
        known = any(
            decision.decision_id == bundle.decision.decision_id for _, decision, _, _ in self._world.decisions
        )
        same = claim.lead_id == bundle.lead.lead_id == bundle.decision.lead_id
        current = (lead.token, lead.identity_version) == (claim.token, claim.identity_version)
        return lead.live and same and current and not known and lead.state.tenant == bundle.lead.tenant

    def _room(self, bundle: Bundle, now: int) -> bool:
        capacity = {rep.rep_id: rep.capacity for rep in self._world.config.reps}
        for rep in bundle.reserved:
            given = self._world.assigned.get((bundle.lead.tenant, rep, now // DAY), {})
            if bundle.claim.lead_id not in given and len(given) >= capacity.get(rep, len(given) + 1):
                return False
        return True

    def _propose(self, bundle: Bundle, now: int) -> None:
        effects, new, waiting = self._world.effects, set[str](), list[Proposal]()
        for place, one in enumerate(bundle.decision.proposals):
            holder = effects.holder(bundle.lead.tenant, one.effect_key)
            if holder is not None and replaceable(holder.row) and one.effect_key not in new:
                effects.move(holder, Move.EXPIRE, now, reason="superseded")
                holder = effects.holder(bundle.lead.tenant, one.effect_key)
            if holder is None:
                new.add(one.effect_key)
                waiting += [one] if one.state is ActionState.WAITING else []
                effects.add(Effect(_proposed(bundle, one, now), place))
        if waiting:
            asks = question(bundle, waiting, now)
            effects.approvals[asks.approval_id] = asks
            self._world.tell((asks.tenant, asks.region), "approval", asks.approval_id, now)
            self._world.note([asked(asks, "opened", now)])

    def _finish(self, lead: Lead, bundle: Bundle, now: int) -> None:
        world = self._world
        tags = {event.ref: event.tags for event in bundle.lead.events if event.tags}
        for ref in bundle.decision.signals:
            kept = world.signals[bundle.lead.tenant, ref]
            if kept.lead_id != bundle.claim.lead_id or kept.state != "waiting":
                continue
            kept.state, kept.reason, kept.tags = "applied", None, tags.get(ref, ())
            if ref in bundle.superseded:
                kept.state = "superseded"
                kept.reason = "suppressed" if bundle.lead.suppressed else "over_cap"
        held = lead.state
        events = () if held.suppressed else bundle.lead.events
        lead.state = replace(bundle.lead, events=events, account=held.account, suppressed=held.suppressed)
        lead.timers = {reason: (due, False) for reason, (due, fresh) in lead.timers.items() if fresh}
        for timer in bundle.timers:
            due, _ = lead.timers.get(timer.reason, (timer.due_at, False))
            lead.timers[timer.reason] = min(due, timer.due_at), False
        lead.free()
        lead.attempt = lead.lost = lead.retry_at = 0
        world.settle(bundle.claim.lead_id, now)
        if bundle.account_changed:
            world.mark(bundle.lead.tenant, held.account, now)


def _proposed(bundle: Bundle, one: Proposal, now: int) -> OutboxRow:
    waits = one.state is ActionState.WAITING
    return OutboxRow(
        action_id=one.action_id,
        tenant=bundle.lead.tenant,
        region=bundle.lead.region,
        lead_id=one.lead_id,
        origin=one.lead_id,
        kind=one.kind,
        params=one.params,
        episode=one.episode,
        effect_key=one.effect_key,
        state=one.state,
        proposal_hash=one.proposal_hash,
        decision_id=bundle.decision.decision_id,
        run_id=bundle.decision.run_id,
        at=now,
        next_try=None if waits else now,
        approval_id=approval_id(bundle.decision) if waits else None,
    )


def loaded(world: World, tenant: str, now: int) -> tuple[Rep, ...]:
    """Salespeople with today's load."""
    found = []
    for rep in world.config.reps:
        today = world.assigned.get((tenant, rep.rep_id, now // DAY), {})
        days = [
            at
            for (t, r, _), given in world.assigned.items()
            if (t, r) == (tenant, rep.rep_id)
            for at in given.values()
        ]
        found.append(replace(rep, load=len(today), last_assigned=max(days, default=0)))
    return tuple(found)
