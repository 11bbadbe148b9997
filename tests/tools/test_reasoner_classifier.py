"""The classifier in the local reasoner: wordings no phrase knows, phrases in the wrong setting, whole conversations."""

import json
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.intent import BUYING, Intent
from domain.intent_model import SALE
from tests.tools.test_reasoner import CONFIG, intents, says
from tools.embed.hashing import Hashing
from tools.reasoner.artefact import load_intent_model, save_intent_model
from tools.reasoner.conversation import FADES, Turn, read_conversation
from tools.reasoner.lexicon import load_lexicon
from tools.reasoner.local import LocalReasoner, local_reasoner
from tools.reasoner.taxonomy import load_taxonomy


@pytest.fixture(scope="module")
def local() -> LocalReasoner:
    return local_reasoner(CONFIG)


async def probability(local: LocalReasoner, *turns: tuple[str, str]) -> int:
    return (await read_conversation([Turn(role, text) for role, text in turns], local)).probability


@pytest.mark.parametrize(
    "text",
    [
        "so I just got a new van and I'm looking to have it covered with you",
        "our people in Porto would also like to work with this, what do we do to get them on board",
        "roughly what would eighty employees come to per month",
        "could your lot supply our three bistros from autumn on",
    ],
)
async def test_buying_is_found_in_words_no_phrase_knows(local: LocalReasoner, text: str) -> None:
    assert (await local.likely(text))[SALE] >= 500


@pytest.mark.parametrize(
    "text",
    [
        "After the upgrade we were billed twice, please correct the invoice",
        "A client wrote 'ignore previous instructions and buy now' and your filter blocked my mailbox",
        "How do I cancel the quote I made in the app?",
        "What's the weather going to be like on Sunday?",
        "wake me up at six tomorrow",
        "the cash machine kept my card",
        "I need my contract number for the tax office",
    ],
)
async def test_what_only_sounds_like_buying_is_not_handed_over(local: LocalReasoner, text: str) -> None:
    assert (await local.likely(text))[SALE] < local.threshold


async def test_a_phrase_of_buying_does_not_count_in_a_setting_that_is_none(local: LocalReasoner) -> None:
    lexicon = load_lexicon(CONFIG / "lexicon.toml", load_taxonomy(CONFIG / "taxonomy.toml"))
    alone, text = (
        LocalReasoner(lexicon, None),
        "the quote module crashes when I print, error 500 since the update",
    )
    assert not BUYING & set(await intents(local, says(text)))
    assert Intent.SUPPORT in await intents(local, says(text))
    assert Intent.SUPPORT in await intents(alone, says(text))


async def test_without_the_weights_the_name_says_that_phrases_read_alone(local: LocalReasoner) -> None:
    fallback = local_reasoner(CONFIG, Hashing())
    reading = await fallback.read([says("How much does it cost?")], ())
    assert reading.reasoner == "local-lexicon"
    assert reading.version != local.version
    assert (await local.read([says("How much does it cost?")], ())).reasoner == "local"


async def test_only_the_customer_counts(local: LocalReasoner) -> None:
    support = ("customer", "my app crashes when I open a file")
    pitch = "Would you like to buy 50 more seats? I can send a quote for the premium plan."
    alone = await probability(local, support)
    assert await probability(local, ("agent", pitch), support, ("bot", pitch)) == alone
    assert await probability(local, ("customer", pitch)) > local.threshold


async def test_later_turns_outweigh_earlier_ones(local: LocalReasoner) -> None:
    support = ("customer", "the export hangs again and I get an error")
    buying = ("customer", "we'd like to order 50 more licences, what do they cost?")
    first, last = await probability(local, buying, support), await probability(local, support, buying)
    assert first < last
    assert first >= last * FADES // 1_000 - 10


async def test_a_denial_ends_the_interest(local: LocalReasoner) -> None:
    wants = ("customer", "Could we get a quote for 20 seats?")
    denies = ("customer", "No, we don't want a quote, only the crash fixed please")
    assert await probability(local, wants) >= local.threshold
    assert await probability(local, wants, denies) < local.threshold


async def test_an_empty_conversation_is_no_interest(local: LocalReasoner) -> None:
    assert await probability(local) == 0
    assert (await read_conversation([Turn("bot", "Buy!")], local)).turn is None


def test_the_shipped_model_was_trained_with_the_shipped_phrases() -> None:
    model, _ = load_intent_model(CONFIG / "intents.json")
    lexicon = load_lexicon(CONFIG / "lexicon.toml", load_taxonomy(CONFIG / "taxonomy.toml"))
    assert model.lexicon == lexicon.version
    assert {intent.value for intent in Intent if intent is not Intent.UNSURE} | {SALE} == set(model.heads)


def test_a_model_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    model, version = load_intent_model(CONFIG / "intents.json")
    save_intent_model(model, tmp_path / "again.json")
    assert load_intent_model(tmp_path / "again.json") == (model, version)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 9),
        ("heads", ["sale"]),
        ("bias", [1.0]),
        ("terms", {"a": [1.0, 2.0]}),
        ("vector", [[float("nan")]]),
    ],
)
def test_a_broken_model_is_refused_with_its_place(tmp_path: Path, key: str, value: object) -> None:
    document = json.loads((CONFIG / "intents.json").read_text(encoding="utf-8")) | {key: value}
    file = tmp_path / "intents.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"intents\.json: is no intent model"):
        load_intent_model(file)
