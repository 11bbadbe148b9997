"""Signals, leads and runs of the first agents, with defaults; and any history Hypothesis can think of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from agents.ingestion import take_in
from agents.intent import classify
from agents.scoring import assess
from domain.assessment import Assessment
from domain.decision import RunInput
from domain.features import Catalogue
from domain.ids import LeadId, Region, RunId, TenantId
from domain.instants import DAY, HOUR, Instant, instant, moment
from domain.intake import Intake
from domain.intent import IntentReading
from domain.kinds import Kind
from domain.lead import AccountSnapshot, LeadState
from domain.ports.reasoner import Reasoner
from domain.ports.scorer import Scorer
from domain.signal import Consent, KeyKind, LeadKey, Scalar, Signal
from tools.catalogue import load_catalogue
from tools.models.baseline import baseline
from tools.reasoner.local import local_reasoner

CONFIG = Path(__file__).resolve().parents[2] / "config"
NOW = instant(moment(Instant(472_000 * HOUR)))
"""On the hour."""
LEAD = LeadState(LeadId("ld_00000000000000000001"), TenantId("t"), Region("us"))


@cache
def catalogue() -> Catalogue:
    """The catalogue that ships."""
    return load_catalogue(CONFIG / "features.toml")


@cache
def reasoner() -> Reasoner:
    """The local reasoner that ships."""
    return local_reasoner(CONFIG)


@cache
def scorer() -> Scorer:
    """The baseline that ships."""
    return baseline(CONFIG, catalogue())


def signal(
    kind: Kind,
    at: int = NOW,
    ref: str = "1",
    *,
    consent: Consent = Consent.UNKNOWN,
    tenant: str = "t",
    **payload: Scalar,
) -> Signal:
    """One signal, known when it occurred."""
    when = moment(Instant(at))
    return Signal(
        tenant=TenantId(tenant),
        region=Region("us"),
        source="s",
        id=ref,
        kind=kind,
        keys=(LeadKey(KeyKind.CRM_ID, "1"),),
        occurred_at=when,
        received_at=when,
        known_at=when,
        payload=payload,
        consent=consent,
    )


def says(text: str, at: int = NOW, ref: str = "1", role: str = "customer") -> Signal:
    """A message in a support conversation."""
    return signal(Kind.MESSAGE, at, ref, text=text, role=role)


def run_of(
    *new: Signal,
    lead: LeadState = LEAD,
    as_of: int = NOW,
    recent: Sequence[Signal] = (),
    account: AccountSnapshot | None = None,
    reason: str = "signals",
) -> RunInput:
    """The pinned input of a run."""
    return RunInput(
        run_id=RunId("rn_1"),
        as_of=as_of,
        reason=reason,
        lead=lead,
        new=tuple(new),
        recent=tuple(recent),
        account=account,
        reps=(),
        quality=(),
        versions={},
    )


@dataclass(frozen=True)
class Ran:
    """What the first three agents made of a run, and the lead as it goes into the next."""

    intake: Intake
    reading: IntentReading
    assessment: Assessment
    lead: LeadState


async def run(given: RunInput, *, reader: Reasoner | None = None) -> Ran:
    """Ingestion, intent and scoring, as the graph would call them."""
    intake = await take_in(given, catalogue=catalogue())
    reading, lead = await classify(given, intake, reasoner=reader or reasoner())
    assessment = await assess(given, intake, reading, lead, scorer=scorer(), catalogue=catalogue())
    return Ran(intake, reading, assessment, replace(lead, band=assessment.band))


TEXTS = (
    "How much does it cost?",
    "We do not need a demo.",
    "Please cancel our subscription.",
    "I am a student.",
    "Could we book a demo?",
    "Nice weather.",
)
_SAYINGS: Sequence[tuple[Kind, Mapping[str, Scalar]]] = (
    *((Kind.MESSAGE, {"text": text, "role": "customer"}) for text in TEXTS),
    (Kind.MESSAGE, {"text": "How much do you want to spend?", "role": "agent"}),
    (Kind.PAGE_VIEW, {"page": "/pricing"}),
    (Kind.PAGE_VIEW, {"page": "/blog"}),
    (Kind.FORM, {"form": "demo", "employees": 300}),
    (Kind.SESSION, {"type": "website", "pages": 3, "pricing_pages": 1}),
    (Kind.CONTENT, {"content": "roi"}),
    (Kind.WEBINAR, {"webinar": "product"}),
    (Kind.EMAIL_CLICKED, {"link": "pricing"}),
    (Kind.CONSENT, {"status": "denied", "purpose": "marketing"}),
    (Kind.CONSENT, {"status": "granted", "purpose": "marketing"}),
    (Kind.CONSENT, {"status": "withdrawn"}),
    (Kind.STAGE_CHANGE, {"stage": "sql"}),
    (Kind.ACTIVITY, {"type": "call", "direction": "outbound"}),
    (Kind.OUTCOME, {"result": "lost"}),
    (Kind.OUTCOME, {"result": "reverted"}),
    (Kind.OWNER_CHANGE, {"owner": "ann"}),
    (Kind.IDENTIFY, {"seniority": "vp", "owner": "bob"}),
    (Kind.TICKET_OPENED, {"ticket_id": "7", "subject": "The export is not working"}),
    (Kind.LIMIT_REACHED, {"limit": "rows"}),
)


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> tuple[Signal, ...]:
    """Signals of one lead over a year before `NOW`, tied and apart, each with its own id."""
    hours = st.one_of(st.integers(0, 72), st.integers(0, 365 * 24))
    count = draw(st.integers(1, most))
    found = []
    for number in range(count):
        kind, payload = draw(st.sampled_from(_SAYINGS))
        at = NOW - draw(hours) * HOUR - draw(st.sampled_from((0, 1, HOUR // 2)))
        stated = draw(st.sampled_from((Consent.UNKNOWN, Consent.UNKNOWN, Consent.GRANTED)))
        found.append(signal(kind, at, f"{number}", consent=stated).model_copy(update={"payload": payload}))
    return tuple(found)


def days_ago(days: float) -> int:
    """An Instant."""
    return NOW - round(days * DAY)
