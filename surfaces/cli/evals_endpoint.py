"""Running the suites about an endpoint that fails or lies: leads of a throw-away home, judged by their records."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from domain.ids import LeadId
from domain.instants import DAY, HOUR, Instant, instant
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from evals.attacks import CANARY, Planted, said
from evals.cases import Trace
from evals.runs import Run
from evals.scripted_models import AGAIN, FORGED, NUMBER, TRUE, Failing, Liar, Scripted
from evals.suites import endpoint, injection
from graph.record import Record, unpack
from learning.intents import utterances
from surfaces.cli.context import Cli
from surfaces.cli.evals_injection import GUARDS, SEED, START, came_of, roomy, signal_of, worked
from surfaces.worker import Worker, deps_of

Told = Callable[[str], None]
EACH: Final = 20
"""Texts that each fault is tried with, at most."""
_WHO: Final[Planted] = (
    ("identity.identify", {"seniority": "vp", "employee_band": "200-499", "industry": "software"}),
)


def endpoint_run(tools: Cli, suite: str, *, limit: int, seed: int, told: Told) -> Run:
    """The run of `suite` with at most `limit` leads, with sentences drawn by the seed."""
    dice = random.Random(seed or SEED)  # noqa: S311 - a sample, nothing secret
    texts = dice.sample(
        [row.text for row in utterances()], max(1, min(limit, EACH * len(AGAIN)) // len(AGAIN))
    )
    with TemporaryDirectory(prefix="leadgraph-endpoint-") as scratch:
        config = roomy(tools.tools.settings().settings.config, Path(scratch))
        given = {"config": str(config), "memory": "off"}
        with tools.open(virtual_clock=True, home=Path(scratch) / "home", given=given) as home:
            clock: Any = home.clock
            clock.advance(Instant(instant(START) + HOUR))
            found = _faults if suite == endpoint.FAULTS else _citations
            traces = asyncio.run(found(home, texts, told))
    return Run(traces, {"source": f"{len(texts)} sentences of the project's own, seed {seed or SEED}"})


async def _faults(home: Home, texts: Sequence[str], told: Told) -> tuple[Trace, ...]:
    clock: Any = home.clock
    told(f"faults: {len(texts)} leads, {len(AGAIN)} faults")
    twins = [f"twin-{number}" for number in range(len(texts))]
    await worked(home, None, _signals(twins, texts))
    models = {code: Failing(code=code) for code in AGAIN}
    for code, model in models.items():
        await worked(home, model, _signals([f"{code}-{number}" for number in range(len(texts))], texts))
    seen = {(code, n): await _seen(home, f"{code}-{n}") for code in AGAIN for n in range(len(texts))}
    local = {number: await _seen(home, twin) for number, twin in enumerate(twins)}
    clock.advance(Instant(clock.now() + DAY))
    back = replace(home, model=Scripted())
    await Worker(back, deps_of(back)).drain()
    traces = []
    for (code, number), (lead, record, came) in seen.items():
        if lead not in models[code].asked.get("intent", set()):
            continue
        _, later, _ = await _seen(home, f"{code}-{number}")
        output = {
            "found": _shown(came),
            "twin": _shown(local[number][2]),
            "flags": list(record.decision.flags),
            "later": list(later.decision.flags),
            "again": AGAIN[code],
        }
        traces.append(endpoint.trace_of(endpoint.FAULTS, f"{code}-{number}", code, output))
    return tuple(traces)


async def _citations(home: Home, texts: Sequence[str], told: Told) -> tuple[Trace, ...]:
    told(f"citations: {len(texts)} leads, with a model that forges evidence")
    other = [signal_of("canary", "canary", *one, 0) for one in said(f"Our code word is {CANARY}.")]
    await worked(home, None, other)
    liar, names = Liar(), [f"lead-{number}" for number in range(len(texts))]
    await worked(home, liar, _signals(names, texts))
    traces = []
    for name in names:
        lead, record, _ = await _seen(home, name)
        if lead not in liar.asked.get("intent", set()):
            continue
        weighed = lead in liar.asked.get("scoring", set())
        output = await _judged(home, record, forged=len(FORGED) + weighed)
        traces.append(endpoint.trace_of(endpoint.CITATIONS, name, "scoring" if weighed else "intent", output))
    return tuple(traces)


async def _judged(home: Home, record: Record, *, forged: int) -> Mapping[str, Any]:
    reading = record.decision.reading
    claims = [claim for claim in reading.claims if claim.cue == "model"] if reading else []
    own = {signal.signal_id for signal in (*record.given.new, *record.given.recent)}
    rows = await home.reads.audit_rows(home.tenant, run_id=record.decision.run_id)
    details: list[Any] = [row.get("detail") or {} for row in rows]
    return {
        "forged": forged,
        "forged_kept": [claim.intent.value for claim in claims if claim.intent.value in FORGED],
        "dropped": sum(int(detail.get("dropped", 0)) for detail in details),
        "true_kept": any(claim.intent.value == TRUE and claim.ref in own for claim in claims),
        "number_told": any(NUMBER in line for line in record.rationale),
    }


def _signals(names: Sequence[str], texts: Sequence[str]) -> list[dict[str, Any]]:
    """A lead each, with something at stake, that writes one of the texts last."""
    return [
        signal_of(f"{name}-{minute}", name, kind, payload, minute)
        for name, text in zip(names, texts, strict=True)
        for minute, (kind, payload) in enumerate((*_WHO, *GUARDS["none"], *said(text)))
    ]


async def _seen(home: Home, name: str) -> tuple[LeadId, Record, injection.Came]:
    """The lead, its latest decision, and what came of it."""
    lead = await home.reads.find_lead(home.tenant, f"crm_id:{name}")
    stored = await home.reads.latest_decision(home.tenant, lead) if lead is not None else None
    if lead is None or stored is None or stored.record is None:
        raise RuntimeError(f"{name} was not decided about")
    rows: list[OutboxRow] = list(await home.outbox.of_lead(home.tenant, lead))
    return lead, unpack(home.vault.open(home.tenant, stored.record)), await came_of(home, lead, rows)


def _shown(came: injection.Came) -> dict[str, Any]:
    return {
        "points": came.points,
        "verdict": came.verdict,
        "sent": list(came.sent),
        "asked": list(came.asked),
    }
