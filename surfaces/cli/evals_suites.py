"""Running suites: each gives runs (traces and what is known about them), whatever it runs on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from domain.errors import BadInput
from domain.ports.home import Home
from evals.cases import Trace
from evals.datasets import aged, tables
from evals.entrants import Entrant, baselines_for, learned, rule, trained
from evals.home_table import home_table, leads_of
from evals.runs import Run
from evals.suites import (
    calibration,
    decisions,
    dynamic,
    endpoint,
    injection,
    parity,
    scoring,
    slots,
    trajectories,
)
from evals.tables import Table
from evals.world import World
from learning.families import Family
from learning.rows import Question
from surfaces.cli.context import Cli
from surfaces.cli.evals_cost import cost_run
from surfaces.cli.evals_endpoint import endpoint_run
from surfaces.cli.evals_ground import company_world, ground, world
from surfaces.cli.evals_injection import OWN, injection_run
from surfaces.cli.evals_text import READING, reading_runs

LEARNT: Final = ("scoring", "calibration", "dynamic")
BEHAVIOUR: Final = ("policy", "trajectories", "rationale", "robustness", "parity")
SMOKE: Final = "smoke"
COST: Final = "cost"
ENDPOINT: Final = (endpoint.CITATIONS, endpoint.FAULTS)
SUITES: Final = (*LEARNT, *BEHAVIOUR, *READING, injection.SUITE, *ENDPOINT, COST, SMOKE)
HOME: Final = "home"
SMOKE_LEADS: Final = 1_500
SMOKE_SEED: Final = 11
SMALL: Final = 80
"""Leads of the company whose behaviour is looked at."""
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to run."""

    suite: str
    dataset: str
    question: Question
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    leads: int = 3_000
    limit: int = 200
    """Cases of a behaviour suite; of parity ten times as many."""
    seed: int = 0
    families: tuple[Family, ...] = ("logistic", "lightgbm")
    costs: Mapping[str, float] = field(default_factory=dict)
    """``gain`` and ``cost``, see `evals.figures.Costs`."""


def runs(tools: Cli, wish: Wish, told: Told) -> Iterator[Run]:
    """The runs of a suite, one after the other. Raises: BadInput for an unknown suite or data set, NotEnough."""
    if wish.suite == SMOKE:
        yield from _smoke(tools, wish, told)
    elif wish.suite in LEARNT:
        yield from _learnt(tools, wish, told)
    elif wish.suite == COST:
        yield cost_run(tools, leads=SMALL, seed=wish.seed or SMOKE_SEED, told=told)
    elif wish.suite == injection.SUITE:
        talks = OWN if wish.dataset == "leadforge" else wish.dataset
        yield injection_run(tools, limit=wish.limit, seed=wish.seed, told=told, dataset=talks)
    elif wish.suite in ENDPOINT:
        yield endpoint_run(tools, wish.suite, limit=wish.limit, seed=wish.seed, told=told)
    elif wish.suite in READING:
        yield from reading_runs(tools, wish.suite, wish.dataset, told)
    elif wish.suite in BEHAVIOUR:
        yield from _behaviour(tools, wish, (wish.suite,), told)
    else:
        raise BadInput("suite", f"{wish.suite} is none", f"one of: {', '.join(SUITES)}")


def _smoke(tools: Cli, wish: Wish, told: Told) -> Iterator[Run]:
    """One small company for the learned score, too small to gate on; another for behaviour. No key, no data sets."""
    small = replace(
        wish,
        suite="scoring",
        dataset="leadforge",
        seeds=(SMOKE_SEED,),
        leads=SMOKE_LEADS,
        families=("logistic",),
    )
    for run in _learnt(tools, small, told):
        shown = Run(run.traces, {**run.about, "gates": {}})
        yield shown
        yield as_calibration(shown)
    yield from _behaviour(
        tools, replace(wish, dataset="leadforge", limit=min(wish.limit, 40)), BEHAVIOUR, told
    )
    yield from reading_runs(tools, slots.SUITE, slots.OWN, told)


def as_calibration(run: Run) -> Run:
    """The same answers, looked at for calibration only."""
    cases = [
        t.model_copy(update={"case": t.case.model_copy(update={"suite": calibration.SUITE})})
        for t in run.traces
    ]
    return Run(tuple(cases), run.about)


def _learnt(tools: Cli, wish: Wish, told: Told) -> Iterator[Run]:
    if wish.dataset == HOME:
        with tools.open(exclusive=False) as home:
            yield _judged(wish, asyncio.run(_of_home(home, wish.question)), home.scorer, told)
        return
    with ground(tools, seeds=wish.seeds, leads=wish.leads) as given:
        if wish.suite == dynamic.SUITE:
            notes: list[str] = []
            entrants = (learned(trained(wish.families, notes)), rule(given.scorer))
            found = dynamic.run(aged(given, wish.dataset), entrants, told=told)
            split = "open at 14 days; the same leads in the same part at every age; learnt anew at each age"
            yield Run(found, {"split": split, "source": wish.dataset, "notes": notes})
            return
        for table in tables(given, wish.dataset):
            yield _judged(wish, table, given.scorer, told)


async def _of_home(home: Home, question: Question) -> Table:
    return home_table(home, await leads_of(home), question)


def _judged(wish: Wish, table: Table, scorer: Any, told: Told) -> Run:
    notes: list[str] = []
    entrants: tuple[Entrant, ...] = (learned(trained(wish.families, notes)),)
    if wish.suite == scoring.SUITE:
        entrants += baselines_for(table.name, scorer)
    traces = scoring.run(table, entrants, suite=wish.suite, told=told)
    about = {
        "split": table.split, "source": table.source, "leaks": [dict(leak) for leak in table.leaks],
        "left_out": dict(table.left_out), "gates": dict(table.gates), "notes": [*table.notes, *notes],
        "costs": dict(wish.costs),
    }  # fmt: skip
    return Run(traces, about)


def _behaviour(tools: Cli, wish: Wish, suites: tuple[str, ...], told: Told) -> Iterator[Run]:
    if wish.dataset == HOME:
        with tools.open(exclusive=False) as home:
            known = world(tools, home, name=HOME, seed=wish.seed)
            for suite in suites:
                yield asyncio.run(_acted(known, suite, wish.limit, told))
        return
    if wish.dataset != "leadforge":
        raise BadInput("--dataset", f"{wish.dataset} has no runs to look at", f"one of: leadforge, {HOME}")
    told("a made-up company lives its first forty days")
    with company_world(tools, leads=SMALL, seed=wish.seed or SMOKE_SEED) as made:
        for suite in suites:
            yield asyncio.run(_acted(made, suite, wish.limit, told))


async def _acted(world: World, suite: str, limit: int, told: Told) -> Run:
    told(f"{suite}: asking about {world.name}")
    about: dict[str, Any] = {"source": world.name}
    if suite == trajectories.SUITE:
        found = await trajectories.trajectories(world.home, world.name, 10 * limit)
    elif suite == parity.SUITE:
        leads = await world.leads(limit)
        found = tuple(
            parity.traces(world.home.catalogue, leads, name=world.name, most=10 * limit, seed=world.seed)
        )
    else:
        asked = {
            "policy": decisions.policy,
            "rationale": decisions.rationale,
            "robustness": decisions.robustness,
        }
        made: list[Trace] = [trace async for trace in asked[suite](world, limit)]
        found = tuple(made)
    if suite == "policy":
        about["coverage"] = decisions.coverage(found, world.rules)
    return Run(found, about)
