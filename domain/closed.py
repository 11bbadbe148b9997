"""Is the outcome of a lead known? Then it is the whole score: 0 and 100 are kept for that."""

from collections.abc import Mapping
from typing import Final

CLOSED: Final[Mapping[str, int]] = {"won": 100, "lost": 0}
"""Points that are reserved for known outcomes."""
REOPENED_AFTER: Final = 24
"""Hours after an outcome from which a new stage opens the case again; a sign of the lead does at once."""
OUTCOME_FACTS: Final = frozenset({"outcome", "outcome.hours", "recency.engagement", "stage", "stage.hours"})
"""Features that `outcome_of` reads."""


def outcome_of(features: Mapping[str, int | str | None]) -> str | None:
    """``won`` or ``lost`` while that is the last word about the lead; None if open, or opened again."""
    outcome = features.get("outcome")
    if outcome not in CLOSED:
        return None
    since, stage = features.get("outcome.hours"), features.get("stage.hours")
    sign = features.get("recency.engagement")
    if not isinstance(since, int) or (isinstance(sign, int) and sign < since):
        return None
    return None if isinstance(stage, int) and stage + REOPENED_AFTER < since else str(outcome)
