"""A trained package as a `Scorer`: one lead at a time, the same whole numbers as in training and in bulk."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from domain.band import Thresholds
from domain.closed import CLOSED, OUTCOME_FACTS, outcome_of
from domain.errors import ConfigError
from domain.feature import FeatureDef
from domain.features import Catalogue
from domain.intent import IntentReading
from domain.model import (
    INTENT_DIGEST,
    LEAD_SEGMENT,
    MICRO_LOGIT,
    Additive,
    Curve,
    Package,
    Shift,
    Trees,
    bin_of,
    digest_of,
    micro_points_of,
    points_of,
    wilson,
)
from domain.policy_facts import segment_of
from domain.ports.scorer import FeatureValues
from domain.score import MICRO_POINT, Part, Score
from domain.signal import FACT, MICRO, Event
from tools.models.evidence import INTENT, behind, signals_known
from tools.models.manifest import version_of
from tools.models.reasons import remarks_of, words_of
from tools.models.sheet import SEGMENT_FACTS

COLD_BELOW: Final = 3
"""Signals below which a lead of whom no trait is known either counts as a cold start."""
HALF_CONFIDENT_AT: Final = 4
_PRIOR, _CALIBRATION = "prior", "calibration"

Values = dict[str, int | str | None]


class Line(NamedTuple):
    """A row of the ledger before it has words and signals."""

    name: str
    log_odds: int


class Learned:
    """A `Scorer` by a model package. 0 and 100 points are kept for known outcomes, as in the baseline."""

    def __init__(self, package: Package, files: Mapping[str, bytes], catalogue: Catalogue) -> None:
        """Score by `package` with its `files`, on the features of `catalogue`.

        Raises: ConfigError if the catalogue computes a feature otherwise than when the package was trained, or if a
        file is missing or not the one that the manifest names.
        """
        check_features(package, catalogue)
        self.package, self._catalogue = package, catalogue
        self.name, self.version = f"learned-{package.family}", version_of(package)
        self.thresholds = Thresholds(**package.bands.model_dump())
        read = frozenset(use.name for use in package.features if not use.name.startswith(INTENT))
        self._intents = {
            use.name.removeprefix(INTENT): use.name for use in package.features if use.name not in read
        }
        self._segmented = any(shift.by == LEAD_SEGMENT for shift in package.shifts)
        self.uses = read | OUTCOME_FACTS | ({*SEGMENT_FACTS} if self._segmented else set())
        self._profile = frozenset(name for name in read if self._of_profile(name))
        self._levels = _levels(package)
        self._calibrate = _curve(package.calibration)
        model = package.model
        self._model: _Sum | _Forest = _Sum(model) if isinstance(model, Additive) else _Forest(model, files)

    def points(self, features: FeatureValues, confidences: Mapping[str, int]) -> int:
        """Whole per cent, 1..99, or 0 and 100 for a known outcome; equal to ``score(...).points``."""
        outcome = outcome_of(features)
        if outcome is not None:
            return CLOSED[outcome]
        return points_of(self.log_odds(features, confidences))

    def log_odds(self, features: FeatureValues, confidences: Mapping[str, int]) -> int:
        """Calibrated micro log-odds, whatever the outcome."""
        values = self._values(features, confidences)
        total = self._calibrate(self._model.total(values))
        for shift in self.package.shifts:
            total += _shift(shift, values)
        return total

    def score(
        self, features: FeatureValues, reading: IntentReading, events: tuple[Event, ...], as_of: int
    ) -> Score:
        """The score with its ledger. A known outcome is the whole ledger: 100 for won, 0 for lost."""
        outcome = outcome_of(features)
        if outcome is not None:
            part = Part("outcome", CLOSED[outcome] * MICRO_POINT, "outcome", words=f"The deal is {outcome}")
            return Score(CLOSED[outcome], 50, 50, (part,), "probability", self.name, self.version)
        values = self._values(features, {intent.value: sure for intent, sure in reading.confidences})
        lines = self._lines(values)
        total = sum([line.log_odds for line in lines])
        like, signals = bin_of(self.package.reliability, total), signals_known(events, as_of)
        low, high = wilson(like.won, like.cases) if like else (0.0, 1.0)
        return Score(
            points=points_of(total),
            fit=points_of(sum([line.log_odds for line in lines if line.name in self._profile])),
            engagement=points_of(sum([line.log_odds for line in lines if self._behaves(line.name)])),
            ledger=self._ledger(lines, values, events, as_of),
            unit="probability",
            scorer=self.name,
            version=self.version,
            cold_start=signals < COLD_BELOW and all(values.get(name) is None for name in self._profile),
            confidence=1000 * signals // (signals + HALF_CONFIDENT_AT),
            log_odds=total,
            interval=(int(low * 1000), -int(-high * 1000 // 1)) if like else None,
            similar=(like.cases, like.won) if like else None,
            remarks=remarks_of({s.by: values.get(s.by) in s.values for s in self.package.shifts}),
        )

    def _values(self, features: FeatureValues, confidences: Mapping[str, int]) -> Values:
        """All that the model reads, by name."""
        values: Values = dict(features)
        for intent, name in self._intents.items():
            values[name] = confidences.get(intent, 0)
        if self._segmented:
            employees = values.get(SEGMENT_FACTS[0])
            count = employees // MICRO if isinstance(employees, int) else None
            values[LEAD_SEGMENT] = segment_of(count, values.get(SEGMENT_FACTS[1]))
        return values

    def _lines(self, values: Values) -> list[Line]:
        raw = self._model.total(values)
        parts = self._model.parts(values)
        lines = [Line(_PRIOR, raw - sum(parts.values())), *map(Line._make, parts.items())]
        lines.append(Line(_CALIBRATION, self._calibrate(raw) - raw))
        places = [(shift.by.removeprefix("lead."), _shift(shift, values)) for shift in self.package.shifts]
        return lines + [Line(f"{_PRIOR}.{by}", given) for by, given in places]

    def _ledger(
        self, lines: list[Line], values: Values, events: tuple[Event, ...], as_of: int
    ) -> tuple[Part, ...]:
        """The rows in order; each gives the points by which it moves the probability reached so far."""
        parts: list[Part] = []
        odds, points = 0, 0
        for name, given in lines:
            if not given and name != _PRIOR:
                continue
            odds += given
            after = micro_points_of(odds)
            parts.append(self._part(name, (after - points, given), values, events, as_of=as_of))
            points = after
        whole = points_of(odds) * MICRO_POINT
        return (*parts, Part("rounding", whole - points)) if whole != points else tuple(parts)

    def _part(
        self, name: str, given: tuple[int, int], values: Values, events: tuple[Event, ...], *, as_of: int
    ) -> Part:
        feature = name if name in self.uses or name.startswith(INTENT) else None
        definition = self._definition(name)
        words = words_of(name, values.get(name), definition, self._levels.get(name, frozenset()))
        if feature is None:
            return Part(name, given[0], words=words, log_odds=given[1])
        refs, count = behind(feature, events, as_of, self._catalogue)
        return Part(name, given[0], feature, refs, count, words, given[1])

    def _definition(self, name: str) -> FeatureDef | None:
        return self._catalogue.get(name) if name in self.uses else None

    def _of_profile(self, name: str) -> bool:
        return self._catalogue.get(name).kinds == (FACT,)

    def _behaves(self, name: str) -> bool:
        return name.startswith(INTENT) or (name in self.uses and name not in self._profile)


def check_features(package: Package, catalogue: Catalogue) -> None:
    """Refuse a package whose features this catalogue lacks or computes otherwise. Raises: ConfigError naming them."""
    known = {d.name: (d.version, digest_of(d)) for d in catalogue.definitions if d.scope == "lead"}
    other = [
        use.name
        for use in package.features
        if (use.version, use.digest) != known.get(use.name)
        and not (use.name.startswith(INTENT) and use.digest == INTENT_DIGEST)
    ]
    if other:
        raise ConfigError(
            f"the model was trained on other features than this catalogue computes: {', '.join(other[:5])}"
            + (f" and {len(other) - 5} more" if len(other) > 5 else "")
            + "; train again, or put the catalogue back"
        )


class _Sum:
    """An additive model, unrolled."""

    def __init__(self, model: Additive) -> None:
        self._intercept = model.intercept
        self._curves = [(curve.name, _curve(curve), curve.missing) for curve in model.curves]
        self._levels = [(code.name, dict(code.values), code.other, code.missing) for code in model.levels]

    def total(self, values: Values) -> int:
        total, get = self._intercept, values.get
        for name, curve, missing in self._curves:
            value = get(name)
            total += curve(value) if isinstance(value, int) else missing
        for name, levels, other, missing in self._levels:
            value = get(name)
            total += missing if value is None else levels.get(str(value), other)
        return total

    def parts(self, values: Values) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, curve, missing in self._curves:
            value = values.get(name)
            found[name] = curve(value) if isinstance(value, int) else missing
        for name, levels, other, missing in self._levels:
            value = values.get(name)
            found[name] = missing if value is None else levels.get(str(value), other)
        return found


class _Forest:
    """Trees, loaded when they are first asked."""

    def __init__(self, model: Trees, files: Mapping[str, bytes]) -> None:
        text = files.get(model.file)
        if text is None or sha256(text).hexdigest() != model.sha256:
            raise ConfigError(
                f"{model.file} is missing or not the file that the manifest names: register it again"
            )
        self._text = text
        self._booster: Any = None
        self._columns = [
            (
                column.name,
                None if column.levels is None else {level: n for n, level in enumerate(column.levels)},
            )
            for column in model.columns
        ]

    def total(self, values: Values) -> int:
        return int(self._asked(values, raw_score=True)[0])

    def parts(self, values: Values) -> dict[str, int]:
        given = self._asked(values, pred_contrib=True)
        return {name: int(given[n]) for n, (name, _) in enumerate(self._columns)}

    def _asked(self, values: Values, **what: bool) -> Any:
        import numpy as np

        booster = self._booster
        if booster is None:
            import lightgbm

            booster = self._booster = lightgbm.Booster(model_str=self._text.decode())
        row = np.array([[_number(values.get(name), levels) for name, levels in self._columns]])
        return np.rint(booster.predict(row, num_threads=1, **what) * MICRO_LOGIT).astype(np.int64).ravel()


def _shift(shift: Shift, values: Values) -> int:
    where = values.get(shift.by)
    return 0 if where is None else shift.values.get(str(where), 0)


def _number(value: int | str | None, levels: Mapping[str, int] | None) -> float:
    if value is None:
        return float("nan")
    if levels is not None:
        return float(levels.get(str(value), -1))
    return float(value) if isinstance(value, int) else float("nan")


def _curve(curve: Curve) -> Callable[[int], int]:
    """`Curve.at` of whole numbers, several times faster."""
    scale, knots, values = curve.scale, curve.knots, curve.values
    last = len(knots) - 1
    spans = [(a, c, d - c, b - a) for a, b, c, d in zip(knots, knots[1:], values, values[1:], strict=False)]

    def at(value: int) -> int:
        x = value // scale
        right = bisect_right(knots, x)
        if right == 0:
            return values[0]
        if right > last:
            return values[last]
        start, given, rise, span = spans[right - 1]
        return given + (x - start) * rise // span

    return at


def _levels(package: Package) -> dict[str, frozenset[str]]:
    model = package.model
    if isinstance(model, Additive):
        return {code.name: frozenset(code.values) for code in model.levels}
    return {column.name: frozenset(column.levels) for column in model.columns if column.levels is not None}
