"""Ingestion: what is new, is it lawful to use, and what do we know of this lead?

A privacy deletion stops everything. A refusal of contact is carried on for policy to heed; a refusal of
marketing takes the marketing channel out of what is used (`domain.consent`). Owner and episode follow from
the events.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.consent import REFUSED, Lawful, Standing
from domain.decision import RunInput
from domain.episode import episode_of
from domain.errors import Permanent
from domain.features import Catalogue, Values
from domain.instants import MINUTE, instant
from domain.intake import Intake
from domain.kinds import Channel, Kind
from domain.lead import AccountSnapshot, BandState, LeadState, PastAction, absorb
from domain.memory import Recall
from domain.signal import FACT, Event, Signal, compact

CLOCK_SKEW: Final = 5 * MINUTE
"""How far a source's clock may run ahead before it is worth a flag, microseconds."""
_ACCOUNT: Final = "account."
_OWNER_CHANGE: Final = Kind.OWNER_CHANGE.value
_ASSIGNED: Final = "assign_owner"


async def take_in(given: RunInput, *, catalogue: Catalogue, clock_skew_us: int = CLOCK_SKEW) -> Intake:
    """The lead with its new signals, as far as they may be used, and its features as of the run.

    A function of the set of signals: order, batches and repetition make no difference.
    Raises: Permanent if a signal belongs to another tenant.
    """
    _refuse_strangers(given)
    if given.lead.suppressed or any(signal.kind is Kind.PRIVACY_DELETE for signal in given.new):
        return _stopped(given)
    before, as_of = given.lead, given.as_of
    events, over = absorb(before.events, [event for signal in given.new for event in compact(signal)])
    accepted, superseded = _divided(given.new, events, over)
    dropped = before.dropped + over
    lead = replace(
        before,
        events=events,
        dropped=dropped,
        owner=_owner(before, events, as_of),
        # What fell off may have held closed episodes; a number once reached is then not given again.
        episode=max(episode_of(events, as_of), before.episode if dropped else 1),
    )
    lawful = Lawful(events)
    standing, usable = lawful.standing(as_of), lawful.of(as_of)
    flags = _flags(lead, given.new, standing, unused=len(events) - len(usable), latest=as_of + clock_skew_us)
    flags += _flag_of(given.recall) + tuple(f"degraded:unread_{vendor}" for vendor in given.unread)
    return Intake(
        lead=lead,
        accepted=accepted,
        superseded=superseded,
        features=_features(catalogue.evaluate(usable, as_of), standing, given.account),
        flags=flags,
        lawful=standing.basis,
        words=_words(given, lead, standing, superseded, unused=len(events) - len(usable)),
    )


def _refuse_strangers(given: RunInput) -> None:
    for signal in (*given.new, *given.recent):
        if signal.tenant != given.lead.tenant:
            raise Permanent("a signal of another tenant was handed to this lead's run")


def _stopped(given: RunInput) -> Intake:
    """Nothing is processed any more, and what was known is let go."""
    lead = replace(given.lead, suppressed=True, events=(), band=BandState(), reading={})
    asked = [signal for signal in given.new if signal.kind is Kind.PRIVACY_DELETE]
    return Intake(
        lead=lead,
        accepted=tuple(asked),
        superseded=tuple(signal.signal_id for signal in given.new if signal not in asked),
        features={},
        suppressed=True,
        flags=("suppressed",),
        lawful="none",
        words=("A deletion of this person's data was asked for: nothing was processed.",),
    )


def _divided(
    new: tuple[Signal, ...], events: tuple[Event, ...], over: int
) -> tuple[tuple[Signal, ...], tuple[str, ...]]:
    """New signals that count, and the refs of those that are too old to be kept."""
    if not over:
        return new, ()
    kept = {event.ref for event in events}
    gone = {signal.signal_id for signal in new if signal.signal_id not in kept and compact(signal)}
    return tuple(signal for signal in new if signal.signal_id not in gone), tuple(sorted(gone))


def _owner(lead: LeadState, events: tuple[Event, ...], as_of: int) -> str | None:
    """The owner as the CRM last said it, unless we assigned one after that."""
    for event in reversed(events):
        if event.at > as_of:
            continue
        if event.kind == _OWNER_CHANGE or (event.kind == FACT and event.subject == "owner"):
            assigned = _last(lead.actions, _ASSIGNED)
            if assigned is not None and assigned.at > event.at and lead.owner is not None:
                return lead.owner
            return (event.value if event.kind == FACT else event.subject) or None
    return lead.owner


def _last(actions: tuple[PastAction, ...], kind: str) -> PastAction | None:
    return max((action for action in actions if action.kind == kind), key=lambda a: a.at, default=None)


def _features(values: Values, standing: Standing, account: AccountSnapshot | None) -> Values:
    """Lead features with consent told carefully (a refusal of either purpose), and those of the account."""
    if "consent" in values and standing.code is not None:
        values["consent"] = standing.code
    if account is not None:
        for name, value in account.values.items():
            values[name if name.startswith(_ACCOUNT) else _ACCOUNT + name] = value
    return values


def _flags(
    lead: LeadState, new: Sequence[Signal], standing: Standing, *, unused: int, latest: int
) -> tuple[str, ...]:
    stated = {
        "clock_ahead": any(instant(signal.occurred_at) > latest for signal in new),
        "consent_refused": standing.sales in REFUSED,
        "marketing_unused": unused > 0,
        "over_cap": lead.dropped > 0,
    }
    return tuple(flag for flag, holds in stated.items() if holds)


def _of_memory(recall: Recall | None) -> tuple[str, ...]:
    """What a person is told of it. It moves nothing: a score, a verdict and an action are the same without it."""
    if recall is None:
        return ()
    words = []
    if recall.refs:
        words.append(f"{len(recall.refs)} earlier texts of this lead are about what was said now.")
    if recall.analogues is not None:
        won, cases = recall.analogues.won, recall.analogues.cases
        words.append(f"{won} of {cases} similar conversations ended in a sale.")
    if recall.degraded:
        words.append(f"What was said before could not be asked for in full ({recall.degraded}).")
    return tuple(words)


def _flag_of(recall: Recall | None) -> tuple[str, ...]:
    return (f"degraded:{recall.degraded}",) if recall is not None and recall.degraded else ()


def _words(
    given: RunInput, lead: LeadState, standing: Standing, superseded: tuple[str, ...], *, unused: int
) -> tuple[str, ...]:
    kinds = sorted({signal.kind.value for signal in given.new})
    new = f"{len(given.new)} new: {', '.join(kinds)}" if kinds else f"nothing new, woken by {given.reason}"
    words = [f"Known: {len(lead.events)} events, {new}. Episode {lead.episode}; basis {standing.basis}."]
    if given.unread:
        words.append(f"The lead's record at {', '.join(given.unread)} could not be read in time.")
    if unused:
        words.append(
            f"{unused} events of the channel {Channel.MARKETING.value} are not used: it was refused."
        )
    if superseded:
        words.append(f"{len(superseded)} signals are too old to be kept beside the newest.")
    return (*words, *_of_memory(given.recall))
