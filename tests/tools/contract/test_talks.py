"""Conversations: a decision is kept whole or not at all, against the state that it was made on."""

import asyncio
from dataclasses import replace

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.audit import AuditEntry, Sealed
from domain.errors import Permanent
from domain.handing import Fate, Given, Stage
from domain.handoff import Situation
from domain.ids import LeadId, RunId, TenantId
from domain.instants import DAY
from domain.kinds import Kind
from domain.ports.talks import Standing, StoredTalk, TalkDecision, after
from tests.tools.contract.company import ENROL, HANDOFF, Company
from tests.tools.contract.stores import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    REGION,
    TENANT,
    AnyStore,
    OpenStore,
    alias,
    drain,
    key,
    message,
    proposal,
    rep,
    signal,
)
from tools.store.config import readable

RUN = RunId("ho_1")


async def a_lead(store: AnyStore, number: int = 1, talk: str = "c1", now: int = NOW) -> LeadId:
    await store.inbox.accept([message(number, key(CHAT, talk))], now=now)
    found = await store.reads.find_lead(TENANT, f"conversation_id:{talk}")
    assert found is not None
    return found


def decision(lead: LeadId | None, *, gives: bool = True, acts: bool = False, **more: object) -> TalkDecision:
    entry = AuditEntry(TENANT, REGION, "handoff", "handoff", NOW, run_id=RUN, lead_id=lead)
    given = TalkDecision(
        conversation="c1",
        run_id=RUN,
        messages=2,
        gives=gives,
        team="sales",
        entry=entry,
        record=b"what was said",
    )
    if acts:
        assert lead is not None
        given = replace(given, proposal=proposal(lead, 1, ActionKind.HANDOFF))
    return replace(given, **more)  # type: ignore[arg-type]  # a test names what it sets


async def stored(store: AnyStore) -> list[StoredTalk]:
    return [one async for batch in store.talks.decisions(TENANT, batch=1) for one in batch]


async def rows(store: AnyStore) -> list[str]:
    return [str(row["code"]) for row in await store.reads.audit_rows(TENANT, run_id=RUN)]


async def test_a_decision_stands_with_its_row_its_record_and_its_action(store: AnyStore) -> None:
    lead = await a_lead(store)
    kept = await store.talks.decide(decision(lead, acts=True, person="r1"), expected=0, now=NOW)
    assert kept is not None
    assert (kept.version, kept.action_id, kept.already_open) == (1, f"ac_{lead}_1", False)
    given = Given(f"ac_{lead}_1", Fate.ON_WAY, None, "inbound")
    assert await store.talks.standing(TENANT, "c1") == Standing(1, 2, "sales", "r1", given=given)
    assert await rows(store) == ["handoff"]
    (one,) = await stored(store)
    assert one.record is not None
    assert (one.lead_id, one.record.ciphertext) == (lead, b"what was said")
    (audited,) = await store.reads.audit_rows(TENANT, run_id=RUN)
    assert audited["commitment"] == one.record.commitment
    row = await store.outbox.get(TENANT, f"ac_{lead}_1")
    assert row is not None
    assert (row.state, row.decision_id, row.next_try) == (ActionState.PROPOSED, "ho_1_1", NOW)


async def test_a_decision_on_an_older_state_leaves_nothing(store: AnyStore) -> None:
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead, gives=False), expected=0, now=NOW)
    assert await store.talks.decide(decision(lead, acts=True), expected=0, now=NOW) is None
    assert await store.outbox.rows(TENANT) == []
    assert len(await rows(store)) == len(await stored(store)) == 1


async def test_of_many_at_once_one_stands(store: AnyStore) -> None:
    lead = await a_lead(store)
    tries = [store.talks.decide(decision(lead, acts=True), expected=0, now=NOW) for _ in range(20)]
    assert sum(kept is not None for kept in await asyncio.gather(*tries)) == 1
    assert len(await store.outbox.rows(TENANT)) == 1


