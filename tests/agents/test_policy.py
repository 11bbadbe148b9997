"""Policy review: the most careful row wins, effects are not repeated, leads are shared out fairly."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.action import ActionKind
from domain.approval import Terms
from domain.instants import DAY, HOUR, Instant, iso
from domain.intent import Intent
from domain.lead import Band, PastAction
from domain.policy import Rep, VerdictKind, listed
from domain.quality import Gate, GateFailure
from domain.signal import Consent
from tests.agents.policy_leads import (
    MONDAY_NIGHT,
    MONDAY_NOON,
    TEAM,
    Case,
    any_case,
    kinds,
    message,
    rules,
)
from tests.tools.policy.editing import SHIPPED
from tools.policy.load import load_policy

POLICY = load_policy(SHIPPED)
HOT = Case()


def test_hot_lead_who_asks_for_a_price_gets_a_call_from_the_next_in_line() -> None:
    """Score, task and owner, with a sentence for the salesperson."""
    verdict = HOT.verdict(POLICY)
    assert verdict.kind is VerdictKind.ACT
    assert kinds(verdict) == ["upsert_score", "create_task", "assign_owner"]
    assert verdict.owner == "ann"
    assert verdict.next_step == "Call about pricing; three views of the pricing page in 7 days"
    assert dict(verdict.actions[1].params) == {
        "queue": "sales",
        "priority": "high",
        "owner": "ann",
        "intent": "pricing",
        "next_step": verdict.next_step,
    }
    assert [f"{row.table}:{row.rule}" for row in verdict.rules] == [
        "routing:hot_buying",
        "approval:otherwise",
        "timing:hot_recheck",
    ]
    assert (verdict.due_at, verdict.due_reason) == (MONDAY_NOON + 72 * HOUR, "recheck")
    assert verdict.policy == POLICY.version


STOPS: dict[str, tuple[Case, list[str], list[str]]] = {
    # what is the matter: (case, rows that fire, actions that are left)
    "consent denied": (Case({"consent": "denied"}), ["opt_out", "opt_out_mail"], []),
    "consent withdrawn": (Case({"consent": "withdrawn"}), ["opt_out", "opt_out_mail"], []),
    "refusal in a new signal": (Case(new=(message(Consent.DENIED),)), ["opt_out", "opt_out_mail"], []),
    "no sales contact, mailings welcome": (
        Case({"consent.sales": "withdrawn", "consent.marketing": "granted"}),
        ["opt_out"],
        [],
    ),
    "no consent where it is needed, no dealings": (
        Case({"consent": None, "count.web.form.30d": 0}, region="eu", at=MONDAY_NOON - 5 * HOUR),
        ["consent_missing", "consent_missing_mail"],
        ["upsert_score"],
    ),
    "open support incident": (Case({"tickets.open": 1}), ["open_incident"], ["upsert_score"]),
    "recent human touch": (Case({"recency.human": 3}), ["recent_touch"], ["upsert_score"]),
    "existing customer": (
        Case({"fact.relationship": "customer"}),
        ["customer", "customer_active"],
        ["upsert_score", "notify"],
    ),
    "competitor": (Case({"fact.relationship": "competitor"}), ["competitor"], []),
    "student": (Case({"fact.relationship": "student"}), ["student"], ["upsert_score"]),
    "education": (Case({"fact.email_domain_type": "education"}), ["education_address"], ["upsert_score"]),
    "vendor": (Case({"fact.relationship": "vendor"}), ["vendor"], ["upsert_score"]),
    "not a buyer": (Case(intent=Intent.NOT_A_BUYER), ["not_a_buyer"], ["upsert_score"]),
    "marked by a rep, without a reason": (Case({"not_a_lead": ""}), ["not_a_lead"], []),
    "won": (Case({"outcome": "won"}), ["won"], ["upsert_score"]),
    "lost": (Case({"outcome": "lost", "outcome.hours": 5}), ["lost_recently"], ["upsert_score"]),
    "suppressed": (Case(suppressed=True), ["suppressed"], []),
    "holiday": (
        Case(at=MONDAY_NOON + 123 * DAY),
        ["calendar_closed"],
        ["upsert_score"],
    ),  # 3 July 2026, observed
}


@pytest.mark.parametrize("name", STOPS)
def test_do_not_act_row_stops_a_hot_lead(name: str) -> None:
    """Only what the row allows is left."""
    case, fired, left = STOPS[name]
    verdict = case.verdict(POLICY)
    assert rules(verdict) == fired
    assert kinds(verdict) == left


@settings(max_examples=150)
@given(case=any_case)
@example(case=Case({"fact.relationship": "customer", "consent": "denied"}))
@example(case=Case({"fact.relationship": "student", "tickets.open": 1}, new=(message(),)))
def test_do_not_act_wins_over_everything(case: Case) -> None:
    """Whatever else is true of a lead, nothing happens that a do-not-act row which fired does not allow."""
    verdict = case.verdict(POLICY)
    for row in verdict.rules:
        if row.table == "do_not_act":
            assert set(kinds(verdict)) <= set(listed(row.outputs["allow"]))


@settings(max_examples=150)
@given(case=any_case)
def test_every_verdict_holds_together(case: Case) -> None:
    """Kind, actions, owner and due time fit each other; the same input gives the same verdict."""
    verdict = case.verdict(POLICY)
    assert verdict == case.verdict(POLICY)
    assert (verdict.kind in (VerdictKind.ACT, VerdictKind.ASK)) == bool(verdict.actions)
    assert (verdict.due_at is None) == (verdict.due_reason is None)
    if verdict.due_at is not None:
        assert case.at < verdict.due_at < case.at + 30 * DAY
    if verdict.kind is VerdictKind.HOLD:
        assert verdict.due_at is not None
    if verdict.kind is VerdictKind.ASK:
        assert set(kinds(verdict)) - {"upsert_score", "leave"}
    assert len(set(kinds(verdict))) == len(verdict.actions)
    assert verdict.next_step
    if "assign_owner" not in kinds(verdict):
        assert verdict.owner == case.owner
    if case.owner is not None:
        assert verdict.owner == case.owner


@settings(max_examples=150)
@given(case=any_case)
@example(case=Case(owner="ann", actions=(PastAction("create_task", MONDAY_NOON - DAY, 1),)))
def test_no_effect_is_proposed_twice_in_an_episode(case: Case) -> None:
    """Except the score, and that only when it moved."""
    verdict = case.verdict(POLICY)
    done = {past.kind: past for past in case.actions if past.episode == case.episode}
    assert not set(kinds(verdict)) & (done.keys() - {"upsert_score"})
    written = done.get("upsert_score")
    if written is not None and "upsert_score" in kinds(verdict):
        moved = abs(case.points - written.points) >= 5 if written.points is not None else False
        before = written.band or case.previous.value
        assert moved or before != case.band.value


@settings(max_examples=150)
@given(case=any_case)
def test_owner_has_room_and_fits_and_waited_longest(case: Case) -> None:
    """Nobody is given more than fits; nobody who matches waits longer than the one chosen."""
    verdict = case.verdict(POLICY)
    assigned = [action for action in verdict.actions if action.kind is ActionKind.ASSIGN_OWNER]
    if not assigned:
        return
    chosen = next(rep for rep in case.reps if rep.rep_id == verdict.owner)
    assert chosen.load < chosen.capacity
    assert not chosen.regions or case.region in chosen.regions
    rivals = [
        rep
        for rep in case.reps
        if (rep.team, rep.regions, rep.segments) == (chosen.team, chosen.regions, chosen.segments)
        and rep.load < rep.capacity
    ]
    assert min(rivals, key=lambda rep: (rep.last_assigned, rep.rep_id)) == chosen


@given(count=st.integers(1, 12), leads=st.integers(1, 60))
def test_round_robin_is_fair_until_nobody_has_room(count: int, leads: int) -> None:
    """Over any number of leads the shares differ by one at most, and nobody gets more than they can take."""
    reps = {f"r{n:02}": Rep(f"r{n:02}", "sales", (), (), 4, 0, 0) for n in range(count)}
    given_to: Counter[str] = Counter()
    for turn in range(leads):
        verdict = HOT.but(reps=tuple(reps.values())).verdict(POLICY)
        if verdict.owner is None:
            break
        given_to[verdict.owner] += 1
        rep = reps[verdict.owner]
        reps[verdict.owner] = replace(rep, load=rep.load + 1, last_assigned=turn + 1)
    shares = [given_to[name] for name in reps]
    assert max(shares) - min(shares) <= 1
    assert sum(shares) == min(leads, 4 * count)
    assert max(shares) <= 4


def test_owner_is_kept_even_if_unknown_or_full() -> None:
    """A lead that has an owner is not handed to another."""
    full = tuple(replace(rep, load=rep.capacity) for rep in TEAM)
    for owner in ("ann", "left_the_company"):
        verdict = HOT.but(owner=owner, reps=full).verdict(POLICY)
        assert verdict.owner == owner
        assert kinds(verdict) == ["upsert_score", "create_task"]


def test_nobody_with_room_holds_the_call_and_keeps_the_score_current() -> None:
    """The score reaches nobody, so it does not wait; once it is written the verdict is a plain hold."""
    full = tuple(replace(rep, load=rep.capacity) for rep in TEAM)
    verdict = HOT.but(reps=full).verdict(POLICY)
    assert kinds(verdict) == ["upsert_score"]
    # midnight UTC, when the day's count starts anew; it is 19:00 in New York
    assert (verdict.due_at, verdict.due_reason) == (MONDAY_NOON + 7 * HOUR, "capacity_free")
    written = PastAction("upsert_score", MONDAY_NOON - HOUR, 1, 82, "hot")
    again = HOT.but(reps=full, actions=(written,)).verdict(POLICY)
    assert (again.kind, kinds(again)) == (VerdictKind.HOLD, [])
    assert again.owner is None


def test_quiet_hours_hold_until_morning_by_the_clock_on_the_wall() -> None:
    """Also over the night on which clocks change (8 March 2026 in New York)."""
    verdict = HOT.but(at=MONDAY_NIGHT).verdict(POLICY)
    assert verdict.due_reason == "quiet_over"
    assert iso(Instant(verdict.due_at or 0)) == "2026-03-03T13:00:00.000Z"
    saturday = HOT.but(at=MONDAY_NOON + 5 * DAY).verdict(POLICY)
    assert iso(Instant(saturday.due_at or 0)) == "2026-03-09T12:00:00.000Z"
    assert "Wait until 2026-03-09 12:00 UTC" in saturday.next_step


def test_hold_after_a_human_touch_ends_when_the_row_no_longer_fires() -> None:
    """Counted on the hour grid of features, moved on to an open hour."""
    verdict = HOT.but(features={"recency.human": 3}).verdict(POLICY)
    assert verdict.due_at == MONDAY_NOON + 21 * HOUR
    assert verdict.due_reason == "touch_over"
    later = HOT.but(features={"recency.human": 24}, at=verdict.due_at).verdict(POLICY)
    assert rules(later) == []
    night = HOT.but(features={"recency.human": 9}).verdict(POLICY)
    assert iso(Instant(night.due_at or 0)) == "2026-03-03T13:00:00.000Z"  # 15 hours on is 03:00 local


def test_the_longest_of_several_holds_counts() -> None:
    """All of them must be over."""
    verdict = HOT.but(features={"recency.human": 20, "tickets.open": 1}).verdict(POLICY)
    assert rules(verdict) == ["open_incident", "recent_touch"]
    assert (verdict.due_at, verdict.due_reason) == (MONDAY_NOON + 24 * HOUR, "hold_over")


def test_lead_is_not_woken_for_nothing() -> None:
    """A cold lead with an open ticket has nothing to wait for."""
    verdict = HOT.but(band=Band.COLD, features={"tickets.open": 1}).verdict(POLICY)
    assert (verdict.kind, verdict.due_at) == (VerdictKind.NOTHING, None)


def test_customer_goes_to_the_account_manager_unless_they_want_more() -> None:
    """Expansion is the account manager's call."""
    plain = HOT.but(features={"fact.relationship": "customer"}).verdict(POLICY)
    assert plain.actions[-1].params["queue"] == "account_management"
    assert plain.next_step == "An existing customer: the account manager looks after them."
    more = HOT.but(features={"fact.relationship": "customer"}, intent=Intent.EXPANSION).verdict(POLICY)
    assert kinds(more) == ["upsert_score", "create_task", "assign_owner"]
    assert more.owner == "dan"


