"""The local reasoner: what it reads, what it leaves alone, and that it is a function of each signal."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.instants import Instant, moment
from domain.intent import BUYING, Intent, Reading
from domain.kinds import Kind
from domain.signal import KeyKind, LeadKey, Scalar, Signal
from tools.reasoner.local import LocalReasoner, local_reasoner
from tools.reasoner.numbers import thousandths
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.words import MOST_CHARACTERS, meant_words, own_words, tokens_of

CONFIG = Path(__file__).resolve().parents[2] / "config"
TAXONOMY = load_taxonomy(CONFIG / "taxonomy.toml")
EXAMPLES = [(intent, text) for intent, entry in TAXONOMY.classes.items() for text in entry.examples]
NOON = moment(Instant(472_000 * 3_600_000_000))


@pytest.fixture(scope="module")
def local() -> LocalReasoner:
    return local_reasoner(CONFIG)


def signal(kind: Kind, ref: str = "1", **payload: Scalar) -> Signal:
    key = LeadKey(KeyKind.CRM_ID, "1")
    times = {"occurred_at": NOON, "received_at": NOON, "known_at": NOON}
    return Signal.model_validate(
        {
            "tenant": "t",
            "region": "eu",
            "source": "s",
            "id": ref,
            "kind": kind,
            "keys": (key,),
            "payload": payload,
        }
        | times
    )


def says(text: str, ref: str = "1", role: str = "customer") -> Signal:
    return signal(Kind.MESSAGE, ref, text=text, role=role)


async def read(local: LocalReasoner, *signals: Signal) -> Reading:
    return await local.read(signals, ())


async def intents(local: LocalReasoner, *signals: Signal) -> dict[Intent, int]:
    return {claim.intent: claim.confidence for claim in (await read(local, *signals)).claims}


async def slots(local: LocalReasoner, text: str) -> dict[str, str]:
    return {slot.name: slot.value for slot in (await read(local, says(text))).slots}


@pytest.mark.parametrize(("intent", "text"), EXAMPLES)
async def test_each_example_of_the_taxonomy_is_read_as_its_class(
    local: LocalReasoner, intent: Intent, text: str
) -> None:
    found = await intents(local, says(text))
    assert max(found, key=lambda one: found[one]) is intent, found


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("We don't need a demo.", Intent.DEMO),
        ("No, we do not want a quote", Intent.PRICING),
        ("A demo is not needed, thanks.", Intent.DEMO),
        ("We never asked for a free trial", Intent.DEMO),
        ("Wir brauchen kein Angebot für 20 Nutzer, wir wollen keine Demo vereinbaren", Intent.DEMO),
    ],
)
async def test_a_denial_is_told_as_a_denial(local: LocalReasoner, text: str, intent: Intent) -> None:
    assert (await intents(local, says(text)))[intent] == 0


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("No, I want a demo", Intent.DEMO),
        ("I don't know how much it costs", Intent.PRICING),
        ("Not only a demo, we want to buy it", Intent.DEMO),
        ("It is not for me, but my boss would like a quote", Intent.PRICING),
        ("We have no licences. Could we get a quote?", Intent.PRICING),
        ("Can't wait to see a demo", Intent.DEMO),
    ],
)
async def test_a_no_that_denies_nothing_denies_nothing(
    local: LocalReasoner, text: str, intent: Intent
) -> None:
    assert (await intents(local, says(text)))[intent] > 500


@pytest.mark.parametrize(
    "text",
    [
        "Please never pass this conversation on to a human being",
        "There is no need for an agent, the answer helped",
        "I would rather not speak with anybody",
        "We do not want to be called back",
    ],
)
async def test_who_wants_no_person_is_not_taken_for_asking_for_one(local: LocalReasoner, text: str) -> None:
    assert (await intents(local, says(text))).get(Intent.PERSON) == 0


@pytest.mark.parametrize(
    "text",
    [
        "Could we not just talk to a person?",
        "Why won't you connect me to a human?",
        "I can never reach a human being at your place",
        "I did not get to speak with an agent, is anybody there?",
        "I don't want to chat with a bot, I want a human",
    ],
)
async def test_a_no_hides_no_wish_for_a_person(local: LocalReasoner, text: str) -> None:
    assert (await intents(local, says(text)))[Intent.PERSON] >= 500


async def test_a_denied_problem_is_no_news(local: LocalReasoner) -> None:
    assert await intents(local, says("Thanks, there is no problem with it")) == {}


async def test_quoted_mail_is_not_read(local: LocalReasoner) -> None:
    reply = "Thanks.\n\nOn Mon, 2 Mar 2026 at 10:00, Ann <ann@example.com> wrote:\nHow much does it cost?"
    assert await intents(local, says(reply)) == {}
    assert await intents(local, says("Fine.\n> How much does it cost?\n> Please cancel our account")) == {}
    assert await intents(local, says("Fine.\n-- \nAnn, sales team: book a demo")) == {}
    assert Intent.PRICING in await intents(local, says("> Hello\nHow much does it cost?"))


@pytest.mark.parametrize("role", ["agent", "bot"])
async def test_what_staff_and_machines_write_is_not_read(local: LocalReasoner, role: str) -> None:
    reading = await read(local, says("Would you like a quote for 50 seats? Budget 20k EUR?", role=role))
    assert reading.claims == ()
    assert reading.slots == ()


async def test_a_note_of_sales_is_read_only_if_the_lead_came_to_us(local: LocalReasoner) -> None:
    out = signal(Kind.ACTIVITY, type="call", direction="outbound", note="Asked for a quote")
    came = signal(Kind.ACTIVITY, type="call", direction="inbound", note="Asked for a quote")
    assert Intent.PRICING not in await intents(local, out)
    assert Intent.PRICING in await intents(local, came)


@pytest.mark.parametrize(
    ("kind", "payload", "intent"),
    [
        (Kind.PAGE_VIEW, {"page": "/pricing/enterprise"}, Intent.PRICING),
        (Kind.PAGE_VIEW, {"page": "/careers"}, Intent.NOT_A_BUYER),
        (Kind.FORM, {"form": "book-demo"}, Intent.DEMO),
        (Kind.FORM, {"form": "newsletter", "message": "How much is it?"}, Intent.PRICING),
        (Kind.SESSION, {"type": "website", "pricing_pages": 2}, Intent.PRICING),
        (Kind.LIMIT_REACHED, {"limit": "rows"}, Intent.EXPANSION),
        (Kind.TICKET_OPENED, {"ticket_id": "1", "subject": "Login"}, Intent.SUPPORT),
        (Kind.STAGE_CHANGE, {"stage": "Proposal Sent"}, Intent.PRICING),
        (Kind.NOT_A_LEAD, {}, Intent.NOT_A_BUYER),
        (Kind.ACTIVITY, {"type": "meeting", "outcome": "demo_completed"}, Intent.DEMO),
    ],
)
async def test_signals_without_words_speak_by_rules(
    local: LocalReasoner, kind: Kind, payload: dict[str, Scalar], intent: Intent
) -> None:
    assert intent in await intents(local, signal(kind).model_copy(update={"payload": payload}))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.PAGE_VIEW, {"page": "/blog/appraising-plantations"}),
        (Kind.SESSION, {"type": "website", "pricing_pages": 0}),
        (Kind.FEATURE_USED, {"feature": "pricing"}),
        (Kind.ACTIVITY, {"type": "call", "outcome": "no_answer"}),
    ],
)
async def test_signals_that_say_nothing_claim_nothing(
    local: LocalReasoner, kind: Kind, payload: dict[str, Scalar]
) -> None:
    assert await intents(local, signal(kind).model_copy(update={"payload": payload})) == {}


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("a quote for 1,500 seats", "seats", "1500"),
        ("for 20.000 users", "seats", "20000"),
        ("Wir brauchen 25 Lizenzen", "seats", "25"),
        ("our budget is €20k", "budget", "20000 eur"),
        ("we can spend 1.5 million dollars", "budget", "1500000 usd"),
        ("we want to start within 3 weeks", "timeline", "2023-11-05..2023-11-26"),
        ("we need it asap", "timeline", "now"),
        ("My boss has to approve it", "authority", "needs_approval"),
        ("I am the CFO", "authority", "decides"),
        ("We use HubSpot today", "vendor", "hubspot"),
        ("Do you have an API?", "need", "integration"),
    ],
)
async def test_slots_are_numbers_and_codes(local: LocalReasoner, text: str, name: str, value: str) -> None:
    assert (await slots(local, text))[name] == value


@pytest.mark.parametrize(
    "text",
    ["I was charged $50 twice", "Order 50 is late", "We are 3 people short", "My number is 0171 5551234"],
)
async def test_numbers_without_the_right_words_are_no_slots(local: LocalReasoner, text: str) -> None:
    assert "budget" not in await slots(local, text)
    assert (await slots(local, text)).get("seats") in (None, "3")


@given(
    texts=st.lists(st.sampled_from([text for _, text in EXAMPLES]), min_size=1, max_size=6),
    turn=st.randoms(use_true_random=False),
)
@settings(max_examples=30)
async def test_a_signal_is_read_the_same_whatever_comes_with_it(
    local: LocalReasoner, texts: Sequence[str], turn: object
) -> None:
    """The port's promise, on which I4 rests."""
    signals = [says(text, f"{i}") for i, text in enumerate(texts)]
    together = await local.read(signals, signals)
    alone = [await local.read([one], ()) for one in reversed(signals)]
    assert set(together.claims) == {claim for one in alone for claim in one.claims}
    assert set(together.slots) == {slot for one in alone for slot in one.slots}


