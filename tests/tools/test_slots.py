"""Facts and moods in single texts: what counts, where it stands, and what is left alone."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigError
from domain.mood import Sentiment, Urgency
from tools.reasoner.facts import FactReader, Facts, fact_reader
from tools.reasoner.lexicon import load_lexicon
from tools.reasoner.slot_words import load_slot_words
from tools.reasoner.slots import MOST
from tools.reasoner.taxonomy import load_taxonomy

CONFIG = Path(__file__).resolve().parents[2] / "config"
TUESDAY = datetime(2026, 3, 10, 15, tzinfo=UTC)
LEXICON = load_lexicon(CONFIG / "lexicon.toml", load_taxonomy(CONFIG / "taxonomy.toml"))
READER: FactReader = fact_reader(CONFIG, LEXICON.negation)


def read(text: str, at: datetime = TUESDAY) -> Facts:
    return READER.read(text, "m1", at)


def facts(text: str, at: datetime = TUESDAY) -> set[str]:
    return {f"{slot.name}:{slot.value}" for slot in read(text, at).slots}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We are a team of forty.", "seats:40"),
        ("about 1.5k users", "seats:1500"),
        ("Between 40 and 60 seats", "seats:40-60"),
        ("We need 50 more seats", "seats:+50"),
        ("Our budget is CHF 25'000 a year", "budget:25000 chf/year"),
        ("We have earmarked 2,50,000 INR", "budget:250000 inr"),
        ("Budget 20-30k €", "budget:20000-30000 eur"),
        ("We don't have a budget", "budget:none"),
        ("I am not the decision maker", "authority:not_decider"),
        ("We are moving off Zendesk", "vendor:zendesk"),
        ("We would take the Business plan", "product:business"),
        ("The price is too high", "objection:price"),
        ("We are locked into a contract", "objection:contract"),
    ],
)
def test_facts_are_numbers_and_codes(text: str, found: str) -> None:
    assert facts(text) == {found}


@pytest.mark.parametrize(
    "text",
    [
        'He said "we want 500 seats of the Business plan by May" and left.',
        "A friend told me they have 500 seats and a budget of 20k EUR",
        "Your website says 25 seats and a budget of 900 EUR",
        "> We need 500 seats\n> by May",
        "If we had 500 seats and a budget of 20k EUR",
        "Suppose we took 500 seats",
    ],
)
def test_what_others_said_and_what_is_imagined_is_no_fact(text: str) -> None:
    assert facts(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "We don't need 50 seats",
        "We do not need an API",
        "It is not too expensive",
        "We don't use Salesforce",
        "We do not want the Enterprise plan",
        "Does it integrate with HubSpot, unlike Zendesk? No API needed: an API is not needed",
    ],
)
def test_what_is_denied_is_no_fact(text: str) -> None:
    assert facts(text) - {"need:integration"} == set()


def test_of_corrections_the_last_counts_and_of_needs_and_objections_all() -> None:
    assert facts("45 seats, sorry, 60 seats") == {"seats:60"}
    assert facts("not 50 but 60 seats") == {"seats:60"}
    assert facts("Too expensive, and we do not trust the cloud. Also not the right time.") == {
        "objection:price",
        "objection:trust",
        "objection:timing",
    }


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("by March", "2026-03"),
        ("in February", "2027-02"),
        ("by the end of Q3", "2026-q3"),
        ("next quarter", "2026-q2"),
        ("in six weeks", "2026-04-20..2026-04-26"),
        ("until 24/04/2026", "2026-04-24"),
        ("by 04/24/2026", "2026-04-24"),
        ("on 03.04.2026", "2026-04-03"),
        ("by Friday", "2026-03-13"),
        ("until 03/04/2026", "03/04/2026"),
        ("in the next fiscal year", "next_fiscal_year"),
        ("next Friday", "next_friday"),
    ],
)
def test_a_time_is_told_from_the_messages_own_and_kept_as_said_where_it_may_be_two(
    text: str, when: str
) -> None:
    assert facts(f"We want to start {text}.") == {f"timeline:{when}"}


def test_the_same_words_a_year_earlier_mean_another_year() -> None:
    assert facts("We start in May", TUESDAY.replace(year=2025)) == {"timeline:2025-05"}
    assert facts("We have used it since May") == set()


def test_each_fact_says_where_it_stands_in_the_text_as_it_was_written() -> None:
    text = "Ｗe\u0301 don’t mind.\n> 9 seats\nWe’re looking for 50 seats, “too expensive”… and SSO"
    found = {slot.name: text[slot.start : slot.end] for slot in read(text).slots}
    assert found == {"seats": "50 seats", "objection": "too expensive", "need": "SSO"}
    assert {slot.ref for slot in read(text).slots} == {"m1"}


@pytest.mark.parametrize(
    ("text", "sentiment", "urgency", "why"),
    [
        ("I love it, thank you so much", "positive", "normal", "unsaid"),
        ("We love your support, but the price is too high", "negative", "normal", "unsaid"),
        ("The demo was not great", "negative", "normal", "unsaid"),
        ("Where do I change my password?", "neutral", "normal", "unsaid"),
        ("Our shop is down", "negative", "high", "blocked"),
        ("We need it by Friday", "neutral", "high", "deadline"),
        ("It is urgent", "neutral", "high", "asks"),
        ("It is not urgent", "neutral", "none", "no_rush"),
    ],
)
def test_sentiment_and_urgency_are_codes_with_a_reason(
    text: str, sentiment: str, urgency: str, why: str
) -> None:
    mood = read(text).mood
    assert (mood.sentiment, mood.urgency, mood.why) == (Sentiment(sentiment), Urgency(urgency), why)
    assert 500 <= mood.confidence <= 950


def calls(text: str) -> int:
    """Functions called to read `text`."""
    count = 0

    def called(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


ATTACKS = [
    "today ", "in ", "5 seats ", "budget 5k ", "“a ", "they said ", "if we had ", "1 500 ", "5-",
    "two hundred and ", "march 5 ", "switching from x ", "5 instead of 6 seats ", "\u0301", "third outage in a week ",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_twice_the_text_takes_at_most_about_twice_the_work(attack: str) -> None:
    short = (attack * 400)[:400]
    assert calls(short * 3) < 4 * calls(short) + 400
    assert len(read(attack * 400).slots) <= MOST


@given(text=st.text(alphabet=st.sampled_from("0159.,-/€k \n\"“”'neatsobudgqymr"), max_size=120))
def test_any_text_is_read_and_every_fact_lies_within_it(text: str) -> None:
    for slot in read(text).slots:
        assert slot.start is not None
        assert slot.end is not None
        assert 0 <= slot.start < slot.end <= len(text)


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        ("slots.toml", 'name = "timeline"', 'name = "when"', "name must be one of"),
        ("slots.toml", 'value = "now"', 'value = "Right now"', "needs a code"),
        ("slots.toml", "[money]", "[cash]", "needs money"),
        ("slots.toml", "fillers = [", "fill = [", r"\[seats\] needs"),
        ("products.toml", 'code = "starter"', 'name = "starter"', "product 1 needs any, code"),
        ("products.toml", '"auto pilot"', '"auto ..."', "begin and end with a word"),
    ],
)
def test_a_mistake_in_the_words_is_named(
    tmp_path: Path, file: str, before: str, after: str, says: str
) -> None:
    for name in ("slots.toml", "products.toml"):
        text = (CONFIG / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace(before, after, 1) if name == file else text, "utf-8")
    with pytest.raises(ConfigError, match=says):
        load_slot_words(tmp_path / "slots.toml", tmp_path / "products.toml")
