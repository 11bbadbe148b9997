"""Training the classifier of texts: enough utterances, families kept whole, one result."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigError
from domain.intent import Intent
from domain.intent_model import SALE
from learning.intents import FOLDER, INTENTS, Seen, Utterance, train, utterances


def made_up() -> tuple[list[Utterance], Seen]:
    """Each intent in two families of three, told apart by one number of the vector."""
    rows, vectors, tokens = [], [], []
    chance = np.random.default_rng(3)
    for place, intent in enumerate(INTENTS):
        for family in ("a", "b"):
            for _ in range(3):
                rows.append(Utterance(intent.value, frozenset({intent}), f"{intent.value}-{family}"))
                vectors.append(np.eye(len(INTENTS))[place] * 4 + chance.normal(0, 0.1, len(INTENTS)))
                tokens.append([intent.value, "please"])
    return rows, Seen(vectors=np.array(vectors), cues=np.zeros((len(rows), 2)), tokens=tokens)


def test_there_are_enough_utterances_of_every_intent_in_several_families() -> None:
    rows = utterances()
    assert len(rows) >= 900
    assert len({row.said.casefold() for row in rows}) == len(rows)
    for intent in INTENTS:
        families = Counter(row.family for row in rows if intent in row.intents)
        assert len(families) >= 2, intent
        assert families.total() >= 20, intent


def test_what_an_agent_or_a_bot_said_is_no_part_of_what_the_customer_said() -> None:
    row = Utterance(
        "yes", frozenset({Intent.PURCHASE}), "f", (("bot", "buy?"), ("customer", "hi"), ("agent", "x"))
    )
    assert row.said == "hi\nyes"


def test_training_gives_the_same_model_every_time() -> None:
    rows, seen = made_up()
    first, held = train(rows, seen, embedder="e", lexicon="l")
    assert train(rows, seen, embedder="e", lexicon="l")[0] == first
    assert [one.head for one in held] == list(first.heads)


def test_a_trained_model_knows_what_it_was_shown() -> None:
    rows, seen = made_up()
    model, _ = train(rows, seen, embedder="e", lexicon="l")
    for index, row in enumerate(rows[::3]):
        found = model.per_mille(seen.vectors[index * 3], seen.cues[index * 3], seen.tokens[index * 3])
        assert max(INTENTS, key=lambda intent: found[intent.value]) in row.intents
        assert (found[SALE] >= 500) is row.sale


def test_a_class_of_one_family_cannot_be_judged_and_is_refused() -> None:
    rows, seen = made_up()
    rows = [Utterance(row.text, row.intents, next(iter(row.intents)).value) for row in rows]
    with pytest.raises(ConfigError, match="at least two families"):
        train(rows, seen, embedder="e", lexicon="l")


def test_a_line_that_is_no_utterance_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a", "intents": ["buy"], "family": "f"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"x\.jsonl: line 1"):
        utterances(tmp_path)
    files = (file for file in FOLDER.iterdir() if file.is_file() and file.name != "README.md")
    assert {file.suffix for file in files} == {".jsonl"}
