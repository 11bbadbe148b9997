"""Which scorer a lead gets: champion, challenger in a canary, or the baseline for a hold-out; and the plan of a canary.

A draw depends on a secret, its purpose and the account (a lead without one draws for itself). So an account stays
where it is, also when the share of a canary grows: who was in at 5 % is in at 25 %.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.errors import BadInput
from domain.lead import LeadState

MILLE: Final = 1_000
"""Shares are whole numbers out of this."""
EVERYWHERE: Final = "*"
"""Stands for every region that is not named."""
BASELINE: Final = ""
"""Stands for the rules, where a version of a package is asked for."""
HOLDOUT_DRAW: Final = "holdout"


class Arm(StrEnum):
    """What a lead is part of."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    """In the canary of a rollout."""
    HOLDOUT = "holdout"
    """Treated by the baseline whatever is champion, so that there is something to compare with."""


@dataclass(frozen=True, slots=True)
class Lineup:
    """The packages at work in one region; `BASELINE` for the rules, empty for none where there is none."""

    champion: str = BASELINE
    challenger: str = ""
    share: int = 0
    """Per mille of the accounts that get the challenger."""
    shadow: str = ""
    """Scores beside and has no effect."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one lead gets: recorded in the input of its run."""

    arm: Arm = Arm.CHAMPION
    scorer: str = BASELINE
    shadow: str = ""


def unit_of(lead: LeadState) -> str:
    """Who draws: the lead's account, else the lead."""
    return f"account:{lead.account}" if lead.account is not None else f"lead:{lead.lead_id}"


def draw(secret: bytes, purpose: str, unit: str) -> int:
    """0..999, the same for the same three, evenly spread over units and unrelated between purposes."""
    digest = hmac.new(secret, f"{purpose}\0{unit}".encode(), sha256).digest()
    return int.from_bytes(digest[:8], "big") * MILLE >> 64


def choose(lineup: Lineup, unit: str, *, secret: bytes, holdout: int) -> Choice:
    """The arm and the scorer of a unit. `holdout` is the per mille that policy keeps on the baseline.

    The hold-out goes first and its draw never changes, so it stays free of every package. It stands only where a
    package is at work: with the baseline as champion and no canary there is nothing to hold out from.
    """
    learned = bool(lineup.champion or lineup.challenger)
    if learned and draw(secret, HOLDOUT_DRAW, unit) < holdout:
        return Choice(Arm.HOLDOUT, BASELINE, "")
    if lineup.challenger and draw(secret, lineup.challenger, unit) < lineup.share:
        return Choice(Arm.CHALLENGER, lineup.challenger, _other(lineup.shadow, lineup.challenger))
    return Choice(Arm.CHAMPION, lineup.champion, _other(lineup.shadow, lineup.champion))


def _other(shadow: str, scorer: str) -> str:
    return "" if shadow == scorer else shadow


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a canary: the share in per mille, where, and what must have been seen before the next.

    `units` are accounts (or leads without one) that the challenger decided, `outcomes` those of them whose label is
    known, `days` the least time.
    """

    share: int
    regions: tuple[str, ...] = (EVERYWHERE,)
    units: int = 100
    days: int = 3
    outcomes: int = 0

    def __post_init__(self) -> None:
        """Refuse a stage that decides nothing or leaves nobody to compare with."""
        if not 0 < self.share < MILLE:
            raise BadInput(
                "stage.share", f"is {self.share} per mille", "choose 1 to 999: somebody must stay behind"
            )
        if not self.regions or min(self.units, self.days, self.outcomes) < 0:
            raise BadInput("stage", "has no region, or a negative count", "name regions, or * for all")

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "share": self.share, "regions": list(self.regions), "units": self.units, "days": self.days,
            "outcomes": self.outcomes,
        }  # fmt: skip


DEFAULT_STAGES: Final = (
    Stage(50),
    Stage(250, units=400, days=7),
    Stage(500, units=800, days=7, outcomes=200),
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A canary under way: its `stages`, which of them stands (from 0), and since when (Instants)."""

    challenger: str
    stages: tuple[Stage, ...]
    stage: int
    started_at: int
    stage_at: int

    @property
    def now(self) -> Stage:
        """The stage that stands."""
        return self.stages[self.stage]

    @property
    def regions(self) -> tuple[str, ...]:
        """Every region of the plan: where the challenger becomes champion at the end."""
        return tuple(dict.fromkeys(region for stage in self.stages for region in stage.regions))


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is what, by region; `EVERYWHERE` counts where a region is not named."""

    champions: Mapping[str, str] = field(default_factory=dict)
    shadows: Mapping[str, str] = field(default_factory=dict)
    rollout: Rollout | None = None

    def lineup(self, region: str) -> Lineup:
        """The packages at work in a region."""
        champion = _of(self.champions, region)
        shadow = _of(self.shadows, region)
        running = self.rollout
        if running is None or not {region, EVERYWHERE} & {*running.now.regions}:
            return Lineup(champion, shadow=shadow)
        return Lineup(champion, running.challenger, running.now.share, shadow)

    @property
    def at_work(self) -> frozenset[str]:
        """Every package that a run may get now."""
        challenger = self.rollout.challenger if self.rollout else ""
        return frozenset({*self.champions.values(), *self.shadows.values(), challenger} - {""})


def _of(by_region: Mapping[str, str], region: str) -> str:
    return by_region.get(region, by_region.get(EVERYWHERE, BASELINE))
