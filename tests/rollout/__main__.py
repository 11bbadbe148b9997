"""``python -m tests.rollout``: in a made-up market a bad challenger is stopped in its canary, a good one promoted."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rollout.market import BASE, EACH, Market, market, package

DAYS = 40


def main() -> int:
    """Show both; 0 if both ended as they should."""
    with TemporaryDirectory(prefix="leadgraph-") as folder, market(Path(folder)) as world:
        good = world.register(package(world.home))
        flipped = world.register(package(world.home, each=-EACH, base=BASE + 8 * EACH))
        better = world.register(package(world.home, note="another training of the same"))
        world.promote(good)
        world.live(2)
        stopped = _rolled_out(world, flipped, "stopped")
        finished = _rolled_out(world, better, "finished")
        for change in world.models.history():
            _say(f"{change.number:2} {change.what:10} {change.version}  {change.comment[:150]}")
        by_version: dict[str, int] = {}
        for decision in world.decisions():
            if decision["score"] is not None:
                version = decision["versions"]["scorer"]
                by_version[version] = by_version.get(version, 0) + 1
        _say(f"decisions by package: {by_version}")
    return 0 if stopped and finished else 1


def _rolled_out(world: Market, version: str, end: str) -> bool:
    world.start(version)
    began = world.day
    while world.models.standing().rollout is not None and world.day < began + DAYS:
        world.live(1)
    last = world.models.history()[-1]
    _say(f"{version}: {last.what} after {world.day - began} days")
    return last.what == end


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    sys.exit(main())
