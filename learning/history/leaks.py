"""Columns that may know the end: what each says of the outcome by itself, and whether it was filled because of it.

A table of the past shows leads as they are today, not as they were when somebody had to decide. A column is `flagged`
where the figures say that it was most likely filled with the end in view, `asked` about where only a person can know.
The figures need no names; names only add to them. All of it is advice: a strong honest column can be flagged, and a
weak leak can pass.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from learning.history.profile import Profile
from learning.metrics import auc

Verdict = Literal["flagged", "asked", "fine"]
Ints = npt.NDArray[np.int64]
ROWS: Final = 200
EACH: Final = 30
"""Decided rows, and rows of each result, below which no figure is looked at."""
STRONG: Final = 0.85
"""AUC of one column alone, out of fold: as much as good models reach with all columns together."""
APART: Final = 0.12
"""How far above the next best column one of at least `LEADING` may stand."""
LEADING: Final = 0.75
NOTABLE: Final = 0.68
FILLED: Final = 0.75
"""AUC of being filled at all: filled for one result, empty for the other."""
TELLING: Final = 0.08
"""Distance from 0.5 at which it is worth a question."""
EMPTY: Final = 0.20
"""Share of empty rows from which somebody must have filled the others on some occasion."""
RATIO: Final = 1.5
"""Win rate where it is filled over that where it is empty, or the other way round."""
WRITTEN: Final = 0.70
"""AUC of what is written, where something is."""
UNDECIDED: Final = 50
FOLDS: Final = 5
PRIOR: Final = 10.0
"""Rows at the base rate that each level begins with."""
END_WORDS: Final = frozenset({
    "won", "win", "lost", "closed", "close", "outcome", "result", "converted", "conversion", "churn", "churned",
    "cancelled", "canceled", "signed", "invoice", "invoiced", "paid", "payment", "contract",
})  # fmt: skip
"""Words of a name that speak of the end."""
ASK_WORDS: Final = frozenset({
    "status", "stage", "quality", "tag", "tags", "rating", "grade", "score", "reason", "disposition", "last",
    "latest", "final", "modified", "updated", "probability", "forecast",
})  # fmt: skip
"""Words of a name that speak of a state at the time of the export, or of somebody's judgement."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: a code, words for a person, and the figure behind them (None where there is none)."""

    code: str
    words: str
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is thought of one column. `auc`: of the column alone, out of fold; None where it was not measured."""

    name: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    auc: float | None


def alone(codes: Ints, y: Ints) -> float:
    """AUC of one column by itself: each row scored by the win rate of its level among the other folds' rows."""
    fold = np.random.default_rng(0).permutation(len(y)) % FOLDS
    levels, place = np.unique(codes, return_inverse=True)
    scores = np.empty(len(y))
    for part in range(FOLDS):
        rest = fold != part
        cases = np.bincount(place[rest], minlength=len(levels))
        won = np.bincount(place[rest], weights=y[rest], minlength=len(levels))
        rates = (won + PRIOR * y[rest].mean()) / (cases + PRIOR)
        scores[~rest] = rates[place[~rest]]
    return auc(y, scores)


def enough(y: Ints) -> bool:
    """Whether figures mean anything."""
    won = int(y.sum())
    return len(y) >= ROWS and EACH <= won <= len(y) - EACH


def suspicions(columns: Sequence[Profile], y: Ints, decided: npt.NDArray[np.bool_]) -> list[Suspicion]:
    """What is thought of each of `columns`, given the result `y` (0 or 1) of the `decided` rows, in their order."""
    known = y[decided]
    judged = enough(known)
    alike = _filled_alike(columns)
    strengths = {one.name: alone(one.codes()[decided], known) for one in columns if judged}
    best = sorted(strengths.values(), reverse=True)
    found = []
    for one in columns:
        flags, asks = _by_name(one.name)
        strength = strengths.get(one.name)
        if strength is not None:
            next_best = max((v for v in best if v < strength), default=0.5)
            flags += _too_strong(strength, next_best)
            flags += _filled_later(one, known, decided)
            asks += _worth_asking(one, known, decided, strength, alike[one.name])
        verdict: Verdict = "flagged" if flags else "asked" if asks else "fine"
        found.append(Suspicion(one.name, verdict, tuple(flags or asks), strength))
    return found


