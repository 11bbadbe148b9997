"""The heads for mood and objections are made here, from utterances written for this project; the same every time.

They stand on the vectors and words that the classifier of intents reads too, see `learning.intents`. Utterances of
one family are alike, so a family is never split between learning and judging.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import ConfigError
from domain.intent import Intent
from domain.intent_model import IntentModel
from domain.tones import ANGRY, GIVEN, HEADS, NEGATIVE, OBJECTIONS, OBJECTS, POSITIVE
from learning.intents import FOLDER as INTENTS
from learning.intents import Held, Seen, fitted, utterances

FOLDER: Final = INTENTS / "moods"
NEUTRAL: Final = "neutral"
UNKNOWN: Final = "unknown"
"""Of a text whose mood nobody has told: the heads for moods do not learn from it."""
SENTIMENTS: Final = frozenset({ANGRY, NEGATIVE, NEUTRAL, POSITIVE})
_CALM: Final = frozenset(
    {Intent.PURCHASE, Intent.PRICING, Intent.DEMO, Intent.TECHNICAL, Intent.PROCUREMENT, Intent.EXPANSION}
)
_APART: Final = frozenset({Intent.SUPPORT, Intent.BILLING, Intent.PERSON})
_RIGHT: Final = 0.75
"""Share of the objections named in held-out families that must be right at the threshold."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Uttered:
    """One text of a made-up customer, with its `sentiment` of `SENTIMENTS` and its `objections` of `OBJECTIONS`."""

    text: str
    sentiment: str
    objections: frozenset[str]
    family: str


def uttered(folder: Path = FOLDER) -> list[Uttered]:
    """All texts in the ``*.jsonl`` of `folder`, in order. Raises: ConfigError naming file and line."""
    return [one for file in sorted(folder.glob("*.jsonl")) for one in _lines(file)]


def learnt() -> list[Uttered]:
    """All that the heads learn from. Raises: ConfigError."""
    return [*uttered(), *others()]


def others() -> list[Uttered]:
    """Of the utterances about intents those that hold nothing against buying: what only asks to buy is calm too."""
    return [
        Uttered(row.text, NEUTRAL if row.intents <= _CALM else UNKNOWN, frozenset(), f"intents-{row.family}")
        for row in utterances()
        if row.intents <= _CALM | _APART and not row.before
    ]


def train_moods(
    rows: Sequence[Uttered], seen: Seen, *, embedder: str, lexicon: str
) -> tuple[IntentModel, list[Held]]:
    """The model with `HEADS`, and what they say of held-out families, multiplied by what they take for granted.

    What the heads for moods say of texts whose mood nobody told is left out. The model's threshold is that of
    objections. Raises: ConfigError if a head has fewer than two families.
    """
    truths = _truths(rows)
    families = np.array([row.family for row in rows])
    told = np.array([row.sentiment != UNKNOWN for row in rows])
    among = {NEGATIVE: told, POSITIVE: told, **{head: truths[given] for head, given in GIVEN.items()}}
    model, held = fitted(
        truths, families, seen, among=among, threshold=_threshold, embedder=embedder, lexicon=lexicon
    )
    every = np.ones_like(told)
    return model, [
        Held(one.head, one.probability[kept], one.truth[kept])
        for one in _joined(held)
        for kept in (told if one.head in SENTIMENTS else every,)
    ]


def _truths(rows: Sequence[Uttered]) -> Mapping[str, Flags]:
    found = {
        NEGATIVE: [row.sentiment in (NEGATIVE, ANGRY) for row in rows],
        POSITIVE: [row.sentiment == POSITIVE for row in rows],
        OBJECTS: [bool(row.objections) for row in rows],
        ANGRY: [row.sentiment == ANGRY for row in rows],
        **{code: [code in row.objections for row in rows] for code in OBJECTIONS},
    }
    return {head: np.array(found[head]) for head in HEADS}


def _joined(held: Sequence[Held]) -> list[Held]:
    alone = {one.head: one.probability for one in held}
    return [
        Held(one.head, one.probability * alone.get(GIVEN.get(one.head, ""), 1.0), one.truth) for one in held
    ]


def _threshold(held: Sequence[Held]) -> int:
    """The least multiple of 50 per mille from which the objections named are right often enough."""
    codes = [one for one in _joined(held) if one.head in OBJECTIONS]
    said, true = (
        np.concatenate(parts) for parts in zip(*((one.probability, one.truth) for one in codes), strict=True)
    )
    enough = [
        step
        for step in range(50, 1_000, 50)
        if (said >= step / 1_000).any() and true[said >= step / 1_000].mean() >= _RIGHT
    ]
    return enough[0] if enough else 950


def _lines(file: Path) -> Iterator[Uttered]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            one = Uttered(row["text"], row["sentiment"], frozenset(row["objections"]), row["family"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{file}: line {number} is no utterance ({error})") from None
        if one.sentiment not in SENTIMENTS or not one.objections <= set(OBJECTIONS):
            raise ConfigError(f"{file}: line {number} has a sentiment or an objection that is none")
        yield one
