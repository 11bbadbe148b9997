"""Nothing is lost and nothing doubled when all vendors send at once, also over a stop and a kill of the server."""

import signal
from pathlib import Path

import pytest

from domain.instants import SECOND
from tests.storm.deliveries import hot, storm, talks
from tests.storm.judging import FAULTS
from tests.storm.running import weathered
from tools.clock import SystemClock


@pytest.mark.slow
def test_everything_that_is_sent_over_a_stop_and_a_kill_is_there_once(tmp_path: Path) -> None:
    now_s = SystemClock().now() // SECOND
    deliveries = hot(2, now_s=now_s) + talks(now_s=now_s) + storm(110, seed=7, now_s=now_s)
    found = weathered(tmp_path, deliveries, deeds=(signal.SIGTERM, signal.SIGKILL))
    assert {name: found[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    ends = [found[name] for name in ("accepted", "duplicates", "quarantined", "ignored")]
    assert sum(ends) == found["events"]
    assert min(*ends, *(found[name] for name in ("effects", "notes", "told"))) > 0
