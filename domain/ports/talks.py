"""What was decided about conversations: how each stands, and the one way to decide anew."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.action import Proposal
from domain.audit import AuditEntry, Sealed
from domain.ids import LeadId, RunId, TenantId


@dataclass(frozen=True, slots=True)
class Standing:
    """How a conversation stands. `version` counts the decisions about it; 0 = none yet."""

    version: int = 0
    handed_at: int | None = None
    """Messages it had when it was last given to a person, or a person took it; None = never."""
    team: str | None = None
    """Whom it was given to."""
    person: str | None = None
    taken: bool = False
    """The desk said that a person has it, and not since that the person is done."""
    released: bool = False
    """The desk said that the person is done, and it was not given to one since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkDecision:
    """One decision with all that is committed with it. `entry` names tenant and region, the lead if one is known."""

    conversation: str
    run_id: RunId
    """One for all decisions about a conversation."""
    messages: int
    """How many it had."""
    gives: bool
    """Whether it goes to a person: of `team`, and to `person` if one is named."""
    team: str | None = None
    person: str | None = None
    taken: bool = False
    """The desk says that a person has it."""
    closed: bool = False
    """The desk says that the person is done."""
    done: bool = False
    """And nothing that was said until now is read again."""
    returns: bool = False
    """It goes back to `team`, as whoever had it is done; the bot goes on."""
    entry: AuditEntry
    record: bytes | None = None
    """What is sealed; None: nothing is kept."""
    proposal: Proposal | None = None
    """The action to be sent."""
    reserved: str | None = None
    """The salesperson whose room it takes."""
    told: str | None = None
    """What others are told of it, see `domain.happening.told_of`; None: nothing. Only where the lead is known."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision that stands. `action_id` is the open action: its own, or with `already_open` an earlier one."""

    version: int
    action_id: str | None = None
    already_open: bool = False


@dataclass(frozen=True, slots=True)
class StoredTalk:
    """A decision as stored; without `record` its subject was forgotten, or it never had one."""

    decision_id: str
    lead_id: LeadId | None
    at: int
    record: Sealed | None


class Talks(Protocol):
    """Conversations of all tenants; every method is limited to one."""

    async def standing(self, tenant: TenantId, conversation: str) -> Standing:
        """How the conversation stands."""
        ...

    async def decide(self, given: TalkDecision, *, expected: int | None, now: int) -> Kept | None:
        """Audit row, sealed record, action and new standing in one transaction; or nothing and None.

        None is a conflict: the version is not `expected` any more, the lead was merged or asked to be forgotten, or
        `reserved` has no room left. Without `expected` it stands whatever has happened; then it may propose nothing.
        The record is sealed under the lead's key, under one of the conversation where no lead is known, and not kept
        of a lead that asked to be forgotten. An effect whose key is open is not proposed again.
        Raises: Permanent for a proposal without `expected` or without a lead.
        """
        ...

    def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredTalk]]:
        """All decisions of which a record was made, in the order of their commit."""
        ...


def after(before: Standing, given: TalkDecision) -> Standing:
    """How the conversation stands after a decision."""
    taken = given.taken or (before.taken and not given.closed)
    handed = given.messages if given.gives or given.done else before.handed_at
    if taken and handed is None:
        handed = given.messages
    names = given if given.gives or given.returns else before
    team, person = names.team, names.person
    released = not (given.gives or given.taken) and (given.closed or before.released)
    return Standing(before.version + 1, handed, team, person, taken, released)
