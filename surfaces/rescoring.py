"""Rescoring all leads of a home in bulk: who would change band, and waking those through the due-queue."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agents.scoring import would_move
from domain.errors import ConfigError, Temporary
from domain.instants import SECOND
from domain.lead import LeadState
from domain.model_shelf import What
from domain.nudge import Nudges
from domain.ports.home import Home
from domain.rollout import BASELINE, Arm
from surfaces.pinning import choice_for, scorer_for

RESCORED = "rescored"
"""Reason of the timer that wakes a lead whose band a bulk rescoring would change."""
BUSY_PASSES = 16
"""A worker that is never idle still looks at one batch of leads after so many passes."""
PAUSE: Final = 30 * SECOND
"""How long a sweep that could not go on waits before it begins anew."""
CHANGES_CHAMPIONS: Final[frozenset[What]] = frozenset({"promoted", "rolled_back", "stopped", "finished"})
"""After these, leads may be scored by another package than the one that gave them their band. The stages of a canary
are not among them: who is woken for his band would be no fair sample of what the challenger does."""


@dataclass(slots=True)
class Swept:
    """What a sweep over a home found: `models` counts leads by the package that scored them, empty for the rules."""

    leads: int = 0
    moves: int = 0
    woken: int = 0
    unscored: int = 0
    """Leads whose package this home does not have."""
    models: dict[str, int] = field(default_factory=dict)


async def sweep(home: Home, as_of: int, *, wake: bool) -> Swept:
    """Rescore every lead as of `as_of`; with `wake`, let those be decided anew whose band would change."""
    found = Swept()
    async for batch in home.reads.leads(home.tenant):
        await look_again(home, batch, as_of, found, wake=wake)
    return found


async def look_again(home: Home, batch: Sequence[LeadState], as_of: int, found: Swept, *, wake: bool) -> None:
    """One batch of `sweep`.

    Account features are no part of a package. Leads that the rules score, and those with a model's reasons, are asked
    one by one as in a run, with the newest values of their account.
    """
    leads = [lead for lead in batch if not lead.suppressed]
    found.leads += len(leads)
    moved: list[str] = []
    for version, some in _by_scorer(home, leads).items():
        moved += await _moved(home, version, some, as_of, found)
    found.moves += len(moved)
    if wake and moved:
        await home.work.wake(home.tenant, moved, reason=RESCORED, now=home.clock.now())
        found.woken += len(moved)


@dataclass(slots=True)
class Rewaking:
    """After a change of champions, wakes who would change band, between the passes of a worker.

    One batch of leads at a time, so no more than that is woken at once. What was looked at is noted when all of it was:
    a worker that dies half-way leaves the rest to its successor, which begins anew.
    """

    home: Home
    batch: int = 500
    """Leads that are looked at, and woken, at once."""
    _passes: int = 0
    _change: int = 0
    """Number of the change that is being worked off."""
    _batches: AsyncIterator[Sequence[LeadState]] | None = None
    _again_at: int = 0

    async def turn(self, *, idle: bool) -> int:
        """One batch, if there is time for it; how many leads were looked at. An outage is waited out."""
        self._passes += 1
        now = self.home.clock.now()
        if now < self._again_at or not (idle or self._passes >= BUSY_PASSES):
            return 0
        self._passes = 0
        try:
            return await self._one_batch(self._newest())
        except (Temporary, ConfigError):  # a damaged package is an outage, too: its leads wait for it
            self._batches, self._again_at = None, now + PAUSE
            return 0

    async def _one_batch(self, change: int) -> int:
        if not change:
            return 0
        if change != self._change or self._batches is None:
            self._change, self._batches = change, self.home.reads.leads(self.home.tenant, batch=self.batch)
        batch = await anext(self._batches, None)
        if batch is None:
            self._settle()
            return 0
        await look_again(self.home, self._settled_in(batch), self.home.clock.now(), Swept(), wake=True)
        return len(batch)

    def _newest(self) -> int:
        """Number of the newest change of champions that leads were not looked at for; 0 if there is none."""
        models = self.home.models
        if models is None:
            return 0
        swept = models.swept()
        changes = models.history()[swept:]
        return max((one.number for one in changes if one.what in CHANGES_CHAMPIONS), default=0)

    def _settle(self) -> None:
        if self.home.models is not None:
            self.home.models.note_swept(self._change)
        self._batches = None

    def _settled_in(self, batch: Sequence[LeadState]) -> list[LeadState]:
        """Without those in a canary."""
        return [lead for lead in batch if choice_for(self.home, lead).arm is not Arm.CHALLENGER]


def _by_scorer(home: Home, leads: Sequence[LeadState]) -> dict[str, list[LeadState]]:
    grouped: dict[str, list[LeadState]] = {}
    for lead in leads:
        grouped.setdefault(choice_for(home, lead).scorer, []).append(lead)
    return grouped


async def _moved(home: Home, version: str, leads: Sequence[LeadState], as_of: int, found: Swept) -> list[str]:
    """Ids of those of `leads` whose band would change under the package `version`."""
    if version == BASELINE:
        found.models["rules"] = found.models.get("rules", 0) + len(leads)
        return await _one_by_one(home, leads, as_of)
    stored = home.models.stored(version) if home.models is not None else None
    if stored is None:
        found.unscored += len(leads)
        return []
    from learning.bulk import rescore  # here: Polars and NumPy take a while to import

    found.models[version] = found.models.get(version, 0) + len(leads)
    nudged = [lead for lead in leads if Nudges(lead.events)]
    alone = {lead.lead_id for lead in nudged}
    plain = [lead for lead in leads if lead.lead_id not in alone]
    rescored = rescore(stored.package, stored.files, home.catalogue, plain, as_of)
    return [one.lead_id for one in rescored if one.moves] + await _one_by_one(home, nudged, as_of)


async def _one_by_one(home: Home, leads: Sequence[LeadState], as_of: int) -> list[str]:
    values: dict[str, Mapping[str, int | str | None]] = {}
    moved: list[str] = []
    for lead in leads:
        if lead.account is not None and lead.account not in values:
            snapshot = await home.accounts.snapshot(home.tenant, lead.account)
            values[lead.account] = snapshot.values if snapshot else {}
        scorer = scorer_for(home, lead)
        account = values.get(lead.account or "", {})
        if scorer is not None and would_move(lead, account, as_of, scorer=scorer, catalogue=home.catalogue):
            moved.append(lead.lead_id)
    return moved
