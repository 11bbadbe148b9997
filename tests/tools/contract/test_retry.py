"""A failed action that a person has sent again: under keys of its own, and only if nothing of it is there."""

from dataclasses import replace

import pytest

from domain.action import ActionState, Move
from domain.effect import StepProgress, StepReceipt, StepState
from domain.errors import BadInput
from domain.instants import DAY
from domain.ports.outbox import OutboxRow
from tests.tools.contract.company import HANDOFF, SCORE, TASK, Company
from tests.tools.contract.stores import OTHER, TENANT, AnyStore


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


async def failed(company: Company, *states: StepState) -> OutboxRow:
    """A task that was refused, with its steps as named."""
    await company.decide(TASK)
    return await refused(company, *states)


async def refused(company: Company, *states: StepState) -> OutboxRow:
    taken = await company.take_one()
    steps = tuple(
        replace(one, state=state, receipt=StepReceipt("r") if state is not StepState.PENDING else None)
        for one, state in zip(taken.row.steps, states, strict=False)
    )
    left: tuple[StepProgress, ...] = taken.row.steps[len(steps) :]
    assert await company.store.outbox.finish(
        taken, Move.REFUSE, (*steps, *left), (), now=company.now, reason="invalid"
    )
    return await company.row(taken.row.action_id)


async def again(company: Company, row: OutboxRow) -> OutboxRow:
    return await company.store.outbox.retry(TENANT, row.action_id, by="rita", now=company.now)


async def test_a_failed_action_goes_out_again_as_if_it_were_new(company: Company) -> None:
    """Its attempts and its age count anew; of its proposal nothing changes."""
    row = await failed(company)
    company.later(5 * DAY)
    assert not await company.take()
    fresh = await again(company, row)
    assert (fresh.state, fresh.attempt, fresh.since) == (ActionState.PROPOSED, 0, company.now)
    assert (fresh.at, fresh.proposal_hash, fresh.params) == (row.at, row.proposal_hash, row.params)
    assert (await company.send()).state is ActionState.DONE
    assert not await company.take()
    said = await company.store.reads.audit_rows(TENANT)
    assert "rita" not in str(said)
    assert (await company.audit("deliver")).count("moved:proposed") == 1


async def test_what_was_taken_back_is_sent_again_under_other_keys(company: Company) -> None:
    """A target that keeps keys would answer the old ones from memory, and do nothing."""
    row = await failed(company, StepState.UNDONE)
    await again(company, row)
    taken = await company.take_one()
    assert {one.key for one in taken.row.steps}.isdisjoint(one.key for one in row.steps)
    assert {one.state for one in taken.row.steps} == {StepState.PENDING}
    assert {one.key.split("/")[0] for one in taken.row.steps} == {row.lead_id}


@pytest.mark.parametrize("state", [StepState.STARTED, StepState.DONE, StepState.UNDO_STARTED])
async def test_what_may_be_there_in_part_is_not_sent_again(company: Company, state: StepState) -> None:
    row = await failed(company, state)
    with pytest.raises(BadInput, match="part of it"):
        await again(company, row)
    assert not await company.take()


async def test_only_what_failed_is_sent_again_and_never_a_score(company: Company) -> None:
    await company.decide(SCORE)
    with pytest.raises(BadInput, match="newer one"):
        await again(company, await refused(company))
    (row,) = await company.decide(HANDOFF, waiting=True)
    with pytest.raises(BadInput, match="failed"):
        await again(company, row)
    for tenant, name in ((OTHER, row.action_id), (TENANT, "ac_none")):
        with pytest.raises(BadInput, match="not known"):
            await company.store.outbox.retry(tenant, name, by="rita", now=company.now)


async def test_asked_for_twice_it_goes_out_once(company: Company) -> None:
    row = await failed(company)
    await again(company, row)
    with pytest.raises(BadInput, match="failed"):
        await again(company, row)
    await company.send()
    assert not await company.take()


async def test_a_lead_that_asked_to_be_forgotten_gets_nothing_sent_again(company: Company) -> None:
    row = await failed(company)
    await company.forget()
    await again(company, row)
    assert not await company.take()
    assert (await company.row(row.action_id)).state is ActionState.EXPIRED