def test_who_opts_out_leaves_the_programme_they_are_in() -> None:
    """The one thing that is still done."""
    enrolled = (PastAction("enrol", MONDAY_NOON - 5 * DAY, 1),)
    verdict = HOT.but(features={"consent": "withdrawn"}, actions=enrolled).verdict(POLICY)
    assert [(a.kind.value, dict(a.params)) for a in verdict.actions] == [("leave", {"programme": "all"})]
    assert verdict.next_step == "Do nothing: The lead does not want to be contacted."
    gone = (*enrolled, PastAction("leave", MONDAY_NOON - 4 * DAY, 1))
    assert HOT.but(features={"consent": "withdrawn"}, actions=gone).verdict(POLICY).actions == ()


def test_missing_consent_stops_mailings_but_not_an_answer() -> None:
    """A lead in the EU who sent a form may be called; nobody may be put on a mailing list."""
    asked = HOT.but(features={"consent": None}, region="eu", at=MONDAY_NOON - 5 * HOUR, reps=())
    assert "create_task" in kinds(asked.but(owner="ann").verdict(POLICY))
    warm = asked.but(band=Band.WARM, confidence=0, intent=Intent.UNSURE).verdict(POLICY)
    assert kinds(warm) == ["upsert_score"]
    assert warm.due_at is None
    elsewhere = asked.but(band=Band.WARM, confidence=0, intent=Intent.UNSURE, region="us", at=MONDAY_NOON)
    assert kinds(elsewhere.verdict(POLICY)) == ["upsert_score", "enrol"]


