"""What travels between nodes. Each key has one writer; all values are frozen."""

from typing import TypedDict

from domain.action import Proposal
from domain.assessment import Assessment
from domain.decision import RunInput
from domain.intake import Intake
from domain.intent import IntentReading
from domain.lead import LeadState
from domain.nudge import Tags
from domain.policy import Verdict
from domain.quoted import Quoted


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
    quotes: tuple[Quoted, ...]
    """Intent: the lead's own words as evidence, where a model is at hand."""
    assessment: Assessment
    """Scoring."""
    nudges: Tags
    """Scoring: the reasons that a model found, for the lead's events."""
    verdict: Verdict
    """Policy review."""
    proposals: tuple[Proposal, ...]
    """Actuation."""
