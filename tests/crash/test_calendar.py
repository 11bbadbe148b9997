"""A lead that is hot at night is called when the office opens there, whatever the night does to the clock."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from app import open_home
from domain.action import ActionKind
from domain.instants import MINUTE, SECOND, Instant, instant
from domain.ports.home import Home
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.door import take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead
from tools.clock import ReplayClock


def tasks(home: Home) -> int:
    """Work everything off; how many tasks there are then."""
    asyncio.run(worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets)))
    return sum(row.kind is ActionKind.CREATE_TASK for row in asyncio.run(home.outbox.rows(home.tenant)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "region", "opens"),
    [
        ("2026-03-08T03:00:00Z", "us", "2026-03-09T12:00:00Z"),
        ("2026-11-01T02:00:00Z", "us", "2026-11-02T13:00:00Z"),
        ("2026-03-28T21:00:00Z", "eu", "2026-03-30T06:00:00Z"),
        ("2026-10-24T21:00:00Z", "eu", "2026-10-26T07:00:00Z"),
        ("2028-02-28T22:00:00Z", "eu", "2028-02-29T07:00:00Z"),
    ],
    ids=["us-spring", "us-autumn", "eu-spring", "eu-autumn", "leap-day"],
)
def test_a_task_waits_for_eight_in_the_morning_over_clock_changes_and_the_leap_day(
    said: str, region: str, opens: str, tmp_path: Path
) -> None:
    at, opening = datetime.fromisoformat(said), instant(datetime.fromisoformat(opens))
    signals = [
        {
            **raw,
            "occurred_at": (datetime.fromisoformat(raw["occurred_at"]) + (at - START)).isoformat(),
            "region": region,
        }
        for raw in hot_lead(20_000)
    ]
    clock = ReplayClock(Instant(instant(at) + 10 * MINUTE))
    with open_home(home=tmp_path / "home", clock=clock) as home:
        asyncio.run(take(home, list(enumerate(signals))))
        assert tasks(home) == 0
        clock.advance(Instant(opening - SECOND))
        assert tasks(home) == 0
        clock.advance(Instant(opening))
        assert tasks(home) == 1
