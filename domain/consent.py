"""What a lead has agreed to as of a time, and which of its events may therefore be used.

A statement is a change of consent, or the consent that a source states with another signal. The newest of a
purpose holds, but an explicit refusal is lifted only by an explicit grant, not by a default that some source
sends along.

The rule for use: events of the marketing channel are left out of features, intent and score while marketing
consent stands refused, and those that happened during a refusal stay out for good. Other channels are not
touched: outreach as a whole is policy's affair. All of it is a function of the set of events and the time, so
order does not matter.
"""

from dataclasses import dataclass
from typing import Final

from domain.kinds import Channel, Kind
from domain.signal import FACT, Consent, Event

REFUSED: Final = frozenset({"denied", "withdrawn"})
_PURPOSES: Final = ("sales", "marketing")
_CONSENT: Final = Kind.CONSENT.value
_MARKETING: Final = f"{Channel.MARKETING.value}."
_IMPLICIT: Final = frozenset({Consent.GRANTED.value, Consent.DENIED.value})


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for each purpose: ``granted``, ``denied``, ``withdrawn``; None if nothing was stated."""

    sales: str | None = None
    marketing: str | None = None

    @property
    def code(self) -> str | None:
        """One word for both purposes, the more careful one: a refusal of either counts."""
        for status in (self.sales, self.marketing):
            if status in REFUSED:
                return status
        return self.sales or self.marketing

    @property
    def basis(self) -> str:
        """On what basis the lead is processed, as a code for the audit row."""
        if self.sales in REFUSED:
            return "record_only"
        if self.marketing in REFUSED:
            return "no_marketing"
        return "consent" if self.code == Consent.GRANTED.value else "legitimate_interest"


NOTHING_SAID: Final = Standing()


class Lawful:
    """The events of one lead (sorted, unique), asked several times for what may be used of them."""

    __slots__ = ("_agreed", "_events", "_kept", "_without")

    def __init__(self, events: tuple[Event, ...]) -> None:
        """Look for refusals among `events`; without any, `of` costs nothing."""
        self._events = events
        self._agreed = not [
            e for e in events if e.value in REFUSED or (e.kind == _CONSENT and e.subject in REFUSED)
        ]
        self._kept: tuple[Event, ...] | None = None
        self._without: tuple[Event, ...] | None = None

    def standing(self, as_of: int) -> Standing:
        """What holds as of the Instant `as_of`."""
        held: dict[str, tuple[str, bool]] = {}
        for event in self._events:
            if event.at > as_of or (self._agreed and len(held) == len(_PURPOSES)):
                break
            if _states(event):
                _state(held, event)
        if not held:
            return NOTHING_SAID
        return Standing(*[held[purpose][0] if purpose in held else None for purpose in _PURPOSES])

    def of(self, as_of: int) -> tuple[Event, ...]:
        """The events that may be used as of `as_of`, later ones too; the same tuple for equal answers."""
        if self._agreed:
            return self._events
        if self.standing(as_of).marketing in REFUSED:
            if self._without is None:
                self._without = tuple([e for e in self._events if not e.kind.startswith(_MARKETING)])
            return self._without
        if self._kept is None:
            self._kept = self._outside_refusals()
        return self._kept

    def _outside_refusals(self) -> tuple[Event, ...]:
        held: dict[str, tuple[str, bool]] = {}
        kept = []
        for event in self._events:
            if _states(event):
                _state(held, event)
            if not event.kind.startswith(_MARKETING) or held.get("marketing", ("", False))[0] not in REFUSED:
                kept.append(event)
        return self._events if len(kept) == len(self._events) else tuple(kept)


def _states(event: Event) -> bool:
    return event.kind == _CONSENT or (event.value in _IMPLICIT and event.kind != FACT)


def _state(held: dict[str, tuple[str, bool]], event: Event) -> None:
    """Let one statement change what is held: purpose -> (status, was it explicit?)."""
    explicit = event.kind == _CONSENT
    status = event.subject if explicit else event.value
    purposes = (event.value,) if explicit and event.value in _PURPOSES else _PURPOSES
    for purpose in purposes:
        before, was_explicit = held.get(purpose, ("", False))
        if explicit or not (was_explicit and before in REFUSED):
            held[purpose] = (status, explicit)
