"""Handing over beside other hands: what a person does right before, between and after our writes is theirs."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.effect import Step, StepKind
from domain.errors import OutcomeUnknown, Refused, Temporary
from tests.tools.desk.beside import ANN, OPEN, Desk, When, a_desk
from tests.tools.vendor_server import Asked, instead

OVER = Step(StepKind.HAND_OVER, {"owner": "r1", "priority": "high", "queue": "sales"})
TEAM, SELLER = 7, 31
BLIND = ("chatwoot", "intercom")
"""Desks that know no condition."""


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """In the end nothing was asked that the desk does not allow."""
    desk = a_desk(request.param, tmp_path)
    yield desk
    assert desk.account.fake.broken == []


blind = pytest.mark.parametrize("desk", BLIND, indirect=True)
each = pytest.mark.parametrize("desk", OPEN, indirect=True)


def gives(person: int | None = None, *, team: bool = False) -> Callable[[Asked], bool]:
    """Picks the request that gives the conversation to a person, or to a team."""

    def picks(asked: Asked) -> bool:
        body = asked.body if isinstance(asked.body, dict) else {}
        if team:
            return "team_id" in body or body.get("type") == "team"
        return str(body.get("assignee_id")) == str(person) and body.get("type") != "team"

    return picks


async def send(desk: Desk, key: str = "k1") -> None:
    await desk.account.target.send(OVER, desk.subject, key=key)


def untouched(desk: Desk) -> bool:
    """If nothing of ours is left, but for who has it."""
    talk = desk.talk
    labels = talk.tags if desk.name == "intercom" else talk.labels
    return (
        talk.team in (None, 0)
        and not {"sales-handoff", "66"} & set(labels)
        and desk.account.fake.ledger == []
    )


def second_reading() -> Callable[[Asked], bool]:
    """Picks the look right before the first write: the reading of the plan came before it."""
    seen = 0

    def picks(asked: Asked) -> bool:
        nonlocal seen
        seen += asked.path.endswith("/42")
        return seen == 2

    return picks


@blind
async def test_who_takes_it_after_it_was_read_keeps_it(desk: Desk) -> None:
    desk.account.wire.reads = When(second_reading(), desk.ann_takes)  # type: ignore[assignment]  # as a deque of faults
    with pytest.raises(Refused) as refused:
        await send(desk)
    assert refused.value.code == "owner_changed"
    assert (desk.owner, untouched(desk)) == (ANN, True)
    assert not any(asked.writes for asked in desk.account.wire.log)


@blind
async def test_what_else_changed_after_it_was_read_is_looked_at_again(desk: Desk) -> None:
    def another_team() -> None:
        desk.talk.team = 8

    desk.account.wire.reads = When(second_reading(), another_team)  # type: ignore[assignment]  # as a deque of faults
    with pytest.raises(Temporary):
        await send(desk)
    assert (desk.owner, desk.talk.team) == (None, 8)
    await send(desk)
    assert (desk.owner, desk.talk.team) == (SELLER, TEAM)


@blind
async def test_who_takes_it_in_the_same_moment_gets_it_back(desk: Desk) -> None:
    """After our last look and before our write, which overwrites it: found out by what happened, and put right."""
    desk.account.wire.plan = When(gives(SELLER), desk.ann_takes)  # type: ignore[assignment]  # as a deque of faults
    with pytest.raises(Refused) as refused:
        await send(desk)
    assert refused.value.code == "owner_changed"
    assert (desk.owner, untouched(desk)) == (ANN, True)


@blind
async def test_who_gave_it_to_the_same_person_in_the_same_moment_keeps_that(desk: Desk) -> None:
    def same() -> None:
        desk.account.fake.take(desk.talk.id, SELLER)

    desk.account.wire.plan = When(gives(SELLER), same)  # type: ignore[assignment]  # as a deque of faults
    with pytest.raises(Refused):
        await send(desk)
    assert (desk.owner, untouched(desk)) == (SELLER, True)


@each
async def test_who_takes_it_from_sales_right_after_is_no_reason_to_take_anything_back(desk: Desk) -> None:
    picks = gives(team=True) if desk.name != "zendesk" else lambda asked: asked.path.endswith("/tags")
    desk.account.wire.plan = When(picks, desk.ann_takes)  # type: ignore[assignment]  # as a deque of faults
    await send(desk)
    assert desk.owner == ANN
    assert len(desk.account.fake.ledger) == 1


@each
async def test_who_takes_it_while_we_are_half_way_and_the_desk_is_down_keeps_it(desk: Desk) -> None:
    desk.account.wire.plan = deque([None, instead(503)])
    with pytest.raises(OutcomeUnknown):
        await send(desk)
    assert desk.owner == SELLER
    desk.ann_takes()
    with pytest.raises(Refused) as refused:
        await send(desk)
    assert refused.value.code == "owner_changed"
    assert desk.owner == ANN
    left = desk.talk.group if desk.name == "zendesk" else desk.talk.team
    assert left in (None, 0)
    assert desk.account.fake.ledger == []


def is_closed(desk: Desk) -> bool:
    talk = desk.talk
    return not talk.open if desk.name == "intercom" else talk.status in ("resolved", "solved")


@each
async def test_who_closes_it_while_we_are_half_way_and_the_desk_is_down_has_it_closed(desk: Desk) -> None:
    if desk.name == "intercom":
        desk.talk.open = True
    desk.account.wire.plan = deque([None, instead(503)])
    with pytest.raises(OutcomeUnknown):
        await send(desk)
    desk.closes()
    with pytest.raises(Refused) as refused:
        await send(desk)
    left = desk.talk.group if desk.name == "zendesk" else desk.talk.team
    assert (refused.value.code, is_closed(desk), desk.owner, left or None) == ("closed", True, None, None)
    assert desk.account.fake.ledger == []


@pytest.mark.parametrize("desk", ["chatwoot"], indirect=True)
async def test_who_closes_it_between_two_of_our_writes_has_it_closed(desk: Desk) -> None:
    desk.talk.status = "pending"
    desk.account.wire.plan = When(gives(team=True), desk.closes)  # type: ignore[assignment]  # as a deque of faults
    with pytest.raises(Refused) as refused:
        await send(desk)
    assert (refused.value.code, is_closed(desk), desk.owner, untouched(desk)) == ("closed", True, None, True)


@pytest.mark.parametrize("desk", ["chatwoot"], indirect=True)
async def test_a_label_that_a_person_adds_while_we_write_stays(desk: Desk) -> None:
    for number, picks in enumerate((gives(team=True), lambda asked: asked.path.endswith("/labels"))):
        desk.talk.labels = ["billing"]
        desk.account.wire.plan = When(picks, lambda: desk.account.fake.label(42, ANN, "vip"))  # type: ignore[assignment]  # as a deque of faults
        step = replace(OVER, params={"priority": "high", "queue": "sales"})
        await desk.account.target.send(step, desk.subject, key=f"k{number}")
        assert set(desk.talk.labels) == {"billing", "vip", "sales-handoff"}


@pytest.mark.parametrize("desk", ["chatwoot"], indirect=True)
async def test_a_label_that_a_person_took_away_between_two_tries_is_not_put_back(desk: Desk) -> None:
    desk.account.wire.plan = deque([None, instead(503)])
    with pytest.raises(OutcomeUnknown):
        await send(desk)
    desk.account.fake.label(42, ANN, "vip")
    desk.talk.labels.remove("vip")
    desk.account.fake.happened(42, "Ann Other removed vip")
    await send(desk)
    assert set(desk.talk.labels) == {"billing", "sales-handoff"}


@pytest.mark.parametrize("desk", ["chatwoot"], indirect=True)
async def test_an_attribute_that_a_person_sets_while_we_write_stays(desk: Desk) -> None:
    def sets() -> None:
        desk.talk.attributes = {**desk.talk.attributes, "tier": "gold"}

    desk.account.wire.plan = When(lambda asked: asked.path.endswith("/labels"), sets)  # type: ignore[assignment]  # as a deque of faults
    await send(desk)
    assert (desk.talk.attributes["tier"], desk.talk.attributes["plan"]) == ("gold", "pro")
    assert len(desk.account.fake.ledger) == 1
