"""Business outcomes of a home: by band and version, and what the learned score brought, from the hold-out alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.instants import DAY
from domain.label import LabelKind
from domain.ports.home import Home
from domain.rollout import Arm
from learning.outcomes import Case, Group, Velocity, cost_per_qualified, groups_of, velocity
from learning.uplift import Uplift, roi_of, uplift_of
from surfaces.decided import Decided, Ends, decided, ends, leads_now


@dataclass(frozen=True, slots=True)
class Money:
    """What only the company knows; None = not stated."""

    spend: float | None = None
    """Of the last 30 days, on scoring and on working the qualified leads."""
    value_of_a_win: float | None = None


@dataclass(frozen=True, slots=True)
class Business:
    """The report."""

    groups: tuple[Group, ...]
    velocity: Velocity
    uplift: Uplift
    moved_arm: int
    """Leads that were in two arms (an account became known); each counts where it was first."""
    no_leads: int
    """Left out, as sales said that they are no leads."""
    labels: dict[str, int]
    """What people said, by kind: apart from outcomes, which are facts."""
    money: Money

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "by_version_and_band": [group.document() for group in self.groups],
            "lead_velocity": self.velocity.document(),
            "cost_per_qualified_lead": cost_per_qualified(self.money.spend, self.velocity.now),
            "uplift": self.uplift.document(),
            "roi": roi_of(self.uplift, value_of_a_win=self.money.value_of_a_win, spend=self.money.spend),
            "moved_arm": self.moved_arm,
            "not_a_lead": self.no_leads,
            "labels_of_people": self.labels,
        }


async def business_of(home: Home, *, horizon_days: int, money: Money) -> Business:
    """Outcomes within `horizon_days` of each lead's first decision under a version."""
    whose, known, now = await leads_now(home), await ends(home), home.clock.now()
    made = [one async for one in decided(home, whose) if one.lead_id not in known.no_leads]
    horizon = horizon_days * DAY
    cases = [_case(one, known, horizon, now) for one in _first(made, by_version=True)]
    hot = {one.lead_id: one.at for one in reversed(made) if one.band == "hot"}
    learned = [one for one in made if one.arm is Arm.HOLDOUT or one.log_odds is not None]
    first = _first(learned, by_version=False)
    arms: dict[str, set[bool]] = {}
    for one in learned:
        arms.setdefault(one.lead_id, set()).add(one.arm is Arm.HOLDOUT)
    return Business(
        groups=groups_of(cases),
        velocity=velocity(hot.values(), now),
        uplift=uplift_of([_case(one, known, horizon, now) for one in first]),
        moved_arm=sum(len(seen) > 1 for seen in arms.values()),
        no_leads=len(known.no_leads),
        labels=labels_of(known),
        money=money,
    )


def labels_of(known: Ends) -> dict[str, int]:
    """How many labels of each kind people gave; outcomes are none of them."""
    counts: dict[str, int] = {}
    for label in known.labels:
        if label.kind is not LabelKind.OUTCOME:
            name = (
                f"{label.kind.value}:{label.value}" if label.kind is LabelKind.APPROVAL else label.kind.value
            )
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _first(made: Sequence[Decided], *, by_version: bool) -> list[Decided]:
    kept: dict[tuple[str, str], Decided] = {}
    for one in made:
        kept.setdefault((one.lead_id, one.version if by_version else ""), one)
    return list(kept.values())


def _case(one: Decided, known: Ends, horizon: int, now: int) -> Case:
    closed = one.at + horizon <= now
    return Case(
        lead_id=one.lead_id,
        unit=one.unit,
        version=one.version,
        arm=one.arm.value,
        band=one.band,
        at=one.at,
        first_seen=one.first_seen,
        closed=closed,
        won_at=known.won_by(one.lead_id, one.at, one.at + horizon) if closed else None,
    )
