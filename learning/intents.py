"""The classifier of texts is made here, from utterances written for this project; the same every time.

Utterances of one family are alike, so a family is never split: what is said of the model (`Held`) comes from
models that had not seen the utterance's family, and so do its calibration and its threshold.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import ConfigError
from domain.intent import BUYING, Intent
from domain.intent_model import CUE_SCALE, SALE, TERM_SCALE, IntentModel, terms_of, weighed

FOLDER: Final = Path(__file__).resolve().parent / "utterances"
INTENTS: Final = tuple(intent for intent in Intent if intent is not Intent.UNSURE)
_FOLDS: Final = 8
_STRENGTH: Final = 3.0
"""Inverse of the regularisation; chosen among 1, 3, 5, 10 and 30 (docs/text.md says on what)."""
_RARE: Final = 3
"""A term in fewer utterances than this is left out."""
_PASSED: Final = 0.03
"""Share of held-out utterances without a buying interest that the default threshold may let pass."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence of a made-up customer, with what was said before it, and what it is after."""

    text: str
    intents: frozenset[Intent]
    family: str
    before: tuple[tuple[str, str], ...] = ()
    """(role, text), oldest first."""

    @property
    def sale(self) -> bool:
        """True if it speaks for a sale."""
        return bool(self.intents & BUYING)

    @property
    def said(self) -> str:
        """What the customer said, earlier turns included; agents and bots never count."""
        return "\n".join([*(text for role, text in self.before if role == "customer"), self.text])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Utterances as numbers: ``vectors`` [n, width], ``cues`` [n, cues], and the tokens of each."""

    vectors: Floats
    cues: Floats
    tokens: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Held:
    """What a head said of families it had not seen: calibrated probabilities beside the truth."""

    head: str
    probability: Floats
    truth: Flags


def utterances(folder: Path = FOLDER) -> list[Utterance]:
    """All utterances in the ``*.jsonl`` of `folder`, in order. Raises: ConfigError naming file and line."""
    return [one for file in sorted(folder.glob("*.jsonl")) for one in _lines(file)]


def train(
    rows: Sequence[Utterance], seen: Seen, *, embedder: str, lexicon: str
) -> tuple[IntentModel, list[Held]]:
    """The model, and what its heads say of held-out families."""
    families = np.array([row.family for row in rows])
    truths = {intent.value: np.array([intent in row.intents for row in rows]) for intent in INTENTS}
    truths[SALE] = np.array([row.sale for row in rows])
    return fitted(
        truths,
        families,
        seen,
        threshold=lambda held: _threshold(held[-1]),
        embedder=embedder,
        lexicon=lexicon,
    )


def fitted(
    truths: Mapping[str, Flags],
    families: npt.NDArray[np.str_],
    seen: Seen,
    *,
    threshold: Callable[[list[Held]], int],
    embedder: str,
    lexicon: str,
    among: Mapping[str, Flags] = MappingProxyType({}),
) -> tuple[IntentModel, list[Held]]:
    """A model with a head for each of `truths`, one flag a text, and what they say of held-out families.

    A head named in `among` learns from the texts with that flag alone. `threshold` gives the model's, per mille.
    Raises: ConfigError if a head has fewer than two families.
    """
    rarity = _rarity(seen.tokens)
    design = _design(seen, rarity)
    weights, biases, held = [], [], []
    for head, truth in truths.items():
        weight, bias, probability = _head(design, truth, families, among.get(head, np.ones_like(truth)))
        weights.append(weight)
        biases.append(bias)
        held.append(Held(head, probability, truth))
    table: Floats = np.array(weights, dtype=np.float64).round(4)
    width, cues = seen.vectors.shape[1], seen.cues.shape[1]
    model = IntentModel(
        embedder=embedder,
        lexicon=lexicon,
        threshold=threshold(held),
        heads=tuple(truths),
        bias=tuple(round(bias, 4) for bias in biases),
        vector=_rows(table[:, :width]),
        cues=_rows(table[:, width : width + cues]),
        rarity={term: round(value, 4) for term, value in rarity.items()},
        terms=dict(zip(rarity, _rows(table[:, width + cues :].T), strict=True)),
    )
    return model, held


def _rows(table: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, table.tolist()))


def _lines(file: Path) -> Iterator[Utterance]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            before = tuple((turn["role"], turn["text"]) for turn in row.get("before", ()))
            yield Utterance(row["text"], frozenset(map(Intent, row["intents"])), row["family"], before)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{file}: line {number} is no utterance ({error})") from None


def _rarity(texts: Sequence[Sequence[str]]) -> dict[str, float]:
    """Terms with their inverse document frequency."""
    counts = Counter(term for tokens in texts for term in terms_of(tokens))
    known = sorted(term for term, count in counts.items() if count >= _RARE)
    return {term: math.log((1 + len(texts)) / (1 + counts[term])) + 1 for term in known}


def _design(seen: Seen, rarity: dict[str, float]) -> Floats:
    places = {term: place for place, term in enumerate(rarity)}
    terms = np.zeros((len(seen.tokens), len(places)))
    for row, tokens in enumerate(seen.tokens):
        for term, weight in weighed(tokens, rarity).items():
            terms[row, places[term]] = weight
    return np.hstack([seen.vectors, CUE_SCALE * seen.cues, TERM_SCALE * terms])


def _head(
    design: Floats, truth: Flags, families: npt.NDArray[np.str_], among: Flags
) -> tuple[Floats, float, Floats]:
    """Weights and bias with the calibration in them, and the calibrated held-out probabilities of all texts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    engine = LogisticRegression(C=_STRENGTH, max_iter=5_000)
    folds = StratifiedGroupKFold(_folds(truth, families), shuffle=True, random_state=7)
    apart = np.zeros(len(truth))
    for learnt, judged in folds.split(design, truth, families):
        known = learnt[among[learnt]]
        apart[judged] = engine.fit(design[known], truth[known]).decision_function(design[judged])
    calibration = LogisticRegression(C=1e3).fit(apart[among, None], truth[among])
    slope, shift = float(calibration.coef_[0, 0]), float(calibration.intercept_[0])
    engine.fit(design[among], truth[among])
    probability = calibration.predict_proba(apart[:, None])[:, 1]
    return slope * engine.coef_[0], slope * float(engine.intercept_[0]) + shift, probability


def _folds(truth: Flags, families: npt.NDArray[np.str_]) -> int:
    """No more folds than families that have the class. Raises: ConfigError."""
    having = len(set(families[truth].tolist()))
    if having < 2:
        raise ConfigError("an intent needs utterances of at least two families")
    return min(_FOLDS, having)


def _threshold(sale: Held) -> int:
    """The least multiple of 50 per mille at which at most `_PASSED` of what is no sale passes."""
    none = sale.probability[~sale.truth]
    passing = [step for step in range(50, 1_000, 50) if (none >= step / 1_000).mean() <= _PASSED]
    return passing[0] if passing else 950