def test_who_unsubscribes_from_mailings_may_still_be_called() -> None:
    """The two consents are told apart where they were given apart."""
    enrolled = (PastAction("enrol", MONDAY_NOON - 5 * DAY, 1),)
    unsubscribed = {"consent.sales": None, "consent.marketing": "withdrawn"}
    verdict = HOT.but(features=unsubscribed, actions=enrolled).verdict(POLICY)
    assert rules(verdict) == ["opt_out_mail"]
    assert kinds(verdict) == ["upsert_score", "create_task", "assign_owner", "leave"]
    warm = HOT.but(features=unsubscribed, band=Band.WARM, confidence=0, intent=Intent.UNSURE)
    assert kinds(warm.verdict(POLICY)) == ["upsert_score"]


ASKS: dict[str, Case] = {
    "large_deal": HOT.but(features={"deal.amount": 120_000 * 1_000_000}),
    "large_company": HOT.but(features={"fact.employees": 4_000 * 1_000_000}),
    "degraded": HOT.but(degraded="model_down"),
    "doubtful_data": HOT.but(quality=(GateFailure(Gate.FRESHNESS, "web", "web", 9, 1),)),
    "thin_score": HOT.but(score_confidence=200),
    "unsure_intent": HOT.but(intent=Intent.UNSURE, confidence=0, new=(message(),)),
    "weak_intent": HOT.but(features={"fact.relationship": "customer"}, intent=Intent.RENEWAL, confidence=400),
}


