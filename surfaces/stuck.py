"""Is anything stuck, and why? Actions in trouble by their cause, questions nobody answers, leads that are parked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.action import ActionState
from domain.instants import DAY, Instant, iso
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.trouble import Trouble, explain, place_of

LOOKED_AT: Final = 10_000
"""Actions looked at, the newest."""
NAMED: Final = 3
"""Actions of a cause that are named."""
_IN_HAND: Final = (
    ActionState.PROPOSED,
    ActionState.SENDING,
    ActionState.UNDOING,
    ActionState.UNKNOWN,
    ActionState.FAILED,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Actions that the same thing holds up, the oldest first."""

    place: str
    trouble: Trouble
    """Of the oldest; `next_try` is the earliest of all."""
    rows: tuple[OutboxRow, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "target": self.place.removeprefix("the "),
            "actions": len(self.rows),
            "for_example": [row.action_id for row in self.rows[:NAMED]],
            "since": iso(Instant(self.rows[0].since)),
            **self.trouble.document(),
        }


@dataclass(frozen=True, slots=True)
class Stuck:
    """All that does not go on, or not now."""

    causes: tuple[Cause, ...]
    """What needs a person first, then the most actions first."""
    unanswered: int
    """Questions that will expire within a day."""
    parked: int
    """Leads whose runs have failed again and again."""

    @property
    def nothing(self) -> bool:
        """True if all is well."""
        return not (self.causes or self.unanswered or self.parked)

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "stuck": not self.nothing,
            "causes": [cause.document() for cause in self.causes],
            "questions_that_expire_within_a_day": self.unanswered,
            "signals_of_parked_leads": self.parked,
        }


async def stuck(home: Home, *, failed_within_days: int = 7) -> Stuck:
    """What is stuck now. Failures older than `failed_within_days` are left out."""
    now = home.clock.now()
    rows = await home.outbox.rows(home.tenant, states=_IN_HAND, limit=LOOKED_AT)
    fresh = [row for row in rows if (row.finished_at or now) > now - failed_within_days * DAY]
    open_ = await home.approvals.open(home.tenant, limit=LOOKED_AT)
    counts = await home.reads.counts(home.tenant)
    return Stuck(
        causes=tuple(_causes(home, fresh)),
        unanswered=sum(one.expires_at - now <= DAY for one in open_),
        parked=counts["parked"],
    )


def _causes(home: Home, rows: Sequence[OutboxRow]) -> list[Cause]:
    found: dict[tuple[str, str, bool], list[tuple[OutboxRow, Trouble]]] = {}
    for row in sorted(rows, key=lambda row: (row.since, row.action_id)):
        why = explain(home, row)
        if why.cause:
            found.setdefault((place_of(home, row), why.cause, why.person), []).append((row, why))
    causes = [_cause(place, some) for (place, _, _), some in found.items()]
    return sorted(causes, key=lambda cause: (not cause.trouble.person, -len(cause.rows)))


def _cause(place: str, some: Sequence[tuple[OutboxRow, Trouble]]) -> Cause:
    first = some[0][1]
    next_try = min((why.next_try for _, why in some if why.next_try is not None), default=None)
    return Cause(place, replace(first, next_try=next_try), tuple(row for row, _ in some))
