"""One lead's run: bare LangGraph, our graph in process, and our graph with claim and commit."""

from dataclasses import replace
from time import process_time
from typing import Any

from benchmarks.bare import INPUT, bare_graph
from benchmarks.made_up import START, fresh, signals
from benchmarks.timing import in_turn
from domain.decision import RunInput
from domain.ids import RunId
from domain.instants import HOUR, SECOND, Instant
from domain.ports.home import Home
from graph.build import build_graph
from graph.run import run_lead
from surfaces.door import Item, take
from surfaces.worker import Worker, deps_of

EVENTS = 20
LEADS = 64
ROUNDS = 40
NOW = Instant(START + 30 * HOUR)


async def fill(home: Home, leads: int, each: int, *, first: int = 0) -> None:
    """Send `leads` x `each` signals through the door, in batches of 1,000."""
    clock: Any = home.clock
    clock.advance(NOW)
    batch: list[Item] = []
    for number, raw in enumerate(signals(leads, each, first=first)):
        batch.append((number, raw))
        if len(batch) == 1_000:
            await take(home, batch)
            batch = []
    if batch:
        await take(home, batch)


async def measure(home: Home) -> dict[str, Any]:
    """Medians in ms of processor time a run, and their ratios to bare LangGraph in the same minute."""
    await fill(home, LEADS, EVENTS)
    worker = Worker(home, deps_of(home), batch=LEADS)
    await worker.drain()
    bare, native = bare_graph(), bare_graph(timeout=5.0)
    graph, deps = build_graph(), deps_of(home)
    given = await typical(home)

    costs = await in_turn(
        {
            "bare_langgraph": lambda: bare.ainvoke(INPUT),
            "bare_langgraph_native_timeouts": lambda: native.ainvoke(INPUT),
            "run_in_process": lambda: run_lead(graph, deps, given),
        }
    )
    committed = await _committed(home, worker)
    anchor = costs["bare_langgraph"].cpu_ms
    document: dict[str, Any] = {
        "ratio_run_to_bare": round(costs["run_in_process"].cpu_ms / anchor, 2),
        "ratio_run_with_store_to_bare": round(committed / anchor, 2),
    }
    document |= {f"{name}_cpu_ms": round(cost.cpu_ms, 3) for name, cost in costs.items()}
    document["run_with_store_cpu_ms"] = round(committed, 3)
    return document


async def typical(home: Home) -> RunInput:
    """A lead of `EVENTS` signals with one new: what a run in production mostly sees."""
    await _one_new_each(home, 0)
    claimed = await home.work.claim(now=home.clock.now(), limit=1, lease_us=30 * SECOND)
    one = claimed[0]
    await home.work.fail(
        one.claim, code="bench", counts=False, retry_at=home.clock.now(), now=home.clock.now()
    )
    return replace(one.given, run_id=RunId("rn_bench"), versions=home.versions)


async def _one_new_each(home: Home, turn: int) -> None:
    clock: Any = home.clock
    clock.advance(Instant(home.clock.now() + 60 * SECOND))
    at = home.clock.now()
    await take(home, [(lead, fresh(lead, turn * LEADS + lead, at)) for lead in range(LEADS)])


async def _committed(home: Home, worker: Worker) -> float:
    """Processor ms a lead of claim, run and group commit, one new signal each; the door's own work left out."""
    spent, runs = 0.0, 0
    for turn in range(1, ROUNDS + 1):
        await _one_new_each(home, turn)
        started = process_time()
        tally = await worker.drain()
        spent += process_time() - started
        runs += tally.decisions
    return spent / max(runs, 1) * 1_000