@pytest.mark.parametrize("rule", ASKS)
def test_a_person_is_asked_in_doubtful_or_weighty_cases(rule: str) -> None:
    """All actions wait; the sentence says why."""
    verdict = ASKS[rule].verdict(POLICY)
    assert verdict.kind is VerdictKind.ASK
    assert rules(verdict, "approval") == [rule]
    assert "create_task" in kinds(verdict)
    assert verdict.next_step.startswith("Ask a person first: ")


def test_two_people_are_asked_about_a_large_deal_and_nobody_about_what_just_goes() -> None:
    """How many and for how long is the row's own say."""
    assert ASKS["large_deal"].verdict(POLICY).terms == Terms(people=2, hours=168)
    assert ASKS["degraded"].verdict(POLICY).terms == Terms(people=1, hours=24)
    assert HOT.verdict(POLICY).terms == Terms()


def test_silence_of_a_channel_that_speaks_once_is_no_doubt() -> None:
    """Who somebody is, is said once; that web visits stopped is another matter."""
    for channel, kind in (("identity", VerdictKind.ACT), ("web", VerdictKind.ASK)):
        missing = GateFailure(Gate.MISSING_CHANNEL, "crm", channel, 0, 1)
        assert HOT.but(quality=(missing,)).verdict(POLICY).kind is kind


