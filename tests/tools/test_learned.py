"""A package gives the same numbers in training, in bulk and in a run, and its ledger adds up."""

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ConfigError
from domain.intent import Intent, IntentReading
from domain.model import (
    INTENT_DIGEST,
    LIMIT,
    Additive,
    Bands,
    Bin,
    Curve,
    FeatureUse,
    Levels,
    Package,
    Shift,
    digest_of,
    points_of,
)
from domain.score import MICRO_POINT
from domain.signal import Event
from learning.predict import contributions, log_odds
from learning.rows import INTENT
from learning.train import train
from tests.learning.market import CATALOGUE, START, market
from tools.models.learned import Learned

NUMBERS = ("decayed.web.form", "recency.web", "deal.amount", "velocity.web.7d")
CODES = ("fact.seniority", "fact.lead_source")
NOTHING = IntentReading((), Intent.UNSURE, 0, (), (), "local", "1")

logits = st.integers(-3_000_000, 3_000_000)


@st.composite
def curves(draw: st.DrawFn, name: str) -> Curve:
    """Any curve; some steep, some with steps side by side."""
    knots = sorted(draw(st.sets(st.integers(-(10**7), 10**7) | st.integers(-5, 5), min_size=1, max_size=6)))
    values = draw(st.lists(logits, min_size=len(knots), max_size=len(knots)))
    return Curve(
        name=name, scale=draw(st.sampled_from((1, 7, 1_000))), knots=tuple(knots), values=tuple(values),
        missing=draw(logits),
    )  # fmt: skip


@st.composite
def packages(draw: st.DrawFn) -> Package:
    """Any additive package on features of the shipped catalogue."""
    numbers = draw(st.sets(st.sampled_from((*NUMBERS, f"{INTENT}pricing"))))
    codes = draw(st.sets(st.sampled_from(CODES)))
    levels = [
        Levels(
            name=name, values=draw(st.dictionaries(st.sampled_from("abc"), logits)), other=draw(logits),
            missing=draw(logits),
        )
        for name in sorted(codes)
    ]  # fmt: skip
    model = Additive(
        intercept=draw(logits),
        curves=tuple(draw(curves(name)) for name in sorted(numbers)),
        levels=tuple(levels),
    )
    edges = sorted(draw(st.lists(logits, min_size=2, max_size=2)))
    shifts = (
        Shift(by="lead.region", values=draw(st.dictionaries(st.sampled_from(("eu", "us")), logits))),
        Shift(by="lead.segment", values=draw(st.dictionaries(st.sampled_from(("small", "large")), logits))),
        Shift(by="lead.account", values=draw(st.dictionaries(st.sampled_from(("a1", "a2")), logits))),
    )
    return package_of(model, shifts=draw(st.sampled_from(((), shifts))), calibration=(edges[0], edges[1]))


def package_of(
    model: Any, *, shifts: tuple[Shift, ...] = (), calibration: tuple[int, int] = (-LIMIT, LIMIT)
) -> Package:
    """A package around a model; `calibration` is what log-odds of -20 and 20 become."""
    names = [part.name for part in (*model.curves, *model.levels)]
    uses = [
        FeatureUse(name=name, version=1, digest=INTENT_DIGEST)
        if name.startswith(INTENT)
        else FeatureUse(name=name, version=CATALOGUE.get(name).version, digest=digest_of(CATALOGUE.get(name)))
        for name in names
    ]
    return Package(
        family="logistic", model=model,
        calibration=Curve(name="calibration", knots=(-LIMIT, LIMIT), values=calibration), shifts=shifts,
        reliability=(Bin(low=-LIMIT, cases=90, won=9), Bin(low=0, cases=100, won=70)), features=tuple(uses),
        bands=Bands(enter_hot=60, leave_hot=50, enter_warm=30, leave_warm=20), horizon_days=10, after_hours=24,
        trained_at=START, cases=500, won=100, data_digest="0" * 64,
    )  # fmt: skip


some_leads = st.lists(
    st.fixed_dictionaries(
        {name: st.none() | st.integers(-(10**9), 10**9) | st.integers(-9, 9) for name in NUMBERS}
        | {name: st.none() | st.sampled_from("abcd") for name in CODES}
        | {f"{INTENT}pricing": st.integers(0, 1_000)}
        | {"region": st.sampled_from(("eu", "us", "new")), "account": st.none() | st.sampled_from(("a1", "a3"))}
        | {"employees": st.none() | st.sampled_from((5, 50, 5_000))}
    ),
    min_size=1, max_size=5,
)  # fmt: skip


