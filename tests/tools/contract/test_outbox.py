"""Actions on their way out: taken once, on record before they leave, fenced, and never two of one effect."""

from dataclasses import replace

import pytest

from domain.action import ActionState, Move
from domain.audit import AuditEntry
from domain.effect import StepState
from domain.errors import BadInput, Permanent
from domain.instants import HOUR, MINUTE
from domain.ports.outbox import Taken
from tests.tools.contract.company import ADA, BOB, ENROL, HANDOFF, NOTIFY, SCORE, TASK, Company, progressed
from tests.tools.contract.stores import LEASE, OTHER, REGION, TENANT, AnyStore


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


def said(taken: Taken, code: str = "step:done") -> AuditEntry:
    """What a performer notes."""
    return AuditEntry(TENANT, REGION, "deliver", code, 1, lead_id=taken.row.lead_id)


async def test_an_attempt_is_on_record_before_anybody_holds_the_action(company: Company) -> None:
    """Action, kind, number of the attempt, under the run that proposed it (I3)."""
    (row,) = await company.decide(TASK)
    taken = await company.take_one()
    assert (taken.row.state, taken.row.attempt) == (ActionState.SENDING, 1)
    (noted,) = [
        entry
        for entry in await company.store.reads.audit_rows(TENANT, run_id=row.run_id)
        if entry["step"] == "deliver"
    ]
    assert noted["code"] == "attempt"
    assert noted["detail"] == {
        "action": row.action_id, "attempt": 1, "kind": "create_task", "state": "sending",
    }  # fmt: skip


async def test_a_holder_sees_the_lead_and_all_its_keys(company: Company) -> None:
    """As of the take."""
    await company.decide(TASK)
    taken = await company.take_one()
    assert taken.lead == await company.store.reads.lead(TENANT, await company.lead())
    assert taken.keys == (ADA,)
    assert taken.lease_until == company.now + LEASE


async def test_the_first_take_fixes_the_keys_of_the_steps(company: Company) -> None:
    """A second attempt, however it came about, sends under the same ones."""
    (row,) = await company.decide(TASK)
    first = await company.take_one()
    stem = f"{row.lead_id}/create_task/1/{row.lead_id}"
    assert [step.key for step in first.row.steps] == [f"{stem}/0", f"{stem}/1"]
    await company.finish(first, Move.PUT_BACK, sent=False)
    assert (await company.take_one()).row.steps == first.row.steps


async def test_actions_of_a_lead_leave_one_at_a_time_in_the_order_of_proposal(company: Company) -> None:
    """Those of another lead do not wait for them."""
    await company.decide(SCORE, TASK, ENROL)
    await company.decide(TASK, who=BOB)
    held = await company.take()
    assert sorted(one.row.kind.value for one in held) == ["create_task", "upsert_score"]
    assert not await company.take()
    for one in held:
        await company.finish(one)
    assert (await company.send()).kind is TASK
    assert (await company.send()).kind is ENROL
    assert not await company.take()


async def test_a_limit_is_kept(company: Company) -> None:
    """The rest is for the next."""
    await company.decide(TASK)
    await company.decide(TASK, who=BOB)
    assert [len(await company.take(limit=1)) for _ in range(3)] == [1, 1, 0]


async def test_the_fenced_of_two_holders_changes_nothing(company: Company) -> None:
    """Neither row nor log, after its lease ran out and another holder began."""
    await company.decide(TASK)
    slow = await company.take_one()
    company.later(LEASE)
    quick = await company.take_one()
    before = await company.row(slow.row.action_id), await company.audit("deliver")
    steps = progressed(slow, StepState.DONE)
    assert not await company.store.outbox.note(slow, steps, [said(slow)], now=company.now)
    assert not await company.store.outbox.finish(slow, Move.CONFIRM, steps, [said(slow)], now=company.now)
    assert (await company.row(slow.row.action_id), await company.audit("deliver")) == before
    assert (await company.finish(quick)).state is ActionState.DONE
    assert not await company.store.outbox.note(quick, steps, [said(quick)], now=company.now)


