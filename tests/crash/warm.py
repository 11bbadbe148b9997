"""Loads everything that a home needs, once: children of a crash run are forked from a process that has done so."""

import asyncio

from app import throw_away_home
from domain.ports.home import Home
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.door import take
from surfaces.worker import Worker, deps_of


async def _once(home: Home) -> None:
    await take(home, [])
    await worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets))


with throw_away_home() as nothing:
    asyncio.run(_once(nothing))
