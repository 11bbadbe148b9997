"""``python -m tests.fuzz --examples 200 --role admin``: random requests to a home with leads in it, and what failed."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.access import ROLES
from tests.crash.hot import hot_lead
from tests.fuzz.running import PHASES, Found, fuzzed
from tests.surfaces.cli.acting_world import World


def main() -> int:
    """Try, and say what was found. 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="random cases of each operation and phase")
    parser.add_argument("--role", choices=ROLES, default="admin", help="of the key that is shown")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with TemporaryDirectory() as root:
        world = World(Path(root), None)  # type: ignore[arg-type]  # nothing is printed
        world.works(*enumerate(one for n in range(3) for one in hot_lead(120_000, f"lead-{n}")))
        with world.home(given={"memory": "off"}) as home:
            terms = {"role": given.role, "phases": given.phases, "seed": given.seed}
            found = fuzzed(home, examples=given.examples, **terms)
    sys.stdout.write(report(found))
    return int(bool(found.failed))


def report(found: Found) -> str:
    """What was found, a line each."""
    lines = [f"{number:>8,}  {name}" for name, number in sorted(found.statuses.items())]
    lines += [f"{number:>8,}  {name} held" for name, number in sorted(found.held.items())]
    return "\n".join(
        [*lines, *found.failed, f"{found.requests:,} requests, {len(found.failed)} failures", ""]
    )


if __name__ == "__main__":
    sys.exit(main())
