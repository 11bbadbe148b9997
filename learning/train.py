"""From rows to a model package: families compared, the best fitted and calibrated, and measured on later leads.

The newest part is put aside. On the older part families and settings are compared, each judged on the period after
those that it was fitted on; what the models said of those periods teaches the calibration. The package made so is
measured on the newest part. Then it is made once more from all rows, in the same way, and that one is given out. Where
times do not tell parts apart (one cohort, a table without times), accounts do, and the report says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from domain.errors import NotEnough
from domain.model import Measured, Package, Shift
from learning.calibrate import Calibrated, Seen, calibrated
from learning.card import card
from learning.described import bands_of, digest_of_rows, features_of, reliability_of
from learning.encode import Ints
from learning.families import CLOSE, Candidate, Family, Fitted, Rule, candidate, rule_loss
from learning.intervals import intervals
from learning.leak_check import strong_alone
from learning.predict import curve_at, probability, raw_log_odds, shifted
from learning.rows import Rows, folds_in_time, in_order, later
from learning.shrink import shifts_of
from learning.weighted import Floats

MEASURED: Final = 0.2
"""Share of the newest rows that only the figures come from."""
ORDER: Final[tuple[Family, ...]] = ("logistic", "ebm", "lightgbm")
"""From the plainest to the heaviest."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Leads, and won ones, below which nothing is learnt: the rule by hand stays."""

    leads: int = 200
    won: int = 40


MEASURABLE: Final = Floor(leads=2, won=1)
"""Of the newest rows, below which no figure says anything: nothing is learnt that cannot be measured."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The package, its files (``card.md``, and ``trees.txt`` of trees), and what was found out on the way."""

    package: Package
    files: Mapping[str, bytes]
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    """What models of one recipe said of cases they had not seen: `odds` (micro log-odds) of each row of `frame`."""

    frame: pl.DataFrame
    odds: Ints
    periods: Ints

    def seen(self) -> Seen:
        """For the calibration."""
        return Seen(self.odds, _labels(self.frame), self.periods)


@dataclass(frozen=True, slots=True)
class _Made:
    """A fitted model with its calibration and shifts."""

    fitted: Fitted
    calibration: Calibrated
    shifts: tuple[Shift, ...]

    def raw(self, frame: pl.DataFrame) -> Ints:
        """Micro log-odds of the model alone."""
        return raw_log_odds(self.fitted.model, self.fitted.files, frame)

    def odds(self, frame: pl.DataFrame) -> Ints:
        """Calibrated micro log-odds of the rows of `frame`."""
        return shifted(curve_at(self.calibration.curve, self.raw(frame)), self.shifts, frame)


def train(
    rows: Rows,
    *,
    seed: int = 0,
    families: Sequence[Family] = ("logistic", "lightgbm"),
    floor: Floor = Floor(),
    rule: Rule | None = None,
) -> Trained:
    """The model package of `rows`: the same rows, families and seed give the same package.

    `rule` gives the points of a rule by hand, for comparison.
    Raises: NotEnough below `floor`; ConfigError if a family is not installed.
    """
    _check(rows, floor)
    rows = in_order(rows)
    known, newest, timed = later(rows, MEASURED, seed)
    _check(newest, MEASURABLE, " to measure on")
    folds = folds_in_time(known)
    tried = {family: candidate(family, folds, seed=seed) for family in ORDER if family in families}
    chosen = _chosen(tried)
    compared = {str(name): {"log_loss": round(one.loss, 6)} for name, one in tried.items()}
    if rule is not None:
        compared["rule"] = {"log_loss": round(rule_loss(rule, folds), 6)}
    told = _Told(chosen.unseen, chosen.odds, chosen.periods)
    measured = _made(known, chosen, told)
    final = _made(rows, chosen, _with_newest(told, newest, measured, timed=timed))
    odds, y = measured.odds(newest.frame), _labels(newest.frame)
    figures = intervals(y, probability(odds), clusters=newest.frame["account"].to_list(), seed=seed)
    package = Package(
        family=chosen.family,
        model=final.fitted.model,
        calibration=final.calibration.curve,
        shifts=final.shifts,
        reliability=reliability_of(odds, y),
        features=features_of(final.fitted.model, rows),
        bands=bands_of(odds, float(y.mean())),
        horizon_days=rows.question.horizon_days,
        after_hours=rows.question.after_hours,
        trained_at=int(rows.frame["label_known_at"].to_numpy().max()),
        cases=rows.frame.height,
        won=rows.won,
        data_digest=digest_of_rows(rows),
        metrics={name: Measured(**one.document()) for name, one in sorted(figures.items())},
        compared=compared,
        notes=_notes(rows, timed=timed, compared=compared),
    )
    split = {
        "by": "time" if timed else "account", "measured": newest.frame.height, "measured_won": newest.won,
        "before": known.frame.height, "unseen": len(told.odds), "in_time": int(told.periods.max()) > 0,
    }  # fmt: skip
    report = _report(rows, final, settings=chosen.settings) | {"split": split}
    files = {**final.fitted.files, "card.md": card(package, report).encode()}
    return Trained(package, files, report)


