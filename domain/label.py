"""Labels: what people and outcomes have said about leads, read off what is stored, for learning and measuring."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.approval import Approval
from domain.edit import FREE_TEXT, Difference
from domain.ids import DecisionId, LeadId
from domain.kinds import Kind
from domain.signal import Scalar


class LabelKind(StrEnum):
    """What a label says."""

    APPROVAL = "approval"
    """Of a proposal: ``approved`` or ``rejected``."""
    EDIT = "edit"
    """What a person changed about a proposal before it was approved; the value is the field, or an action dropped."""
    UNDONE = "undone"
    """An action that somebody had taken back; the value is its kind."""
    OWNER = "owner"
    """Whose lead it should be."""
    POINTS = "points"
    """How many points it should have, 1..99."""
    NOT_A_LEAD = "not_a_lead"
    """Sales said so; the value is the reason as a code, or empty."""
    OUTCOME = "outcome"
    """``won``, ``lost``, or ``reverted`` for one taken back."""


class Provenance(StrEnum):
    """Where a label was read."""

    VOTE = "vote"
    EDIT = "edit"
    ACTION = "action"
    OVERRIDE = "override"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class Label:
    """One label. `at` is the Instant of which it speaks, `known_at` the one from which it was known to us."""

    lead_id: LeadId
    """Canonical: the lead as it is known now."""
    kind: LabelKind
    value: str
    at: int
    known_at: int
    provenance: Provenance
    ref: str
    """Id of the vote, action, override or signal."""
    decision_id: DecisionId | None = None
    """The decision that it judges, where there is one."""
    by: str = ""
    """Who edited; elsewhere empty."""
    before: str = ""
    """Of an edit, unless the field holds free text: what was proposed, and `after`, what was approved."""
    after: str = ""

    @property
    def place(self) -> tuple[int, int, str, str]:
        """Its place in any list of labels: it does not depend on the ids of leads, nor on what came first."""
        return self.known_at, self.at, self.provenance.value, self.ref


SAYING: Final[Mapping[Kind, tuple[LabelKind, str]]] = {
    Kind.OUTCOME: (LabelKind.OUTCOME, "result"),
    Kind.NOT_A_LEAD: (LabelKind.NOT_A_LEAD, "reason"),
}
"""Kinds of signal that are labels, and the payload field that holds what they say."""


def edit_label(lead: str, approval: Approval, change: Difference) -> Label:
    """The label of one change that made `approval` the edited form of another. It repeats no free text."""
    made = approval.edited
    if made is None:
        raise ValueError(f"{approval.approval_id} was not edited")
    wordy = change.field.rpartition(".")[2] in FREE_TEXT
    return Label(
        lead_id=LeadId(lead),
        kind=LabelKind.EDIT,
        value=change.field,
        at=made.at,
        known_at=made.at,
        provenance=Provenance.EDIT,
        ref=f"{approval.approval_id}/{change.field}",
        decision_id=approval.decision_id,
        by=made.by,
        before="" if wordy else change.before,
        after="" if wordy else change.after,
    )


def said_by(kind: Kind, payload: Mapping[str, Scalar]) -> tuple[LabelKind, str]:
    """What a signal of one of the kinds of `SAYING` says."""
    label, field = SAYING[kind]
    return label, str(payload.get(field, ""))
