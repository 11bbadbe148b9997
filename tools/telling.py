"""Whether a customer is told what is to be said: looked at right before it is written in the conversation."""

from datetime import datetime
from typing import Final

from domain.effect import LEFT, Step
from domain.errors import Refused
from domain.instants import instant
from tools.marked import Plan

PERSON: Final = "human_touch"
OWNER: Final = "owner_changed"
CLOSED: Final = "closed"


def silent_because(step: Step, *, owner: str, open_: bool, person_at: int | None) -> str | None:
    """The code of why nothing is said any more, None if it is to be said.

    `owner` is who has the conversation now: whoever is neither the one it was given to nor the one whose name stood
    at it when it was decided has taken it. `person_at` is the Instant (the desk's clock) at which a person of the
    desk last wrote.
    Raises: Refused for a step that does not say what the decision had heard.
    """
    if not open_:
        return CLOSED
    if owner not in ("", step.params.get("owner", ""), step.params.get("held", "")):
        return OWNER
    return PERSON if person_at is not None and person_at >= heard_at(step) else None


def left(place: str, why: str, *, thing: str) -> Plan:
    """The plan of a step that asks nothing, because of `why`."""
    return Plan(place, (), (("message", "", f"left out: {why}"),), {LEFT: why}, ref=place, thing=thing)


def heard_at(step: Step) -> int:
    """The Instant, by the desk's clock, of the last message that the decision knew. Raises: Refused without one."""
    try:
        return instant(datetime.fromisoformat(step.params.get("heard", "")))
    except ValueError:
        raise Refused("a word to the customer names when the last message was heard", "invalid") from None