def words_in(name: str) -> set[str]:
    """The words of a column's name, in lower case: ``dateClosed`` and ``Date_closed`` have the same."""
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _by_name(name: str) -> tuple[list[Reason], list[Reason]]:
    words = words_in(name)
    ends, asks = sorted(words & END_WORDS), sorted(words & ASK_WORDS)
    flags = [Reason("name", f"its name speaks of the end ({', '.join(ends)})")] if ends else []
    soft = f"its name speaks of a state or a judgement ({', '.join(asks)}): as of when?"
    return flags, [Reason("name", soft)] if asks else []


def _too_strong(strength: float, next_best: float) -> list[Reason]:
    if strength >= STRONG:
        return [
            Reason("too_strong", f"by itself it tells won from lost with an AUC of {strength:.2f}", strength)
        ]
    if strength >= LEADING and strength - next_best >= APART:
        words = f"by itself it has an AUC of {strength:.2f}, the next best column {next_best:.2f}"
        return [Reason("too_strong", words, strength)]
    return []


def _filled_later(one: Profile, y: Ints, decided: npt.NDArray[np.bool_]) -> list[Reason]:
    """Filled because of how it went: mostly for one result, only once decided, or more often with telling words."""
    filled = one.filled
    mine, others = filled[decided], filled[~decided]
    found = []
    if len(others) >= UNDECIDED and others.mean() <= mine.mean() / 10:
        words = (
            f"it is filled in {mine.mean():.0%} of the decided rows and {others.mean():.0%} of the open ones"
        )
        found.append(Reason("filled_when_decided", words, float(mine.mean())))
    if mine.all() or not mine.any():
        return found
    telling = auc(y, mine.astype(np.float64))
    where, elsewhere = float(y[mine].mean()), float(y[~mine].mean())
    if abs(telling - 0.5) >= FILLED - 0.5:
        words = f"it is filled for one result: {where:.0%} won where filled, {elsewhere:.0%} where empty"
        found.append(Reason("filled_for_result", words, telling))
    elif (~mine).mean() >= EMPTY and _apart(where, elsewhere) and enough(y[mine]):
        written = alone(one.codes()[decided][mine], y[mine])
        if written >= WRITTEN:
            words = (
                f"it is empty in {(~mine).mean():.0%}; where it is filled {where:.0%} won, else {elsewhere:.0%}, and "
                f"what is written there tells them apart (AUC {written:.2f}): filled in along the way?"
            )
            found.append(Reason("filled_along_the_way", words, written))
    return found


def _apart(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high >= RATIO * low


def _worth_asking(
    one: Profile, y: Ints, decided: npt.NDArray[np.bool_], strength: float, alike: int
) -> list[Reason]:
    found = []
    if strength >= NOTABLE:
        found.append(
            Reason("strong", f"strong by itself (AUC {strength:.2f}): was it known by then?", strength)
        )
    mine = one.filled[decided]
    if not mine.all() and mine.any():
        telling = auc(y, mine.astype(np.float64))
        if abs(telling - 0.5) >= TELLING:
            words = f"whether it is filled tells of the outcome (AUC {telling:.2f}): when was it filled?"
            found.append(Reason("filled_tells", words, telling))
    if alike > 1:
        words = f"filled for exactly the same rows as {alike - 1} other columns: one process, at what time?"
        found.append(Reason("filled_together", words))
    if one.numbers is not None and one.distinct > 2 and float(np.nanmin(one.numbers)) == 0.0:
        found.append(Reason("total", "counts up from 0: up to when was it counted?"))
    return found


def _filled_alike(columns: Sequence[Profile]) -> dict[str, int]:
    """Of each column with enough empty rows how many are filled for exactly the same rows, itself included."""
    marks = {one.name: one.filled.tobytes() if one.share <= 1 - EMPTY else b"" for one in columns}
    count = Counter(mark for mark in marks.values() if mark)
    return {name: count[mark] for name, mark in marks.items()}
