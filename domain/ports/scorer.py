"""Turning features and intent into a score."""

from collections.abc import Mapping
from typing import Protocol

from domain.band import Thresholds
from domain.intent import IntentReading
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