async def test_an_effect_that_is_open_is_pointed_to(store: AnyStore) -> None:
    lead = await a_lead(store)
    first = await store.talks.decide(decision(lead, acts=True), expected=0, now=NOW)
    again = replace(decision(lead), proposal=proposal(lead, 2, ActionKind.HANDOFF))
    second = await store.talks.decide(again, expected=1, now=NOW)
    assert first is not None
    assert second is not None
    assert (second.action_id, second.already_open) == (first.action_id, True)
    assert len(await store.outbox.rows(TENANT)) == 1


def of_the_desk(lead: LeadId, conversation: str) -> TalkDecision:
    said = {"queue": "sales", "talk": conversation, "tell": "One moment"}
    handing = proposal(lead, 2, ActionKind.HANDOFF, params=said)
    run = RunId(f"ho_{conversation}")
    return replace(decision(lead), conversation=conversation, run_id=run, proposal=handing)


@pytest.mark.parametrize("waiting", [True, False])
async def test_what_a_desk_decides_takes_the_place_of_a_runs_handing_over_that_has_not_left(
    store: AnyStore, *, waiting: bool
) -> None:
    """It alone knows the conversation, and what the customer is told. What else waited with it is asked anew."""
    company = Company(store)
    (over, enrol) = await company.decide(HANDOFF, ENROL, waiting=waiting)
    kept = await store.talks.decide(of_the_desk(over.lead_id, "c1"), expected=0, now=company.now)
    assert kept is not None
    assert (kept.action_id, kept.already_open) == (f"ac_{over.lead_id}_2", False)
    assert ((await company.row(over.action_id)).state, (await company.row(over.action_id)).reason) == (
        ActionState.EXPIRED,
        "talk",
    )
    assert (await company.row(enrol.action_id)).state is (
        ActionState.EXPIRED if waiting else ActionState.PROPOSED
    )
    assert await store.approvals.open(TENANT) == []
    assert await company.woken() == (["redo"] if waiting else [])
    other = await store.talks.decide(of_the_desk(over.lead_id, "c2"), expected=0, now=company.now)
    assert other is not None
    assert (other.action_id, other.already_open) == (kept.action_id, True)


async def test_a_runs_handing_over_that_is_on_its_way_stays(store: AnyStore) -> None:
    company = Company(store)
    (over,) = await company.decide(HANDOFF)
    await company.take_one()
    kept = await store.talks.decide(of_the_desk(over.lead_id, "c1"), expected=0, now=company.now)
    assert kept is not None
    assert (kept.action_id, kept.already_open) == (over.action_id, True)


async def test_without_a_version_it_stands_but_may_not_act(store: AnyStore) -> None:
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead), expected=None, now=NOW)
    assert await store.talks.decide(decision(None), expected=None, now=NOW)
    with pytest.raises(Permanent):
        await store.talks.decide(decision(lead, acts=True), expected=None, now=NOW)


async def test_nothing_is_kept_of_a_lead_that_asked_to_be_forgotten(store: AnyStore) -> None:
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead, gives=False), expected=0, now=NOW)
    await store.inbox.accept([signal(2, key(CHAT, "c1"), kind=Kind.PRIVACY_DELETE)], now=NOW)
    assert [one.record for one in await stored(store)] == [None]
    assert await store.talks.decide(decision(lead, acts=True), expected=1, now=NOW) is None
    assert await store.talks.decide(decision(lead), expected=None, now=NOW)
    assert [one.record for one in await stored(store)] == [None, None]
    assert len(await rows(store)) == 2


async def test_a_merged_lead_is_a_conflict_and_its_talks_follow_it(store: AnyStore) -> None:
    winner = await a_lead(store, 3, "c0", NOW - 1)
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead, taken=True), expected=0, now=NOW)
    await store.inbox.accept([alias(4, key(CHAT, "c0"), key(CHAT, "c1"))], now=NOW + 1)
    into = await store.reads.find_lead(TENANT, "conversation_id:c1")
    assert into == winner != lead
    assert [one.lead_id for one in await stored(store)] == [winner]
    assert await store.talks.decide(decision(lead), expected=1, now=NOW) is None


