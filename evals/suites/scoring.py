"""The scoring suite: every entrant learns from the same rows and judges the same rows; one trace per row judged."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from domain.errors import BadInput
from evals.cases import Case, Trace, checked
from evals.entrants import MAIN, RULE, Entrant
from evals.figures import Costs, Judged, baseline_figures, main_figures, slices
from evals.tables import KEYS, Fold, Table, checked_folds
from learning import metrics
from learning.gates import Gate, at_least, at_most, non_inferior, overall
from learning.intervals import Interval, paired
from learning.weighted import Floats

SUITE: Final = "scoring"
LEFT_OF_SLICES: Final = frozenset({"fold"})
Told = Callable[[str], None]


def run(
    table: Table, entrants: Sequence[Entrant], *, suite: str = SUITE, told: Told = lambda _: None
) -> tuple[Trace, ...]:
    """Let all entrants learn and judge, fold by fold.

    Raises: BadInput if an account is in both parts, NotEnough if the learned score has too little to learn from.
    """
    traces: list[Trace] = []
    for number, fold in enumerate(checked_folds(table.folds)):
        traces += _fold(table, entrants, fold, number, suite=suite, told=told)
    checked([trace.case for trace in traces])
    return tuple(traces)


def _fold(
    table: Table, entrants: Sequence[Entrant], fold: Fold, number: int, *, suite: str, told: Told
) -> Iterator[Trace]:
    train, test = fold
    said: dict[str, dict[str, Floats]] = {"probability": {}, "points": {}}
    took = 0.0
    for entrant in entrants:
        told(f"{table.name}: {entrant.name} learns from {train.frame.height:,} of fold {number + 1}")
        judge = entrant.fit(table, train)
        started = time.perf_counter()
        said[entrant.kind][entrant.name] = judge(test)
        if entrant.name == MAIN:
            took = (time.perf_counter() - started) / max(1, test.frame.height)
    slices_by_row = table.slices_of(test).iter_rows(named=True)
    for at, (row, cut) in enumerate(zip(test.frame.iter_rows(named=True), slices_by_row, strict=True)):
        case = Case(
            id=f"{row['lead_id']}@{row['as_of']}",
            suite=suite,
            dataset=table.name,
            account=row["account"],
            at=row["as_of"] if test.order == "times" else None,
            target=int(row["label"]),
            slices={**cut, "fold": str(number)},
            given={name: row[name] for name in KEYS},
        )
        output = {
            kind: {name: round(float(values[at]), 9) for name, values in by_name.items()}
            for kind, by_name in said.items()
        }
        yield Trace(case=case, output=output, seconds=took)


def judged(traces: Sequence[Trace]) -> Judged:
    """Traces as columns. Raises: BadInput if there are none, or entrants differ between them."""
    if not traces:
        raise BadInput("traces", "there are none", "run the suite first")
    names = [(kind, name) for kind, by_name in traces[0].output.items() for name in by_name]
    try:
        said = {n: np.array([float(trace.output[kind][n]) for trace in traces]) for kind, n in names}
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("traces", f"lack an answer ({error})", "give every entrant's answer in each") from None
    cuts = {name for trace in traces for name in trace.case.slices} - LEFT_OF_SLICES
    return Judged(
        y=np.array([float(trace.case.target == 1) for trace in traces]),
        said=said,
        points=frozenset(name for kind, name in names if kind == "points"),
        accounts=tuple(t.case.account or str(t.case.given.get("lead_id", t.case.id)) for t in traces),
        slices={name: tuple(t.case.slices.get(name, "none") for t in traces) for name in sorted(cuts)},
        seconds=tuple(trace.seconds for trace in traces if trace.seconds is not None),
    )


def score(
    traces: Sequence[Trace],
    about: Mapping[str, Any],
    *,
    costs: Costs | None = None,
    draws: int = 1_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything the report says, from the traces alone; `about` is what they cannot know (split, leaks, bounds)."""
    found = judged(traces)
    main = main_figures(found, costs=costs or Costs(), draws=draws, seed=seed)
    differences = {
        name: {"auc": paired("auc", found.y, found.said[found.main], found.said[name], clusters=found.accounts,
                             draws=draws, seed=seed)}
        for name in found.others
    }  # fmt: skip
    baselines = baseline_figures(found, draws=draws, seed=seed)
    gates = gates_of(about.get("gates", {}), found, differences, main["intervals"])
    document = {
        "suite": SUITE,
        "dataset": traces[0].case.dataset,
        "split": about.get("split", ""),
        "n": len(found.y),
        "won": int(found.y.sum()),
        "base_rate": round(float(found.y.mean()), 6),
        "entrant": found.main,
        "metrics": {name: seen.document() for name, seen in main["intervals"].items()},
        "baselines": {n: {m: s.document() for m, s in by.items()} for n, by in baselines.items()},
        "differences": {n: {m: _with_se(s) for m, s in by.items()} for n, by in differences.items()},
        "slices": slices(found, draws=max(200, draws // 4), seed=seed),
        "gates": [gate.document() for gate in gates],
        "answer": overall(gates) if gates else "not gated",
        "leaks": list(about.get("leaks", ())),
        **main["more"],
    }
    return document | {name: about[name] for name in ("left_out", "notes", "source", "card") if name in about}


def _with_se(seen: Interval) -> dict[str, float | None]:
    return {**seen.document(), "se": None if seen.se is None else round(seen.se, 6)}


def gates_of(
    bounds: Mapping[str, float],
    found: Judged,
    differences: Mapping[str, Mapping[str, Interval]],
    figures: Mapping[str, Interval],
) -> tuple[Gate, ...]:
    """``margin``: not worse than the best baseline; ``ece``: calibrated; ``beats_rule``: better than the rule."""
    gates: list[Gate] = []
    if "margin" in bounds and found.others:
        best = max(found.others, key=lambda name: metrics.auc(found.y, found.said[name]))
        seen = differences[best]["auc"]
        gates.append(non_inferior(seen, margin=bounds["margin"], name=f"auc_non_inferior_to_{best}"))
    if "ece" in bounds and "ece" in figures:
        gates.append(at_most(figures["ece"], bounds["ece"], name="ece"))
    if "beats_rule" in bounds and RULE in differences:
        gates.append(at_least(differences[RULE]["auc"], bounds["beats_rule"], name=f"auc_above_{RULE}"))
    return tuple(gates)
