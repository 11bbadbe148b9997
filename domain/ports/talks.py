"""What was decided about conversations: how each stands, and the one way to decide anew."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from domain.action import Proposal
from domain.audit import AuditEntry, Sealed
from domain.handing import Fate, Given, Handing
from domain.handoff import Situation, Talk
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
    handed_from: int | None = None
    """`handed_at` as it was before it was last given to a person: from there on nobody has heard it if that failed."""
    given: Given | None = None
    """The action by which it was last given to one; None: it was never, or by an answer alone."""


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
    told_if_open: str | None = None
    """The same where the proposal only points to an action that is open."""
    seen: Situation | None = None
    """How the conversation and the lead's other handings over stood when it was made; None: only `expected` counts."""


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


MOST_HANDINGS: Final = 20
"""Handings over of one lead that are looked at."""


class Talks(Protocol):
    """Conversations of all tenants; every method is limited to one."""

    async def standing(self, tenant: TenantId, conversation: str) -> Standing:
        """How the conversation stands."""
        ...

    async def decide(self, given: TalkDecision, *, expected: int | None, now: int) -> Kept | None:
        """Audit row, sealed record, action and new standing in one transaction; or nothing and None.

        None is a conflict: the version is not `expected` any more; what `seen` says of the action that gave the
        conversation away is not so any more, nor (for a proposal) what it says of other handings over; the lead was
        merged or asked to be forgotten; or `reserved` has no room left. Without `expected` it stands whatever has
        happened; then it may propose nothing. One that says that the person is done lets go what was to hand the
        conversation over, if nothing of it has left.
        The record is sealed under the lead's key, under one of the conversation where no lead is known, and not kept
        of a lead that asked to be forgotten. An effect whose key is open is not proposed again.
        Raises: Permanent for a proposal without `expected` or without a lead.
        """
        ...

    async def handings(self, tenant: TenantId, lead_id: str) -> tuple[Handing, ...]:
        """The lead's newest handings over that have not expired, newest first; at most `MOST_HANDINGS`."""
        ...

    def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredTalk]]:
        """All decisions of which a record was made, in the order of their commit."""
        ...


def after(before: Standing, given: TalkDecision) -> Standing:
    """How the conversation stands after a decision; the action of one that gives it away is not known here."""
    taken = given.taken or (before.taken and not given.closed)
    handed = given.messages if given.gives or given.done else before.handed_at
    if taken and handed is None:
        handed = given.messages
    names = given if given.gives or given.returns else before
    return Standing(
        version=before.version + 1,
        handed_at=handed,
        team=names.team,
        person=names.person,
        taken=taken,
        released=not (given.gives or given.taken) and (given.closed or before.released),
        handed_from=before.handed_at if given.gives else before.handed_from,
        given=None if given.gives or given.returns else before.given,
    )


def as_seen(before: Standing, seen: Situation | None) -> Standing:
    """How the conversation stood in the eyes of who decided."""
    if seen is None:
        return before
    return replace(
        before, handed_at=seen.handed_at, taken=seen.taken, released=seen.released, team=seen.team,
        person=before.person if seen.team == before.team else None,
    )  # fmt: skip


def settled(before: Standing, talk: Talk, *, read_at: int) -> tuple[Standing, bool]:
    """How a conversation stands in the light of what became of giving it away, and of how its desk shows it.

    `read_at` is an Instant before which the desk was not read. With True nobody has it though it was given away: it
    counts as if it never had been. A person who was asked for is done with it where it is the bot's again.
    """
    given = before.given
    with_bot = talk.with_bot and talk.status != "closed"  # that is told by itself
    theirs = with_bot and talk.status != "with_person"
    if before.released or given is None:
        had = before.taken or before.handed_at is not None
        return (_heard(before, talk) if had and theirs and not before.released else before), False
    away = with_bot and given.ended_at is not None and given.ended_at < read_at
    if given.fate is Fate.ON_WAY or (given.fate in (Fate.THERE, Fate.UNSURE, Fate.TAKEN) and not away):
        return before, False
    if given.fate is Fate.THERE:
        return _heard(before, talk), False
    free = replace(before, team=None, person=None, taken=before.taken and not away)
    if given.fate in (Fate.CLOSED, Fate.UNDONE):
        return replace(free, released=True), False
    again = before.handed_from
    return replace(free, handed_at=again, released=again is not None), True


def _heard(before: Standing, talk: Talk) -> Standing:
    """A person was at it and is done: what was said until they last wrote, or it was given to them, was heard."""
    wrote = [place for place, one in enumerate(talk.messages, start=1) if one.role == "agent"]
    heard = max([before.handed_at or 0, *wrote])
    return replace(before, handed_at=heard, taken=False, released=True)
