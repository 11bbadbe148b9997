"""What a model may do to a score: a bounded shift of the log-odds, for listed reasons, each with its signals.

The reason says how much, not the model; it is kept as a tag (``^budget_approved``) of the event whose words show it,
so it decays as those words do, outlives an outage of the model, and is the same in a replay. Whatever is said, all
reasons together move the log-odds by no more than the bound. Points of a score by rules are taken for a probability
in per cent for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from math import exp, log
from typing import Final

from domain.feature import DECAY_LIMIT_HOURS, decay_table
from domain.instants import HOUR
from domain.intent import MODEL_SIGN, REASON_SIGN
from domain.intents import CUSTOMER, HALF_LIFE_HOURS, read_by_model, with_tags
from domain.kinds import Kind
from domain.lead import LeadState
from domain.score import MAX_REFS, MICRO_POINT, Part, Score
from domain.signal import FACT, Event

ROW: Final = "model"
"""Row of the ledger."""
BOUND: Final = 500
"""Thousandths of log-odds: the usual bound, and the most that can be configured."""
_MESSAGE: Final = Kind.MESSAGE.value


class Reason(StrEnum):
    """Why a model may find a sale more or less likely than the score says."""

    BUDGET_APPROVED = "budget_approved"
    DECIDES = "decides"
    DEADLINE_NEAR = "deadline_near"
    NEXT_STEP_ASKED = "next_step_asked"
    RIVAL_DROPPED = "rival_dropped"
    NO_BUDGET = "no_budget"
    ONLY_RESEARCH = "only_research"
    PUT_OFF = "put_off"
    RIVAL_PREFERRED = "rival_preferred"
    NOT_THE_BUYER = "not_the_buyer"


SHIFTS: Final[Mapping[Reason, int]] = {
    Reason.BUDGET_APPROVED: 250,
    Reason.DECIDES: 150,
    Reason.DEADLINE_NEAR: 200,
    Reason.NEXT_STEP_ASKED: 200,
    Reason.RIVAL_DROPPED: 150,
    Reason.NO_BUDGET: -250,
    Reason.ONLY_RESEARCH: -200,
    Reason.PUT_OFF: -200,
    Reason.RIVAL_PREFERRED: -250,
    Reason.NOT_THE_BUYER: -250,
}
"""Thousandths of log-odds that a reason is worth while it is new."""
WORDS: Final[Mapping[Reason, str]] = {
    Reason.BUDGET_APPROVED: "a budget is approved",
    Reason.DECIDES: "the writer decides",
    Reason.DEADLINE_NEAR: "a deadline is near",
    Reason.NEXT_STEP_ASKED: "a next step is asked for",
    Reason.RIVAL_DROPPED: "a rival is out",
    Reason.NO_BUDGET: "there is no budget",
    Reason.ONLY_RESEARCH: "it is research only",
    Reason.PUT_OFF: "it is put off",
    Reason.RIVAL_PREFERRED: "a rival is preferred",
    Reason.NOT_THE_BUYER: "the writer is not the buyer",
}
Tags = Mapping[str, tuple[str, ...]]
"""Ref of a signal -> tags for its event."""
_BY_TAG: Final = {REASON_SIGN + reason.value: reason for reason in Reason}


class Nudges:
    """The reasons in one lead's events, to be weighed as of several times. False if there are none."""

    __slots__ = ("_bound", "_found")

    def __init__(self, events: tuple[Event, ...], bound: int = BOUND) -> None:
        """Take `events`; `bound` in thousandths of log-odds, 0..`BOUND`."""
        self._bound = max(0, min(BOUND, bound))
        self._found = [
            (event.at, event.ref, _BY_TAG[tag])
            for event in (events if read_by_model(events) else ())
            if event.tags and (event.kind != _MESSAGE or event.subject == CUSTOMER)
            for tag in event.tags
            if tag in _BY_TAG
        ]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def at(self, as_of: int) -> int:
        """The shift as of the Instant `as_of`, in thousandths of log-odds. A reason counts once, where it is newest."""
        table, hour = decay_table(HALF_LIFE_HOURS), as_of // HOUR
        newest: dict[Reason, int] = {}
        for at, _, reason in self._found:
            if at <= as_of and hour - at // HOUR < DECAY_LIMIT_HOURS:
                newest[reason] = max(at, newest.get(reason, at))
        total = sum(SHIFTS[reason] * table[hour - at // HOUR] // 1_000_000 for reason, at in newest.items())
        return max(-self._bound, min(self._bound, total))

    def shown(self, score: Score, as_of: int) -> Score:
        """`score` with the shift as a row of its ledger; as it is if nothing moves."""
        shift = self.at(as_of)
        points = moved(score.points, shift)
        known = score.log_odds is not None
        if not shift or not 0 < score.points < 100 or (points == score.points and not known):
            return score
        said = [(ref, reason) for at, ref, reason in reversed(self._found) if at <= as_of]
        refs = tuple(dict.fromkeys(ref for ref, _ in said))
        reasons = ", ".join(WORDS[reason] for reason in dict.fromkeys(reason for _, reason in said))
        row = Part(
            ROW,
            (points - score.points) * MICRO_POINT,
            signals=refs[:MAX_REFS],
            signal_count=len(refs),
            words=f"A language model reads: {reasons}",
            log_odds=shift * 1_000 if known else 0,
        )
        odds = score.log_odds + shift * 1_000 if score.log_odds is not None else None
        return replace(score, points=points, ledger=(*score.ledger, row), log_odds=odds)


def moved(points: int, shift: int) -> int:
    """`points` after `shift` (thousandths of log-odds), 1..99; 0 and 100, a known outcome, stay.

    >>> moved(50, 500), moved(50, -500), moved(99, 500), moved(100, -500)
    (62, 38, 99, 100)
    """
    if not shift or not 0 < points < 100:
        return points
    odds = log(points / (100 - points)) + shift / 1_000
    return max(1, min(99, int(100 / (1 + exp(-odds)) + 0.5)))


def nudged(lead: LeadState, tags: Tags) -> LeadState:
    """`lead` with `tags` beside those that its events have; the same lead if nothing changes."""
    if not tags:
        return lead
    have = {event.ref: event.tags for event in lead.events if event.ref in tags and event.kind != FACT}
    return with_tags(lead, {ref: tuple(sorted({*have[ref], *tags[ref]})) for ref in have})


def without_model(lead: LeadState) -> LeadState:
    """`lead` as if no model had read anything of it; the same lead if none did."""
    if not read_by_model(lead.events):
        return lead
    signs = (REASON_SIGN, MODEL_SIGN)
    read = [event for event in lead.events if event.tags and any(tag[0] in signs for tag in event.tags)]
    return with_tags(lead, {e.ref: tuple(tag for tag in e.tags if tag[0] not in signs) for e in read})


def tags_of(reasons: Iterable[tuple[Reason, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """Ref of a signal -> tags of the reasons that its words show."""
    found: dict[str, set[str]] = {}
    for reason, refs in reasons:
        for ref in refs:
            found.setdefault(ref, set()).add(REASON_SIGN + reason.value)
    return {ref: tuple(sorted(tags)) for ref, tags in found.items()}
