"""Handoff: who gets a talk, and what the bot does meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.actuation import LONGEST
from agents.handoff import decide, desk_action_of
from domain.handoff import Handoff, Heard, Message, Situation, Step, Talk
from domain.quoted import inert
from domain.sentences import LONGEST as SENTENCE
from domain.sentences import PATHS
from tools.reasoner.listener import LocalListener, local_listener

OPEN = Situation(blocked=False, handed_at=None, decided=0, owner=None, free="ann", listed=True, opens_at=None)
BUYS = "We would like to buy 50 seats, could you send us a quote?"
ANGRY = "This is ridiculous, you charged me twice again."


@pytest.fixture(scope="module")
def listener() -> LocalListener:
    return local_listener(Path(__file__).parents[2] / "config")


def talk(*turns: tuple[str, str], **more: Any) -> Talk:
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    said = [
        Message.model_validate({"id": f"m{n}", "role": role, "text": text, "at": at})
        for n, (role, text) in enumerate(turns)
    ]
    return Talk(conversation_id="c1", messages=tuple(said), **more)


async def answer(listener: LocalListener, one: Talk, seen: Situation = OPEN) -> Handoff:
    return decide(one, await listener.hear(one.messages), seen)


async def test_a_buying_interest_goes_to_who_is_on_shift_with_what_is_known(listener: LocalListener) -> None:
    found = await answer(listener, talk(("customer", BUYS)))
    assert found.decision is Step.HANDOFF
    assert found.route is not None
    assert (found.route.team, found.route.path, found.route.person) == ("sales", "now", "ann")
    assert found.brief is not None
    assert [(slot.name, slot.value, slot.ref) for slot in found.brief.known] == [("seats", "50", "m0")]
    assert "seats" not in found.brief.open
    assert [(one.message_id, one.quote) for one in found.evidence] == [("m0", BUYS)]
    assert found.tell_customer
    assert found.tell_team


async def test_a_person_who_is_asked_for_comes_and_that_alone_is_no_sales_lead(
    listener: LocalListener,
) -> None:
    one = talk(("customer", "Can I talk to a real person?"))
    for seen in (OPEN, replace(OPEN, blocked=True), replace(OPEN, opens_at=7)):
        found = await answer(listener, one, seen)
        assert found.decision is Step.ASK_PERSON
        assert found.route is not None
        assert found.route.team == "support"


async def test_an_angry_customer_is_never_pitched(listener: LocalListener) -> None:
    found = await answer(listener, talk(("customer", BUYS), ("customer", ANGRY)))
    assert (found.decision, found.why) == (Step.ASK_PERSON, "angry")
    assert found.route is not None
    assert found.route.team == "support"


@pytest.mark.parametrize("asks", [None, 0])
def test_a_customer_who_wants_to_leave_is_never_pitched(asks: int | None) -> None:
    leaving = Heard(
        probability=900, interested=True, turn=0, likely={"purchase": 700, "churn": 600}, slots=(),
        asks_for_person=asks, angry=None, reasoner="local",
    )  # fmt: skip
    found = decide(talk(("customer", BUYS)), leaving, OPEN)
    assert (found.decision, found.why) == (Step.ASK_PERSON, "leaving" if asks is None else "person")
    assert found.route is not None
    assert found.route.team == "support"


@pytest.mark.parametrize("angry", [None, 0])
def test_the_longest_sentence_reaches_the_desk_whole(angry: int | None) -> None:
    heard = Heard(900, True, 0, {"purchase": 900}, (), None, angry, "local")
    seen = replace(OPEN, opens_at=0, sentences=dict.fromkeys(PATHS, "x" * SENTENCE))
    one = talk(("customer", BUYS))
    action = desk_action_of(decide(one, heard, seen), one, seen, tells=True)
    assert action is not None
    assert action.params["next_step"].endswith("x" * SENTENCE)
    assert max(len(action.params[name]) for name in ("next_step", "tell")) <= LONGEST


async def test_a_blocked_customer_is_never_pitched(listener: LocalListener) -> None:
    found = await answer(listener, talk(("customer", BUYS)), replace(OPEN, blocked=True))
    assert (found.decision, found.route) == (Step.STAY, None)


async def test_what_agents_and_bots_say_is_never_the_customers_wish(listener: LocalListener) -> None:
    one = talk(("agent", BUYS), ("bot", f"{BUYS} {ANGRY}"), ("customer", "Thanks, the export works again."))
    found = await listener.hear(one.messages)
    assert (found.interested, found.slots, found.angry, found.asks_for_person) == (False, (), None, None)


async def test_the_bot_is_silent_until_the_person_closes(listener: LocalListener) -> None:
    given = replace(OPEN, handed_at=1)
    turns = (("customer", BUYS), ("customer", BUYS))
    found = await answer(listener, talk(*turns), given)
    assert (found.decision, found.bot_may_speak, found.route) == (Step.STAY, False, None)
    assert not (await answer(listener, talk(*turns, status="with_person"))).bot_may_speak
    assert (await answer(listener, talk(turns[0], status="closed"), given)).decision is Step.STAY


@pytest.mark.parametrize(
    ("seen", "path", "at"),
    [(replace(OPEN, opens_at=99), "callback", 99), (replace(OPEN, free=None), "ticket", None)],
)
async def test_nobody_on_shift_has_a_stated_path(
    listener: LocalListener, seen: Situation, path: str, at: int | None
) -> None:
    found = await answer(listener, talk(("customer", BUYS)), seen)
    assert found.route is not None
    assert (found.route.path, found.route.at) == (path, at)
    assert found.tell_customer


def test_a_quote_does_nothing() -> None:
    assert (
        inert("a\u202e\u200b\x1b<img src=x> [b](http://x.example/y) " + "w" * 400)[:20]
        == "a b (link) wwwwwwwww"
    )