async def test_what_was_noted_is_there_for_whoever_takes_over(company: Company) -> None:
    """The action stays ``sending``: it may have been sent."""
    await company.decide(TASK)
    lost = await company.take_one()
    begun = (replace(lost.row.steps[0], state=StepState.STARTED), *lost.row.steps[1:])
    assert await company.store.outbox.note(lost, begun, [said(lost, "step:started")], now=company.now)
    company.later(LEASE - 1)
    assert not await company.take()
    company.later(1)
    again = await company.take_one()
    assert (again.row.state, again.row.attempt, again.row.steps) == (ActionState.SENDING, 2, begun)
    assert again.token > lost.token
    assert await company.audit("deliver") == ["attempt", "step:started", "attempt"]


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (Move.CONFIRM, ActionState.DONE),
        (Move.REFUSE, ActionState.FAILED),
        (Move.EXPIRE, ActionState.EXPIRED),
        (Move.LOSE_TRACK, ActionState.UNKNOWN),
        (Move.PUT_BACK, ActionState.PROPOSED),
    ],
)
async def test_a_hold_ends_by_one_move_with_its_audit_rows(
    company: Company, move: Move, state: ActionState
) -> None:
    """Those that the holder hands in, then the state."""
    await company.decide(TASK)
    taken = await company.take_one()
    steps = progressed(taken, StepState.DONE)
    ended = await company.store.outbox.finish(
        taken, move, steps, [said(taken)], now=company.now, reason="gone", retry_at=company.now + HOUR
    )
    row = await company.row(taken.row.action_id)
    assert ended
    assert (row.state, row.reason, row.steps) == (state, "gone", steps)
    assert row.next_try == (company.now + HOUR if move is Move.PUT_BACK else None)
    assert row.finished_at == (None if move is Move.PUT_BACK else company.now)
    assert await company.audit("deliver") == ["attempt", "step:done", f"moved:{state.value}"]


@pytest.mark.parametrize("move", [Move.TAKE, Move.APPROVE, Move.UNDO, Move.RESOLVE_DONE, Move.FINISH_UNDO])
async def test_a_hold_ends_by_no_other_move(company: Company, move: Move) -> None:
    """The life cycle has no such way, or it is not the holder's; nothing is changed."""
    await company.decide(TASK)
    taken = await company.take_one()
    with pytest.raises(Permanent):
        await company.store.outbox.finish(taken, move, (), [said(taken)], now=company.now)
    assert await company.row(taken.row.action_id) == taken.row
    assert await company.audit("deliver") == ["attempt"]
    await company.finish(taken)


async def test_the_steps_of_an_action_are_nobodys_to_change(company: Company) -> None:
    """A key that changed would be a second effect."""
    await company.decide(TASK)
    taken = await company.take_one()
    other = (replace(taken.row.steps[0], key="another"), *taken.row.steps[1:])
    with pytest.raises(Permanent):
        await company.store.outbox.note(taken, other, (), now=company.now)
    assert (await company.row(taken.row.action_id)).steps == taken.row.steps


async def test_an_outage_is_no_attempt(company: Company) -> None:
    """It is put back until later, and counts for nothing (I9)."""
    await company.decide(TASK)
    for _ in range(3):
        taken = await company.take_one()
        assert taken.row.attempt == 1
        retry = company.now + MINUTE
        await company.store.outbox.finish(
            taken, Move.PUT_BACK, (), (), now=company.now, retry_at=retry, counts=False
        )
        assert not await company.take()
        assert await company.store.outbox.next_due() == retry
        company.later(MINUTE)
    await company.finish(await company.take_one(), Move.PUT_BACK, sent=False)
    assert (await company.take_one()).row.attempt == 2


