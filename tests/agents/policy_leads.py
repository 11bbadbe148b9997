"""Leads for the policy review tests: ordinary ones with defaults, and any that Hypothesis can think of."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from agents.policy import review
from domain.decision import FeatureValue, RunInput
from domain.ids import LeadId, Region, RunId, SignalId, TenantId
from domain.instants import DAY, HOUR, instant
from domain.intent import Claim, Intent, IntentReading
from domain.kinds import Kind
from domain.lead import Band, BandState, LeadState, PastAction
from domain.policy import Rep, Verdict
from domain.ports.policy import Policy
from domain.quality import Gate, GateFailure
from domain.score import MICRO_POINT, Part, Score
from domain.signal import Consent, KeyKind, LeadKey, Signal

MONDAY_NOON = instant(datetime(2026, 3, 2, 17, 0, tzinfo=UTC))
"""Noon in New York on an ordinary working day."""
MONDAY_NIGHT = instant(datetime(2026, 3, 3, 4, 0, tzinfo=UTC))
"""23:00 in New York."""
TEAM = (
    Rep("ann", "sales", ("us",), ("small", "mid"), 3, 0, 10),
    Rep("bob", "sales", ("us",), ("small", "mid"), 3, 0, 20),
    Rep("cleo", "enterprise", ("us",), ("large",), 2, 0, 0),
    Rep("dan", "account_management", (), (), 9, 0, 0),
)
ORDINARY: dict[str, FeatureValue] = {
    "fact.relationship": "prospect",
    "fact.employees": 200 * 1_000_000,
    "count.web.form.30d": 1,
    "tickets.open": 0,
    "consent": "granted",
}


@dataclass(frozen=True)
class Case:
    """What the review is given. `features` are added to the ordinary ones."""

    features: dict[str, FeatureValue] = field(default_factory=dict)
    band: Band = Band.HOT
    previous: Band = Band.COLD
    intent: Intent = Intent.PRICING
    confidence: int = 800
    points: int = 82
    score_confidence: int = 900
    cold_start: bool = False
    degraded: str | None = None
    at: int = MONDAY_NOON
    region: str = "us"
    owner: str | None = None
    episode: int = 1
    actions: tuple[PastAction, ...] = ()
    suppressed: bool = False
    new: tuple[Signal, ...] = ()
    reps: tuple[Rep, ...] = TEAM
    quality: tuple[GateFailure, ...] = ()
    beside: tuple[tuple[Intent, int], ...] = ()
    """What was said just now beside the intent, strongest first."""

    def given(self) -> RunInput:
        """The run's input."""
        lead = LeadState(
            lead_id=LeadId("ld_1"),
            tenant=TenantId("t"),
            region=Region(self.region),
            band=BandState(self.previous, self.at - DAY, self.at - 2 * DAY),
            owner=self.owner,
            episode=self.episode,
            suppressed=self.suppressed,
            actions=self.actions,
        )
        return RunInput(
            RunId("rn_1"), self.at, "signals", lead, self.new, (), None, self.reps, self.quality, {}
        )

    def score(self) -> Score:
        """A score with two reasons."""
        words = "three views of the pricing page in 7 days"
        ledger = (
            Part("engagement.pricing", (self.points - 1) * MICRO_POINT, "count.page.pricing.7d", words=words),
            Part("prior", MICRO_POINT),
        )
        unit = "points"
        return Score(
            self.points, 60, 70, ledger, unit, "v0", "1", self.cold_start, self.score_confidence  # type: ignore[arg-type]  # a literal in a variable
        )  # fmt: skip

    def reading(self) -> IntentReading:
        """One intent."""
        top = ((self.intent, self.confidence),) if self.confidence else ()
        claims = tuple(Claim(intent, confidence, "desk:m1", "x") for intent, confidence in self.beside)
        return IntentReading(
            (*top, *self.beside), self.intent, self.confidence, claims, (), "local", "1", self.degraded
        )

    def verdict(self, policy: Policy) -> Verdict:
        """What policy decides."""
        asked = review(
            self.given(),
            features={**ORDINARY, **self.features},
            reading=self.reading(),
            score=self.score(),
            band=BandState(self.band, self.at, self.at - DAY),
            previous=BandState(self.previous, self.at - DAY, self.at - 2 * DAY),
            policy=policy,
        )
        try:
            asked.send(None)
        except StopIteration as done:
            decided: Verdict = done.value
            return decided
        raise AssertionError("the review waited for something: it is to be pure")

    def but(self, **changes: object) -> "Case":
        """This case with some things different."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names are checked when the test runs


def message(consent: Consent = Consent.UNKNOWN, at: int = MONDAY_NOON, role: str = "customer") -> Signal:
    """Something the lead (or another role) wrote to support just now."""
    when = datetime.fromtimestamp(at / 1_000_000, UTC)
    return Signal(
        tenant=TenantId("t"),
        region=Region("us"),
        source="desk",
        id=SignalId("m1"),
        kind=Kind.MESSAGE,
        keys=(LeadKey(KeyKind.EMAIL, "0" * 64),),
        occurred_at=when,
        received_at=when,
        known_at=when,
        payload={"text": "what does it cost", "role": role},
        consent=consent,
    )


def rules(verdict: Verdict, table: str = "do_not_act") -> list[str]:
    """Rows of one table that fired."""
    return [row.rule for row in verdict.rules if row.table == table]


def kinds(verdict: Verdict) -> list[str]:
    """Kinds of the actions."""
    return [action.kind.value for action in verdict.actions]


_past = st.builds(
    PastAction,
    kind=st.sampled_from(
        ["upsert_score", "create_task", "assign_owner", "enrol", "leave", "handoff", "notify"]
    ),
    at=st.integers(MONDAY_NOON - 90 * DAY, MONDAY_NOON - HOUR),
    episode=st.integers(1, 2),
    points=st.none() | st.integers(1, 99),
    band=st.none() | st.sampled_from(["hot", "warm", "cold"]),
)
_reps = st.lists(
    st.builds(
        Rep,
        rep_id=st.sampled_from("abcdefgh"),
        team=st.sampled_from(["sales", "enterprise", "account_management"]),
        regions=st.sampled_from([(), ("us",), ("eu", "uk"), ("eu", "uk", "us")]),
        segments=st.sampled_from([(), ("small", "mid"), ("large",)]),
        capacity=st.integers(0, 3),
        load=st.integers(0, 3),
        last_assigned=st.integers(0, 3),
    ),
    unique_by=lambda rep: rep.rep_id,
    max_size=6,
).map(tuple)
_features = st.fixed_dictionaries(
    {},
    optional={
        "consent": st.sampled_from([None, "granted", "denied", "withdrawn"]),
        "consent.sales": st.sampled_from([None, "granted", "withdrawn"]),
        "fact.relationship": st.sampled_from(
            [
                None,
                "prospect",
                "customer",
                "former_customer",
                "partner",
                "competitor",
                "student",
                "vendor",
                "x y",
            ]
        ),
        "fact.email_domain_type": st.sampled_from([None, "corporate", "education", "competitor"]),
        "fact.employees": st.sampled_from([None, 10_000_000, 200_000_000, 5_000_000_000]),
        "fact.employee_band": st.sampled_from([None, "200-499", "2000+", "1-10", "many"]),
        "deal.amount": st.sampled_from([None, 10_000_000_000, 120_000_000_000]),
        "outcome": st.sampled_from([None, None, "won", "lost", "reverted"]),
        "outcome.hours": st.sampled_from([None, 10, 5_000]),
        "not_a_lead": st.sampled_from([None, None, None, "", "duplicate"]),
        "tickets.open": st.sampled_from([0, 0, 1]),
        "recency.human": st.sampled_from([None, None, 0, 23, 24, 500]),
        "stage": st.sampled_from([None, "sql", "A_SUBMITTED"]),
        "count.web.form.30d": st.sampled_from([0, 2]),
    },
)
any_case = st.builds(
    Case,
    features=_features,
    band=st.sampled_from(Band),
    previous=st.sampled_from(Band),
    intent=st.sampled_from(Intent),
    confidence=st.sampled_from([0, 200, 499, 600, 800, 1000]),
    points=st.integers(1, 99),
    score_confidence=st.sampled_from([100, 299, 300, 900]),
    cold_start=st.booleans(),
    degraded=st.sampled_from([None, None, "model_down"]),
    at=st.integers(MONDAY_NOON - 200 * DAY, MONDAY_NOON + 400 * DAY),
    region=st.sampled_from(["us", "eu", "uk", "apac"]),
    owner=st.sampled_from([None, None, "ann", "somebody_else"]),
    episode=st.integers(1, 2),
    actions=st.lists(_past, max_size=4, unique_by=lambda past: past.kind).map(tuple),
    suppressed=st.sampled_from([False, False, False, True]),
    new=st.sampled_from([(), (message(),), (message(Consent.DENIED),)]),
    reps=_reps,
    quality=st.sampled_from([(), (GateFailure(Gate.FRESHNESS, "web", "web", 9, 1),)]),
)
"""Any situation of any lead."""
