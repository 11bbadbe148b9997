"""The facts that decision tables read: a lead's situation as codes, whole numbers and yes/no."""

from collections.abc import Mapping
from typing import Final

from domain.decision import FeatureValue
from domain.instants import HOUR
from domain.intent import IntentReading
from domain.kinds import Channel
from domain.lead import BandState, PastAction
from domain.policy import Fact
from domain.quality import Gate
from domain.score import Score
from domain.signal import MICRO, Consent
from domain.untold import Untold
from domain.wish import wants_person, wish_to_buy

Features = Mapping[str, FeatureValue]
SMALL_BELOW: Final = 50
"""Employees below which a company counts as small."""
LARGE_FROM: Final = 1_000
"""Employees from which a company counts as large; between the two it is mid."""
_ASKED: Final = ("count.web.form.30d", "count.product.trial_started.30d", "decayed.support.message")
"""Features that are above 0 when the lead itself approached us."""
_DEALT: Final = ("stage", "recency.human")
"""Features that are there when sales already deals with the lead."""
_DOUBTFUL: Final = frozenset((Gate.FRESHNESS, Gate.VOLUME, Gate.MISSING_CHANNEL, Gate.QUARANTINE_RATE))
"""Gates that put the numbers in doubt; an unseen field or value alone does not."""
_SPEAK_ONCE: Final = frozenset((Channel.IDENTITY.value, Channel.CONSENT.value))
"""Channels that are silent for long by nature: their silence puts nothing in doubt."""


def facts_of(
    given: Untold,
    *,
    features: Features,
    reading: IntentReading,
    score: Score,
    band: BandState,
    previous: BandState,
    closed: bool,
    quiet: bool,
) -> dict[str, Fact]:
    """All facts known before routing. `closed` and `quiet` are the calendar's answer for the region."""
    lead = given.lead
    episode = {past.kind: past for past in lead.actions if past.episode == lead.episode}
    written = episode.get("upsert_score")
    spoken = {one.signal_id for one in given.new if one.wrote}
    wish, wish_confidence = wish_to_buy(reading, spoken)
    facts: dict[str, Fact] = {
        "region": lead.region,
        "suppressed": lead.suppressed,
        "owner_known": lead.owner is not None,
        "enrolled": enrolled(lead.actions),
        "conversation": any(one.talks for one in given.new),
        "wrote": bool(spoken),
        "freeze": closed,
        "quiet": quiet,
        "band": band.band.value,
        "band_changed": _band_before(written, previous) != band.band.value,
        "band_hours": (given.as_of - band.since) // HOUR if band.since else None,
        "points": score.points,
        "points_moved": _points_moved(written, score.points),
        "fit": score.fit,
        "engagement": score.engagement,
        "score_confidence": score.confidence,
        "cold_start": score.cold_start,
        "top_intent": reading.top.value,
        "intent_confidence": reading.confidence,
        "wish": wish.value,
        "wish_confidence": wish_confidence,
        "wants_person": wants_person(reading, spoken),
        "degraded": reading.degraded is not None,
        "quality": _quality(given),
    }
    facts.update(_of_features(features))
    facts["consent"], facts["consent_mail"] = _consent(given, features)
    return facts


def _of_features(features: Features) -> dict[str, Fact]:
    read = features.get
    employees = _whole(read("fact.employees"))
    return {
        "relationship": _code(read("fact.relationship")),
        "email_domain": _code(read("fact.email_domain_type")),
        "industry": _code(read("fact.industry")),
        "seniority": _code(read("fact.seniority")),
        "lead_source": _code(read("fact.lead_source")),
        "employees": employees,
        "segment": segment_of(employees, read("fact.employee_band")),
        "stage": _code(read("stage")),
        "outcome": _code(read("outcome")),
        "outcome_hours": _number(read("outcome.hours")),
        "not_a_lead": read("not_a_lead") is not None,
        "open_tickets": _number(read("tickets.open")) or 0,
        "account_tickets": _number(read("account.tickets.open")) or 0,
        "human_touch_hours": _number(read("recency.human")),
        "in_dealings": any(read(name) for name in _ASKED) or any(read(name) is not None for name in _DEALT),
        "deal_amount": _whole(read("deal.amount")) or _whole(read("fact.amount_requested")),
    }


def enrolled(actions: tuple[PastAction, ...]) -> bool:
    """True if the lead was put into a nurture programme and not taken out since."""
    at = {past.kind: past.at for past in actions}
    return "enrol" in at and at["enrol"] > at.get("leave", -1)


def segment_of(employees: int | None, employee_band: FeatureValue) -> str | None:
    """``small``, ``mid`` or ``large`` by the number of employees, else by the lower end of the stated band.

    >>> segment_of(None, "200-499")
    'mid'
    """
    count = employees if employees is not None else _lower_end(employee_band)
    if count is None:
        return None
    if count < SMALL_BELOW:
        return "small"
    return "large" if count >= LARGE_FROM else "mid"


def _lower_end(band: FeatureValue) -> int | None:
    if not isinstance(band, str):
        return None
    text = band.replace(",", "").lstrip(" <>=~")
    digits = text[: next((at for at, sign in enumerate(text) if not sign.isdigit()), len(text))]
    return int(digits) if digits.isascii() and digits and len(digits) < 10 else None


def _code(value: FeatureValue) -> str | None:
    """A stated trait as a code. Tables know only the codes their columns list: other text goes no further."""
    if not isinstance(value, str) or not value:
        return None
    return value.strip().lower().replace(" ", "_").replace("-", "_")


def _number(value: FeatureValue) -> int | None:
    return value if isinstance(value, int) else None


def _whole(value: FeatureValue) -> int | None:
    """Whole units of an amount in micro-units."""
    return value // MICRO if isinstance(value, int) else None


def _consent(given: Untold, features: Features) -> tuple[str | None, str | None]:
    """Consent to sales contact and to mailings, as last stated.

    Where features tell the two apart they are taken as they are. Else one word stands for both, and the
    newest statement that comes with a new signal counts before it.
    """
    if "consent.sales" in features:
        return _code(features["consent.sales"]), _code(features.get("consent.marketing"))
    said = [
        (signal.occurred_at, signal.consent) for signal in given.new if signal.consent is not Consent.UNKNOWN
    ]
    stated = max(said)[1].value if said else _code(features.get("consent"))
    return stated, stated


def _quality(given: Untold) -> str:
    if not given.quality:
        return "ok"
    doubtful = any(
        failure.gate in _DOUBTFUL
        and not (failure.gate is Gate.MISSING_CHANNEL and failure.detail in _SPEAK_ONCE)
        for failure in given.quality
    )
    return "doubtful" if doubtful else "unseen"


def _band_before(written: PastAction | None, previous: BandState) -> str:
    return written.band if written is not None and written.band is not None else previous.band.value


def _points_moved(written: PastAction | None, points: int) -> int | None:
    """How far the points are from those last written; None if none were written in this episode."""
    if written is None:
        return None
    return abs(points - written.points) if written.points is not None else 0
