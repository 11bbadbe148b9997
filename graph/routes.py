"""Where a run goes next: enums in, node names out."""

from typing import Literal, assert_never

from domain.policy import VerdictKind
from graph.state import RunState


async def after_ingestion(state: RunState) -> Literal["intent", "stop"]:
    """A lead that must not be processed stops here."""
    return "stop" if state["intake"].suppressed else "intent"


async def after_policy(state: RunState) -> Literal["act", "ask", "hold", "nothing"]:
    """Acting and asking both need proposals; holding and nothing end the run."""
    match state["verdict"].kind:
        case VerdictKind.ACT:
            return "act"
        case VerdictKind.ASK:
            return "ask"
        case VerdictKind.HOLD:
            return "hold"
        case VerdictKind.NOTHING:
            return "nothing"
        case never:
            assert_never(never)
