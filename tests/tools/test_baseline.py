"""The baseline: an exact ledger, the same points on both ways, and rules that point the right way."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.features import Catalogue
from domain.instants import DAY, HOUR
from domain.intent import IntentReading
from domain.intents import Said, ranked, top_of
from domain.kinds import SPECS, Kind
from domain.lead import absorb
from domain.score import MAX_REFS, MICRO_POINT, Score
from domain.signal import FACT, Event
from tools.catalogue import load_catalogue
from tools.models.baseline import Baseline, baseline
from tools.models.sheet import load_sheet

CONFIG = Path(__file__).resolve().parents[2] / "config"
NOON = 472_000 * HOUR
SUBJECTS = ("", "pricing", "demo", "sql", "negotiation", "won", "lost", "reverted", "denied", "granted", "x")
TRAITS = (
    ("seniority", "vp"),
    ("seniority", "Individual Contributor"),
    ("relationship", "competitor"),
    ("relationship", "customer"),
    ("email_domain_type", "personal"),
    ("employees", "300"),
    ("employee_band", "2000+"),
    ("industry", "anything at all"),
    ("lead_source", "partner referral"),
)
TAGS = ("pricing:850", "demo:400", "purchase:900", "not_a_buyer:800", "churn:700", "support:650", "pricing:0")
Events = tuple[Event, ...]


@cache
def catalogue() -> Catalogue:
    return load_catalogue(CONFIG / "features.toml")


@cache
def scorer() -> Baseline:
    return baseline(CONFIG, catalogue())


def event(
    kind: Kind, days: float = 0, subject: str = "", ref: str = "1", tags: tuple[str, ...] = ()
) -> Event:
    at = NOON - round(days * DAY)
    return Event(at, f"s:{ref}", subject, kind.value, "", 0, at, tags)


def fact(name: str, value: str, days: float = 1) -> Event:
    at = NOON - round(days * DAY)
    amount = int(value) * 1_000_000 if value.isdecimal() else 0
    return Event(at, f"s:{name}", name, FACT, value, amount, at, ())


def scored(*events: Event, as_of: int = NOON, account: dict[str, int | str | None] | None = None) -> Score:
    lead, _ = absorb((), events)
    features = catalogue().evaluate(lead, as_of) | (account or {})
    found = Said(lead).at(as_of)
    reading = IntentReading(ranked(found), *top_of(found), (), (), "local", "1")
    score = scorer().score(features, reading, lead, as_of)
    assert scorer().points(features, {intent.value: sure for intent, sure in found.items()}) == score.points
    return score


def micro(score: Score, name: str) -> int:
    return sum(part.micro for part in score.ledger if part.name == name)


def leads(most: int = 25) -> st.SearchStrategy[Sequence[Event]]:
    kinds = st.sampled_from([kind for kind in Kind if kind is not Kind.IDENTIFY])
    things = st.builds(
        event,
        kinds,
        st.integers(-10, 4_000).map(lambda tenths: tenths / 10),
        st.sampled_from(SUBJECTS),
        st.integers(0, 99).map(str),
        st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(lambda tags: tuple(sorted(tags))),
    )
    facts = st.builds(
        lambda trait, days: fact(trait[0], trait[1], days), st.sampled_from(TRAITS), st.integers(0, 90)
    )
    return st.lists(st.one_of(things, things, facts), max_size=most)


@given(events=leads(), active=st.integers(0, 60), won=st.integers(0, 3))
def test_the_ledger_adds_up_and_both_ways_give_the_same_points(
    events: Sequence[Event], active: int, won: int
) -> None:
    """I11: exact sums, bounds, rows that name their feature, features that name their signals."""
    account: dict[str, int | str | None] = {
        "account.decayed.engagement": active * 1_000_000,
        "account.members.active.30d": active,
        "account.members.won": won,
    }
    score = scored(*events, account=account)
    assert sum(part.micro for part in score.ledger) == score.points * MICRO_POINT
    closed = [part for part in score.ledger if part.name == "outcome"]
    assert score.points in ((0, 100) if closed else range(1, 100))
    assert 0 <= score.fit <= 100
    assert 0 <= score.engagement <= 100
    assert 0 <= score.confidence <= 1000
    refs = {one.ref for one in events if one.at <= NOON}
    for part in score.ledger:
        assert set(part.signals) <= refs
        assert len(part.signals) == min(MAX_REFS, part.signal_count)
        if part.feature is not None:
            assert part.words
            assert part.signals or part.feature.startswith("account."), part
        else:
            assert part.name in ("prior", "bound", "rounding") or part.name.endswith((".cap", ".floor"))


@given(events=leads(), data=st.data())
def test_the_order_of_events_does_not_move_the_score(events: Sequence[Event], data: st.DataObject) -> None:
    """I4."""
    assert scored(*data.draw(st.permutations(list(events)))) == scored(*events)


@given(events=leads(), later=leads(5))
def test_what_comes_later_does_not_move_the_score_of_today(
    events: Sequence[Event], later: Sequence[Event]
) -> None:
    """I12."""
    then = [one._replace(at=NOON + abs(one.at - NOON) + 1, ref=f"late:{i}") for i, one in enumerate(later)]
    known = [one for one in events if one.at <= NOON]
    assert scored(*known, *then) == scored(*known)


@given(events=leads())
def test_the_features_it_says_it_uses_are_enough(events: Sequence[Event]) -> None:
    lead, _ = absorb((), events)
    sure = {intent.value: one for intent, one in Said(lead).at(NOON).items()}
    few = catalogue().evaluate(lead, NOON, names=scorer().uses)
    assert scorer().points(few, sure) == scorer().points(catalogue().evaluate(lead, NOON), sure)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((event(Kind.FORM),), ()),
        ((event(Kind.FORM),), (event(Kind.FORM, 20),)),
        ((event(Kind.PAGE_VIEW, subject="pricing"),), (event(Kind.PAGE_VIEW, subject="blog"),)),
        ((event(Kind.TRIAL_STARTED),), (event(Kind.EMAIL_OPENED),)),
        ((fact("seniority", "vp"),), (fact("seniority", "individual_contributor"),)),
        ((fact("employee_band", "200-499"),), (fact("employee_band", "1-10"),)),
        ((), (event(Kind.NOT_A_LEAD),)),
        ((), (fact("relationship", "student"),)),
        ((), (fact("email_domain_type", "competitor"),)),
        ((), (event(Kind.CONSENT, subject="withdrawn"),)),
        ((event(Kind.SESSION, 5),), (event(Kind.SESSION, 100),)),
        (
            (event(Kind.STAGE_CHANGE, subject="negotiation"),),
            (event(Kind.STAGE_CHANGE, subject="sql"),),
        ),
        (
            (event(Kind.STAGE_CHANGE, subject="negotiation"),),
            (event(Kind.STAGE_CHANGE, 60, subject="negotiation"),),
        ),
        (
            (event(Kind.MESSAGE, subject="customer", tags=("purchase:900",)),),
            (event(Kind.MESSAGE, subject="customer", tags=("churn:900",)),),
        ),
    ],
)
def test_rules_point_the_right_way(better: Sequence[Event], worse: Sequence[Event]) -> None:
    around = (event(Kind.WEBINAR, 2, ref="w"), fact("industry", "logistics"))
    assert scored(*around, *better).points > scored(*around, *worse).points


def test_a_thousand_page_views_do_not_make_a_buyer() -> None:
    views = [
        event(Kind.PAGE_VIEW, days=number / 1000, subject="blog", ref=f"{number}") for number in range(900)
    ]
    score = scored(*views)
    assert micro(score, "engagement.web.page_view") == 6 * MICRO_POINT
    assert score.points < scorer().thresholds.enter_warm


def test_a_group_is_capped_by_a_row_of_its_own() -> None:
    many = [
        *(event(Kind.FORM, 0, "demo", f"f{i}") for i in range(5)),
        *(event(Kind.SESSION, 0, "x", f"s{i}") for i in range(9)),
        *(event(Kind.PAGE_VIEW, 0, "pricing", f"p{i}") for i in range(9)),
    ]
    score = scored(*many)
    web = ("web.form", "web.session", "page.pricing", "web.page_view", "web.cap")
    assert sum(micro(score, f"engagement.{name}") for name in web) == 24 * MICRO_POINT
    assert micro(score, "engagement.web.cap") < 0


def test_intents_move_the_score_by_a_stated_bound_at_most() -> None:
    tags = ("demo:1000", "pricing:1000", "procurement:1000", "purchase:1000")
    score = scored(event(Kind.MESSAGE, subject="customer", tags=tags))
    assert sum(part.micro for part in score.ledger if part.name.startswith("intent.")) == 28 * MICRO_POINT
    down = scored(event(Kind.MESSAGE, subject="customer", tags=("churn:1000", "not_a_buyer:1000")))
    assert sum(part.micro for part in down.ledger if part.name.startswith("intent.")) == -28 * MICRO_POINT


def test_the_bound_has_a_row_of_its_own() -> None:
    worst = scored(fact("relationship", "competitor"), fact("email_domain_type", "competitor"))
    assert worst.points == 1
    assert micro(worst, "bound") > 0


def test_an_outcome_is_known_until_the_lead_or_a_new_deal_speaks_again() -> None:
    won = event(Kind.OUTCOME, 10, "won", "won")
    assert scored(won).points == 100
    assert scored(won, event(Kind.ACTIVITY, 5)).points == 100
    assert scored(won, event(Kind.STAGE_CHANGE, 9.5, "closed")).points == 100
    assert scored(won, event(Kind.SESSION, 5)).points < 100
    assert scored(won, event(Kind.STAGE_CHANGE, 5, "sql")).points < 100
    assert scored(won, event(Kind.OUTCOME, 5, "reverted", "r")).points < 100
    assert scored(event(Kind.OUTCOME, 10, "lost")).points == 0


def test_fit_and_engagement_are_told_apart() -> None:
    nobody, fits = scored(), scored(fact("seniority", "vp"), fact("buyer_role", "champion"))
    busy = scored(event(Kind.FORM), event(Kind.TRIAL_STARTED))
    assert (nobody.fit, nobody.engagement) == (50, 0)
    assert fits.fit > 50
    assert fits.engagement == 0
    assert busy.fit == 50
    assert busy.engagement > 30
    assert scored(fact("email_domain_type", "competitor")).fit < 30


def test_a_score_on_little_says_so_and_grows_sure() -> None:
    some = [event(Kind.SESSION, number, ref=f"{number}") for number in range(12)]
    few, many = scored(*some[:2]), scored(*some)
    assert few.cold_start
    assert not many.cold_start
    assert few.confidence < 500 < many.confidence
    assert scored(fact("seniority", "vp")).cold_start


def test_reasons_name_numbers_and_codes_only() -> None:
    score = scored(
        event(Kind.FORM, ref="1"), event(Kind.FORM, ref="2"), fact("seniority", "Individual Contributor")
    )
    words = {part.name: part.words for part in score.ledger}
    assert words["engagement.web.form"] == "Sent a form 2×"
    assert words["fit.seniority"] == "Seniority: individual contributor"


def test_another_sheet_is_another_version(tmp_path: Path) -> None:
    text = (CONFIG / "scoring.toml").read_text(encoding="utf-8")
    (tmp_path / "scoring.toml").write_text(text.replace("prior = 12", "prior = 13"), encoding="utf-8")
    other = baseline(tmp_path, catalogue())
    assert other.version != scorer().version
    assert baseline(CONFIG, catalogue()).version == scorer().version


def test_no_silent_lead_is_kept_warm_by_its_profile_alone() -> None:
    """The best profile, a stage that stands still and a silence of half a year: cold."""
    sheet = load_sheet(CONFIG / "scoring.toml", catalogue())
    best = sum(max([0, *table.points.values()]) for table in sheet.tables if table.fits)
    company = sum(row.cap for row in sheet.account)
    stage = max(sheet.stages.values()) // 2 ** (180 * 24 // sheet.stage_half_life)
    silence = sheet.silence[0][1]
    assert sheet.prior + best + company + stage + silence < sheet.thresholds.leave_warm * MICRO_POINT


def test_every_kind_of_signal_that_the_lead_sends_counts_for_something() -> None:
    """A kind that gives nothing would be a gap in the sheet, unless it is listed here with its reason."""
    silent = {
        Kind.TICKET_SOLVED,  # ends a ticket that counted against the lead
        Kind.STAGE_CHANGE,  # counts by its stage
        Kind.OUTCOME,  # is the whole score
        Kind.OWNER_CHANGE, Kind.MERGE, Kind.PRIVACY_DELETE, Kind.ALIAS, Kind.IDENTIFY,  # of no interest
        Kind.ATTRIBUTES,  # known to the company that declared them, not to the sheet
    }  # fmt: skip
    for kind in SPECS.keys() - silent:
        subject = {Kind.MESSAGE: "customer", Kind.CONSENT: "denied"}.get(kind, "x")
        score = scored(event(kind, 2, subject), event(kind, 1, subject, "2"))
        rhythm = ("engagement.active_days.7d", "engagement.velocity.engagement.7d")
        gives = [part for part in score.ledger if part.name not in ("prior", "rounding", *rhythm)]
        assert gives, kind


def test_sheets_are_values() -> None:
    sheet = load_sheet(CONFIG / "scoring.toml", catalogue())
    assert replace(sheet) == sheet