async def test_who_has_no_room_any_more_is_a_conflict(open_any: OpenStore) -> None:
    store = open_any(reps=(rep("r1"),))
    first = await a_lead(store)
    second = await a_lead(store, 2, "c2")
    taken = decision(first, acts=True, reserved="r1", person="r1")
    assert await store.talks.decide(taken, expected=0, now=NOW)
    late = decision(second, acts=True, reserved="r1", conversation="c2", run_id=RunId("ho_2"))
    assert await store.talks.decide(late, expected=0, now=NOW) is None
    assert [one.load for one in await store.reads.reps(TENANT, now=NOW)] == [1]


@pytest.mark.parametrize(("then", "why"), [("taken", "taken"), ("closed", "closed"), ("", "")])
async def test_what_a_person_has_taken_or_closed_is_not_sent(store: AnyStore, then: str, why: str) -> None:
    lead = await a_lead(store)
    await drain(store)
    assert await store.talks.decide(decision(lead, acts=True), expected=0, now=NOW)
    said = {then: True} if why else {}
    assert await store.talks.decide(decision(lead, gives=False, **said), expected=None, now=NOW)
    taken = await store.outbox.take(now=NOW, limit=10, lease_us=LEASE)
    assert len(taken) == int(not why)
    row = await store.outbox.get(TENANT, f"ac_{lead}_1")
    assert row is not None
    assert (row.state, row.reason) == (ActionState.EXPIRED if why else ActionState.SENDING, why)


async def test_a_tenant_sees_its_own_talks_only(store: AnyStore) -> None:
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead), expected=0, now=NOW)
    assert await store.talks.standing(OTHER, "c1") == Standing()
    assert [one async for one in store.talks.decisions(OTHER)] == []


