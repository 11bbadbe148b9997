"""A wish that was said is not lost behind a question, and leaving or anger comes before it."""

from dataclasses import replace

import pytest

from domain.intent import BUYING, Claim, Intent, IntentReading
from domain.intents import ranked, top_of
from domain.mood import Mood, Sentiment, Urgency
from domain.wish import CLEAR, wants_person, wish_to_buy

NOTHING = (Intent.UNSURE, 0)


def heard(found: dict[Intent, int], *, new: set[Intent] | None = None) -> IntentReading:
    """`found` as of now; said in the new signals are `new`, all of it if not given."""
    said = found.keys() if new is None else new
    claims = tuple(Claim(intent, 900, "s:1", "x") for intent in sorted(said))
    return IntentReading(ranked(found), *top_of(found), claims, (), "local", "1")


def wish(reading: IntentReading) -> tuple[Intent, int]:
    """Said in words."""
    return wish_to_buy(reading, {"s:1"})


def person(reading: IntentReading) -> bool:
    """Said in words."""
    return wants_person(reading, {"s:1"})


def test_what_was_not_said_in_words_shows_beside_no_question() -> None:
    reading = heard({Intent.SUPPORT: 950, Intent.PRICING: 700, Intent.PERSON: 700})
    assert wish_to_buy(reading, {"s:2"}) == NOTHING
    assert not wants_person(reading, {"s:2"})


@pytest.mark.parametrize("top", [Intent.SUPPORT, Intent.BILLING, Intent.OTHER])
@pytest.mark.parametrize("bought", sorted(BUYING))
def test_a_question_hides_no_wish_to_buy(bought: Intent, top: Intent) -> None:
    reading = heard({top: 950, bought: 700})
    assert wish(reading) == (bought, 700)
    assert wish(replace(reading, mood=Mood(Sentiment.NEGATIVE, 800, Urgency.NORMAL, ""))) == NOTHING


@pytest.mark.parametrize("top", [Intent.CHURN, Intent.NOT_A_BUYER, Intent.PERSON])
def test_leaving_and_a_person_come_before_a_wish_to_buy(top: Intent) -> None:
    assert wish(heard({top: 701, Intent.PRICING: 700})) == NOTHING


def test_the_surest_wish_counts_and_only_what_was_said_just_now_shows_beside_a_question() -> None:
    found = {Intent.SUPPORT: 900, Intent.DEMO: 800, Intent.PRICING: 700}
    assert wish(heard(found)) == (Intent.DEMO, 800)
    assert wish(heard(found, new={Intent.SUPPORT, Intent.PRICING})) == (Intent.PRICING, 700)
    assert wish(heard(found, new={Intent.SUPPORT})) == NOTHING
    assert wish(heard({Intent.SUPPORT: 900, Intent.DEMO: 299})) == NOTHING


def test_a_wish_on_top_counts_whenever_it_was_said() -> None:
    assert wish(heard({Intent.RENEWAL: 400}, new=set())) == (Intent.RENEWAL, 400)


@pytest.mark.parametrize("top", [intent for intent in Intent if intent not in (Intent.UNSURE, Intent.PERSON)])
def test_nothing_hides_a_clear_wish_for_a_person_said_just_now(top: Intent) -> None:
    assert person(heard({top: 990, Intent.PERSON: CLEAR}))
    assert not person(heard({top: 990, Intent.PERSON: CLEAR - 1}))
    assert not person(heard({top: 990, Intent.PERSON: 950}, new={top}))
    assert not person(heard({top: 990}, new={top, Intent.PERSON}))  # said, and taken back


def test_a_wish_for_a_person_on_top_counts_if_weak() -> None:
    assert person(heard({Intent.PERSON: 310}, new=set()))
