"""Where a run goes next: enums in, node names out."""

from typing import Literal, assert_never

from domain.policy import VerdictKind
from graph.state import RunState


def after_ingestion(state: RunState) -> Literal["intent", "__end__"]:
    """A lead that must not be processed ends here (``__end__`` is LangGraph's `END`)."""
    return "__end__" if state["intake"].suppressed else "intent"


def after_policy(state: RunState) -> Literal["actuation", "__end__"]:
    """Acting and asking both need proposals; holding and nothing end the run."""
    match state["verdict"].kind:
        case VerdictKind.ACT | VerdictKind.ASK:
            return "actuation"
        case VerdictKind.HOLD | VerdictKind.NOTHING:
            return "__end__"
        case never:
            assert_never(never)