async def test_without_a_lead_it_is_sealed_for_the_conversation(open_any: OpenStore) -> None:
    subjects: list[str] = []

    def seal(tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        subjects.append(lead)
        return readable(tenant, lead, plain)

    store = open_any(seal_text=seal)
    assert await store.talks.decide(decision(None), expected=0, now=NOW)
    assert subjects == [RUN]


@pytest.mark.parametrize("taken", [True, False])
def test_a_person_has_it_until_the_desk_says_that_it_is_done(*, taken: bool) -> None:
    given = decision(None, gives=not taken, taken=taken)
    held = after(Standing(), given)
    assert (held.handed_at, held.released) == (2, False)
    quiet = after(held, decision(None, gives=False))
    assert (quiet.taken, quiet.released) == (taken, False)
    done = after(quiet, decision(None, gives=False, closed=True))
    assert (done.taken, done.released) == (False, True)


async def desk_store(open_any: OpenStore) -> tuple[AnyStore, LeadId]:
    """A store that follows a desk, a conversation of it given to sales, and its lead."""
    store = open_any(desk="chatwoot")
    lead = await a_lead(store, talk="chatwoot:1")
    await drain(store)
    assert await store.talks.decide(to_sales(lead, "chatwoot:1", 2), expected=0, now=NOW)
    return store, lead


def to_sales(lead: LeadId, conversation: str, number: int, **more: object) -> TalkDecision:
    said = {"queue": "sales", "talk": conversation, "owner": "r1"}
    handing = proposal(lead, number, ActionKind.HANDOFF, params=said)
    run = RunId(f"ho_{conversation}")
    given = decision(lead, conversation=conversation, run_id=run, proposal=handing)
    return replace(given, entry=replace(given.entry, run_id=run), **more)  # type: ignore[arg-type]  # a test names what it sets


async def seen_of(store: AnyStore, lead: LeadId, conversation: str) -> Situation:
    standing, others = (
        await store.talks.standing(TENANT, conversation),
        await store.talks.handings(TENANT, lead),
    )
    return Situation(
        blocked=False, handed_at=standing.handed_at, decided=standing.version, owner=None, free=None, listed=False,
        opens_at=None, given=standing.given, others=others,
    )  # fmt: skip


async def end(store: AnyStore, move: Move, reason: str = "") -> None:
    (taken,) = await store.outbox.take(now=NOW, limit=1, lease_us=LEASE)
    assert await store.outbox.finish(taken, move, taken.row.steps, (), now=NOW + 1, reason=reason)


@pytest.mark.parametrize(
    ("move", "fate", "due"),
    [(Move.REFUSE, Fate.LOST, 1), (Move.EXPIRE, Fate.LOST, 1), (Move.LOSE_TRACK, Fate.UNSURE, 1),
     (Move.CONFIRM, Fate.THERE, 0)],
)  # fmt: skip
async def test_what_reached_nobody_is_looked_at_again(
    open_any: OpenStore, move: Move, fate: Fate, due: int
) -> None:
    store, lead = await desk_store(open_any)
    for held in await store.due_talks.take(TENANT, limit=9, now=NOW + DAY, lease_us=LEASE):
        await store.due_talks.settle(TENANT, held, now=NOW)
    await end(store, move)
    assert await store.due_talks.waiting(TENANT) == due
    assert (await store.talks.standing(TENANT, "chatwoot:1")).given == Given(
        f"ac_{lead}_2", fate, NOW + 1, "sales"
    )


async def test_an_answer_rests_on_what_became_of_the_last_one(open_any: OpenStore) -> None:
    store, lead = await desk_store(open_any)
    seen = await seen_of(store, lead, "chatwoot:1")
    await end(store, Move.REFUSE, "invalid")
    late = to_sales(lead, "chatwoot:1", 3, seen=seen)
    assert await store.talks.decide(late, expected=1, now=NOW) is None
    seen = await seen_of(store, lead, "chatwoot:1")
    assert [one.stage for one in seen.others] == [Stage.OVER]
    kept = await store.talks.decide(replace(late, seen=seen), expected=1, now=NOW)
    assert kept is not None
    assert kept.already_open  # under the same key: what is another wish has another
    assert (await store.talks.standing(TENANT, "chatwoot:1")).handed_from == 2


async def test_an_answer_rests_on_what_is_open_in_the_leads_other_conversations(open_any: OpenStore) -> None:
    store = open_any()
    lead = await a_lead(store)
    seen = await seen_of(store, lead, "c1")
    assert await store.talks.decide(to_sales(lead, "c2", 2, told="x"), expected=0, now=NOW)
    late = to_sales(lead, "c1", 3, seen=seen, told="acts", told_if_open="points")
    assert await store.talks.decide(late, expected=0, now=NOW) is None
    seen = await seen_of(store, lead, "c1")
    assert [(one.stage, one.place, one.owner, one.keeps) for one in seen.others] == [
        (Stage.OPEN, "c2", "r1", True)
    ]
    kept = await store.talks.decide(replace(late, seen=seen), expected=0, now=NOW)
    assert kept is not None
    assert (kept.action_id, kept.already_open) == (f"ac_{lead}_2", True)


@pytest.mark.parametrize(("got", "sent"), [(Move.CONFIRM, False), (Move.REFUSE, True)])
async def test_what_a_person_has_sent_again_is_sent_unless_another_has_the_conversation_meanwhile(
    open_any: OpenStore, got: Move, *, sent: bool
) -> None:
    store, lead = await desk_store(open_any)
    await end(store, Move.REFUSE)
    anew = to_sales(lead, "chatwoot:1", 3, team="support")
    assert anew.proposal is not None
    anew = replace(anew, proposal=replace(anew.proposal, episode=99))
    assert await store.talks.decide(anew, expected=1, now=NOW)
    await end(store, got)
    await store.outbox.retry(TENANT, f"ac_{lead}_2", by="ann", now=NOW)
    assert len(await store.outbox.take(now=NOW, limit=1, lease_us=LEASE)) == int(sent)
    row = await store.outbox.get(TENANT, f"ac_{lead}_2")
    assert row is not None
    assert (row.state, row.reason) == (
        (ActionState.SENDING, "again") if sent else (ActionState.EXPIRED, "talk")
    )
    standing = await store.talks.standing(TENANT, "chatwoot:1")
    assert standing.given is not None
    assert (standing.given.action_id, standing.team) == (
        (f"ac_{lead}_2", "sales") if sent else (f"ac_{lead}_3", "support")
    )