ATTACKS = [
    "how much " * 2_300,
    "want " * 4_000,
    "not " * 5_000,
    "get need want have send give receive like quote",
    "1," * 10_000,
    "9" * 20_000,
    "> " * 10_000,
    "am schrieb " * 1_800 + ":",
    ("on " + "x" * 190 + "\n") * 100,
    "don't can't won't " * 1_100,
    "\ufdfa" * 20_000,
    "\u0301" * 20_000,
    "€ 5 k budget " * 1_500,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
async def test_text_made_to_be_slow_or_to_break_is_read_like_any_other(
    local: LocalReasoner, attack: str
) -> None:
    reading = await read(local, says((attack + " ") * (1 + 20_000 // (len(attack) + 1))))
    assert all(0 <= claim.confidence <= 1000 for claim in reading.claims)


@given(text=st.text(max_size=400))
async def test_any_text_is_read_without_an_error(local: LocalReasoner, text: str) -> None:
    for claim in (await read(local, says(text or " "))).claims:
        assert claim.intent is not Intent.UNSURE


async def test_text_beyond_the_bound_is_not_read(local: LocalReasoner) -> None:
    hidden = "a " * (MOST_CHARACTERS // 2) + "How much does it cost?"
    assert len(own_words(hidden)) == MOST_CHARACTERS
    assert not local.phrases(hidden).said
    assert await intents(local, signal(Kind.FORM, form="x", message=hidden)) == {}


async def test_nothing_of_the_text_itself_is_kept(local: LocalReasoner) -> None:
    """Claims and slots are codes and numbers: no word of the lead leaves the reasoner."""
    secret = "My name is Zaphod and I want a quote for 50 seats, budget 20k EUR, call 555"
    reading = await read(local, says(secret))
    assert reading.claims
    assert "zaphod" not in repr(reading).casefold()


def test_words_and_numbers_are_cut_the_same_everywhere() -> None:
    assert tokens_of(own_words("Ｄon’t pay €1,500.")) == ["dont", "pay", "€", "1,500", "."]
    assert [thousandths(text) for text in ("1.5", "1,2,3", "1" * 16, "12.345")] == [
        1500,
        None,
        None,
        12_345_000,
    ]


@pytest.mark.data
async def test_sales_talk_of_an_industry_it_never_saw_is_found(
    local: LocalReasoner, data_file: Callable[..., Path]
) -> None:
    """It was not made with this set. Floors near what was measured at this low confidence: 94 % and 5.4 %."""
    file = data_file("support-intents-insurance", "utterances.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    sales, unclear = (
        {"GetQuote", "EnrollInPlan"},
        {"ChangePlan", "FindAgent", "AddDependent", "CreateAccount"},
    )
    found = {True: [], False: []}  # type: dict[bool, list[bool]]
    for row in rows:
        if row["intent"] not in unclear:
            sure = await intents(local, says(row["utterance"]))
            found[row["intent"] in sales].append(max(sure.get(intent, 0) for intent in BUYING) >= 300)
    assert sum(found[True]) / len(found[True]) > 0.85
    assert sum(found[False]) / len(found[False]) < 0.08


@pytest.mark.parametrize("marks", ['"{}"', "'{}'", "\u201c{}\u201d", "\u201e{}\u201c", "\u00ab{}\u00bb"])
async def test_a_sentence_in_quotation_marks_is_anothers(marks: str, local: LocalReasoner) -> None:
    """An odd quote moves nothing, whatever is in it; a text that is nothing but a quote is read."""
    frame = "Somebody sent us a mail with {} in it, can't we block that?"
    wish, greeting = "we want to buy 50 seats, send a quote", "the usual warm greeting"
    read = [await local.likely(frame.format(marks.format(one))) for one in (wish, greeting)]
    assert read[0] == read[1]
    assert (await local.likely(marks.format(wish)))["sale"] >= 500
    assert "now" not in meant_words(f"the log says {marks.format('Buy: now!')}, is that yours?")
    assert "pro plan" in meant_words(
        f"we want the {marks.format('Pro plan')} for our users' laptops and the admins' phones"
    )
