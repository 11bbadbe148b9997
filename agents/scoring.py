"""Scoring: how likely is a sale, and why; how warm is the lead, and when does it cool down by itself?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from domain.assessment import Assessment
from domain.band import Thresholds, cools_at, fold, step
from domain.consent import Lawful
from domain.decision import RunInput, Timer
from domain.features import Catalogue, Prepared, Values
from domain.instants import Instant, moment
from domain.intake import Intake
from domain.intent import IntentReading
from domain.intents import Said, heard_locally
from domain.lead import Band, BandState, LeadState
from domain.model import LEAD_ACCOUNT, LEAD_REGION
from domain.nudge import BOUND, Nudges, Tags, moved, nudged
from domain.nudge import ROW as MODEL_ROW
from domain.override import ROW, Override, OverrideKind, ends_next, fixed, set_to
from domain.ports.scorer import Scorer
from domain.score import MICRO_POINT, Score

COOLING: Final = "band_decay"
"""Reason of the timer that wakes a silent lead when it leaves its band."""
AHEAD: Final = "signal_due"
"""Reason of the timer that wakes a lead of which a signal is dated in the future."""
_ACCOUNT: Final = "account."
_REASONS: Final = 3


async def assess(
    given: RunInput,
    intake: Intake,
    reading: IntentReading,
    lead: LeadState,
    *,
    scorer: Scorer,
    catalogue: Catalogue,
    nudges: Tags | None = None,
    bound: int = BOUND,
) -> Assessment:
    """The score as of the run, the band folded over event time, and when it next changes by itself.

    The fold looks at the lead alone: what its company did is known as of now only, so it moves the score and
    the band of this run, and not what hysteresis remembers. So do points that a person has fixed: while they
    stand, the band is the one that they enter, and the lead does not cool down. An outcome counts more than they do.

    What a language model read counts only as reasons (`domain.nudge`, new ones in `nudges`), within `bound`.
    Raises: Temporary (a scorer elsewhere).
    """
    as_of = given.as_of
    lead = nudged(lead, nudges or {})
    past = _Past(lead, scorer, catalogue, bound)
    usable = past.lawful.of(as_of)
    score = scorer.score(
        {**intake.features, **past.place}, heard_locally(reading, usable, as_of), usable, as_of
    )
    score = past.nudges.shown(score, as_of)
    band = fold(
        lead.band,
        lead.events,
        as_of,
        look=past.points,
        now=score.points,
        thresholds=scorer.thresholds,
        dropped=lead.dropped,
        by=scorer.version,
    )
    account = {name: value for name, value in intake.features.items() if name.startswith(_ACCOUNT)}
    said = fixed(given.overrides, OverrideKind.POINTS)
    shown = set_to(score, said) if said else score
    if said and shown is not score:
        band = _entered(band, shown.points, said, scorer.thresholds)
        due = _ahead(lead, as_of)
    else:
        due = _next_due(lead, band.band, score, as_of, past=past, account=account)
    words = (*_fixed_words(said, score, shown), *_words(shown, given.lead.band, band, due))
    return Assessment(shown, band, _sooner(due, ends_next(given.overrides)), words)


def would_move(
    lead: LeadState,
    account: Mapping[str, int | str | None],
    as_of: int,
    *,
    scorer: Scorer,
    catalogue: Catalogue,
) -> bool:
    """Whether a run as of `as_of`, with these values of its account, would put the lead into another band."""
    points = _Past(lead, scorer, catalogue).points(as_of, account)
    return step(lead.band.settled or Band.COLD, points, scorer.thresholds) is not lead.band.band


class _Past:
    """The points of one lead at any time, from what could lawfully be used then."""

    __slots__ = ("_catalogue", "_prepared", "_scorer", "lawful", "nudges", "place", "thresholds")

    def __init__(self, lead: LeadState, scorer: Scorer, catalogue: Catalogue, bound: int = BOUND) -> None:
        """Of `lead` with its tagged events; `bound` is that of a language model's reasons."""
        self.nudges = Nudges(lead.events, bound)
        self.lawful = Lawful(lead.events)
        self.thresholds = scorer.thresholds
        self.place: Mapping[str, str | None] = {LEAD_REGION: lead.region, LEAD_ACCOUNT: lead.account}
        self._scorer, self._catalogue = scorer, catalogue
        self._prepared: dict[int, tuple[Prepared, Said]] = {}

    def points(self, at: int, account: Mapping[str, int | str | None] | None = None) -> int:
        """Points at the Instant `at`; with `account` values if given, as if they held then."""
        events = self.lawful.of(at)
        found = self._prepared.get(id(events))
        if found is None:
            found = self._prepared[id(events)] = (self._catalogue.prepare(events), Said(events))
        prepared, said = found
        values: Values = prepared.at(at, self._scorer.uses)
        code = self.lawful.standing(at).code
        if code is not None and "consent" in values:
            values["consent"] = code
        if account:
            values.update(account)
        values.update(self.place)
        points = self._scorer.points(values, {intent.value: sure for intent, sure in said.at(at).items()})
        return moved(points, self.nudges.at(at)) if self.nudges else points


