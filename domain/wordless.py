"""A lead as if nobody had read what it wrote: what it did, what it is and that it wrote stay.

Held against this case, a verdict shows what words alone raised (`domain.careful.raised_by_words`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.decision import RunInput
from domain.intent import BARE_SIGN, IntentReading
from domain.intents import Said, ranked, top_of, with_tags
from domain.kinds import SPECS, Kind
from domain.lead import LeadState
from domain.signal import Event, Signal

_WORDY: Final = frozenset(kind.value for kind in Kind if SPECS[kind].text is not None)
_FORM: Final = Kind.FORM.value
"""The one kind that says something both by being there and in words."""


def without_words(lead: LeadState) -> LeadState:
    """`lead` without what was read in words, whoever read it; the same lead if nothing was."""
    return with_tags(
        lead, {event.ref: _bare(event) for event in lead.events if event.tags and event.kind in _WORDY}
    )


def unspoken(given: RunInput, lead: LeadState) -> RunInput:
    """The same run for `lead`, in which nothing was written."""
    return replace(given, lead=lead, new=_silent(given.new))


def heard_without_words(reading: IntentReading, events: tuple[Event, ...], as_of: int) -> IntentReading:
    """`reading` as it would be from `events` of a lead without words."""
    found = Said(events).at(as_of)
    top, confidence = top_of(found)
    return replace(reading, confidences=ranked(found), top=top, confidence=confidence, claims=(), slots=())


def _bare(event: Event) -> tuple[str, ...]:
    if event.kind != _FORM:
        return ()
    if not any(tag[0] == BARE_SIGN for tag in event.tags):
        return event.tags
    return tuple(tag[1:] for tag in event.tags if tag[0] == BARE_SIGN and not tag.endswith(":0"))


def _silent(signals: Sequence[Signal]) -> tuple[Signal, ...]:
    return tuple(_without_text(one) if one.text is not None else one for one in signals)


def _without_text(signal: Signal) -> Signal:
    name = SPECS[signal.kind].text
    return signal.model_copy(update={"payload": {k: v for k, v in signal.payload.items() if k != name}})
