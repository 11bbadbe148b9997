"""The calendar: local time, daylight saving, holidays, freezes; what it gives back is an open moment."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import DAY, MINUTE, Instant, instant, moment
from tests.tools.policy.editing import SHIPPED, PolicyFolder
from tools.policy.calendar import Calendar, RegionCalendar
from tools.policy.evaluator import TablePolicy
from tools.policy.load import load_policy

BERLIN = ZoneInfo("Europe/Berlin")
LOADED = load_policy(SHIPPED)


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    """Instant of a local time."""
    return instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


def local(when: int | None, zone: str = "Europe/Berlin") -> str:
    """Local time of an Instant."""
    assert when is not None
    return moment(Instant(when)).astimezone(ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        # the night to 2026-03-29 (Sunday) has 23 hours, the night to 2026-10-25 (Sunday) has 25
        ("2026-03-26T21:00", "2026-03-27T08:00:00+01:00"),
        ("2026-03-27T21:00", "2026-03-30T08:00:00+02:00"),
        ("2026-03-29T01:59", "2026-03-30T08:00:00+02:00"),
        ("2026-03-29T03:01", "2026-03-30T08:00:00+02:00"),
        ("2026-10-23T21:00", "2026-10-26T08:00:00+01:00"),
        ("2026-03-30T07:59", "2026-03-30T08:00:00+02:00"),
        ("2026-10-26T00:00", "2026-10-26T08:00:00+01:00"),
    ],
)
def test_quiet_hours_end_at_eight_by_the_clock_on_the_wall(policy: TablePolicy, now: str, ends: str) -> None:
    """Whether or not the clocks changed in between."""
    closed, quiet, until = policy.calendar(at(now), "eu")
    assert (closed, quiet) == (False, True)
    assert local(until) == ends


def test_short_and_long_night_differ_by_two_hours() -> None:
    """From 20:00 to 08:00 on a calendar without rest days: 11 hours in spring, 13 in autumn."""
    calendar = Calendar({"default": RegionCalendar(zone="Europe/Berlin", quiet="20:00-08:00")}, {})
    nights = {}
    for day in ("2026-03-28", "2026-06-10", "2026-10-24"):
        _, quiet, ends = calendar.state(at(f"{day}T20:00"), "eu")
        assert quiet
        assert ends is not None
        nights[day] = (ends - at(f"{day}T20:00")) // (60 * MINUTE)
    assert nights == {"2026-03-28": 11, "2026-06-10": 12, "2026-10-24": 13}


def test_hour_that_comes_twice_is_quiet_twice() -> None:
    """Quiet until 02:30 on the night when 02:00 to 03:00 comes twice."""
    calendar = Calendar({"default": RegionCalendar(zone="Europe/Berlin", quiet="22:00-02:30")}, {})
    for fold, ends in ((0, "2026-10-25T02:30:00+02:00"), (1, "2026-10-25T02:30:00+01:00")):
        _, quiet, until = calendar.state(at("2026-10-25T02:10", fold=fold), "eu")
        assert quiet
        assert local(until) == ends


def test_hour_that_is_skipped_still_ends() -> None:
    """Quiet until 02:30 on the night when 02:00 to 03:00 does not exist."""
    calendar = Calendar({"default": RegionCalendar(zone="Europe/Berlin", quiet="22:00-02:30")}, {})
    _, quiet, until = calendar.state(at("2026-03-29T01:30"), "eu")
    assert quiet
    assert local(until) == "2026-03-29T03:30:00+02:00"


def test_holiday_in_one_region_is_a_working_day_in_another(policy: TablePolicy) -> None:
    """3 October is a holiday in Germany only, 4 July in the United States only, Boxing Day not there."""
    assert policy.calendar(at("2025-10-03T12:00"), "eu") == (True, False, at("2025-10-06T08:00"))
    assert policy.calendar(at("2025-10-03T12:00"), "uk") == (False, False, None)
    july = at("2025-07-04T12:00", "America/New_York")
    closed, quiet, until = policy.calendar(july, "us")
    assert (closed, quiet) == (True, False)
    assert local(until, "America/New_York") == "2025-07-07T08:00:00-04:00"
    assert policy.calendar(at("2024-12-26T12:00", "Europe/London"), "uk")[0] is True
    assert policy.calendar(at("2024-12-26T12:00", "America/New_York"), "us")[0] is False


def test_freeze_ends_at_the_next_open_hour(policy: TablePolicy) -> None:
    """The year-end freeze of the shipped calendar runs into a weekend."""
    closed, _, until = policy.calendar(at("2026-12-24T12:00"), "eu")
    assert closed
    assert local(until) == "2027-01-04T08:00:00+01:00"
    assert policy.calendar(at("2026-12-23T12:00"), "eu") == (False, False, None)


def test_region_without_calendar_takes_the_default(policy: TablePolicy) -> None:
    """Which is never closed as shipped."""
    assert policy.calendar(at("2026-03-01T03:00"), "elsewhere") == (False, False, None)


def test_closed_for_ever_still_gives_a_time() -> None:
    """Seven rest days a week are a mistake that must not hang a run."""
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    always = RegionCalendar.model_validate({"zone": "UTC", "rest_days": week})
    calendar = Calendar({"default": always}, {})
    _, quiet, until = calendar.state(0, "eu")
    assert quiet
    assert until is not None
    assert until >= 400 * DAY


def test_version_kept_with_its_holidays_needs_no_library(
    policy: TablePolicy, folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promoted version holds its dates, so that a later release of the library cannot change a replay."""
    from tools.policy.holiday_dates import FILE, as_text

    (folder.path / FILE).write_text(as_text(policy.calendars.holidays))
    monkeypatch.setattr("tools.policy.holiday_dates.expand", lambda *_: pytest.fail("looked up again"))
    kept = load_policy(folder.path)
    assert kept.version == policy.version
    assert kept.calendar(at("2025-10-03T12:00"), "eu")[0] is True


moments = st.integers(instant(datetime(2020, 1, 1, tzinfo=UTC)), instant(datetime(2035, 1, 1, tzinfo=UTC)))


@given(now=moments, region=st.sampled_from(["eu", "uk", "us"]))
def test_the_end_of_a_hold_is_open_and_nothing_before_it_is(now: int, region: str) -> None:
    """So a lead that is woken then is not put off again, and is not kept waiting longer than needed."""
    closed, quiet, until = LOADED.calendar(now, region)
    if not (closed or quiet):
        assert until is None
        return
    assert until is not None
    assert until > now
    assert LOADED.calendar(until, region) == (False, False, None)
    step = max(MINUTE, (until - now) // 50)
    assert all(LOADED.calendar(one, region)[2] == until for one in range(now, until, step))
    assert until - now < 14 * DAY
