"""Who takes a lead: round robin among the people who match and have room."""

from collections.abc import Iterable

from domain.policy import Rep


def next_in_line(
    reps: Iterable[Rep], *, team: str, region: str, segment: str | None, owner: str | None = None
) -> Rep | None:
    """Of the reps of `team` for `region` and `segment` with room, the one longest without an assignment.

    An `owner` with room comes first, whatever their team, as they know the customer.

    Ties go by id. A rep without regions (or segments) takes all; a lead without a known segment goes to
    anybody. None if nobody has room.
    """
    room = [rep for rep in reps if rep.load < rep.capacity]
    known = next((rep for rep in room if rep.rep_id == owner), None)
    if known is not None:
        return known
    free = [rep for rep in room if rep.team == team and _fits(rep, region, segment)]
    return min(free, key=lambda rep: (rep.last_assigned, rep.rep_id), default=None)


def _fits(rep: Rep, region: str, segment: str | None) -> bool:
    here = not rep.regions or region in rep.regions
    return here and (segment is None or not rep.segments or segment in rep.segments)
