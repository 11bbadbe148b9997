"""What is looked at again right before an action leaves: has something happened since it was proposed?

Only news counts. What stood when the lead was decided was weighed by policy then.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from domain.action import ActionKind
from domain.consent import REFUSED, Lawful, Standing
from domain.kinds import Kind
from domain.lead import LeadState
from domain.ports.outbox import OutboxRow
from domain.ports.target import Seen
from domain.signal import FACT, Event


class Rule(StrEnum):
    """A reason not to act any more; its value is the code in the audit row."""

    SUPPRESSED = "suppressed"
    """A privacy deletion was received."""
    CONSENT = "consent"
    """Consent that the action needs was refused or withdrawn since."""
    OUTCOME = "outcome"
    """Won or lost since."""
    NOT_A_LEAD = "not_a_lead"
    """Sales said so since."""
    GONE = "gone"
    """The target's record was deleted."""
    MERGED = "merged"
    """The target merged its record into another."""
    DO_NOT_CONTACT = "do_not_contact"
    """The target says so."""
    HUMAN_TOUCH = "human_touch"
    """A person did something with the record since."""
    OWNER_CHANGED = "owner_changed"
    """A person gave the lead to somebody else."""
    CLOSED = "closed"
    """A person closed the conversation that was to be handed over."""


PERSON_WON: Final = frozenset({Rule.OWNER_CHANGED, Rule.CLOSED})
"""Refusals because a person was there first: the action has not failed, it is not wanted any more."""
_OURS: Final = frozenset({Rule.SUPPRESSED, Rule.CONSENT, Rule.OUTCOME, Rule.NOT_A_LEAD})
_THEIRS: Final = frozenset(
    {Rule.GONE, Rule.MERGED, Rule.DO_NOT_CONTACT, Rule.HUMAN_TOUCH, Rule.OWNER_CHANGED}
)
RULES: Final[Mapping[ActionKind, frozenset[Rule]]] = {
    ActionKind.UPSERT_SCORE: frozenset({Rule.SUPPRESSED, Rule.CONSENT, Rule.NOT_A_LEAD}),
    ActionKind.LEAVE: frozenset({Rule.SUPPRESSED}),
    ActionKind.NOTIFY: frozenset(
        {Rule.SUPPRESSED, Rule.CONSENT, Rule.NOT_A_LEAD, Rule.GONE, Rule.MERGED, Rule.DO_NOT_CONTACT}
    ),
    ActionKind.CREATE_TASK: _OURS | _THEIRS,
    ActionKind.ASSIGN_OWNER: _OURS | _THEIRS,
    ActionKind.ENROL: _OURS | _THEIRS,
    ActionKind.HANDOFF: _OURS | _THEIRS | {Rule.CLOSED},
}
"""Which rules hold for which kind. Writing the score and leaving a programme reach nobody: they cost no look at the
target, which refuses by itself if the record is gone. To leave a programme is right whatever else has happened."""

_NEEDS_MARKETING: Final = frozenset({ActionKind.ENROL})
_ENDED: Final = frozenset({"won", "lost"})


def needs_look(kind: ActionKind) -> bool:
    """True if the target's record must be looked at before an action of `kind`."""
    return not RULES[kind].isdisjoint(_THEIRS)


def news(row: OutboxRow, lead: LeadState, now: int) -> Rule | None:
    """The first rule that what we know of the lead breaks as of the Instant `now`, None if there is none."""
    checks = {
        Rule.SUPPRESSED: lead.suppressed,
        Rule.CONSENT: _refused_since(row, lead, now),
        Rule.OUTCOME: _ended_since(row, lead.events),
        Rule.NOT_A_LEAD: any(e.kind == Kind.NOT_A_LEAD for e in _since(row, lead.events)),
    }
    return next((rule for rule, broken in checks.items() if broken and rule in RULES[row.kind]), None)


def seen_news(row: OutboxRow, lead: LeadState, seen: Seen) -> Rule | None:
    """The first rule that a target's record breaks, None if there is none."""
    touched = seen.human_touch_at
    checks = {
        Rule.GONE: seen.gone,
        Rule.CLOSED: seen.closed,
        Rule.MERGED: seen.merged_into is not None,
        Rule.DO_NOT_CONTACT: seen.do_not_contact,
        Rule.OWNER_CHANGED: bool(seen.owner) and seen.owner not in _known_owners(row, lead),
        Rule.HUMAN_TOUCH: touched is not None and touched > row.at,
    }
    return next((rule for rule, broken in checks.items() if broken and rule in RULES[row.kind]), None)


def _since(row: OutboxRow, events: Iterable[Event]) -> list[Event]:
    """What occurred after the proposal, or was learnt after it."""
    return [event for event in events if max(event.at, event.known) > row.at]


def _refused_since(row: OutboxRow, lead: LeadState, now: int) -> bool:
    known_then = tuple(event for event in lead.events if event.known <= row.at)
    before = Lawful(known_then).standing(row.at)
    return bool(_refusals(row.kind, Lawful(lead.events).standing(now)) - _refusals(row.kind, before))


def _refusals(kind: ActionKind, standing: Standing) -> set[str]:
    """The purposes that `kind` needs and that are refused."""
    needed = {"sales": standing.sales}
    if kind in _NEEDS_MARKETING:
        needed["marketing"] = standing.marketing
    return {purpose for purpose, status in needed.items() if status in REFUSED}


def _ended_since(row: OutboxRow, events: Iterable[Event]) -> bool:
    """True if the last word on the outcome since the proposal is that it ended."""
    said = [event.subject for event in _since(row, events) if event.kind == Kind.OUTCOME]
    return bool(said) and said[-1] in _ENDED


def _known_owners(row: OutboxRow, lead: LeadState) -> set[str]:
    """Owners that are no news: who we ask for, who had the conversation, who we know, and who was known then.

    `lead.owner` alone will not do: the decision that made the proposal has already set it.
    """
    stated = [
        event.value if event.kind == FACT else event.subject
        for event in lead.events
        if max(event.at, event.known) <= row.at
        and (event.kind == Kind.OWNER_CHANGE or (event.kind == FACT and event.subject == "owner"))
    ]
    known = {row.params.get("owner"), row.params.get("held"), *stated[-1:]}
    if not _owner_news(row, lead):
        known.add(lead.owner)
    return {owner for owner in known if owner}


def _owner_news(row: OutboxRow, lead: LeadState) -> bool:
    """True if an owner was stated since the proposal: then the owner we know is news itself."""
    return any(event.kind == Kind.OWNER_CHANGE for event in _since(row, lead.events))
