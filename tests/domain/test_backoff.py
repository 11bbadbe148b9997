"""Waits between tries: bounded, growing, spread out, and the same each time."""

from hypothesis import given
from hypothesis import strategies as st

from domain.backoff import FIRST, LONGEST, tries_in, upper_us, wait_us
from domain.instants import DAY, HOUR, SECOND

ATTEMPTS = st.integers(-3, 10_000)


@given(ATTEMPTS, st.text(max_size=30), st.floats(allow_nan=True, allow_infinity=True))
def test_a_wait_is_bounded_and_never_shorter_than_asked(attempt: int, seed: str, asked: float) -> None:
    wait = wait_us(attempt, seed, retry_after_s=asked)
    upper = upper_us(attempt)
    assert FIRST <= upper <= LONGEST
    assert upper // 4 <= wait <= upper + DAY
    if 0 <= asked <= DAY / SECOND:
        assert round(asked * SECOND) <= wait <= round(asked * SECOND) + upper


@given(ATTEMPTS)
def test_the_longest_wait_never_shrinks(attempt: int) -> None:
    assert upper_us(attempt) <= upper_us(attempt + 1)


@given(ATTEMPTS, st.text(max_size=30))
def test_a_replay_waits_as_long(attempt: int, seed: str) -> None:
    assert wait_us(attempt, seed) == wait_us(attempt, seed)


def test_a_thousand_actions_that_failed_together_come_back_apart() -> None:
    for asked in (0.0, 60.0):
        waits = [wait_us(8, f"ac_{number}_0", retry_after_s=asked) for number in range(1_000)]
        upper, start = upper_us(8), round(asked * SECOND)
        tenths = [0] * 10
        for wait in waits:
            tenths[min(9, (wait - start - upper // 4) * 10 // (upper - upper // 4))] += 1
        assert min(tenths) >= 60
        assert max(tenths) <= 140
        assert len(set(waits)) > 990


@given(st.integers(0, 90 * DAY), st.integers(0, HOUR))
def test_older_means_more_tries(elapsed: int, more: int) -> None:
    assert 1 <= tries_in(elapsed) <= tries_in(elapsed + more)


def test_tries_by_age_follow_the_longest_waits() -> None:
    elapsed = 0
    for attempt in range(1, 60):
        assert tries_in(elapsed) == attempt
        elapsed += upper_us(attempt)
