"""What would change the band: only what a lead does, only as far as past leads went, and as little as possible."""

from domain.band import Thresholds
from domain.band_moves import moves
from domain.feature import Aggregate, FeatureDef
from domain.lead import Band
from domain.model import FeatureUse

BANDS = Thresholds(enter_hot=60, leave_hot=50, enter_warm=30, leave_warm=20)


def used(
    name: str,
    aggregate: Aggregate = Aggregate.COUNT,
    kind: str = "web.form",
    seen: tuple[int, ...] = tuple(range(11)),
) -> tuple[FeatureUse, FeatureDef]:
    """A feature with the range that was seen in training."""
    given = FeatureDef(
        name=name, version=1, aggregate=aggregate, kinds=(kind,), unit="events", description="x"
    )
    return FeatureUse(name=name, version=1, digest="d", seen=seen), given


def test_the_nearest_value_that_lifts_is_found_exactly() -> None:
    found = moves(
        Band.WARM,
        {"a": 2},
        [used("a", seen=(0, 4, 100))],
        points_at=lambda _, v: 40 + v // 2,
        thresholds=BANDS,
    )
    (change,) = found.up
    assert (change.to, change.points, change.band) == (40, 60, Band.HOT)
    assert found.down == ()


def test_nothing_beyond_what_was_seen_is_proposed() -> None:
    found = moves(Band.WARM, {"a": 2}, [used("a")], points_at=lambda _, v: 40 + v, thresholds=BANDS)
    assert found.up == ()


def test_a_trait_or_a_stage_is_nothing_that_a_lead_does() -> None:
    fact, stage = used("fact.size", kind="fact"), used("stage", Aggregate.TIME_IN, "crm.stage_change")
    found = moves(
        Band.WARM,
        {"fact.size": 2, "stage": 2},
        [fact, stage],
        points_at=lambda _, v: 40 + 10 * v,
        thresholds=BANDS,
    )
    assert found.up == found.down == ()


def test_the_smallest_change_comes_first_measured_by_how_many_leads_lie_between() -> None:
    def points_at(name: str, value: int) -> int:
        return 40 + value * (4 if name == "a" else 10)

    uses = [used("a"), used("b")]
    found = moves(Band.WARM, {"a": 1, "b": 1}, uses, points_at=points_at, thresholds=BANDS)
    assert [(change.feature, change.to) for change in found.up] == [("b", 2), ("a", 5)]


def test_silence_lets_a_lead_drop_and_a_new_visit_lifts_it() -> None:
    recency = used("recency.web", Aggregate.RECENCY, seen=(0, 24, 240, 2_400))
    found = moves(
        Band.WARM, {"recency.web": 24}, [recency], points_at=lambda _, v: 62 - v // 12, thresholds=BANDS
    )
    assert [change.to for change in found.up] == [24 - 1] or found.up[0].to < 24
    assert found.down[0].to > 24
    never = moves(
        Band.COLD, {"recency.web": None}, [recency], points_at=lambda _, v: 40 - v, thresholds=BANDS
    )
    assert [(change.value, change.to) for change in never.up] == [(None, 0)]


def test_hysteresis_counts() -> None:
    """A hot lead is left only below the lower edge."""
    found = moves(Band.HOT, {"a": 10}, [used("a")], points_at=lambda _, v: 48 + v, thresholds=BANDS)
    assert [(change.to, change.points) for change in found.down] == [(1, 49)]
