"""Trained heads for mood and objections: what they add to phrases, where they are silent, what they cost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.mood import Sentiment
from domain.tones import GIVEN, HEADS, OBJECTIONS, Tone
from tests.tools.test_listener_slots import talk
from tools.embed.hashing import Hashing
from tools.embed.here import embedder_here
from tools.reasoner.artefact import load_intent_model
from tools.reasoner.facts import FactReader, Facts, fact_reader
from tools.reasoner.lexicon import load_lexicon
from tools.reasoner.listener import LocalListener
from tools.reasoner.local import local_reasoner
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.tones import ANGRY_FROM, FILE, load_tones, sentiment_of

CONFIG = Path(__file__).resolve().parents[2] / "config"
AT = datetime(2026, 3, 10, 15, tzinfo=UTC)
EMBEDDER = embedder_here()
NEGATION = load_lexicon(CONFIG / "lexicon.toml", load_taxonomy(CONFIG / "taxonomy.toml")).negation


class Counting:
    """The embedder of this machine, with the texts it was asked for."""

    def __init__(self) -> None:
        self.name, self.width, self.stand_in = EMBEDDER.name, EMBEDDER.width, EMBEDDER.stand_in
        self.asked: list[str] = []

    async def embed(self, texts: list[str]) -> list[tuple[float, ...]]:
        self.asked += texts
        return await EMBEDDER.embed(texts)


@pytest.fixture(scope="module")
def reader() -> FactReader:
    if EMBEDDER.stand_in:
        pytest.skip("the weights of the embedder are not installed; run: make setup")
    return fact_reader(CONFIG, NEGATION, EMBEDDER)


def toned(**likely: int) -> Tone:
    return {head: likely.get(head, 0) for head in HEADS}


def named(facts: Facts, text: str) -> dict[str, str]:
    """Each objection with the words that it cites."""
    return {slot.value: text[slot.start : slot.end] for slot in facts.slots if slot.name == "objection"}


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("Your courier tossed the boxes over the fence and drove away.", "negative"),
        ("I had counted on somebody ringing me back.", "negative"),
        ("What a pleasure to deal with people like you!", "positive"),
        ("Where do I enter my second address?", "neutral"),
        ("We would like to see the tool with five colleagues.", "neutral"),
    ],
)
async def test_a_mood_is_heard_in_words_that_no_phrase_knows(
    reader: FactReader, text: str, sentiment: str
) -> None:
    heard = (await reader.hear(text, "m1", AT)).mood
    assert heard.sentiment is Sentiment(sentiment)
    assert 500 <= heard.confidence <= 950


async def test_an_objection_cites_the_sentence_it_was_read_in(reader: FactReader) -> None:
    said = "The ‘clause’ about liability is nothing that our lawyers would let us sign"
    assert named(await reader.hear(said, "m1", AT), said) == {"contract": said}
    text = f"Thank you for the tour! {said}. Regards, Jo"
    assert named(reader.read(text, "m1", AT, toned(contract=900)), text) == {"contract": said}
    assert not named(reader.read(text, "m1", AT), text)


def test_a_head_is_silent_where_phrases_deny_or_say_it_already(reader: FactReader) -> None:
    sure = toned(objects=900, price=900, missing=900)
    assert named(reader.read("It is not too expensive.", "m1", AT, sure), "x" * 99).keys() == {"missing"}
    text = "It is too expensive."
    assert named(reader.read(text, "m1", AT, sure), text) == {"price": "too expensive"}
    assert not named(reader.read("Our budget is 9k EUR.", "m1", AT, toned(price=900)), "x" * 99)


def test_a_head_takes_nobody_elses_words_for_the_customers(reader: FactReader) -> None:
    sure = toned(objects=900, price=900)
    assert not reader.read("A friend told me that it was beyond their means.", "m1", AT, sure).slots
    assert not reader.read("> it is far beyond our means", "m1", AT, sure).slots


@pytest.mark.parametrize(
    ("likely", "weight", "sentiment"),
    [
        ({"negative": 900}, 0, "negative"),
        ({"negative": 500}, 0, "neutral"),
        ({"negative": 500}, -1, "negative"),
        ({"negative": 900}, 1, "neutral"),
        ({"positive": 300}, 1, "positive"),
        ({"positive": 900, "negative": 950}, 0, "negative"),
    ],
)
def test_each_phrase_moves_what_the_head_says_by_one_step(
    likely: dict[str, int], weight: int, sentiment: str
) -> None:
    assert sentiment_of(toned(**likely), weight)[0] is Sentiment(sentiment)


def test_anger_is_heard_from_its_threshold_or_from_a_phrase(reader: FactReader) -> None:
    text = "Where is it?"
    assert reader.read(text, "m1", AT, toned(angry=ANGRY_FROM)).angry
    assert not reader.read(text, "m1", AT, toned(angry=ANGRY_FROM - 10)).angry
    assert reader.read("This is outrageous", "m1", AT, toned()).angry


async def test_mood_and_objections_cost_no_second_embedding(reader: FactReader) -> None:
    del reader
    counting = Counting()
    reasoner = local_reasoner(CONFIG, counting)  # type: ignore[arg-type] # asks for a list, gets one
    text = "The clause about liability is nothing that our lawyers would let us sign."
    await reasoner.likely(text)
    before = list(counting.asked)
    assert reasoner.facts is not None
    for _ in range(3):
        await reasoner.facts.hear(text, "m1", AT)
    assert set(counting.asked) == set(before)
    assert len(counting.asked) == len(before) + 1


async def test_a_mood_heard_by_a_head_lasts_for_three_texts_of_the_customer(reader: FactReader) -> None:
    listener = LocalListener(local_reasoner(CONFIG, EMBEDDER), reader)
    cross = ("customer", "Your courier tossed the boxes over the fence and drove away.")
    plain = ("customer", "Where do I enter my second address?")
    agent = ("agent", "I am so sorry!")
    moods = [
        (await listener.hear(talk(cross, *[agent, plain] * count))).mood.sentiment.value for count in range(4)
    ]
    assert moods == ["negative", "negative", "negative", "neutral"]


def test_a_stand_in_for_the_embedder_leaves_phrases_alone() -> None:
    alone = fact_reader(CONFIG, NEGATION, Hashing())
    assert alone.version == fact_reader(CONFIG, NEGATION).version


def test_heads_of_another_embedder_or_without_a_kind_are_refused(tmp_path: Path, reader: FactReader) -> None:
    assert load_intent_model(CONFIG / FILE, frozenset(HEADS))[1] in reader.version
    document = json.loads((CONFIG / FILE).read_text(encoding="utf-8"))
    assert {*GIVEN} == {"angry", *OBJECTIONS}
    assert set(document["heads"]) == set(HEADS)
    file = tmp_path / FILE
    for change, says in (
        ({"embedder": "other"}, "was trained on other"),
        ({"heads": [*HEADS[:-1], "x"]}, "do not fit"),
    ):
        file.write_text(json.dumps(document | change), encoding="utf-8")
        with pytest.raises(ConfigError, match=says):
            load_tones(file, EMBEDDER)