async def test_why_an_action_was_put_back_stays_on_it_when_it_is_taken_again(company: Company) -> None:
    """An unwind that was interrupted must know that it is one."""
    await company.decide(TASK)
    taken = await company.take_one()
    steps = progressed(taken, StepState.DONE)
    await company.store.outbox.finish(
        taken, Move.PUT_BACK, steps, (), now=company.now, reason="unwind:invalid"
    )
    assert (await company.take_one()).row.reason == "unwind:invalid"
    company.later(LEASE)
    assert (await company.take_one()).row.reason == "unwind:invalid"


async def test_an_expired_action_wakes_its_lead(company: Company) -> None:
    """What no longer holds is decided anew, and may be proposed again."""
    await company.decide(TASK)
    await company.finish(await company.take_one(), Move.EXPIRE, sent=False)
    assert await company.woken() == ["action_expired"]
    assert await company.decide(TASK)


async def test_a_home_that_opens_takes_back_what_a_dead_process_held(company: Company) -> None:
    """At once, and without forgetting that it may have been sent."""
    await company.decide(TASK)
    dead = await company.take_one()
    assert await company.store.outbox.reclaim(now=company.now) == 1
    assert await company.store.outbox.reclaim(now=company.now) == 0
    assert not await company.store.outbox.note(dead, (), (), now=company.now)
    assert (await company.row(dead.row.action_id)).state is ActionState.SENDING
    assert (await company.take_one()).row.attempt == 2


async def test_the_next_due_is_when_something_can_be_taken(company: Company) -> None:
    """An action behind a held one of its lead is not due before that hold ends."""
    assert await company.store.outbox.next_due() is None
    await company.decide(TASK, ENROL)
    assert await company.store.outbox.next_due() == company.now
    taken = await company.take_one()
    assert await company.store.outbox.next_due() == taken.lease_until
    await company.finish(taken)
    assert await company.store.outbox.next_due() == company.now
    await company.send()
    assert await company.store.outbox.next_due() is None


@pytest.mark.parametrize("move", [Move.CONFIRM, Move.REFUSE, Move.LOSE_TRACK])
async def test_an_effect_that_was_sent_is_not_proposed_again_in_its_episode(
    company: Company, move: Move
) -> None:
    """Whatever became of it (I2)."""
    await company.decide(TASK)
    await company.finish(await company.take_one(), move)
    assert await company.decide(TASK) == []
    assert len(await company.states()) == 1


async def test_a_score_is_written_again_when_the_last_one_has_been(company: Company) -> None:
    """Under keys of its own, also if it is what it once was: a target that remembers keys must see it as new."""
    keys = set()
    for points in ("70", "80", "70"):
        await company.decide(SCORE, params={"points": points})
        row = await company.send()
        keys |= {step.key for step in row.steps}
        assert row.state is ActionState.DONE
    assert len(keys) == 3


async def test_a_newer_score_takes_the_place_of_one_that_has_not_left(company: Company) -> None:
    """Also of one that was put back before anything was sent; but not of one that is on its way."""
    await company.decide(SCORE)
    await company.finish(await company.take_one(), Move.PUT_BACK, sent=False)
    await company.decide(SCORE)
    assert [one[1:] for one in await company.states()] == [("expired", "superseded"), ("proposed", "")]
    on_its_way = await company.take_one()
    assert await company.decide(SCORE) == []
    await company.finish(on_its_way, Move.PUT_BACK)
    assert await company.decide(SCORE) == [], "half of it may have been sent"


