"""Leads that become one, or two again: what people fixed goes where it belongs."""

import pytest

from domain.instants import DAY
from domain.override import OverrideEnd
from tests.tools.contract.company import ACE, ADA, BOB
from tests.tools.contract.fixing import OWNER, POINTS, Desk
from tests.tools.contract.stores import TENANT, AnyStore


@pytest.fixture
def desk(store: AnyStore) -> Desk:
    return Desk(store)


async def test_what_was_fixed_moves_to_the_lead_that_stays(desk: Desk) -> None:
    await desk.two(ace="bob")
    assert await desk.fixed() == [(OWNER, "bob")]
    (row,) = await desk.history(ADA)
    assert row.lead_id == await desk.lead(ADA) == await desk.lead(ACE) != row.origin
    await desk.lift(who=ACE)
    assert await desk.fixed() == []


@pytest.mark.parametrize(("first", "second"), [(ADA, ACE), (ACE, ADA)])
async def test_of_two_of_a_kind_the_newer_stands_whosever_it_is(
    desk: Desk, first: tuple[object, str], second: tuple[object, str]
) -> None:
    await desk.decide(who=ADA)
    desk.later()
    await desk.decide(who=ACE)
    await desk.fix(OWNER, "old", who=first)  # type: ignore[arg-type]  # a key
    await desk.fix(POINTS, "70", who=first)  # type: ignore[arg-type]  # a key
    await desk.fix(OWNER, "new", who=second)  # type: ignore[arg-type]  # a key
    await desk.join(ADA, ACE)
    desk.later()
    assert await desk.fixed() == [(OWNER, "new"), (POINTS, "70")]
    ended = [row for row in await desk.history() if row.end is not None]
    assert [(row.override.value, row.end, row.ended_by) for row in ended] == [("old", OverrideEnd.MERGED, "")]
    assert (await desk.audit("override"))[-1] == "lifted"


async def test_one_whose_date_has_passed_gives_way_to_an_older_one(desk: Desk) -> None:
    await desk.decide(who=ADA)
    desk.later()
    await desk.decide(who=ACE)
    await desk.fix(OWNER, "bob", who=ADA)
    await desk.fix(OWNER, "cleo", who=ACE, until=desk.now + DAY)
    desk.later(2 * DAY)
    await desk.join(ADA, ACE)
    assert await desk.fixed() == [(OWNER, "bob")]
    assert {row.end for row in await desk.history()} == {None, OverrideEnd.OVER}


@pytest.mark.parametrize(("ada", "ace"), [("bob", None), (None, "bob"), ("bob", "cleo")])
async def test_a_merge_undone_gives_back_what_was_set_before_it(
    desk: Desk, ada: str | None, ace: str | None
) -> None:
    await desk.two(ada, ace)
    await desk.part(ADA, ACE)
    desk.later()
    assert await desk.lead(ADA) != await desk.lead(ACE)
    assert await desk.fixed(ADA) == ([(OWNER, ada)] if ada else [])
    assert await desk.fixed(ACE) == ([(OWNER, ace)] if ace else [])


async def test_both_leads_are_woken_when_a_merge_is_undone(desk: Desk) -> None:
    await desk.two("bob", "cleo")
    await desk.woken()
    await desk.part(ADA, ACE)
    assert sorted(await desk.woken()) == ["override", "signals"]


async def test_what_a_person_said_of_the_joined_lead_stays_with_it(desk: Desk) -> None:
    """Nothing that gave way comes back then: nobody knows which of the two was meant."""
    await desk.two("bob", "cleo")
    await desk.fix(OWNER, "dan")
    await desk.part(ADA, ACE)
    desk.later()
    assert await desk.fixed(ADA) == [(OWNER, "dan")]
    assert await desk.fixed(ACE) == []


async def test_what_a_person_lifted_of_the_joined_lead_stays_lifted(desk: Desk) -> None:
    await desk.two("bob", "cleo")
    await desk.lift()
    await desk.part(ADA, ACE)
    desk.later()
    assert await desk.fixed(ADA) == []
    assert await desk.fixed(ACE) == []


@pytest.mark.parametrize("order", [(ACE, BOB), (BOB, ACE)])
async def test_over_two_merges_each_lead_gets_its_own_back(
    desk: Desk, order: tuple[tuple[object, str], tuple[object, str]]
) -> None:
    """In whatever order they are undone."""
    await desk.two("ann", "bea")
    await desk.decide(who=BOB)
    await desk.fix(OWNER, "cid", who=BOB)
    await desk.join(ADA, BOB)
    desk.later()
    assert await desk.fixed() == [(OWNER, "cid")]
    for who in order:
        await desk.part(ADA, who)  # type: ignore[arg-type]  # a key
        desk.later()
    assert [await desk.fixed(who) for who in (ADA, ACE, BOB)] == [
        [(OWNER, "ann")],
        [(OWNER, "bea")],
        [(OWNER, "cid")],
    ]
    everything = await desk.store.feedback.overrides(TENANT, at=desk.now)
    assert len(everything) == 3


async def test_a_lead_goes_back_with_what_had_gone_into_it_before(desk: Desk) -> None:
    """BOB's word went into ACE's lead and with it into ADA's: it leaves with ACE's."""
    await desk.decide(who=ADA)
    desk.later()
    await desk.decide(who=ACE)
    desk.later()
    await desk.decide(who=BOB)
    await desk.fix(OWNER, "cid", who=BOB)
    await desk.join(ACE, BOB)
    desk.later()
    await desk.join(ADA, ACE)
    desk.later()
    assert await desk.fixed(ADA) == [(OWNER, "cid")]
    await desk.part(ADA, ACE)
    desk.later()
    assert await desk.lead(ACE) == await desk.lead(BOB) != await desk.lead(ADA)
    assert await desk.fixed(ACE) == [(OWNER, "cid")]
    assert await desk.fixed(ADA) == []