def _next_due(
    lead: LeadState,
    band: Band,
    score: Score,
    as_of: int,
    *,
    past: _Past,
    account: Mapping[str, int | str | None],
) -> Timer | None:
    ahead = _ahead(lead, as_of)
    if ahead is not None:
        return ahead
    due = cools_at(
        band,
        score.points,
        as_of,
        look=lambda at: past.points(at, account),
        thresholds=past.thresholds,
    )
    return Timer(due, COOLING) if due is not None else None


def _ahead(lead: LeadState, as_of: int) -> Timer | None:
    """When the first of its signals that are dated in the future comes true."""
    if not lead.events or lead.events[-1].at <= as_of:
        return None
    return Timer(next(event.at for event in lead.events if event.at > as_of), AHEAD)


def _sooner(due: Timer | None, ends: int | None) -> Timer | None:
    """The earlier of a timer and the end of an override: the run that either wakes finds the other again."""
    if ends is None or (due is not None and due.due_at <= ends):
        return due
    return Timer(ends, ROW)


def _entered(band: BandState, points: int, said: Override, thresholds: Thresholds) -> BandState:
    """The band that fixed `points` enter, since the person said so; what hysteresis remembers is left as it is."""
    entered = step(Band.COLD, points, thresholds)
    since = min(band.since, said.at) if entered is band.band else said.at
    return replace(band, band=entered, since=since)


def _fixed_words(said: Override | None, score: Score, shown: Score) -> tuple[str, ...]:
    """What a person has fixed, beside what the scorer says."""
    if said is None:
        return ()
    until = "" if said.until is None else f" until {moment(Instant(said.until)):%Y-%m-%d %H:%M} UTC"
    if shown is score:
        return (f"A person set the points to {said.value}{until}, but the outcome is known: that stands.",)
    return (f"A person set the points to {said.value}{until}; {score.scorer} gives {score.points}.",)


def _words(score: Score, before: BandState, band: BandState, due: Timer | None) -> tuple[str, ...]:
    unit = "points" if score.unit == "points" else "% likely"
    source = "a person" if any(part.name == ROW for part in score.ledger) else score.scorer
    words = [f"{score.points} {unit} by {source}; fit {score.fit}, engagement {score.engagement}."]
    reasons = sorted(
        (part for part in score.ledger if part.words and part.feature), key=lambda part: -abs(part.micro)
    )
    if reasons:
        words.append(f"Most of it: {'; '.join(part.words for part in reasons[:_REASONS])}.")
    if score.interval is not None and score.similar is not None:
        (low, high), (cases, won) = score.interval, score.similar
        words.append(
            f"Of {cases:,} past leads with about this score {won:,} were won ({low / 10:.0f} to {high / 10:.0f} %)."
        )
    words.extend(score.remarks)
    words.extend(
        f"{part.words} ({part.micro // MICRO_POINT:+d} points)."
        for part in score.ledger
        if part.name == MODEL_ROW
    )
    if score.cold_start:
        words.append("Too few signals for a score of its own: it rests on what is usual and on the profile.")
    changed = f"{before.band.value} before" if before.band is not band.band else "as before"
    words.append(f"The lead is {band.band.value}, {changed}.")
    if due is not None and due.reason == COOLING:
        until = f"{moment(Instant(due.due_at)):%Y-%m-%d %H:%M} UTC"
        words.append(f"If nothing happens it leaves this band by {until}.")
    return tuple(words)
