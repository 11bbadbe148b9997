"""Turning features and intent into a score; and which scorer a lead gets."""

from collections.abc import Mapping
from typing import Protocol

from domain.band import Thresholds
from domain.intent import IntentReading
from domain.lead import LeadState
from domain.rollout import Choice
from domain.score import Score
from domain.signal import Event

FeatureValues = Mapping[str, int | str | None]


class Scorer(Protocol):
    """A scoring model."""

    name: str
    version: str
    thresholds: Thresholds
    """The bands on this scorer's scale."""
    uses: frozenset[str]
    """Names of the lead features that `points` reads: enough to fold bands without computing the others."""

    def score(
        self, features: FeatureValues, reading: IntentReading, events: tuple[Event, ...], as_of: int
    ) -> Score:
        """The score with its exact ledger; `events` only for lineage. Raises: Temporary (a remote model)."""
        ...

    def points(self, features: FeatureValues, confidences: Mapping[str, int]) -> int:
        """Points alone, equal to ``score(...).points``; fast, for folding bands over event time."""
        ...


class Scorers(Protocol):
    """The model packages of a home."""

    def choose(self, lead: LeadState, *, holdout: int) -> Choice:
        """The arm and the package of a lead as things stand now; `holdout` in per mille, as policy says.

        Raises: Temporary if the registry cannot be read.
        """
        ...

    def get(self, version: str) -> Scorer | None:
        """The scorer of a package; None if this home never had it. Raises: Temporary if it cannot be loaded."""
        ...
