"""What ingestion hands on: the lead with its new events, what of it may be used, and its features."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.lead import LeadState
from domain.signal import Signal


@dataclass(frozen=True, slots=True)
class Intake:
    """A lead as it enters a run. `features` are as of the run, those of its account under ``account.``."""

    lead: LeadState
    accepted: tuple[Signal, ...]
    superseded: tuple[str, ...]
    """Refs of new signals without influence: over the cap, or of a suppressed lead."""
    features: Mapping[str, int | str | None]
    suppressed: bool = False
    flags: tuple[str, ...] = ()
    """Codes: ``suppressed``, ``over_cap``, ``clock_ahead``, ``consent_refused``, ``marketing_unused``,
    ``degraded:memory_...`` where memory could not be asked in full."""
    lawful: str = "legitimate_interest"
    """On what basis the lead is processed: ``consent``, ``legitimate_interest``, ``no_marketing``,
    ``record_only`` (the lead refuses contact), ``none`` (suppressed)."""
    words: tuple[str, ...] = ()
    """Sentences of the rationale; codes and numbers only."""
