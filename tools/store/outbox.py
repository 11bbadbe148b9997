"""The outbox: actions taken one by one under a lease, each attempt on record before it leaves."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from domain.action import ActionKind, ActionState, Move, moved
from domain.attempt import begun
from domain.audit import AuditEntry
from domain.effect import StepProgress
from domain.errors import Permanent
from domain.handing import PERSON_HAS_IT, TALK, Fate, fate_of
from domain.ids import TenantId
from domain.lead import LeadState
from domain.ports.outbox import OutboxRow, Taken
from domain.signal import KeyKind, LeadKey
from tools.store.audit import Chains
from tools.store.claims import lead_state
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.effect_rows import Effects, Stored, found, shown
from tools.store.effects import (
    ENDS,
    REPLACED,
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
from tools.store.engine import Database, Tx
from tools.store.waking import wake

T = TypeVar("T")
_ROUNDS: Final = 10
"""How often a take looks again after rows that were set aside; what is left then is for the next take."""


class SqlOutbox:
    """Satisfies `domain.ports.outbox.Outbox`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def take(self, *, now: int, limit: int, lease_us: int) -> Sequence[Taken]:
        """Hold up to `limit` actions that are due."""
        until = now + max(lease_us, 1)
        return await self._change(now, lambda effects: self._take(effects, limit, until), point="outbox.take")

    async def note(
        self,
        taken: Taken,
        steps: Sequence[StepProgress],
        entries: Sequence[AuditEntry],
        *,
        now: int,
    ) -> bool:
        """Keep how far the steps are."""

        def work(effects: Effects) -> bool:
            return _may_begin(effects, taken, steps) and _note(effects, taken, steps, entries)

        return await self._change(now, work, point="outbox.note")

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

        def work(effects: Effects) -> bool:
            held = _note(effects, taken, steps, entries)
            if held:
                _end(effects, taken, move, reason=reason, retry_at=retry_at, counts=counts)
            return held

        return await self._change(now, work, point="outbox.finish")

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:
        """End all holds, or those of this writer."""
        by = self._config.writer if mine_only else None
        return await self._database.write(lambda tx: tx.run("reclaim_effects", {"now": now, "by": by}))

    async def next_due(self) -> int | None:
        """Instant at which the next action may be taken."""
        row = await self._database.read(lambda tx: tx.one("next_effect"))
        return None if row is None else int(row.next_try)

    async def get(self, tenant: TenantId, action_id: str) -> OutboxRow | None:
        """One action."""
        rows = await self._rows("effect_of_tenant", tenant=tenant, action=action_id)
        return rows[0] if rows else None

    async def of_decision(self, tenant: TenantId, decision_id: str) -> Sequence[OutboxRow]:
        """The actions that a decision proposed."""
        return await self._rows("effects_of_decision", tenant=tenant, decision=decision_id)

    async def of_lead(self, tenant: TenantId, lead_id: str, *, limit: int = 100) -> Sequence[OutboxRow]:
        """The actions of a lead, newest first."""
        return await self._rows("effects_of_lead_newest", tenant=tenant, lead=lead_id, limit=limit)

    async def rows(
        self, tenant: TenantId, *, states: Sequence[ActionState] = (), limit: int = 100
    ) -> Sequence[OutboxRow]:
        """Actions in these states, newest first."""
        if not states:
            return await self._rows("effects_of_tenant", tenant=tenant, limit=limit)
        return await self._rows("effects_in_states", tenant=tenant, limit=limit, states=as_json(states))

    async def undo(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Ask for a done action to be taken back."""
        person = self._config.person(by)
        return await self._change(now, lambda effects: _undo(effects, tenant, action_id, person))

    async def resolve(self, tenant: TenantId, action_id: str, *, done: bool, by: str, now: int) -> OutboxRow:
        """A person says what became of an ``unknown`` action."""
        person = self._config.person(by)
        move = Move.RESOLVE_DONE if done else Move.RESOLVE_NOT_DONE

        def work(effects: Effects) -> OutboxRow:
            one = _known(effects, tenant, action_id)
            if one.row.state is not ActionState.UNKNOWN:
                raise not_now(one.row, "nobody needs to say what became of it")
            return effects.move(one, move, reason="resolved", person=person).row

        return await self._change(now, work)

    async def retry(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Have a failed action sent again."""
        person = self._config.person(by)

        def work(effects: Effects) -> OutboxRow:
            one = _known(effects, tenant, action_id)
            row = sent_again(one.row, now)
            effects.tx.run("send_again", {"action": action_id, "tenant": tenant, "again": row.again_at})
            fresh = replace(one, row=row, send_key=None)
            _give_back(effects, row)
            return effects.move(fresh, Move.RETRY, reason="again", next_try=now, person=person).row

        return await self._change(now, work)

    async def _rows(self, name: str, **values: object) -> list[OutboxRow]:
        return shown(await self._database.read(lambda tx: found(tx, name, **values)))

    async def _change(self, now: int, work: Callable[[Effects], T], *, point: str = "") -> T:
        """Run `work` in one transaction, with the audit rows that it adds."""

        def change(tx: Tx) -> T:
            chains = Chains(tx, self._config.writer)
            result = work(Effects(tx, chains, now, self._config.desk))
            chains.write()
            return result

        return await self._database.write(change, point=point)

    def _take(self, effects: Effects, limit: int, until: int) -> list[Taken]:
        taken: list[Taken] = []
        for _ in range(_ROUNDS):
            due = effects.due(limit - len(taken))
            held = [one for row in due if (one := _hold(effects, row, until)) is not None]
            taken += [replace(one, doubt=doubtful(one.row, one.lead, self._config.restored)) for one in held]
            effects.tx.run("name_holder", [self._holder(one.row) for one in held])
            if not due or len(taken) == limit:
                break
        return taken

    def _holder(self, row: OutboxRow) -> dict[str, object]:
        return {"action": row.action_id, "tenant": row.tenant, "by": self._config.writer}


def _hold(effects: Effects, one: Stored, until: int) -> Taken | None:
    """The row held under a new token; None if it cannot be taken any more, and was set aside for that."""
    lead = effects.tx.one("lead_of_effect", {"lead": one.row.lead_id, "tenant": one.row.tenant})
    state = _lead(one.row, lead) if one.readable else None
    if state is None:
        _set_aside(effects, one)
        return None
    why = _not_any_more(effects, one, lead)
    if why:
        effects.move(one, Move.EXPIRE, reason=why)
        return None
    row = replace(
        one.row,
        state=moved(one.row.state, Move.TAKE),
        attempt=one.row.attempt + 1,
        next_try=until,
    )
    send_key = one.send_key or stem(row)
    row = replace(row, steps=row.steps or first_steps(row, send_key))
    held = effects.save(replace(one, row=row, token=one.token + 1, lease_until=until, send_key=send_key))
    if one.send_key is None:
        effects.keep_steps(held)
    effects.chains.add([attempted(row, effects.now)])
    return Taken(row, held.token, until, state, _keys(effects.tx, row))


def _not_any_more(effects: Effects, one: Stored, lead: Any) -> str:
    """Why the action is not to be sent now: its lead is gone or forgotten, or somebody else does it.

    What has begun goes on: the holder sees the lead as it is, and takes back or ends what is half done.
    """
    if one.row.state is ActionState.UNDOING or begun(one.row.steps):
        return ""
    if lead is None or not lead.live:
        return "gone"
    if lead.suppressed:
        return "suppressed"
    if not effects.claims_key(one):
        return "merged"
    return _talk_says(effects.tx, one.row)


def _talk_says(tx: Tx, row: OutboxRow) -> str:
    """Why a conversation is not to be handed over: a person of the desk has it meanwhile, or it was given anew."""
    if row.kind is not ActionKind.HANDOFF:
        return ""
    if TALK not in row.params:
        talk = tx.one("talk_taken", {"lead": row.lead_id, "tenant": row.tenant})
        return PERSON_HAS_IT if talk is not None and talk.taken else ""
    talk = tx.one("talk", {"tenant": row.tenant, "conversation": row.params[TALK]})
    if talk is None:
        return ""
    if talk.taken:
        return PERSON_HAS_IT
    return REPLACED if talk.action_id not in (None, row.action_id) else ""


def _give_back(effects: Effects, row: OutboxRow) -> None:
    """An action that is sent again has its conversation again, if who was asked in its place did not get it."""
    if TALK not in row.params:
        return
    place = {"tenant": row.tenant, "conversation": row.params[TALK]}
    talk = effects.tx.one("talk", place)
    others = effects.read([talk.action_id] if talk is not None and talk.action_id else [])
    if any(fate_of(one.row) is Fate.LOST for one in others):
        effects.tx.run("give_talk", {**place, "action": row.action_id, "team": row.params.get("queue")})


def _may_begin(effects: Effects, taken: Taken, steps: Sequence[StepProgress]) -> bool:
    """False if the first step would begin now, and since the take the lead was forgotten or the effect is another's.

    The hold then runs out, and the next take ends the action.
    """
    one = _held(effects, taken)
    if one is None or begun(one.row.steps) or not begun(steps):
        return one is not None
    lead = effects.tx.one("lead_of_effect", {"lead": one.row.lead_id, "tenant": one.row.tenant})
    return not _not_any_more(effects, one, lead)


def _set_aside(effects: Effects, one: Stored) -> None:
    """A row, or a lead's state, that cannot be read must not stand in the way of others.

    An action that was never taken has failed; of one that was, nobody can tell any more.
    """
    if one.row.state is not ActionState.PROPOSED:
        effects.move(one, Move.LOSE_TRACK, reason="unreadable")
        return
    taken = replace(one, row=replace(one.row, state=moved(one.row.state, Move.TAKE)))
    effects.move(taken, Move.REFUSE, reason="unreadable")


def _note(
    effects: Effects, taken: Taken, steps: Sequence[StepProgress], entries: Sequence[AuditEntry]
) -> bool:
    one = _held(effects, taken)
    if one is None:
        return False
    kept = advanced(one.row, steps) if one.readable else tuple(steps)
    if kept != one.row.steps:
        effects.keep_steps(replace(one, row=replace(one.row, steps=kept)))
    effects.chains.add(entries)
    return True


def _end(
    effects: Effects, taken: Taken, move: Move, *, reason: str, retry_at: int | None, counts: bool
) -> None:
    if move not in ENDS:
        raise Permanent(f"a hold does not end by {move.value}")
    one = _held(effects, taken)
    if one is None:
        return
    if not counts:
        one = replace(one, row=replace(one.row, attempt=max(0, one.row.attempt - 1)))
    due = (effects.now if retry_at is None else retry_at) if move is Move.PUT_BACK else None
    effects.move(one, move, reason=reason, next_try=due)
    if move is Move.EXPIRE:
        wake(effects.tx, one.row.tenant, one.row.lead_id, "action_expired", effects.now)


def _held(effects: Effects, taken: Taken) -> Stored | None:
    """The row if `taken` still holds it: under the newest token, and nobody ended the hold."""
    one = next(iter(effects.read([taken.row.action_id])), None)
    return one if one and one.token == taken.token and one.lease_until else None


def _undo(effects: Effects, tenant: str, action_id: str, person: str) -> OutboxRow:
    one = _known(effects, tenant, action_id)
    if one.row.state in (ActionState.UNDOING, ActionState.COMPENSATED):
        return one.row
    if one.row.state is not ActionState.DONE or not undoable(one.row):
        raise not_now(one.row, "nothing of it can be taken back")
    fresh = replace(one, row=replace(one.row, attempt=0))
    return effects.move(fresh, Move.UNDO, next_try=effects.now, person=person).row


def _known(effects: Effects, tenant: str, action_id: str) -> Stored:
    rows = effects.found("effect_of_tenant", tenant=tenant, action=action_id)
    if not rows:
        raise no_action(action_id)
    return rows[0]


def _lead(row: OutboxRow, lead: Any) -> LeadState | None:
    """The lead as of now; bare if it is gone altogether; None if its state cannot be read."""
    if lead is None:
        return LeadState(row.lead_id, row.tenant, row.region)
    try:
        return lead_state(lead, lead.body)
    except (ValueError, TypeError):
        return None


def _keys(tx: Tx, row: OutboxRow) -> tuple[LeadKey, ...]:
    found_keys = tx.rows("keys_of_lead", {"tenant": row.tenant, "lead": row.lead_id})
    return tuple(LeadKey(KeyKind(key.kind), key.value) for key in found_keys)