async def test_what_is_done_can_be_taken_back(company: Company) -> None:
    """Once; asking again changes nothing."""
    (row,) = await company.decide(TASK)
    await company.send()
    outbox = company.store.outbox
    asked = await outbox.undo(TENANT, row.action_id, by="rita", now=company.now)
    assert asked.state is ActionState.UNDOING
    assert await outbox.undo(TENANT, row.action_id, by="rita", now=company.now) == asked
    taken = await company.take_one()
    assert (taken.row.state, taken.row.attempt) == (ActionState.UNDOING, 1)
    back = tuple(replace(step, state=StepState.UNDONE) for step in taken.row.steps)
    assert await outbox.finish(taken, Move.FINISH_UNDO, back, (), now=company.now)
    ended = await outbox.undo(TENANT, row.action_id, by="rita", now=company.now)
    assert ended.state is ActionState.COMPENSATED
    assert not await company.take()
    assert await company.decide(TASK) == []
    assert "rita" not in str(await company.store.reads.audit_rows(TENANT))


async def test_what_cannot_be_taken_back_says_so(company: Company) -> None:
    """A message that was read, an action that has not been done, one that nobody knows."""
    (notice,) = await company.decide(NOTIFY)
    for action in (notice.action_id, "ac_nobody"):
        with pytest.raises(BadInput):
            await company.store.outbox.undo(TENANT, action, by="rita", now=company.now)
    await company.send()
    with pytest.raises(BadInput):
        await company.store.outbox.undo(TENANT, notice.action_id, by="rita", now=company.now)


@pytest.mark.parametrize("done", [True, False])
async def test_a_person_says_what_became_of_an_unknown_action(company: Company, done: bool) -> None:
    """It is done or failed from then on, and nobody says it twice."""
    (row,) = await company.decide(HANDOFF)
    outbox = company.store.outbox
    with pytest.raises(BadInput):
        await outbox.resolve(TENANT, row.action_id, done=done, by="rita", now=company.now)
    await company.finish(await company.take_one(), Move.LOSE_TRACK)
    after = await outbox.resolve(TENANT, row.action_id, done=done, by="rita", now=company.now)
    assert after.state is (ActionState.DONE if done else ActionState.FAILED)
    with pytest.raises(BadInput):
        await outbox.resolve(TENANT, row.action_id, done=done, by="rita", now=company.now)


async def test_a_forgotten_lead_gets_nothing_more(company: Company) -> None:
    """What has not left expires; what was taken before is for its holder, who sees it; none is taken anew (I7)."""
    await company.decide(TASK, ENROL)
    taken = await company.take_one()
    await company.forget()
    assert [one[1:] for one in await company.states()] == [("sending", ""), ("expired", "suppressed")]
    await company.finish(taken, Move.PUT_BACK, sent=False)
    assert not await company.take()
    assert {state for _, state, _ in await company.states()} == {"expired"}


async def test_what_was_half_done_for_a_forgotten_lead_is_still_taken_to_its_end(company: Company) -> None:
    """The holder sees that the lead is to be forgotten and takes back what is there."""
    await company.decide(TASK)
    await company.finish(await company.take_one(), Move.PUT_BACK)
    await company.forget()
    assert (await company.take_one()).lead.suppressed


async def test_actions_are_shown_newest_first_by_state_and_to_their_tenant_only(company: Company) -> None:
    """All of them, or those in some states (I6)."""
    (first,) = await company.decide(TASK)
    await company.send()
    company.later()
    later = await company.decide(ENROL, NOTIFY)
    outbox = company.store.outbox
    wanted = [later[1].action_id, later[0].action_id, first.action_id]
    assert [row.action_id for row in await outbox.rows(TENANT)] == wanted
    assert [row.action_id for row in await outbox.rows(TENANT, limit=2)] == wanted[:2]
    done = await outbox.rows(TENANT, states=[ActionState.DONE, ActionState.UNKNOWN])
    assert [row.action_id for row in done] == [first.action_id]
    assert [row.action_id for row in await outbox.of_decision(TENANT, later[0].decision_id)] == wanted[1::-1]
    assert await outbox.rows(OTHER) == []
    assert await outbox.get(OTHER, first.action_id) is None
    assert await outbox.of_decision(OTHER, first.decision_id) == []
