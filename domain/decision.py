"""One run's input, its result, and everything that is committed with it in one transaction, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.action import Proposal
from domain.audit import AuditEntry, Sealed
from domain.ids import DecisionId, LeadId, RunId
from domain.intent import IntentReading
from domain.lead import AccountSnapshot, BandState, LeadState
from domain.memory import Recall
from domain.override import Override
from domain.policy import Rep, Verdict
from domain.quality import GateFailure
from domain.rollout import BASELINE, Arm
from domain.score import Score
from domain.signal import Signal

FeatureValue = int | str | None


@dataclass(frozen=True, slots=True)
class RunInput:
    """All that a run reads: with this and the same versions, the graph gives the same decision (replay).

    `new` are the signals pinned at the claim; `recent` the last few earlier signals with text.
    """

    run_id: RunId
    as_of: int
    reason: str
    """``signals`` or the reason of the timer that woke the lead (``band_decay``, ``hold_over``, ``redo`` ...)."""
    lead: LeadState
    new: tuple[Signal, ...]
    recent: tuple[Signal, ...]
    account: AccountSnapshot | None
    reps: tuple[Rep, ...]
    quality: tuple[GateFailure, ...]
    versions: Mapping[str, str]
    attempt: int = 1
    overrides: tuple[Override, ...] = ()
    """What people have fixed about the lead, as it held at the claim; at most one of a kind."""
    arm: Arm = Arm.CHAMPION
    scorer: str = BASELINE
    """Version of the model package that scores; `BASELINE` for the rules."""
    shadow: str = ""
    """Version of the package that scores beside, without any effect; empty for none."""
    recall: Recall | None = None
    """What memory gave, by value; None: it was not asked."""
    unread: tuple[str, ...] = ()
    """Vendors whose record of the lead could not be read in time; it is decided anew when that is read."""


class DecisionState(StrEnum):
    """`WAITING` for a person; `DEGRADED` is to be redone when the dependency is back."""

    FINAL = "final"
    WAITING = "waiting"
    DEGRADED = "degraded"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Decision:
    """The durable result of a run. Equal inputs and versions give an equal `content()`."""

    decision_id: DecisionId
    run_id: RunId
    lead_id: LeadId
    as_of: int
    reason: str
    state: DecisionState
    signals: tuple[str, ...]
    features: Mapping[str, FeatureValue]
    reading: IntentReading | None
    score: Score | None
    band: BandState
    verdict: Verdict | None
    proposals: tuple[Proposal, ...]
    quality: tuple[GateFailure, ...]
    versions: Mapping[str, str]
    flags: tuple[str, ...] = ()
    """Codes such as ``degraded:reasoner``, ``cold_start``, ``over_cap``."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Wake a lead at `due_at` (Instant) for `reason`; one timer per (lead, reason), the earliest wins."""

    due_at: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeadClaim:
    """A lead taken by a worker: valid while its lease runs and its token is the newest."""

    lead_id: LeadId
    token: int
    identity_version: int
    attempt: int
    lease_until: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything of one run for the one commit."""

    claim: LeadClaim
    decision: Decision
    lead: LeadState
    superseded: tuple[str, ...]
    """Refs of new signals that had no influence: over the cap, or of a suppressed lead."""
    audit: tuple[AuditEntry, ...]
    record: Sealed
    """The sealed run input and the rationale in words."""
    timers: tuple[Timer, ...] = ()
    account_changed: bool = False
    reserved: tuple[str, ...] = field(default=())
    """Reps whose capacity this decision takes."""
    content: bytes = b""
    """The decision's canonical JSON where it was made already; empty: the store makes it."""
