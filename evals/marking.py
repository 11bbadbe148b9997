"""From traces of a behaviour suite to its document: marks per scorer, with an interval, and a gate each."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.errors import BadInput
from evals.cases import Trace
from evals.scorers import SCORERS, Mark
from learning.gates import certain, overall
from learning.intervals import UNKNOWN, Interval, mean

EXAMPLES: Final = 3


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """All scorers of the suite over its traces. Raises: BadInput without traces, or of more than one suite."""
    suites = {trace.case.suite for trace in traces}
    if len(suites) != 1 or not suites <= SCORERS.keys():
        raise BadInput(
            "traces", f"are of {', '.join(sorted(suites)) or 'nothing'}", f"one of {', '.join(SCORERS)}"
        )
    suite = suites.pop()
    accounts = [trace.case.account or trace.case.id for trace in traces]
    marks, gates = {}, []
    for name, scorer in SCORERS[suite].items():
        found = [(who, trace.case.id, mark) for who, trace in zip(accounts, traces, strict=True)
                 if (mark := scorer(trace)) is not None]  # fmt: skip
        broken = [(case, mark) for _, case, mark in found if mark.value < 1]
        seen = mean([m.value for _, _, m in found], clusters=[w for w, _, _ in found], draws=draws, seed=seed)
        if seen is UNKNOWN and found:
            seen = _plain([mark for _, _, mark in found])
        marks[name] = {"n": len(found), **seen.document(), "examples": _examples(broken)}
        gates.append(certain(name, broken=len(broken), of=len(found)))
    return {
        "suite": suite, "dataset": traces[0].case.dataset, "n": len(traces), "marks": marks,
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip


def _plain(marks: Sequence[Mark]) -> Interval:
    return Interval(sum(mark.value for mark in marks) / len(marks))


def _examples(broken: Sequence[tuple[str, Mark]]) -> list[str]:
    return [f"{case}: {mark.note}"[:200] for case, mark in broken[:EXAMPLES]]
