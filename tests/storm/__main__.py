"""A storm of any size: ``python -m tests.storm [--deliveries 10000] [--ends 2] [--no-worker] [--seed 1]``.

One JSON document on stdout. The exit code is 1 if anything was lost, doubled or not accounted for.
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.instants import SECOND
from tests.storm.deliveries import hot, storm, talks
from tests.storm.judging import FAULTS
from tests.storm.running import weathered
from tools.clock import SystemClock


def main() -> int:
    """Run one storm."""
    asked = argparse.ArgumentParser(prog="python -m tests.storm")
    asked.add_argument("--deliveries", type=int, default=10_000)
    asked.add_argument("--ends", type=int, default=0, help="stops and kills of the server, in turn")
    asked.add_argument("--no-worker", action="store_true", help="take in only, as with serve --no-worker")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    now_s = SystemClock().now() // SECOND
    first = hot(10, now_s=now_s) + talks(now_s=now_s)
    deliveries = first + storm(given.deliveries - len(first), seed=given.seed, now_s=now_s)
    deeds = [(signal.SIGTERM, signal.SIGKILL)[n % 2] for n in range(given.ends)]
    with TemporaryDirectory(prefix="storm-") as folder:
        found = weathered(Path(folder), deliveries, deeds=deeds, worker=not given.no_worker)
    sys.stdout.write(json.dumps(found) + "\n")
    ends = sum(found[name] for name in ("accepted", "duplicates", "quarantined", "ignored"))
    return int(any(found[name] for name in FAULTS) or ends != found["events"])


if __name__ == "__main__":
    sys.exit(main())
