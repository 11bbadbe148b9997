"""How questions to people fare: their age, the time a person has the card open, how often the machine is overruled."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

from domain.approval import Approval, ApprovalState, folded
from domain.instants import HOUR, MINUTE
from domain.ports.home import Home
from domain.quality import percentile

ANSWERED: Final = frozenset({ApprovalState.APPROVED, ApprovalState.REJECTED})
NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class Measures:
    """Of the open questions, and of the last thousand that ended. A share or time of nothing is None.

    Ages are in hours from the question to its end, times on the card in minutes from a person's first look
    to that person's word; `on_card` counts those words. `override_rate` is the share of answers
    that were not what was proposed: a no, or an edit.
    """

    open: int
    oldest_hours: float
    decided: int
    median_hours_to_decide: float | None
    on_card: int
    median_minutes_on_card: float | None
    p90_minutes_on_card: float | None
    override_rate: float | None
    edited: int
    expired: int
    redecided: int


async def measures(home: Home) -> Measures:
    """See `Measures`."""
    now = home.clock.now()
    waiting = await home.approvals.open(home.tenant, limit=10_000)
    ended = await home.approvals.ended(home.tenant)
    answered = [one for one in ended if one.state in ANSWERED]
    took = [(one.decided_at or one.asked_at) - one.asked_at for one in answered]
    looked = list(on_card([*waiting, *ended]))
    overruled = sum(one.state is ApprovalState.REJECTED or one.edited is not None for one in answered)
    return Measures(
        open=len(waiting),
        oldest_hours=_in(HOUR, now - min((one.asked_at for one in waiting), default=now)),
        decided=len(answered),
        median_hours_to_decide=_in(HOUR, median(took)) if took else None,
        on_card=len(looked),
        median_minutes_on_card=_in(MINUTE, median(looked)) if looked else None,
        p90_minutes_on_card=_in(MINUTE, percentile(Counter(looked), 90)) if looked else None,
        override_rate=round(overruled / len(answered), 3) if answered else None,
        edited=sum(one.edited is not None for one in answered),
        expired=sum(one.state is ApprovalState.EXPIRED for one in ended),
        redecided=sum(one.state is ApprovalState.REDECIDED for one in ended),
    )


def on_card(approvals: Iterable[Approval]) -> Iterator[int]:
    """Microseconds from each person's first look to that person's word; none where the person never looked."""
    for approval in approvals:
        opened = {one.by: one.at for one in approval.shown}
        for vote in approval.votes:
            at = opened.get(folded(vote.by))
            if at is not None and at <= vote.at:
                yield vote.at - at


def _in(unit: int, span: float) -> float:
    return round(span / unit, 2)