def _check(rows: Rows, floor: Floor, use: str = "") -> None:
    have = {
        f"leads{use}": rows.frame["lead_id"].n_unique(),
        f"won{use}": rows.won,
        f"not won{use}": rows.frame.height - rows.won,
    }
    need = dict(zip(have, (floor.leads, floor.won, floor.won), strict=True))
    if any(have[name] < least for name, least in need.items()):
        raise NotEnough(have=have, need=need)


def _chosen(tried: Mapping[Family, Candidate]) -> Candidate:
    """The least log-loss; a heavier family must be better by `CLOSE`."""
    best: Candidate | None = None
    for family in ORDER:
        one = tried.get(family)
        if one is not None and (best is None or one.loss < best.loss - CLOSE):
            best = one
    if best is None:
        raise ValueError("no family to train")
    return best


def _made(rows: Rows, chosen: Candidate, told: _Told) -> _Made:
    """Fit on `rows`; calibrate, and draw shifts, by what was `told` of cases unseen."""
    fitted = chosen.fit(rows)
    raw = raw_log_odds(fitted.model, fitted.files, rows.frame)
    calibration = calibrated(told.seen(), Seen(raw, _labels(rows.frame), np.zeros(len(raw), dtype=np.int64)))
    shifts = shifts_of(told.frame, curve_at(calibration.curve, told.odds))
    return _Made(fitted, calibration, shifts)


def _with_newest(told: _Told, newest: Rows, measured: _Made, *, timed: bool) -> _Told:
    """What was told so far, and what the measured model, which saw none of them, says of the newest cases."""
    frame = pl.concat([told.frame, newest.frame])
    last = int(told.periods.max()) + 1 if timed else 0
    periods = np.concatenate([told.periods, np.full(newest.frame.height, last)]).astype(np.int64)
    return _Told(frame, np.concatenate([told.odds, measured.raw(newest.frame)]), periods)


def _notes(rows: Rows, *, timed: bool, compared: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    found = []
    if rows.order == "assumed":
        found.append("The history has no times: its order is assumed, and no embargo could be kept.")
    if not timed:
        found.append(
            "Times do not tell older from newer leads: figures are those of other accounts, not of later leads."
        )
    rule = compared.get("rule")
    best = min(one["log_loss"] for name, one in compared.items() if name != "rule")
    if rule is not None and rule["log_loss"] <= best:
        found.append(
            "The rule by hand, once calibrated, was no worse in cross-validation: look before you promote."
        )
    return tuple(found)


def _report(rows: Rows, made: _Made, *, settings: str) -> dict[str, Any]:
    return {
        "rows": rows.frame.height, "won": rows.won, "columns": len(rows.columns), "settings": settings,
        "calibration": {
            "method": made.calibration.method, "log_loss": made.calibration.compared,
        },
        "leaks": [{"name": one.name, "hard": one.hard, "why": one.why} for one in strong_alone(rows)],
    }  # fmt: skip


def _labels(frame: pl.DataFrame) -> Floats:
    return frame["label"].to_numpy().astype(np.float64)
