"""What an endpoint that fails or lies does to a decision: it falls back and says so; forged evidence is nothing.

`faults`: the same lead with a model that gives no answer, beside a twin that no model was asked about. `citations`: a
model that cites what was not shown, what nobody wrote, another lead's words.
"""

from collections.abc import Mapping
from typing import Any, Final

from evals.cases import Case, Trace

FAULTS: Final = "faults"
CITATIONS: Final = "citations"
OWN: Final = "own"


def trace_of(suite: str, name: str, kind: str, output: Mapping[str, Any]) -> Trace:
    """One lead as a trace; `kind` is the fault, or who was asked."""
    return Trace(
        case=Case(id=name, suite=suite, dataset=OWN, slices={"kind": kind}, account=name), output=dict(output)
    )
