"""Rates that several workers share: never more than the burst and what time has brought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import MINUTE, SECOND
from tests.tools.contract.stores import NOW, AnyStore
from tools.store.limits import reserved


async def test_a_burst_and_then_one_after_the_other(store: AnyStore) -> None:
    """The answer says how long to wait, to the microsecond; asking takes nothing."""
    rate = {"per_minute": 60, "burst": 3}
    answers = [await store.limits.reserve("crm", **rate, now=NOW) for _ in range(5)]
    assert answers == [0, 0, 0, SECOND, SECOND]
    assert await store.limits.reserve("crm", **rate, now=NOW + SECOND - 1) == 1
    assert await store.limits.reserve("crm", **rate, now=NOW + SECOND) == 0
    assert await store.limits.reserve("crm", **rate, now=NOW + SECOND) == SECOND


async def test_a_bucket_holds_no_more_than_its_burst(store: AnyStore) -> None:
    """However long nobody came."""
    rate = {"per_minute": 600, "burst": 2}
    await store.limits.reserve("crm", **rate, now=NOW)
    answers = [await store.limits.reserve("crm", **rate, now=NOW + 60 * MINUTE) for _ in range(3)]
    assert [answer == 0 for answer in answers] == [True, True, False]


async def test_buckets_are_apart(store: AnyStore) -> None:
    """One target's rate is not another's."""
    assert await store.limits.reserve("crm", per_minute=1, burst=1, now=NOW) == 0
    assert await store.limits.reserve("desk", per_minute=1, burst=1, now=NOW) == 0
    assert await store.limits.reserve("crm", per_minute=1, burst=1, now=NOW) == MINUTE


async def test_a_clock_that_runs_backwards_gains_nothing(store: AnyStore) -> None:
    """Also when it comes and goes, as two machines' clocks do."""
    rate = {"per_minute": 60, "burst": 1}
    given = 0
    for _ in range(10):
        for now in (NOW + SECOND, NOW):
            given += await store.limits.reserve("crm", **rate, now=now) == 0
    assert given == 1


@pytest.mark.parametrize("rate", [{"per_minute": 0, "burst": 1}, {"per_minute": 1, "burst": 0}])
async def test_a_rate_that_lets_nothing_through_is_refused(store: AnyStore, rate: dict[str, int]) -> None:
    """It would wait for ever."""
    with pytest.raises(ValueError, match="at least one"):
        await store.limits.reserve("crm", **rate, now=NOW)


@given(
    st.lists(st.integers(0, 5 * MINUTE), min_size=1, max_size=60), st.integers(1, 6_000), st.integers(1, 50)
)
def test_no_order_of_calls_gets_more_than_the_rate(times: list[int], per_minute: int, burst: int) -> None:
    """At most the burst and what the time between the first call and the latest clock has brought."""
    bucket, taken = None, 0
    for now in times:
        wait, *rest = reserved(bucket, per_minute=per_minute, burst=burst, now=now)
        bucket = rest[0], rest[1]
        taken += wait == 0
        assert wait >= 0
        if wait:
            later = reserved(bucket, per_minute=per_minute, burst=burst, now=now + wait)
            early = reserved(bucket, per_minute=per_minute, burst=burst, now=now + wait - 1)
            assert later[0] == 0 < early[0]
    span = max(times) - times[0]
    assert taken <= burst + max(0, span) * per_minute // MINUTE


async def test_tokens_in_advance_come_in_turn_and_who_is_turned_away_takes_none(store: AnyStore) -> None:
    rate = {"per_minute": 60, "burst": 2, "now": NOW, "ahead": 2 * SECOND}
    answers = [await store.limits.reserve("crm", **rate) for _ in range(6)]
    assert answers == [0, 0, SECOND, 2 * SECOND, 3 * SECOND, 3 * SECOND]
    assert await store.limits.reserve("crm", **{**rate, "now": NOW + 3 * SECOND}) == 0


async def test_several_tokens_are_taken_together_and_some_are_left(store: AnyStore) -> None:
    rate = {"per_minute": 60, "burst": 5, "now": NOW}
    assert await store.limits.reserve("crm", **rate, tokens=3) == 0
    assert await store.limits.reserve("crm", **rate, leave=2) == SECOND
    assert await store.limits.reserve("crm", **rate, tokens=3) == SECOND
    assert await store.limits.reserve("crm", **rate, tokens=2) == 0
    with pytest.raises(ValueError, match="never holds"):
        await store.limits.reserve("crm", **rate, tokens=4, leave=2)


@given(
    st.lists(st.tuples(st.integers(0, MINUTE), st.integers(0, 10 * SECOND)), min_size=1, max_size=60),
    st.integers(1, 600),
    st.integers(1, 20),
)
def test_no_window_of_what_begins_is_fuller_than_the_rate(
    calls: list[tuple[int, int]], per_minute: int, burst: int
) -> None:
    """Taken in advance or not: whoever begins when told to keeps the rate."""
    bucket, begun, now = None, list[int](), 0
    for passed, ahead in calls:
        now += passed // len(calls)
        wait, *rest = reserved(bucket, per_minute=per_minute, burst=burst, now=now, ahead=ahead)
        bucket = rest[0], rest[1]
        begun += [now + wait] if wait <= ahead else []
    assert begun == sorted(begun)
    for first, start in enumerate(begun):
        for last in range(first, len(begun)):
            assert last - first + 1 <= burst + 1 + (begun[last] - start) * per_minute // MINUTE
