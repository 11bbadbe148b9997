"""``python -m tests.crash``: kills of real processes at every boundary, then at random moments under load.

Each case is drawn from a seed and shown again by the command that is printed with it.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.crash.load import Round
from tests.crash.points import Case, undisturbed, undisturbed_acting
from tests.crash.stopped import INSIDE, OUTSIDE, REAL, SHORT, stopped_at
from tests.crash.test_kill import POINTS as TAKING_IN
from tests.crash.test_kill_acting import POINTS as ACTING

A_ROUND: Final = 25
"""Random kills in one round: a home of its own."""
LEADS_A_KILL: Final = 5


@dataclass(frozen=True)
class Told:
    """What a case came to; `broken` is empty if every promise held, `seen` what there was to judge."""

    name: str
    command: str
    broken: list[str]
    seen: Counter[str] = field(default_factory=Counter)


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def cases(each: int, seed: int, only: str) -> list[Case]:
    """Each point `each` times, its occurrence drawn from the seed among all there are."""
    parts = {"taking in": (TAKING_IN, undisturbed().reached), "acting": (ACTING, undisturbed_acting())}
    return [
        Case(part, point, dice.randint(1, reached[point]))
        for part, (points, reached) in parts.items()
        for point in dict.fromkeys(name for name, _ in points)
        if only in ("", point)
        for dice in [random.Random(f"{seed}/{part}/{point}")]
        for _ in range(each * sum(name == point for name, _ in points))
    ]


def one_point(case: Case) -> Told:
    name = f"{case.part}: {case.point}, time {case.nth}"
    command = f"--part '{case.part}' --point {case.point} --nth {case.nth}"
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        try:
            broken = case.run(Path(folder))
        except AssertionError as error:
            broken = [str(error)]
    return Told(name, command, broken, Counter(kills=1, restarts=1))


def one_round(given: tuple[int, int]) -> Told:
    seed, kills = given
    one = Round(seed, kills, LEADS_A_KILL * kills)
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        try:
            found, broken = one.run(Path(folder))
        except AssertionError as error:
            return Told(f"round {seed}", f"--random {kills} --seed {seed}", [str(error)])
    seen = Counter(
        kills=sum(n for who, n in one.told.items() if who.startswith("killed")),
        restarts=one.told.total(),
        signals=len(found.signals),
        decisions=len(found.decisions),
        effects=len(found.ledger),
        approvals=len(found.approvals),
        audit_rows=len(found.audit),
    )
    return Told(f"round {seed}", f"--random {kills} --seed {seed}", broken, seen)


def rounds(kills: int, seed: int) -> list[tuple[int, int]]:
    """(seed, kills) of each round."""
    sizes = [min(A_ROUND, kills - start) for start in range(0, kills, A_ROUND)]
    return [(seed + number, size) for number, size in enumerate(sizes)]


def one_stop(point: str, lease_us: int) -> Told:
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        try:
            ended = stopped_at(Path(folder), point, lease_us)
        except AssertionError as error:
            return Told(f"stopped at {point}", "--stopped", [str(error)])
    seen = Counter(stops=1, decisions=len(ended.found.decisions), effects=len(ended.found.ledger))
    return Told(f"stopped at {point}", "--stopped", ended.broken(), seen)


def tell(told: Iterable[Told], number: int) -> int:
    """Show what broke, progress and a summary; how many broke."""
    began, bad, seen = time.perf_counter(), 0, Counter[str]()
    for done, one in enumerate(told, 1):
        seen.update(one.seen)
        if one.broken:
            bad += 1
            say(f"{one.name}: {'; '.join(one.broken)}\n  again: python -m tests.crash {one.command}")
        if done % max(1, number // 20) == 0:
            say(f"{done:>6} of {number}, {bad} broken, {time.perf_counter() - began:.0f} s")
    figures = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in seen.items())
    say(f"{number - bad} of {number} held every promise in {time.perf_counter() - began:.0f} s: {figures}")
    return bad


def points(found: list[Case], jobs: int) -> Iterator[Told]:
    """Several at a time: a case mostly waits for its processes."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one_point, found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--each", type=int, default=None, help="kills at each point (25)")
    parser.add_argument("--random", type=int, default=None, help="kills at random moments under load (100)")
    parser.add_argument("--stopped", action="store_true", help="stopped workers, with leases of 30 s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--point", default="", help="this point only")
    parser.add_argument("--part", choices=["taking in", "acting"], help="with --point and --nth: one kill")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="kills at points at a time")
    return parser.parse_args()


def main() -> int:
    """Read the command line; 0 if everything held."""
    given, bad = arguments(), 0
    chosen = given.stopped or given.each is not None or given.random is not None or given.point
    each = given.each if chosen else 25
    kills = given.random if chosen else 100
    if given.part:
        return tell([one_point(Case(given.part, given.point, given.nth))], 1)
    if each or given.point:
        found = cases(each or 1, given.seed, given.point)
        say(f"kills at {len({case.point for case in found})} points, {len(found)} in all")
        bad += tell(points(found, given.jobs), len(found))
    if kills:
        planned = rounds(kills, given.seed)
        say(
            f"{kills} kills at random moments, in {len(planned)} rounds: three workers and a door on one home"
        )
        bad += tell(map(one_round, planned), len(planned))
    if given.stopped or not chosen:
        lease = REAL if given.stopped else SHORT
        say(f"workers stopped for longer than their lease of {lease // 1_000_000} s")
        bad += tell((one_stop(point, lease) for point in (*OUTSIDE, *INSIDE)), len(OUTSIDE + INSIDE))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
