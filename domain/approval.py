"""Approvals: a person's word on what a decision proposes, bound to the hash of it and used once."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from domain.ids import DecisionId, LeadId, Region, TenantId


class ApprovalState(StrEnum):
    """Life of an approval."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Nobody decided in time: not sent."""
    REDECIDED = "redecided"
    """What it was asked under no longer holds (policy, merge): not sent, the lead is decided anew."""
    EDITED = "edited"
    """A person has changed it: another question stands in its place."""


class VoteKind(StrEnum):
    """What one person said."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Terms:
    """What policy asks of an approval: so many different people, within so many hours."""

    people: int = 1
    hours: int = 72


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's word. `by` is the person's name at the desk where it was given."""

    by: str
    kind: VoteKind
    at: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """When a person first looked at the question."""

    by: str
    """Folded, see `folded`."""
    at: int


@dataclass(frozen=True, slots=True)
class Edited:
    """That a question is the edited form of another: which, by whom, when."""

    origin: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to a person: all that a decision proposes and that reaches somebody."""

    approval_id: str
    tenant: TenantId
    region: Region
    lead_id: LeadId
    decision_id: DecisionId
    action_ids: tuple[str, ...]
    proposal_hash: str
    """`hash_of` the actions' own hashes."""
    state: ApprovalState
    policy: str
    """Version of the tables that asked."""
    terms: Terms
    asked_at: int
    expires_at: int
    assignee: str | None = None
    votes: tuple[Vote, ...] = ()
    decided_at: int | None = None
    reason: str = ""
    """Code: why it ended other than by people's votes."""
    edited: Edited | None = None
    shown: tuple[Showing, ...] = ()
    """Who has looked at it, also before it was edited; of each person the first time."""


def hash_of(hashes: Iterable[str]) -> str:
    """SHA-256, hex, over the hashes of the actions in sorted order: what people approve."""
    return sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def folded(name: str) -> str:
    """A person's name as it is compared: the same person typed otherwise is the same person."""
    return " ".join(name.split()).casefold()


def next_form(name: str) -> str:
    """The id of what an approval or an action becomes by an edit.

    >>> next_form("ap_1"), next_form("ap_1_v2")
    ('ap_1_v2', 'ap_1_v3')
    """
    stem, mark, number = name.rpartition("_v")
    return f"{stem}_v{int(number) + 1}" if mark and number.isdigit() else f"{name}_v2"
