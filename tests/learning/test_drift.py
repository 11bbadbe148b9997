"""Drift: a shift that matters is found and named, and a world that stays is left in peace."""

import numpy as np
import polars as pl

from learning.drift import FEWEST, calibration_since, drifted, ks, psi
from learning.reference import REFERENCE, read_reference, reference_of
from learning.rows import Column, Question, Rows

FEATURES = 40


def frame(n: int, seed: int, *, shift: float = 0.0, of_account: int = 1) -> pl.DataFrame:
    """Leads with many numbers, a code and an intent; `shift` moves the first number and the code."""
    dice = np.random.default_rng(seed)
    whose = np.arange(n) // of_account
    columns: dict[str, object] = {
        "lead_id": [f"l{i}" for i in range(n)],
        "account": [f"a{i}" for i in whose],
        "as_of": np.arange(n),
        "label": np.zeros(n, dtype=np.int8),
    }
    for number in range(FEATURES):
        told = dice.poisson(3 + (shift if number == 0 else 0), int(whose.max()) + 1)[whose]
        columns[f"n{number}"] = told.astype(np.int64)
    codes = dice.choice(["eu", "us", "uk"], n, p=[0.5, 0.3, 0.2] if not shift else [0.1, 0.3, 0.6])
    columns["code"] = codes
    columns["intent.pricing"] = dice.choice([0, 500], n, p=[0.8, 0.2])
    return pl.DataFrame(columns)


def rows(told: pl.DataFrame) -> Rows:
    names = [f"n{n}" for n in range(FEATURES)]
    columns = (*(Column(name, "number") for name in (*names, "intent.pricing")), Column("code", "category"))
    return Rows(told, columns, Question(24, 30))


TRAINED = reference_of(rows(frame(2_000, 0)), np.random.default_rng(0).random(2_000))


def scores(n: int, seed: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.random.default_rng(seed).random(n)


def test_a_world_that_stays_raises_no_alert_in_two_hundred_reports_on_forty_features() -> None:
    alerts = sum(
        any(one.alert for one in drifted(TRAINED, frame(300, seed), scores(300, seed)))
        for seed in range(1, 201)
    )
    assert alerts <= 2


def test_a_shift_is_found_named_and_given_a_remedy() -> None:
    found = drifted(TRAINED, frame(300, 7, shift=2.0), scores(300, 7))
    alerts = {one.name: one for one in found if one.alert}
    assert set(alerts) == {"n0", "code"}
    assert "uk was 2" in alerts["code"].words
    assert "Look whether the source of n0 changed" in alerts["n0"].words
    assert alerts["code"].ks is None
    assert (alerts["n0"].ks or 0) > 0.2


def test_a_shift_of_the_score_is_told_apart_from_that_of_features() -> None:
    found = drifted(TRAINED, frame(300, 8), scores(300, 8) ** 4)
    assert [(one.topic, one.name) for one in found if one.alert] == [("score", "score")]


def test_a_tracker_that_is_off_is_a_shift_to_missing() -> None:
    gone = frame(300, 9).with_columns(n5=pl.lit(None, dtype=pl.Int64))
    (alert,) = [one for one in drifted(TRAINED, gone, scores(300, 9)) if one.alert]
    assert alert.name == "n5"
    assert "missing was 0%" in alert.words


def test_leads_of_one_company_do_not_cry_wolf_together() -> None:
    """The reference and the recent leads take one lead of each account: whole companies move together."""
    from learning.reference import one_each

    alerts = 0
    for seed in range(1, 31):
        told = frame(1_200, seed, of_account=8)
        reference = reference_of(rows(frame(4_000, seed + 1_000, of_account=8)), scores(4_000, seed))
        recent = one_each(told)
        alerts += any(one.alert for one in drifted(reference, recent, scores(recent.height, seed)))
    assert alerts <= 1


def test_too_few_leads_say_nothing() -> None:
    assert drifted(TRAINED, frame(FEWEST - 1, 1, shift=5.0), scores(FEWEST - 1, 1)) == ()


def test_a_reference_comes_back_as_it_was_written() -> None:
    assert read_reference(TRAINED.content()) == TRAINED
    assert REFERENCE == "reference.json"


def test_probabilities_that_hold_raise_no_alert_and_those_that_do_not_do() -> None:
    dice = np.random.default_rng(1)
    p = 1 / (1 + np.exp(-dice.normal(-1.5, 1, 600)))
    y = (dice.random(600) < p).astype(np.float64)
    assert not calibration_since(y, p).alert
    halved = (dice.random(600) < p / 4).astype(np.float64)
    assert calibration_since(halved, p).alert
    assert not calibration_since(np.zeros(0), np.zeros(0)).alert


def test_the_index_and_the_distance_are_those_of_the_books() -> None:
    assert psi([100, 100], [100, 100]) == 0
    assert abs(psi([5_000, 5_000], [2_500, 7_500]) - 0.2747) < 0.001
    assert ks([50, 50], [0, 100]) == 0.5
