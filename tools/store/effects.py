"""Rules of outbox rows, for the durable store and its twin: who keeps a key, the first steps, the audit rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from domain.action import UNSENT, ActionKind, ActionState, Move, Proposal
from domain.approval import Approval, ApprovalState, Terms, hash_of
from domain.attempt import begun
from domain.audit import AuditEntry
from domain.decision import Bundle, Decision
from domain.effect import Step, StepKind, StepProgress, StepReceipt, StepState, steps_of, undo_of
from domain.errors import BadInput, Permanent
from domain.ids import LeadId, Region, TenantId
from domain.instants import HOUR
from domain.lead import LeadState
from domain.ports.outbox import OutboxRow
from domain.restored import Doubt, Restored, doubt_of
from tools.store.codec import values_text
from tools.store.marked import checksum

ENDS: Final = frozenset(
    {Move.CONFIRM, Move.REFUSE, Move.PUT_BACK, Move.EXPIRE, Move.LOSE_TRACK, Move.FINISH_UNDO}
)
"""By what a hold ends; everything else that can happen to a row comes from elsewhere."""
UNFINISHED: Final = UNSENT | {ActionState.SENDING, ActionState.UNDOING}
IN_TARGET: Final = frozenset(
    {ActionState.SENDING, ActionState.DONE, ActionState.UNKNOWN, ActionState.UNDOING}
)
"""The effect is there, or may be."""
REPLACED: Final = "talk"
"""Why a handing over expires in whose place one comes that knows its conversation."""
_SCORE_AGAIN: Final = frozenset({ActionState.DONE, ActionState.FAILED, ActionState.COMPENSATED})
_NOTHING_LEFT: Final = frozenset({StepState.PENDING, StepState.UNDONE})
_HASH: Final = 12


def occupies(kind: ActionKind, state: ActionState) -> bool:
    """Whether a row keeps others of its effect key out. A score may be written again once the last one has ended."""
    if kind is ActionKind.UPSERT_SCORE and state in _SCORE_AGAIN:
        return False
    return state is not ActionState.EXPIRED


def occupying(kind: ActionKind) -> list[str]:
    """The states in which a row of `kind` keeps others out."""
    return [state.value for state in ActionState if occupies(kind, state)]


def outranks(row: OutboxRow, holder: OutboxRow) -> bool:
    """Whether `row` takes the effect key from `holder` when their leads become one.

    It does if its effect is, or may be, in the target and nothing of the holder's has left: the holder would
    otherwise still be sent, and there would be two, also if somebody holds it but has noted no step yet. Scores
    replace each other, so they do without.
    """
    there = row.state in IN_TARGET or begun(row.steps)
    held = begun(row.steps) and holder.state is ActionState.SENDING and not begun(holder.steps)
    return there and (unsent(holder) or held) and row.kind is not ActionKind.UPSERT_SCORE


def unsent(row: OutboxRow) -> bool:
    """Whether nothing of the action can have left."""
    return row.state in UNSENT and not begun(row.steps)


def gives_way(holder: OutboxRow, params: Mapping[str, str]) -> bool:
    """Whether an action with `params` takes the place of `holder`, of whose request nothing can have left.

    A handing over that a desk decided names its conversation, and what the customer is told there. A run of the same
    lead that proposed first, or waits for an approval, knows neither.
    """
    return "talk" in params and "talk" not in holder.params and unsent(holder)


def replaceable(row: OutboxRow) -> bool:
    """Whether a newer score may take the place of this one: it is due, and nothing of it has left."""
    return row.kind is ActionKind.UPSERT_SCORE and row.state is ActionState.PROPOSED and not begun(row.steps)


def stem(row: OutboxRow) -> str:
    """What the keys of the row's steps begin with, as of its first take.

    A score is written again and again under one effect key, also with values that it had before: there the
    action's id tells the writings apart, or a target that remembers keys would take the third for the first. So it is
    with an action that a person has sent again after it was taken back.
    """
    own = f"/{row.action_id}" if row.kind is ActionKind.UPSERT_SCORE else ""
    again = "" if row.again_at is None else f"/again-{row.again_at}"
    return f"{row.effect_key}{own}{again}"


def first_steps(row: OutboxRow, send_key: str) -> tuple[StepProgress, ...]:
    """The steps of an action that is taken for the first time, each under its key for good.

    The key names the effect and the lead that it was proposed for, not what was decided: an effect that is decided
    again after a restore, with another owner perhaps, is still the same one.
    """
    steps = steps_of(row.kind, row.params)
    return tuple(StepProgress(step, f"{send_key}/{row.origin}/{n}") for n, step in enumerate(steps))


def advanced(row: OutboxRow, steps: Sequence[StepProgress]) -> tuple[StepProgress, ...]:
    """What to keep of the steps that a holder hands in; none handed in leaves them as they are.

    Raises: Permanent if they are not the steps of the action: a key never changes once it is fixed.
    """
    if not steps:
        return row.steps
    if [(one.key, one.step) for one in steps] != [(one.key, one.step) for one in row.steps]:
        raise Permanent(f"{row.action_id}: these are not its steps")
    return tuple(steps)


def undoable(row: OutboxRow) -> bool:
    """Whether any step that was done can be taken back."""
    done = (one for one in row.steps if one.state is StepState.DONE)
    return any(undo_of(one.step, one.receipt or StepReceipt()) is not None for one in done)


def sent_again(row: OutboxRow, now: int) -> OutboxRow:
    """A failed action as it begins anew. Raises: BadInput if it may not."""
    if row.state is not ActionState.FAILED:
        raise not_now(row, "only one that failed can be sent again")
    if row.kind is ActionKind.UPSERT_SCORE:
        raise not_now(row, "but a score is not sent again: a newer one follows")
    if any(one.state not in _NOTHING_LEFT for one in row.steps):
        raise not_now(row, "but part of it may be in the target")
    return replace(row, attempt=0, steps=(), again_at=now)


def doubtful(row: OutboxRow, lead: LeadState, restored: Restored | None) -> Doubt:
    """Whether the action may have left before a restore; it is known by the lead that it was proposed for."""
    return doubt_of(
        restored, kind=row.kind, episode=row.episode, at=row.at, origin=row.origin, events=lead.events
    )


def params_from(body: bytes) -> dict[str, str]:
    """Stored parameters. Raises: ValueError."""
    params = orjson.loads(body)
    if not isinstance(params, dict) or not all(isinstance(value, str) for value in params.values()):
        raise ValueError("parameters are not text by name")
    return params


def steps_text(steps: Sequence[StepProgress]) -> str:
    """Steps as JSON, and their checksum in a line of its own."""
    text = values_text(tuple(steps))
    return f"{text}\n{checksum(text.encode())}"


def steps_from(body: bytes) -> tuple[StepProgress, ...]:
    """Inverse of `steps_text`; older rows have no checksum. Raises: ValueError."""
    text, line, found = body.partition(b"\n")
    if line and found != checksum(text).encode():
        raise ValueError("the steps of an action do not match their checksum")
    try:
        return tuple(_step(one) for one in orjson.loads(text))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"steps of an action are not what they should be: {error}") from error


def _step(one: dict[str, Any]) -> StepProgress:
    receipt = one["receipt"]
    return StepProgress(
        Step(StepKind(one["step"]["kind"]), dict(one["step"]["params"])),
        one["key"],
        StepState(one["state"]),
        None if receipt is None else StepReceipt(receipt["ref"], dict(receipt["before"])),
    )


def attempted(row: OutboxRow, now: int) -> AuditEntry:
    """The audit row of an attempt, in the transaction that takes the action."""
    detail = {"attempt": row.attempt, "state": row.state.value}
    return _entry(row, "attempt", now, detail)


def unread(row: Any, now: int) -> AuditEntry:
    """The audit row of an action whose kind or state does not exist: it is set aside."""
    return AuditEntry(
        tenant=TenantId(row.tenant),
        region=Region(row.region),
        step="deliver",
        code="unreadable",
        at=now,
        lead_id=LeadId(row.lead_id),
        detail={"action": row.action_id},
    )


def turned(row: OutboxRow, now: int, person: str = "") -> AuditEntry:
    """The audit row of an action that is in another state now; `person` is a keyed digest."""
    named = {"by": person} if person else {}
    return _entry(row, f"moved:{row.state.value}", now, {"reason": row.reason, **named})


def asked(
    approval: Approval,
    code: str,
    now: int,
    *,
    commitment: str | None = None,
    person: str = "",
    fields: str = "",
) -> AuditEntry:
    """An audit row about an approval, without anybody's name.

    `commitment` is that of a sealed comment, `person` a keyed digest, `fields` the names of what was edited.
    """
    people = {vote.by for vote in approval.votes}
    named = {name: text for name, text in (("by", person), ("fields", fields)) if text}
    return AuditEntry(
        tenant=approval.tenant,
        region=approval.region,
        step="approval",
        code=code,
        at=now,
        lead_id=approval.lead_id,
        detail={
            "approval": approval.approval_id,
            "hash": approval.proposal_hash[:_HASH],
            "people": len(people),
            "reason": approval.reason,
            **named,
        },
        commitment=commitment,
    )


def approval_id(decision: Decision) -> str:
    """The id of the one approval that a decision can open."""
    return f"ap_{decision.run_id.removeprefix('rn_')}"


def question(bundle: Bundle, waiting: Sequence[Proposal], now: int) -> Approval:
    """What a person is asked about all actions of a decision that wait."""
    decision = bundle.decision
    terms = decision.verdict.terms if decision.verdict else Terms()
    return Approval(
        approval_id=approval_id(decision),
        tenant=bundle.lead.tenant,
        region=bundle.lead.region,
        lead_id=decision.lead_id,
        decision_id=decision.decision_id,
        action_ids=tuple(one.action_id for one in waiting),
        proposal_hash=hash_of(one.proposal_hash for one in waiting),
        state=ApprovalState.OPEN,
        policy=decision.versions.get("policy", ""),
        terms=terms,
        asked_at=now,
        expires_at=now + terms.hours * HOUR,
    )


def no_action(action_id: str) -> BadInput:
    """There is no such action."""
    return BadInput(
        "action", f"{action_id} is not known", "look at the actions of a decision", code="unknown"
    )


def not_now(row: OutboxRow, wish: str) -> BadInput:
    """The action is in a state in which `wish` makes no sense."""
    return BadInput(
        "action", f"{row.action_id} is {row.state.value}, {wish}", "look at it again", code="state"
    )


def _entry(row: OutboxRow, code: str, now: int, detail: dict[str, str | int]) -> AuditEntry:
    return AuditEntry(
        tenant=row.tenant,
        region=row.region,
        step="deliver",
        code=code,
        at=now,
        run_id=row.run_id or None,
        lead_id=row.lead_id,
        detail={"action": row.action_id, "kind": row.kind.value, **detail},
    )
