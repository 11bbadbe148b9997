"""Pinning the scorer to a run's input: chosen once, recorded, and used by version from then on."""

from dataclasses import replace

from domain.decision import RunInput
from domain.lead import LeadState
from domain.ports.home import Home
from domain.ports.scorer import Scorer
from domain.rollout import BASELINE, Choice


def choice_for(home: Home, lead: LeadState) -> Choice:
    """What a lead gets as things stand now; the baseline in a home without packages."""
    if home.scorers is None:
        return Choice()
    return home.scorers.choose(lead, holdout=home.policy.holdout(lead.region))


def scorer_for(home: Home, lead: LeadState) -> Scorer | None:
    """The scorer of a lead as things stand now; None if this home does not have it. Raises: Temporary."""
    choice = choice_for(home, lead)
    if choice.scorer == BASELINE or home.scorers is None:
        return home.scorer
    return home.scorers.get(choice.scorer)


def pinned(home: Home, given: RunInput) -> RunInput:
    """`given` with arm, scorer and shadow, and the versions that it will be decided by."""
    choice = choice_for(home, given.lead)
    versions = home.versions
    if choice.scorer != BASELINE:
        versions = {**versions, "scorer": choice.scorer}
    return replace(given, versions=versions, arm=choice.arm, scorer=choice.scorer, shadow=choice.shadow)
