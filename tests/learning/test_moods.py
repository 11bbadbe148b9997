"""Training the heads for mood and objections: enough utterances, whole families, nothing of the judges."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigError
from domain.intent_model import IntentModel
from domain.tones import ANGRY, GIVEN, HEADS, NEGATIVE, OBJECTIONS, POSITIVE, tone_of
from learning import moods
from learning.intents import Held, Seen
from learning.metrics import pr_auc
from learning.moods import NEUTRAL, UNKNOWN, Uttered, learnt, others, train_moods, uttered

EVALS = Path(__file__).resolve().parents[2] / "evals"


def made_up() -> tuple[list[Uttered], Seen]:
    """Each sentiment and each objection in two families of four, told apart by two numbers of the vector."""
    kinds = [
        (NEUTRAL, ""),
        (POSITIVE, ""),
        (ANGRY, ""),
        (NEGATIVE, ""),
        *((NEGATIVE, code) for code in OBJECTIONS),
    ]
    rows, vectors = list[Uttered](), []
    chance = np.random.default_rng(5)
    for place, (sentiment, code) in enumerate(kinds):
        for family in ("a", "b"):
            for _ in range(4):
                rows.append(
                    Uttered(
                        f"t{len(rows)}",
                        sentiment,
                        frozenset(filter(None, [code])),
                        f"{sentiment}{code}-{family}",
                    )
                )
                vectors.append(np.eye(len(kinds))[place] * 4 + chance.normal(0, 0.1, len(kinds)))
    seen = Seen(vectors=np.array(vectors), cues=np.zeros((len(rows), 0)), tokens=[["x"]] * len(rows))
    return rows, seen


def test_there_are_enough_utterances_in_many_families_each_once() -> None:
    rows = uttered()
    assert len(rows) >= 1_500
    assert len({row.text.casefold() for row in rows}) == len(rows)
    told = Counter(row.sentiment for row in rows) + Counter(code for row in rows for code in row.objections)
    for name in (NEGATIVE, NEUTRAL, POSITIVE, ANGRY, *OBJECTIONS):
        assert told[name] >= 60, name
        families = {row.family for row in rows if name in (row.sentiment, *row.objections)}
        assert len(families) >= 4, name


def test_no_message_that_judges_is_among_what_is_learnt() -> None:
    texts = {row.text.casefold() for row in learnt()}
    rows = [
        json.loads(line) for file in EVALS.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()
    ]
    said = (text for row in rows for _, text in row.get("turns", [("customer", row.get("text", ""))]))
    judges = [text.casefold() for text in said]
    assert not texts.intersection(judges)
    assert len(judges) > 400


def test_what_others_wrote_about_intents_teaches_no_mood_but_calm() -> None:
    assert {row.sentiment for row in others()} == {NEUTRAL, UNKNOWN}
    assert not any(row.objections for row in others())


@pytest.fixture(scope="module")
def trained() -> tuple[IntentModel, list[Held]]:
    rows, seen = made_up()
    return train_moods(rows, seen, embedder="e", lexicon="")


def test_training_knows_what_it_was_shown_and_gives_the_same_every_time(
    trained: tuple[IntentModel, list[Held]],
) -> None:
    rows, seen = made_up()
    model, held = trained
    assert train_moods(rows, seen, embedder="e", lexicon="")[0] == model
    assert [one.head for one in held] == list(HEADS)
    for index, row in enumerate(rows):
        tone = tone_of(model, seen.vectors[index], seen.tokens[index])
        assert (tone[NEGATIVE] >= 500) is (row.sentiment in (NEGATIVE, ANGRY))
        assert {code for code in OBJECTIONS if tone[code] >= 400} == set(row.objections)
        assert all(tone[head] <= tone[given] for head, given in GIVEN.items())


def test_a_head_is_judged_on_families_it_had_not_seen() -> None:
    """Told apart by a number of their family alone, texts are known where seen and unknown where held out."""
    rows, seen = made_up()
    names = sorted({row.family for row in rows})
    strange = Seen(
        vectors=np.array([np.eye(len(names))[names.index(row.family)] * 4 for row in rows]),
        cues=seen.cues,
        tokens=seen.tokens,
    )
    _, held = train_moods(rows, strange, embedder="e", lexicon="")
    negative = held[HEADS.index(NEGATIVE)]
    assert pr_auc(negative.truth.astype(float), negative.probability) < 0.95


def test_a_text_whose_mood_nobody_told_changes_no_mood(trained: tuple[IntentModel, list[Held]]) -> None:
    """Six unhappy texts: told as unknown, they are no evidence against being negative; they hold nothing either."""
    rows, seen = made_up()
    index = next(place for place, row in enumerate(rows) if row.sentiment == NEGATIVE)
    strange = [Uttered("u", UNKNOWN, frozenset(), f"u{n}") for n in range(6)]
    more = Seen(
        vectors=np.vstack([seen.vectors, *[seen.vectors[index]] * 6]),
        cues=np.zeros((len(rows) + 6, 0)),
        tokens=[["x"]] * (len(rows) + 6),
    )
    model, _ = train_moods([*rows, *strange], more, embedder="e", lexicon="")
    before, after = (tone_of(one, seen.vectors[index], ["x"]) for one in (trained[0], model))
    assert abs(before[NEGATIVE] - after[NEGATIVE]) <= 50


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a", "sentiment": "cross", "objections": [], "family": "f"}',
        '{"text": "a", "sentiment": "neutral", "objections": ["colour"], "family": "f"}',
        '{"text": "a", "family": "f"}',
    ],
)
def test_a_line_that_is_no_utterance_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"x\.jsonl: line 1"):
        uttered(tmp_path)
    assert (moods.FOLDER / "README.md").is_file()
