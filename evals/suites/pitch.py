"""False pitches: who is handed to sales though they are angry, blocked, leaving or complaining?

The whole desk is asked, not the reader alone: a trace holds what it decided about a talk as it stands at its end.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.handoff import Handoff, Step
from evals.cases import Case, Trace
from evals.pitches import BLOCKED, BUYER, STATES, Scene
from learning.gates import at_least, at_most, overall
from learning.intervals import mean

SUITE: Final = "handoff"
OWN: Final = "own"
MOST_FALSE: Final = 0.05
"""Of customers who are angry, leaving or complaining; a blocked one is never handed over at all."""
LEAST_HANDED: Final = 0.7
"""Of calm buyers: a desk that never hands over pitches nobody."""


def trace_of(scene: Scene, answer: Handoff, seconds: float) -> Trace:
    """What the desk decided; `seconds` is what the decision took."""
    slices = {"state": scene.state, "industry": scene.industry, "register": scene.register}
    return Trace(
        case=Case(
            id=scene.name,
            suite=SUITE,
            dataset=OWN,
            account=scene.name,
            target=int(scene.state == BUYER),
            slices=slices,
        ),
        output={"decision": answer.decision.value, "why": answer.why, "probability": answer.probability},
        seconds=seconds,
    )


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """How many of each state were handed to sales, and the time it took."""
    handed = {
        state: [
            float(t.output["decision"] == Step.HANDOFF.value)
            for t in traces
            if t.case.slices["state"] == state
        ]
        for state in STATES
    }
    upset = [one for state in STATES if state not in (BLOCKED, BUYER) for one in handed[state]]
    seen = {
        "false_pitch_rate": mean(upset, draws=draws, seed=seed),
        "blocked_pitch_rate": mean(handed[BLOCKED], draws=draws, seed=seed),
        "buyers_handed_over": mean(handed[BUYER], draws=draws, seed=seed),
    }
    gates = (
        at_most(seen["false_pitch_rate"], MOST_FALSE, name="false_pitch_rate"),
        at_most(seen["blocked_pitch_rate"], 0.0, name="blocked_pitch_rate"),
        at_least(seen["buyers_handed_over"], LEAST_HANDED, name="buyers_handed_over"),
    )
    return {
        "suite": SUITE, "dataset": OWN, "n": len(traces), "won": len(handed[BUYER]),
        "metrics": {name: one.document() for name, one in seen.items()},
        "by_state": {
            state: {"n": len(found), "handed_to_sales": int(sum(found))} for state, found in handed.items()
        },
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip
