"""``make chaos``: histories of many seeds, then the kills of real processes; what was seen, and what broke.

``python -m tests.chaos --seeds 1000`` runs seeds 0 to 999; ``--seed N --trace`` shows one step by step.
"""

import argparse
import asyncio
import importlib.util
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.simulation import Broken, History

ROOT: Final = Path(__file__).resolve().parents[2]
SHARE: Final = 20
"""Progress is told this many times."""


@dataclass(frozen=True)
class Told:
    """What one seed came to: `broken` is empty if every promise held."""

    seed: int
    broken: str
    seen: dict[str, int]
    steps: int


def one(seed: int, disk: bool | None = None) -> Told:
    """Run one seed."""
    history = History(seed, disk)
    try:
        asyncio.run(history.run())
    except Broken as broken:
        return Told(seed, str(broken), history.seen, history.step)
    return Told(seed, "", history.seen, history.step)


def many(seeds: Iterable[int], jobs: int) -> Iterator[Told]:
    """Run all seeds, several at a time."""
    if jobs == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, seeds, chunksize=4)


def say(words: str) -> None:
    """A line of the report."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def show(seed: int, disk: bool | None) -> int:
    """One seed, step by step. 1 if a promise was broken."""
    history = History(seed, disk, on_step=say)
    say(f"seed {seed}: target {history.delivery.value}, store {'on disk' if history.disk else 'in memory'}")
    try:
        asyncio.run(history.run())
    except Broken as broken:
        say(str(broken))
        return 1
    say("every promise held")
    return 0


def run(first: int, number: int, jobs: int) -> int:
    """All seeds, with progress and a summary; how many broke."""
    began, total, bad, steps = time.perf_counter(), Counter[str](), 0, 0
    for done, told in enumerate(many(range(first, first + number), jobs), 1):
        total.update(told.seen)
        bad, steps = bad + bool(told.broken), steps + told.steps
        if told.broken:
            say(told.broken)
        if done % max(1, number // SHARE) == 0:
            say(f"{done:>6} of {number} seeds, {bad} broken, {time.perf_counter() - began:.0f} s")
    counts = ", ".join(f"{name} {total[name]:,}" for name in sorted(total))
    say(f"{number - bad} of {number} seeds held every promise, {steps:,} steps")
    say(f"seen: {counts}")
    return bad


def kills() -> int:
    """The kills of real processes, by their own command if they have one. 0 if they hold."""
    own = importlib.util.find_spec("tests.crash.__main__") is not None
    command = ["tests.crash"] if own else ["pytest", "-q", "-n", "0", "tests/crash"]
    say(f"kills of real processes: python -m {' '.join(command)}" + ("" if own else " (each point once)"))
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def main() -> int:
    """Read the command line; 0 if everything held."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one history only")
    parser.add_argument("--trace", action="store_true", help="show it step by step")
    parser.add_argument("--disk", action=argparse.BooleanOptionalAction, help="with --seed: which store")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="histories at a time")
    parser.add_argument("--kills", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    if given.seed is not None and given.trace:
        return show(given.seed, given.disk)
    if given.seed is not None:
        told = one(given.seed, given.disk)
        say(told.broken or "every promise held")
        return int(bool(told.broken))
    bad = run(given.first, given.seeds, max(1, given.jobs))
    failed = kills() if given.kills else 0
    return int(bool(bad or failed))


if __name__ == "__main__":
    sys.exit(main())
