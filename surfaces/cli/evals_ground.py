"""What the suites run on: data sets, a made-up company in a throw-away home, or the home itself."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from domain.instants import DAY, instant
from domain.ports.home import Home
from evals.datasets import Ground
from evals.world import World
from surfaces.cli.context import Cli
from surfaces.dispatcher import Dispatcher
from surfaces.door import door_of
from surfaces.replay import Pace, replay
from surfaces.scoring import question
from surfaces.worker import Worker, deps_of

FOLDER: Final = "company"
DAYS: Final = 40
"""Of a made-up company's life, for the suites that look at behaviour."""
PACE: Final = Pace(tick_us=4 * DAY, count=2_000, wake_us=4 * DAY)
LATEST: Final = instant(datetime(2050, 1, 1, tzinfo=UTC))
"""Nothing in a data set is from the future; the door lets history in that is up to fifty years old."""


@contextmanager
def ground(tools: Cli, *, seeds: tuple[int, ...], leads: int) -> Iterator[Ground]:
    """What data sets are made from; nothing is stored."""
    with tools.tools.throw_away_home() as home:
        yield Ground(
            catalogue=home.catalogue,
            scorer=home.scorer,
            door=door_of(home, LATEST),
            reader=tools.tools.source,
            make_company=tools.tools.make_company,
            data=tools.tools.settings().settings.data,
            seeds=seeds,
            leads=leads,
        )


@contextmanager
def company_world(tools: Cli, *, leads: int, seed: int) -> Iterator[World]:
    """A made-up company that has lived forty days: its signals taken in, decided on, and delivered."""
    with TemporaryDirectory(prefix="leadgraph-evals-") as scratch:
        folder = Path(scratch)
        tools.tools.make_company(folder / FOLDER, leads=leads, seed=seed)
        items = tools.tools.company_items(folder / FOLDER, days=DAYS)
        with tools.open(virtual_clock=True, home=folder / "home") as home:
            asyncio.run(_lived(home, items))
            yield world(tools, home, name=f"leadforge, seed {seed}, {leads:,} leads", seed=seed)


async def _lived(home: Home, items: Any) -> None:
    clock: Any = home.clock
    dispatcher = Dispatcher(home, home.targets)
    await replay(
        home, Worker(home, deps_of(home)), clock, items, pace=PACE, told=lambda _: None, then=dispatcher.drain
    )


def world(tools: Cli, home: Home, *, name: str, seed: int) -> World:
    """`home` as the suites ask it."""
    policy = tools.tools.check_policy(tools.tools.policy_folder).policy
    same = policy is not None and policy.version == home.policy.version
    rules = (
        frozenset(f"{table.name}:{row.rule}" for table in policy.tables for row in table.rows) if same else ()
    )
    return World(
        name=name,
        home=home,
        deps=replace(deps_of(home), mind=None),
        ask=partial(question, home),
        rules=frozenset(rules),
        seed=seed,
    )
