"""Rescoring all leads of a home in bulk: who would change band, and waking those through the due-queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.scoring import would_move
from domain.lead import LeadState
from domain.ports.home import Home
from domain.rollout import BASELINE
from learning.bulk import rescore
from surfaces.pinning import choice_for

RESCORED = "rescored"
"""Reason of the timer that wakes a lead whose band a bulk rescoring would change."""
WAKES_AT_ONCE = 500


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
    """Rescore every lead as of `as_of`; with `wake`, let those be decided anew whose band would change.

    A lead of a company counts with what it does itself: account features are no part of a package. Leads that the
    rules score are asked one by one, since those are quick only alone.
    """
    found = Swept()
    async for batch in home.reads.leads(home.tenant):
        leads = [lead for lead in batch if not lead.suppressed]
        found.leads += len(leads)
        moved: list[str] = []
        for version, some in _by_scorer(home, leads).items():
            moved += _moved(home, version, some, as_of, found)
        found.moves += len(moved)
        if wake:
            for start in range(0, len(moved), WAKES_AT_ONCE):
                part = moved[start : start + WAKES_AT_ONCE]
                await home.work.wake(home.tenant, part, reason=RESCORED, now=home.clock.now())
                found.woken += len(part)
    return found


def _by_scorer(home: Home, leads: Sequence[LeadState]) -> dict[str, list[LeadState]]:
    grouped: dict[str, list[LeadState]] = {}
    for lead in leads:
        grouped.setdefault(choice_for(home, lead).scorer, []).append(lead)
    return grouped


def _moved(home: Home, version: str, leads: Sequence[LeadState], as_of: int, found: Swept) -> list[str]:
    """Ids of those of `leads` whose band would change under the package `version`."""
    if version == BASELINE:
        found.models["rules"] = found.models.get("rules", 0) + len(leads)
        return [
            lead.lead_id
            for lead in leads
            if would_move(lead, {}, as_of, scorer=home.scorer, catalogue=home.catalogue)
        ]
    stored = home.models.stored(version) if home.models is not None else None
    if stored is None:
        found.unscored += len(leads)
        return []
    found.models[version] = found.models.get(version, 0) + len(leads)
    rescored = rescore(stored.package, stored.files, home.catalogue, leads, as_of)
    return [one.lead_id for one in rescored if one.moves]
