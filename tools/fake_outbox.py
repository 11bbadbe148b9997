"""The in-memory store's outbox."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.action import ActionKind, ActionState, Move, moved
from domain.attempt import begun
from domain.audit import AuditEntry
from domain.effect import StepProgress
from domain.errors import Permanent
from domain.handing import TALK, Fate, fate_of
from domain.ids import TenantId
from domain.lead import LeadState
from domain.ports.outbox import OutboxRow, Taken
from domain.signal import LeadKey
from tools.fake_effects import Effect
from tools.fake_world import World
from tools.store.effects import (
    ENDS,
    advanced,
    attempted,
    doubtful,
    first_steps,
    no_action,
    not_now,
    sent_again,
    stem,
    undoable,
)


class MemoryOutbox:
    """Satisfies `domain.ports.outbox.Outbox`."""

    def __init__(self, world: World) -> None:
        self._world, self._effects = world, world.effects

    async def take(self, *, now: int, limit: int, lease_us: int) -> Sequence[Taken]:
        """Hold up to `limit` actions that are due."""
        taken: list[Taken] = []
        while len(taken) < limit and (effect := self._first_due(now)) is not None:
            why = self._not_any_more(effect)
            if why:
                self._effects.move(effect, Move.EXPIRE, now, reason=why)
            else:
                taken.append(self._hold(effect, now, now + max(lease_us, 1)))
        return taken

    async def note(
        self, taken: Taken, steps: Sequence[StepProgress], entries: Sequence[AuditEntry], *, now: int
    ) -> bool:  # fmt: skip
        """Keep how far the steps are."""
        del now
        effect = self._held(taken)
        if effect is None:
            return False
        begins = begun(steps) and not begun(effect.row.steps)
        if begins and self._not_any_more(effect):
            return False
        self._keep(effect, steps, entries)
        return True

    async def finish(
        self,
        taken: Taken,
        move: Move,
        steps: Sequence[StepProgress],
        entries: Sequence[AuditEntry],
        *,
        now: int,
        reason: str = "",
        retry_at: int | None = None,
        counts: bool = True,
    ) -> bool:
        """End the hold."""
        effect = self._held(taken)
        if effect is None:
            return False
        moved(effect.row.state, move)
        if move not in ENDS:
            raise Permanent(f"a hold does not end by {move.value}")
        self._keep(effect, steps, entries)
        attempt = effect.row.attempt if counts else max(0, effect.row.attempt - 1)
        effect.row = replace(effect.row, attempt=attempt)
        due = now if retry_at is None else retry_at
        self._effects.move(effect, move, now, reason=reason, next_try=due if move is Move.PUT_BACK else None)
        if move is Move.EXPIRE:
            self._world.wake(effect.row.lead_id, "action_expired", now)
        return True

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:  # noqa: ARG002 - all are its own
        """End all holds."""
        held = [effect for effect in self._effects.rows.values() if effect.lease_until]
        for effect in held:
            effect.token, effect.lease_until = effect.token + 1, 0
            effect.row = replace(effect.row, next_try=now)
        return len(held)

    async def next_due(self) -> int | None:
        """Instant at which the next action may be taken."""
        rows = self._effects.rows.values()
        busy = {effect.row.lead_id for effect in rows if effect.lease_until}
        free = (e.row for e in rows if e.lease_until or e.row.lead_id not in busy)
        return min((row.next_try for row in free if row.next_try is not None), default=None)

    async def get(self, tenant: TenantId, action_id: str) -> OutboxRow | None:
        """One action."""
        effect = self._effects.rows.get(action_id)
        return effect.row if effect and effect.row.tenant == tenant else None

    async def of_decision(self, tenant: TenantId, decision_id: str) -> Sequence[OutboxRow]:
        """The actions that a decision proposed."""
        return [row for row in self._ordered(tenant) if row.decision_id == decision_id]

    async def of_lead(self, tenant: TenantId, lead_id: str, *, limit: int = 100) -> Sequence[OutboxRow]:
        """The actions of a lead, newest first."""
        return [row for row in self._ordered(tenant) if row.lead_id == lead_id][::-1][:limit]

    async def rows(
        self, tenant: TenantId, *, states: Sequence[ActionState] = (), limit: int = 100
    ) -> Sequence[OutboxRow]:
        """Actions in these states, newest first."""
        found = [row for row in self._ordered(tenant) if not states or row.state in states]
        return found[::-1][:limit]

    async def undo(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Ask for a done action to be taken back."""
        effect = self._known(tenant, action_id)
        if effect.row.state in (ActionState.UNDOING, ActionState.COMPENSATED):
            return effect.row
        if effect.row.state is not ActionState.DONE or not undoable(effect.row):
            raise not_now(effect.row, "nothing of it can be taken back")
        effect.row = replace(effect.row, attempt=0)
        self._effects.move(effect, Move.UNDO, now, next_try=now, person=self._world.config.person(by))
        return effect.row

    async def resolve(self, tenant: TenantId, action_id: str, *, done: bool, by: str, now: int) -> OutboxRow:
        """A person says what became of an ``unknown`` action."""
        effect = self._known(tenant, action_id)
        if effect.row.state is not ActionState.UNKNOWN:
            raise not_now(effect.row, "nobody needs to say what became of it")
        move = Move.RESOLVE_DONE if done else Move.RESOLVE_NOT_DONE
        self._effects.move(effect, move, now, reason="resolved", person=self._world.config.person(by))
        return effect.row

    async def retry(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Have a failed action sent again."""
        effect = self._known(tenant, action_id)
        effect.row, effect.keyed = sent_again(effect.row, now), None
        self._give_back(effect.row)
        person = self._world.config.person(by)
        self._effects.move(effect, Move.RETRY, now, reason="again", next_try=now, person=person)
        return effect.row

    def _give_back(self, row: OutboxRow) -> None:
        talk = self._world.talks.talks.get((row.tenant, row.params.get(TALK, "")))
        other = self._effects.rows.get(talk.action_id or "") if talk else None
        if talk and other and fate_of(other.row) is Fate.LOST:
            talk.action_id, talk.standing = (
                row.action_id,
                replace(talk.standing, team=row.params.get("queue")),
            )

    def _keep(self, effect: Effect, steps: Sequence[StepProgress], entries: Sequence[AuditEntry]) -> None:
        kept = advanced(effect.row, steps)
        self._world.note(entries)
        effect.row = replace(effect.row, steps=kept)

    def _first_due(self, now: int) -> Effect | None:
        """The oldest due row; of its lead the one proposed first, unless one of the lead is held."""
        rows = self._effects.rows.values()
        held = {effect.row.lead_id for effect in rows if effect.lease_until > now}
        due = [e for e in rows if e.row.next_try is not None and e.row.next_try <= now]
        first: dict[str, Effect] = {}
        for effect in sorted(due, key=lambda e: e.order):
            first.setdefault(effect.row.lead_id, effect)
        free = [effect for lead_id, effect in first.items() if lead_id not in held]
        return min(free, key=lambda e: (e.row.next_try, e.order), default=None)

    def _not_any_more(self, effect: Effect) -> str:
        row, lead = effect.row, self._world.leads.get(effect.row.lead_id)
        if row.state is ActionState.UNDOING or begun(row.steps):
            return ""
        if lead is None or not lead.live:
            return "gone"
        if lead.state.suppressed:
            return "suppressed"
        free = effect.keeps or self._effects.holder(row.tenant, row.effect_key) is None
        if not free:
            return "merged"
        return self._world.talks.says(row) if row.kind is ActionKind.HANDOFF else ""

    def _hold(self, effect: Effect, now: int, until: int) -> Taken:
        state = moved(effect.row.state, Move.TAKE)
        attempt = effect.row.attempt + 1
        row = replace(effect.row, state=state, attempt=attempt, next_try=until)
        effect.keyed = effect.keyed or stem(row)
        effect.row = replace(row, steps=row.steps or first_steps(row, effect.keyed))
        effect.token, effect.lease_until = effect.token + 1, until
        self._world.note([attempted(effect.row, now)])
        lead = self._world.leads.get(row.lead_id)
        stored = lead.state if lead else LeadState(row.lead_id, row.tenant, row.region)
        doubt = doubtful(row, stored, self._world.config.restored)
        return Taken(effect.row, effect.token, until, stored, tuple(self._keys(row)), doubt)

    def _keys(self, row: OutboxRow) -> Iterable[LeadKey]:
        keys = self._world.keys.get((row.tenant, row.region), {})
        return sorted(key for key, owner in keys.items() if owner.lead_id == row.lead_id)

    def _held(self, taken: Taken) -> Effect | None:
        effect = self._effects.rows.get(taken.row.action_id)
        return effect if effect and effect.token == taken.token and effect.lease_until else None

    def _known(self, tenant: TenantId, action_id: str) -> Effect:
        effect = self._effects.rows.get(action_id)
        if effect is None or effect.row.tenant != tenant:
            raise no_action(action_id)
        return effect

    def _ordered(self, tenant: TenantId) -> list[OutboxRow]:
        mine = [effect for effect in self._effects.rows.values() if effect.row.tenant == tenant]
        return [effect.row for effect in sorted(mine, key=lambda e: e.order)]
