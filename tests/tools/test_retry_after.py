"""How long a server may keep us away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import Instant
from tools.retry_after import LONGEST_S, USUAL_S, retry_after_s

NOW = Instant(1_700_000_000_000_000)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("-30", 0.0),
        ("+30", 30.0),
        ("+-5", USUAL_S),
        ("--5", USUAL_S),
        ("+", USUAL_S),
        ("3601", LONGEST_S),
        ("9" * 400, LONGEST_S),
        ("-" + "9" * 400, 0.0),
        (None, USUAL_S),
        ("", USUAL_S),
        ("soon", USUAL_S),
        ("1.5", USUAL_S),
        ("1e9", USUAL_S),
        ("٣", USUAL_S),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
        ("Tue, 14 Nov 2023 22:15:20 -0000", 120.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("Tue, 14 Nov 2034 22:00:00 GMT", LONGEST_S),
        ("Tue, 14 Nov 99999 22:00:00 GMT", USUAL_S),
        ("Tue, 34 Nov 2023 22:00:00 GMT", USUAL_S),
    ],
)
def test_seconds_and_dates_are_read_and_bounded(header: str | None, seconds: float) -> None:
    assert retry_after_s(header, now=NOW) == seconds


@given(st.text(max_size=60))
def test_no_header_breaks_it(header: str) -> None:
    assert 0.0 <= retry_after_s(header, now=NOW) <= LONGEST_S
