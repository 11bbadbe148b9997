"""A model package: everything that turns feature values into a calibrated probability, in whole numbers.

All parts are sums of micro log-odds (1,000,000 = one unit of the natural logarithm of the odds). Curves are
interpolated in integers, so a package gives the same number in training, in bulk and in a run, on any machine.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from math import ceil, exp, log
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.feature import FeatureDef

MICRO_LOGIT: Final = 1_000_000
"""One unit of log-odds."""
LIMIT: Final = 20 * MICRO_LOGIT
"""Bound of one contribution, and of a sum."""
WIDEST: Final = 10**11
"""Bound of a knot, after scaling: products stay within 64 bits."""
LEAD_REGION: Final = "lead.region"
LEAD_ACCOUNT: Final = "lead.account"
LEAD_SEGMENT: Final = "lead.segment"
"""Names under which region, account and segment of a lead stand beside its features."""
INTENT: Final = "intent."
"""Prefix of the names under which a model reads what a lead is after, per mille."""

Value = int | str | None
MicroLogit = Annotated[int, Field(ge=-LIMIT, le=LIMIT)]


class Frozen(BaseModel):
    """A frozen value that refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Curve(Frozen):
    """What a number gives: linear between knots, constant outside. A step is two knots side by side."""

    name: str
    scale: int = Field(default=1, ge=1)
    """The feature's value is divided by this (rounded down) before it is looked up."""
    knots: tuple[int, ...] = Field(min_length=1)
    values: tuple[MicroLogit, ...] = Field(min_length=1)
    missing: MicroLogit = 0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.knots) != len(self.values):
            raise ValueError(f"{self.name}: needs one value a knot")
        if any(a >= b for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError(f"{self.name}: knots must ascend")
        if max(map(abs, self.knots)) > WIDEST:
            raise ValueError(f"{self.name}: a knot is too far out; scale the feature")
        return self

    def at(self, value: Value) -> int:
        """Micro log-odds of `value`; text and None count as missing.

        >>> Curve(name="x", knots=(0, 10), values=(0, 100)).at(5)
        50
        """
        if not isinstance(value, int):
            return self.missing
        x = value // self.scale
        right = bisect_right(self.knots, x)
        if right == 0:
            return self.values[0]
        if right == len(self.knots):
            return self.values[-1]
        left = right - 1
        span, rise = self.knots[right] - self.knots[left], self.values[right] - self.values[left]
        return self.values[left] + (x - self.knots[left]) * rise // span


class Levels(Frozen):
    """What a code gives: one number for each known level, one for any other, one for none."""

    name: str
    values: Mapping[str, MicroLogit]
    other: MicroLogit = 0
    missing: MicroLogit = 0

    def at(self, value: Value) -> int:
        """Micro log-odds of `value`."""
        return self.missing if value is None else self.values.get(str(value), self.other)


class Additive(Frozen):
    """A sum of one term per feature: logistic regression on splines, or an explainable boosting machine."""

    form: Literal["additive"] = "additive"
    intercept: MicroLogit
    curves: tuple[Curve, ...] = ()
    levels: tuple[Levels, ...] = ()


class TreeColumn(Frozen):
    """One column of the trees' matrix. With `levels`, the n-th level is the number n, any other -1; None is NaN."""

    name: str
    levels: tuple[str, ...] | None = None


class Trees(Frozen):
    """Gradient-boosted trees in LightGBM's text form, kept beside the manifest."""

    form: Literal["trees"] = "trees"
    file: Literal["trees.txt"] = "trees.txt"
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    columns: tuple[TreeColumn, ...] = Field(min_length=1)


class Shift(Frozen):
    """What is usual in a part of the market, as a shift against its parent, shrunk to it where cases are few.

    Keys are values of `by`; one that is not listed has no history of its own: it gets 0, and the score is flagged.
    """

    by: Literal["lead.region", "lead.segment", "lead.account"]
    values: Mapping[str, MicroLogit]


class Bin(Frozen):
    """Past leads with about the same score: calibrated micro log-odds from `low`, how many, and how many were won."""

    low: int
    cases: int = Field(ge=0)
    won: int = Field(ge=0)


class FeatureUse(Frozen):
    """A feature that the package reads, with the version and the content hash of its definition.

    `sign` is +1 or -1 where more may only help or hurt, else 0.
    """

    name: str
    version: int = Field(ge=1)
    digest: str
    sign: Literal[-1, 0, 1] = 0
    seen: tuple[int, ...] = ()
    """Of a number: up to a dozen values that were met in training, from the least to the greatest."""


INTENT_DIGEST: Final = "intents-1"
"""Stands for the digest of an intent's confidence, which is code and not a definition."""


def digest_of(definition: FeatureDef) -> str:
    """Content hash, 12 hex digits, of what a feature computes; its wording does not count."""
    said = definition.model_dump(mode="json", exclude={"unit", "description", "deprecated"})
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


class Measured(Frozen):
    """A figure with its 95 % interval; None where there are too few cases."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bands(Frozen):
    """Points, which are per cent here, at which bands are entered and left; see `domain.band.Thresholds`."""

    enter_hot: int
    leave_hot: int
    enter_warm: int
    leave_warm: int


class Package(Frozen):
    """The manifest of a model package. Its content hash names it."""

    form: Literal[1] = 1
    family: Literal["logistic", "lightgbm", "ebm"]
    model: Annotated[Additive | Trees, Field(discriminator="form")]
    calibration: Curve
    """From the model's micro log-odds to calibrated ones; named ``calibration``, ascending."""
    shifts: tuple[Shift, ...] = ()
    reliability: tuple[Bin, ...] = ()
    """By ascending `low`: what became of later leads that were not trained on."""
    features: tuple[FeatureUse, ...]
    bands: Bands
    horizon_days: int = Field(ge=1)
    after_hours: int = Field(ge=0)
    """The probability is that of a sale within the horizon of the decision, learnt at this age of the lead."""
    trained_at: int
    """Instant up to which outcomes were known."""
    cases: int = Field(ge=0)
    won: int = Field(ge=0)
    data_digest: str
    """sha256 of the training rows: the same rows and seed give the same package."""
    metrics: Mapping[str, Measured] = Field(default_factory=dict)
    """On later leads, held out: ``auc brier log_loss ece lift_at_10`` ..."""
    compared: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """Log-loss of each family in cross-validation, and whatever else spoke for this one."""
    notes: tuple[str, ...] = ()


@cache
def point_edges() -> tuple[int, ...]:
    """Micro log-odds from which there are 2, 3 ... 99 points."""
    return tuple(ceil(MICRO_LOGIT * log((k - 0.5) / (100.5 - k))) for k in range(2, 100))


def points_of(log_odds: int) -> int:
    """Whole per cent, 1..99, of calibrated micro log-odds: rounded half up.

    >>> points_of(0), points_of(-LIMIT), points_of(LIMIT)
    (50, 1, 99)
    """
    return 1 + bisect_right(point_edges(), log_odds)


def probability_of(log_odds: int) -> float:
    """Probability, 0..1, of micro log-odds."""
    return 1 / (1 + exp(-max(-LIMIT, min(LIMIT, log_odds)) / MICRO_LOGIT))


def micro_points_of(log_odds: int) -> int:
    """The probability of micro log-odds in millionths of a per cent: the scale of the ledger's points.

    >>> micro_points_of(0)
    50000000
    """
    return round(100_000_000 * probability_of(log_odds))


def bin_of(reliability: tuple[Bin, ...], log_odds: int) -> Bin | None:
    """The bin in which calibrated micro log-odds lie; the first one also holds what is below it."""
    if not reliability:
        return None
    return reliability[max(0, bisect_right(reliability, log_odds, key=lambda one: one.low) - 1)]


def wilson(won: int, cases: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson, JASA 1927): 0..1, never empty, sound for few cases.

    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    if not cases:
        return 0.0, 1.0
    z2 = 1.959964**2
    middle = (won + z2 / 2) / (cases + z2)
    half = 1.959964 / (cases + z2) * (won * (cases - won) / cases + z2 / 4) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
