"""What became of giving a conversation away: nobody waits for someone who never comes, and no wish is doubled."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from agents.handoff import still_with_person
from domain.action import ActionKind, ActionState
from domain.effect import Step, StepKind, StepProgress, StepReceipt, StepState
from domain.handing import (
    Fate,
    Given,
    Handing,
    Stage,
    beside,
    episode_for,
    fate_of,
    handing_of,
    open_of,
)
from domain.handoff import Message, Situation, Talk
from domain.ids import ActionId, DecisionId, LeadId, Region, RunId, TenantId
from domain.ports.outbox import OutboxRow
from domain.ports.talks import Standing, settled

NOW = 1_000
ENDED = 500
SAID = ("customer", "agent", "customer")
ROW = OutboxRow(
    ActionId("ac_1"), TenantId("t"), Region("r"), LeadId("l"), LeadId("l"), ActionKind.HANDOFF,
    {"queue": "sales", "owner": "r1"}, 7, "l/handoff/7", ActionState.DONE, "h", DecisionId("d"), RunId("rn_1"), 1,
)  # fmt: skip
DESKS = replace(ROW, params={**ROW.params, "talk": "chatwoot:42"}, run_id=RunId("ho_1"))


def talk(*, with_bot: bool = True, status: str = "open") -> Talk:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    said = [
        Message.model_validate({"id": str(n), "role": role, "text": "?", "at": at})
        for n, role in enumerate(SAID)
    ]
    return Talk.model_validate(
        {"conversation_id": "chatwoot:42", "messages": said, "status": status, "with_bot": with_bot}
    )


def given(fate: Fate) -> Standing:
    ended = None if fate is Fate.ON_WAY else ENDED
    return Standing(3, 1, "sales", "r1", handed_from=None, given=Given("ac_1", fate, ended, "sales"))


def waits_in_silence(standing: Standing, one: Talk) -> bool:
    """Whether what the customer writes is not heard, as a person is thought to have it."""
    seen = Situation(
        False,
        standing.handed_at,
        3,
        None,
        None,
        False,
        None,
        taken=standing.taken,
        released=standing.released,
    )
    return still_with_person(one, seen)


@pytest.mark.parametrize("fate", Fate)
def test_a_customer_whom_the_desk_shows_with_nobody_is_heard_unless_someone_is_on_the_way(fate: Fate) -> None:
    one = talk()
    standing, _ = settled(given(fate), one, read_at=NOW)
    assert waits_in_silence(standing, one) is (fate is Fate.ON_WAY)


@pytest.mark.parametrize("fate", Fate)
def test_what_never_came_is_heard_whatever_the_desk_shows_and_from_where_nobody_had_heard(fate: Fate) -> None:
    standing, lost = settled(given(fate), talk(with_bot=False), read_at=NOW)
    assert lost is (fate is Fate.LOST)
    assert (standing.handed_at, standing.released) == {
        Fate.LOST: (None, False),
        Fate.CLOSED: (1, True),
        Fate.UNDONE: (1, True),
    }.get(fate, (1, False))
    again, _ = settled(replace(given(fate), handed_from=1, handed_at=2), talk(with_bot=False), read_at=NOW)
    assert (again.handed_at, again.released) == {
        Fate.LOST: (1, True),
        Fate.CLOSED: (2, True),
        Fate.UNDONE: (2, True),
    }.get(fate, (2, False))


def test_what_was_read_before_the_end_says_nothing_and_what_a_person_answered_was_heard() -> None:
    assert settled(given(Fate.THERE), talk(), read_at=ENDED) == (given(Fate.THERE), False)
    back, lost = settled(given(Fate.THERE), talk(), read_at=NOW)
    assert (back.handed_at, back.released, back.team, lost) == (2, True, "sales", False)
    assert settled(given(Fate.THERE), talk(status="closed"), read_at=NOW) == (given(Fate.THERE), False)
    unsure, lost = settled(given(Fate.UNSURE), talk(), read_at=NOW)
    assert (unsure.handed_at, unsure.team, lost) == (None, None, True)


def test_who_took_it_before_anybody_gave_it_is_done_when_the_bot_has_it_under_nobodys_name() -> None:
    took = Standing(2, 1, taken=True)
    back, _ = settled(took, talk(), read_at=NOW)
    assert (back.taken, back.released) == (False, True)
    for status, with_bot in (("with_person", True), ("open", False)):
        assert settled(took, talk(with_bot=with_bot, status=status), read_at=NOW) == (took, False)


def test_what_a_person_ended_is_no_failure_and_what_failed_is_no_persons_doing() -> None:
    fates = {
        (ActionState.EXPIRED, "owner_changed"): Fate.TAKEN,
        (ActionState.EXPIRED, "taken"): Fate.TAKEN,
        (ActionState.EXPIRED, "closed"): Fate.CLOSED,
        (ActionState.EXPIRED, "merged"): Fate.LOST,
        (ActionState.FAILED, "invalid"): Fate.LOST,
        (ActionState.UNKNOWN, ""): Fate.UNSURE,
        (ActionState.COMPENSATED, ""): Fate.UNDONE,
        (ActionState.SENDING, ""): Fate.ON_WAY,
        (ActionState.UNDOING, ""): Fate.ON_WAY,
    }
    assert {one: fate_of(replace(ROW, state=one[0], reason=one[1])) for one in fates} == fates


def stage(row: OutboxRow, *released: bool) -> Stage:
    return handing_of(row, released=released, keeps=True).stage


def test_a_handing_over_is_open_until_its_conversation_is_given_back_or_given_anew() -> None:
    assert (stage(DESKS, False), stage(DESKS, True), stage(DESKS)) == (Stage.OPEN, Stage.OVER, Stage.OVER)
    assert stage(DESKS, True, False) is Stage.OPEN
    assert stage(ROW) is Stage.OPEN  # a run's
    for state in (ActionState.FAILED, ActionState.COMPENSATED, ActionState.REJECTED):
        assert stage(replace(DESKS, state=state), False) is Stage.OVER


def test_where_a_runs_handing_over_goes_is_known_when_the_desk_has_taken_it() -> None:
    over = StepProgress(Step(StepKind.HAND_OVER, {}), "k")
    sending = replace(ROW, state=ActionState.SENDING, steps=(over,))
    assert stage(replace(sending, state=ActionState.WAITING, steps=())) is Stage.WAITS
    assert stage(sending) is Stage.MOVING
    done = replace(sending, steps=(replace(over, state=StepState.DONE, receipt=StepReceipt("42")),))
    handing = handing_of(done, released=(), keeps=True)
    assert (handing.stage, handing.is_in("chatwoot:42"), handing.is_in("chatwoot:43")) == (
        Stage.OPEN,
        True,
        False,
    )


def a_handing(number: int, stage: Stage, *, place: str = "chatwoot:42", team: str = "sales") -> Handing:
    return Handing(f"ac_{number}", stage, number, keeps=True, team=team, owner="r1", place=place)


def test_a_key_is_never_that_of_another_wish_and_what_is_open_is_never_doubled() -> None:
    """Over every pair of handings over of a lead, for a wish in this conversation and in another one."""
    for stages in product(Stage, repeat=2):
        others = tuple(a_handing(number, one) for number, one in zip((7, 9), stages, strict=True))
        alive = open_of(others)
        for here in ("chatwoot:42", "chatwoot:43", None):
            key = episode_for(others, followed=here, episode=7, now=8)
            if alive is None:
                assert key == 10  # the lead's own and the next are another wish's
            elif here is not None and beside(others, here) is not None:
                assert key == 10  # another conversation is given for itself
            else:
                assert key == alive.episode  # what is open is pointed to, or makes way
    assert episode_for((), followed=None, episode=7, now=8) == 7
    assert episode_for((a_handing(7, Stage.OPEN, team="support"),), followed=None, episode=6, now=8) == 6