def framed(leads: list[dict[str, Any]]) -> pl.DataFrame:
    """Leads as rows; the segment as training has it."""
    sizes = {None: None, 5: "small", 50: "mid", 5_000: "large"}
    schema: dict[str, Any] = dict.fromkeys(NUMBERS, pl.Int64) | dict.fromkeys(
        (*CODES, "region", "account"), pl.String
    )
    schema |= {f"{INTENT}pricing": pl.Int64, "segment": pl.String}
    return pl.DataFrame([{**lead, "segment": sizes[lead["employees"]]} for lead in leads], schema=schema)


def asked(lead: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """The same lead as a run has it: features with its place beside them, and intents apart."""
    features = {name: lead[name] for name in (*NUMBERS, *CODES)}
    employees = lead["employees"]
    features |= {"lead.region": lead["region"], "lead.account": lead["account"]}
    features["fact.employees"] = employees * 1_000_000 if employees is not None else None
    return features, {"pricing": lead[f"{INTENT}pricing"]}


def reading(sure: dict[str, int]) -> IntentReading:
    """A reading with these confidences."""
    told = tuple((Intent(name), level) for name, level in sure.items() if level)
    return IntentReading(told, Intent.PRICING, 0, (), (), "local", "1")


@settings(deadline=None)
@given(packages(), some_leads)
def test_one_lead_gets_what_it_would_get_among_many_to_the_last_digit(
    package: Package, leads: list[dict[str, Any]]
) -> None:
    scorer, frame = Learned(package, {}, CATALOGUE), framed(leads)
    many, parts = log_odds(package, {}, frame), contributions(package, {}, frame)
    assert (sum(parts.values(), np.zeros(len(leads), dtype=np.int64)) == many).all()
    for n, lead in enumerate(leads):
        features, sure = asked(lead)
        score = scorer.score(features, reading(sure), (), START)
        assert scorer.log_odds(features, sure) == score.log_odds == many[n]
        assert scorer.points(features, sure) == score.points == points_of(int(many[n]))
        told = {part.name: part.log_odds for part in score.ledger if part.log_odds}
        assert told == {name: int(given[n]) for name, given in parts.items() if given[n]}


@settings(deadline=None)
@given(packages(), some_leads)
def test_the_ledger_adds_up_on_both_scales(package: Package, leads: list[dict[str, Any]]) -> None:
    scorer = Learned(package, {}, CATALOGUE)
    for lead in leads:
        features, sure = asked(lead)
        score = scorer.score(features, reading(sure), (), START)
        assert sum(part.micro for part in score.ledger) == score.points * MICRO_POINT
        assert sum(part.log_odds for part in score.ledger) == score.log_odds
        assert 1 <= score.points <= 99
        rounding = [part.micro for part in score.ledger if part.name == "rounding"]
        assert all(abs(micro) <= MICRO_POINT for micro in rounding)


def one(**more: Any) -> Additive:
    """A model of one curve and one code."""
    return Additive(
        intercept=-1_000_000,
        curves=(Curve(name="decayed.web.form", knots=(0, 2_000_000), values=(-200_000, 1_800_000)),),
        levels=(Levels(name="fact.seniority", values={"director": 500_000}),), **more,
    )  # fmt: skip


def test_calibration_and_places_have_rows_of_their_own() -> None:
    shift = Shift(by="lead.region", values={"eu": 300_000})
    scorer = Learned(package_of(one(), shifts=(shift,), calibration=(-10_000_000, 10_000_000)), {}, CATALOGUE)
    score = scorer.score({"decayed.web.form": 0, "lead.region": "eu"}, NOTHING, (), START)
    told = {part.name: part.log_odds for part in score.ledger}
    assert told["calibration"] == 600_000
    assert told["prior.region"] == 300_000
    assert told["prior"] == -1_000_000


@pytest.mark.parametrize(("result", "points"), [("won", 100), ("lost", 0)])
def test_nought_and_a_hundred_are_for_known_outcomes(result: str, points: int) -> None:
    scorer = Learned(package_of(one()), {}, CATALOGUE)
    features: dict[str, int | str | None] = {
        "outcome": result,
        "outcome.hours": 3,
        "decayed.web.form": 2_000_000,
    }
    score = scorer.score(features, NOTHING, (), START)
    assert score.points == scorer.points(features, {}) == points
    assert [part.name for part in score.ledger] == ["outcome"]
    assert score.log_odds is None


def test_a_result_says_what_became_of_leads_like_it() -> None:
    scorer = Learned(package_of(one()), {}, CATALOGUE)
    score = scorer.score({"decayed.web.form": 2_000_000}, NOTHING, (), START)
    assert score.similar == (100, 70)
    assert score.interval is not None
    low, high = score.interval
    assert low < 700 < high
    assert (low, high) == (604, 782)


def test_reasons_are_sentences_with_the_signals_behind_them() -> None:
    scorer = Learned(package_of(one()), {}, CATALOGUE)
    sent = Event(START, "site:f1", "quote", "web.form", "", 0, START, ())
    features = CATALOGUE.evaluate((sent,), START) | {"fact.seniority": "director"}
    score = scorer.score(features, NOTHING, (sent,), START)
    rows = {part.name: part for part in score.ledger}
    assert rows["decayed.web.form"].words == "Form lately, older ones counting less: 1"
    assert rows["decayed.web.form"].signals == ("site:f1",)
    assert rows["fact.seniority"].words == "Seniority: director"


def test_a_text_that_few_leads_have_is_not_repeated() -> None:
    model = Additive(intercept=0, levels=(Levels(name="fact.seniority", values={"vp": 1}, other=250_000),))
    score = Learned(package_of(model), {}, CATALOGUE).score(
        {"fact.seniority": "Jane Roe"}, NOTHING, (), START
    )
    assert not any("Jane" in part.words for part in score.ledger)


def test_a_new_region_gets_its_parents_rate_and_the_result_says_so() -> None:
    shift = Shift(by="lead.region", values={"eu": 300_000})
    scorer = Learned(package_of(one(), shifts=(shift,)), {}, CATALOGUE)
    known = scorer.score({"lead.region": "eu"}, NOTHING, (), START)
    new = scorer.score({"lead.region": "mars"}, NOTHING, (), START)
    assert known.remarks == ()
    assert new.remarks == ("Its region is new to the model: the rate of all regions stands for it.",)
    assert known.log_odds is not None
    assert new.log_odds == known.log_odds - 300_000


def test_a_package_of_other_features_is_refused() -> None:
    package = package_of(one())
    use = package.features[0].model_copy(update={"digest": "f" * 12})
    with pytest.raises(ConfigError, match=r"decayed\.web\.form"):
        Learned(package.model_copy(update={"features": (use,)}), {}, CATALOGUE)
    gone = package.features[0].model_copy(update={"name": "attr.gone"})
    with pytest.raises(ConfigError, match=r"attr\.gone"):
        Learned(package.model_copy(update={"features": (gone,)}), {}, CATALOGUE)


@cache
def forest() -> Any:
    """Trees of the made-up market."""
    return train(market(), families=("lightgbm",))


def test_trees_give_one_lead_what_they_give_it_among_many() -> None:
    made, rows = forest(), market(60, seed=4)
    scorer = Learned(made.package, made.files, CATALOGUE)
    many, parts = (
        log_odds(made.package, made.files, rows.frame),
        contributions(made.package, made.files, rows.frame),
    )
    for n, row in enumerate(rows.frame.iter_rows(named=True)):
        features = {**row, "lead.region": row["region"], "lead.account": row["account"]}
        sure = {"pricing": row[f"{INTENT}pricing"]}
        score = scorer.score(features, reading(sure), (), START)
        assert scorer.points(features, sure) == score.points == points_of(int(many[n]))
        assert score.log_odds == many[n]
        told = {part.name: part.log_odds for part in score.ledger if part.log_odds}
        assert told == {name: int(given[n]) for name, given in parts.items() if given[n]}


def test_trees_that_are_not_those_of_the_manifest_are_refused() -> None:
    made = forest()
    with pytest.raises(ConfigError, match="missing or not the file"):
        Learned(made.package, {}, CATALOGUE)
    with pytest.raises(ConfigError, match="missing or not the file"):
        Learned(made.package, {"trees.txt": made.files["trees.txt"] + b" "}, CATALOGUE)


def test_a_level_that_training_never_met_gets_what_others_get() -> None:
    levels = Levels(
        name="fact.seniority", values={"director": 900_000, "vp": 700_000}, other=-100_000, missing=-300_000
    )
    scorer = Learned(package_of(Additive(intercept=0, levels=(levels,))), {}, CATALOGUE)
    assert scorer.log_odds({"fact.seniority": "wizard"}, {}) == -100_000
    assert scorer.log_odds({"fact.seniority": None}, {}) == scorer.log_odds({}, {}) == -300_000


def test_the_fast_way_is_the_way_of_the_definition() -> None:
    curve = Curve(name="recency.web", scale=3, knots=(-5, 0, 7), values=(100, -50, 900), missing=11)
    scorer = Learned(package_of(Additive(intercept=0, curves=(curve,))), {}, CATALOGUE)
    for value in range(-40, 40):
        assert scorer.log_odds({"recency.web": value}, {}) == curve.at(value)
    assert scorer.log_odds({"recency.web": None}, {}) == curve.at(None)