def test_weakly_read_intent_makes_a_call_less_urgent() -> None:
    """And the sentence says so."""
    verdict = HOT.but(confidence=400).verdict(POLICY)
    assert verdict.kind is VerdictKind.ACT
    assert verdict.actions[1].params["priority"] == "normal"
    assert verdict.next_step.startswith("Call, it is probably about pricing")


def test_lead_in_talks_with_sales_is_put_into_no_programme() -> None:
    """Whatever the source calls the stage."""
    for stage in ("negotiation", "A_SUBMITTED"):
        warm = HOT.but(features={"stage": stage}, band=Band.WARM, confidence=0, intent=Intent.UNSURE)
        assert kinds(warm.verdict(POLICY)) == ["upsert_score"]


def test_nobody_is_asked_about_the_score_alone() -> None:
    """Writing the score reaches nobody."""
    done = (PastAction("create_task", MONDAY_NOON - DAY, 1), PastAction("assign_owner", MONDAY_NOON - DAY, 1))
    verdict = HOT.but(score_confidence=100, actions=done, owner="ann").verdict(POLICY)
    assert (verdict.kind, kinds(verdict)) == (VerdictKind.ACT, ["upsert_score"])


def test_cold_start_has_an_answer_of_its_own() -> None:
    """It says that too little is known."""
    verdict = HOT.but(band=Band.COLD, previous=Band.COLD, cold_start=True, points=12).verdict(POLICY)
    assert kinds(verdict) == ["upsert_score"]
    assert verdict.next_step == "Too little is known yet (12 points); wait for the next sign of interest"


def test_score_is_written_again_only_when_it_moved() -> None:
    """By five points or into another band, against what was last written."""
    for points, band, expected in (
        (82, "hot", []),
        (78, "hot", []),
        (77, "hot", ["upsert_score"]),
        (82, "warm", ["upsert_score"]),
    ):
        done = tuple(
            PastAction(kind, MONDAY_NOON - DAY, 1, points, band)
            for kind in ("create_task", "assign_owner", "upsert_score")
        )
        assert kinds(HOT.but(actions=done, owner="ann").verdict(POLICY)) == expected


def test_new_episode_may_do_everything_again() -> None:
    """What was done in the last one does not count."""
    done = tuple(
        PastAction(kind, MONDAY_NOON - DAY, 1, 82, "hot") for kind in ("create_task", "upsert_score")
    )
    assert kinds(HOT.but(actions=done, owner="ann", episode=2).verdict(POLICY)) == [
        "upsert_score",
        "create_task",
    ]
