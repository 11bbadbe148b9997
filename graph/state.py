"""What travels between nodes. Each key has one writer; all values are frozen."""

from typing import TypedDict

from domain.action import Proposal
from domain.assessment import Assessment
from domain.decision import RunInput
from domain.intake import Intake
from domain.intent import IntentReading
from domain.lead import LeadState
from domain.policy import Verdict


class GraphInput(TypedDict):
    """What a caller hands to the graph."""

    given: RunInput


class RunState(TypedDict, total=False):
    """The state of one run."""

    given: RunInput
    """The caller."""
    intake: Intake
    """Ingestion."""
    lead: LeadState
    """Intent: the lead with its new events tagged."""
    reading: IntentReading
    """Intent."""
    assessment: Assessment
    """Scoring."""
    verdict: Verdict
    """Policy review."""
    proposals: tuple[Proposal, ...]
    """Actuation."""
