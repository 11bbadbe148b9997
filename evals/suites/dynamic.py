"""Dynamic against static: the same leads judged at creation and after some days; what do the signals add?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from domain.errors import BadInput
from evals.cases import Trace
from evals.entrants import Entrant
from evals.figures import Costs, Judged
from evals.suites import scoring
from evals.tables import Table
from learning import metrics
from learning.gates import smallest_seen
from learning.intervals import interval, mean, paired

SUITE: Final = "dynamic"
AGE: Final = "age"


def run(
    tables: Iterable[tuple[str, Table]], entrants: Sequence[Entrant], *, told: scoring.Told = lambda _: None
) -> tuple[Trace, ...]:
    """All ages, each learnt and judged for itself; ``age`` is a slice of each case.

    Raises: as `scoring.run`.
    """
    traces: list[Trace] = []
    for age, table in tables:
        for trace in scoring.run(table, entrants, suite=SUITE, told=told):
            name = table.name.split(",")[0]
            cut = {**trace.case.slices, AGE: age}
            case = trace.case.model_copy(
                update={"dataset": name, "slices": cut, "id": f"{trace.case.id}#{age}"}
            )
            traces.append(trace.model_copy(update={"case": case}))
    return tuple(traces)


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """AUC and lift by age, and how much each age adds to the first: paired, lead by lead.

    Raises: BadInput if an age lacks leads that another has.
    """
    by_age: dict[str, list[Trace]] = {}
    for trace in traces:
        by_age.setdefault(trace.case.slices.get(AGE, ""), []).append(trace)
    found = {age: scoring.judged(sorted(of_age, key=_lead)) for age, of_age in by_age.items()}
    leads = {age: sorted(map(_lead, of_age)) for age, of_age in by_age.items()}
    first = next(iter(found))
    if any(names != leads[first] for names in leads.values()):
        raise BadInput("traces", "have other leads at other ages", "judge the same leads at every age")
    ages = [_age(age, one, found[first], draws=draws, seed=seed) for age, one in found.items()]
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "split": about.get("split", ""),
        "n": len(leads[first]), "base_rate": round(float(found[first].y.mean()), 6), "entrant": found[first].main,
        "ages": ages, "gates": [], "answer": "not gated",
        "time_to_qualification": qualified_after(found, draws=draws, seed=seed),
    }  # fmt: skip


def _lead(trace: Trace) -> str:
    return str(trace.case.given.get("lead_id", trace.case.id))


def _age(age: str, found: Judged, first: Judged, *, draws: int, seed: int) -> dict[str, Any]:
    p, whose = found.said[found.main], found.accounts
    gain = paired("auc", found.y, p, first.said[first.main], clusters=whose, draws=draws, seed=seed)
    told = {
        "age": age,
        "n": len(found.y),
        "auc": interval("auc", found.y, p, clusters=whose, draws=draws, seed=seed).document(),
        "lift_at_10": interval("lift_at_10", found.y, p, clusters=whose, draws=draws, seed=seed).document(),
        "gain": gain.document(),
        "others": {name: round(metrics.auc(found.y, found.said[name]), 6) for name in found.others},
    }
    return told | ({"smallest_seen": round(smallest_seen(gain.se), 6)} if gain.se else {})


def qualified_after(found: Mapping[str, Judged], *, draws: int, seed: int) -> dict[str, Any]:
    """Of the leads that were won: the share flagged worth their work by each age, at the usual cost matrix."""
    line = metrics.break_even(Costs().gain, Costs().cost)
    flagged = None
    told: dict[str, Any] = {"flagged_from": line, "won_flagged_by": {}}
    for age, one in found.items():
        now = one.said[one.main] >= line
        flagged = now if flagged is None else flagged | now
        won = one.y == 1
        whose = np.asarray(one.accounts)[won]
        told["won_flagged_by"][age] = mean(
            flagged[won].astype(np.float64), clusters=whose, draws=draws, seed=seed
        ).document()
    return told
