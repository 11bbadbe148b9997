"""Running the cost suite: the same signals through two homes, one of which asks a model about everything."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from domain.ports.home import Home
from evals.runs import Run
from evals.suites import cost
from graph.record import unpack
from learning.intents import Utterance, utterances
from surfaces.cli.context import Cli
from surfaces.cli.evals_ground import DAYS, FOLDER, PACE
from surfaces.door import Item
from surfaces.replay import Pace, replay, time_of
from surfaces.worker import Worker, deps_of

SIGNALS: Final = 1_000
TALKED: Final = 300
"""Of them, messages in conversations."""
_PACE: Final = Pace(tick_us=PACE.tick_us // 16, count=50, wake_us=PACE.wake_us)


def cost_run(tools: Cli, *, leads: int, seed: int, told: Callable[[str], None]) -> Run:
    """The run of the suite, on a made-up company with conversations of the project's own sentences."""
    said = utterances()
    with TemporaryDirectory(prefix="leadgraph-cost-") as scratch:
        folder = Path(scratch)
        told("a made-up company")
        tools.tools.make_company(folder / FOLDER, leads=leads, seed=seed)
        items = _mixed(tools.tools.company_items(folder / FOLDER, days=DAYS), said, seed)
        spent, decided = {}, {}
        for name in (cost.GATED, cost.ALWAYS):
            told(f"{name}: working off {len(items):,} signals")
            model = cost.ByLabel(said, remembers=name == cost.GATED)
            with tools.open(virtual_clock=True, home=folder / name) as home:
                decided[name] = asyncio.run(
                    _decided(replace(home, model=model), items, always=name == cost.ALWAYS)
                )
            spent[name] = model.spent
    found = cost.traces(decided[cost.GATED], decided[cost.ALWAYS], dataset="leadforge")
    source = f"leadforge, seed {seed}, {leads:,} leads, with {TALKED} messages of the project's own sentences"
    return Run(found, cost.about(found, spent, len(items), source))


def _mixed(company: Sequence[Item], said: Sequence[Utterance], seed: int) -> list[Item]:
    """Signals of a company and conversations of its leads, by time."""
    timed = sorted((at, item) for item in company if (at := time_of(item)) is not None)[: SIGNALS - TALKED]
    first: dict[str, int] = {}
    for at, (_, raw) in timed:
        for key in raw.get("keys", ()) if isinstance(raw, Mapping) else ():
            if key["kind"] == "crm_id":
                first.setdefault(str(key["value"]), at)
    talks = cost.talks(said, list(first.items()), most=TALKED, seed=seed)
    mixed = [(at, raw) for at, (_, raw) in timed] + [(time_of((0, raw)) or 0, raw) for raw in talks]
    return [(number, raw) for number, (_, raw) in enumerate(sorted(mixed, key=lambda one: one[0]))]


async def _decided(home: Home, items: Sequence[Item], *, always: bool) -> list[cost.Decided]:
    deps = deps_of(home)
    if always:
        deps = replace(deps, policy=cost.AskAlways(deps.policy))
    clock: Any = home.clock
    await replay(home, Worker(home, deps), clock, items, pace=_PACE, told=lambda _: None)
    found = []
    async for batch in home.reads.decisions(home.tenant):
        for stored in batch:
            decision = orjson.loads(stored.content)
            if not decision["signals"] or decision["verdict"] is None or stored.record is None:
                continue
            answers = unpack(home.vault.open(home.tenant, stored.record)).answers or {}
            asked = tuple(sorted(place.partition(":")[0] for place in answers))
            found.append(cost.Decided(tuple(decision["signals"]), _parts(decision), asked))
    return found


def _parts(decision: Mapping[str, Any]) -> dict[str, Any]:
    verdict = decision["verdict"]
    return {
        "verdict": verdict["kind"],
        "actions": [action["kind"] for action in verdict["actions"]],
        "top": decision["reading"]["top"],
        "band": decision["band"]["band"],
    }
