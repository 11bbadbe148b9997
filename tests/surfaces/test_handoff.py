"""Decisions about talks: on record, acted upon once, decided on what is true right before acting."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest

from domain.action import ActionKind, ActionState
from domain.effect import StepKind
from domain.errors import BadInput, Temporary
from domain.handoff import Handoff, Step, Talk
from domain.instants import MINUTE
from domain.ports.home import Home
from domain.sentences import PLAIN, Language, Sentences
from surfaces.audit_replay import Replayed
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.handoff import LONGEST_READ, MOST_READ, bounded, run_of, talk_of
from surfaces.handoff_replay import TalkReplayer
from surfaces.worker import Worker, deps_of
from tests.agents.test_handoff import BUYS, talk
from tests.surfaces.talk_world import (
    HEARD,
    SAID_AT,
    Ears,
    actions,
    crm,
    desk,
    open_talks,
    sent,
    tell,
)
from tools.guard import closed_world

ONE = talk(("customer", BUYS))
MORE = talk(("customer", BUYS), ("agent", "I am Ann."), ("customer", "And 20 more, please."))


async def codes(home: Home, one: Talk = ONE) -> list[object]:
    rows = await home.reads.audit_rows(home.tenant, run_id=run_of(home, one))
    return [row["code"] for row in rows if row["step"] == "handoff"]


def test_a_talk_is_handed_over_once_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        first = asyncio.run(desk(home).decide(ONE))
    with open_talks(tmp_path) as home:
        second = asyncio.run(desk(home).decide(ONE))
        assert (first.decision, second.decision) == (Step.HANDOFF, Step.STAY)
        assert not second.bot_may_speak
        assert asyncio.run(codes(home)) == ["handoff", "stay"]


def test_a_talk_that_comes_shorter_than_it_was_handed_over_says_nothing_new(tmp_path: Path) -> None:
    """As after a desk that lost messages; a person still has it, and nothing is read a second time."""
    ears = Ears()
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home, ears).decide(MORE))
        again = asyncio.run(desk(home, ears).decide(ONE))
    assert (again.decision, again.evidence, len(ears.texts)) == (Step.STAY, (), len(MORE.messages))


def test_a_handoff_reaches_the_crm_with_what_is_known_and_none_of_the_words(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        answer = asyncio.run(desk(home).decide(ONE))
        assert asyncio.run(sent(home)).done == 1
        (row,) = asyncio.run(actions(home))
        assert (row.action_id, row.kind, row.state) == (answer.action, ActionKind.HANDOFF, ActionState.DONE)
        assert answer.route is not None
        assert row.params["owner"] == answer.route.person
        assert "Still open: authority" in row.params["note"]
        assert "like to buy" not in str(row.params)
    reports = crm(tmp_path)
    assert [line.kind for line in reports.ledger()] == ["hand_over", "create_task", "add_note", "notify"]
    ((_, held),) = reports.conversations().items()
    assert held["owner"] == row.params["owner"]


def test_a_handoff_can_be_undone(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        answer = asyncio.run(desk(home).decide(ONE))
        asyncio.run(sent(home))
        assert answer.action is not None
        asyncio.run(home.outbox.undo(home.tenant, answer.action, by="ann", now=home.clock.now()))
        assert asyncio.run(sent(home)).compensated == 1
    assert [line.kind for line in crm(tmp_path).ledger()][-3:] == ["remove_note", "close_task", "hand_back"]


async def many(home: Home, one: Talk, count: int) -> list[Handoff]:
    where = desk(home)
    return list(await asyncio.gather(*(where.decide(one) for _ in range(count))))


def test_a_talk_decided_many_times_at_once_is_handed_over_once(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        answers = asyncio.run(many(home, ONE, 20))
        assert Counter(answer.decision for answer in answers) == {Step.HANDOFF: 1, Step.STAY: 19}
        asyncio.run(sent(home))
        assert len(asyncio.run(actions(home))) == 1
    assert crm(tmp_path).doubled() == []


def test_processes_beside_each_other_hand_a_talk_over_once(tmp_path: Path) -> None:
    """The other process decides while this one hears: what was read is no longer so."""
    with (
        open_talks(tmp_path, beside=True, writer="w1") as home,
        open_talks(tmp_path, beside=True, writer="w2") as other,
    ):

        async def meanwhile() -> None:
            await desk(other).decide(ONE)

        answer = asyncio.run(desk(home, Ears(meanwhile=meanwhile)).decide(ONE))
        assert (answer.decision, answer.why) == (Step.STAY, "with_person")
        assert len(asyncio.run(actions(home))) == 1
        assert sorted(map(str, asyncio.run(codes(home)))) == ["handoff", "stay"]


def test_what_changes_twice_while_hearing_brings_a_person(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        quiet = Ears(heard=replace(HEARD, interested=False, probability=10))

        async def meanwhile() -> None:
            await desk(home, quiet).decide(ONE)

        answer = asyncio.run(desk(home, Ears(meanwhile=meanwhile)).decide(ONE))
        assert (answer.decision, answer.degraded, answer.action) == (Step.ASK_PERSON, "conflict", None)
        assert asyncio.run(codes(home)) == ["stay", "stay", "ask_person"]
        assert asyncio.run(actions(home)) == []


def test_a_talk_that_a_person_took_over_is_not_sent(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        asyncio.run(desk(home).decide(talk(("customer", BUYS), status="with_person")))
        assert asyncio.run(sent(home)).attempts == 0
        (row,) = asyncio.run(actions(home))
        assert (row.state, row.reason) == (ActionState.EXPIRED, "taken")
    assert crm(tmp_path).ledger() == []


def test_a_lead_deleted_after_the_decision_is_not_handed_over(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        asyncio.run(tell(home, "crm.privacy_delete"))
        asyncio.run(sent(home))
        (row,) = asyncio.run(actions(home))
        assert (row.state, row.reason) == (ActionState.EXPIRED, "suppressed")
    assert crm(tmp_path).ledger() == []


def test_a_deleted_leads_talk_is_neither_read_nor_kept_and_brings_a_person(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        asyncio.run(tell(home, "crm.privacy_delete"))
        before = asyncio.run(home.reads.counts(home.tenant))["signals"]
        ears = Ears()
        answer = asyncio.run(desk(home, ears).decide(ONE))
        assert ears.texts == []
        assert (answer.decision, answer.why, answer.degraded) == (Step.ASK_PERSON, "not_read", "privacy")
        assert (answer.evidence, answer.brief, answer.action) == ((), None, None)
        assert asyncio.run(home.reads.counts(home.tenant))["signals"] == before
        assert asyncio.run(records(home)) == [None]


async def records(home: Home) -> list[object]:
    return [one.record async for batch in home.talks.decisions(home.tenant) for one in batch]


@pytest.mark.parametrize("name", ["phone:+49 30 1234567", "email:Ada@example.com", "crm_id:4711"])
def test_a_deleted_lead_is_known_by_any_name_before_anything_is_kept(tmp_path: Path, name: str) -> None:
    kind, _, value = name.partition(":")
    with open_talks(tmp_path) as home:
        asyncio.run(tell(home, "crm.privacy_delete", keys={kind: value}))
        before = asyncio.run(home.reads.counts(home.tenant))["signals"]
        named = ONE.model_copy(update={"lead": name, "conversation_id": "new"})
        assert asyncio.run(desk(home).decide(named)).why == "not_read"
        assert asyncio.run(home.reads.counts(home.tenant))["signals"] == before


def test_what_was_said_is_forgotten_with_the_lead(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        assert asyncio.run(records(home)) != [None]
        asyncio.run(tell(home, "crm.privacy_delete"))
        assert asyncio.run(records(home)) == [None]
        assert asyncio.run(codes(home)) == ["handoff"]


def test_whom_the_tables_keep_from_sales_is_not_pitched(tmp_path: Path) -> None:
    """Though no run has seen the news yet."""
    with open_talks(tmp_path) as home:
        asyncio.run(tell(home, "crm.not_a_lead"))
        answer = asyncio.run(desk(home).decide(ONE))
        assert (answer.decision, answer.why, answer.rule) == (Step.STAY, "policy", "not_a_lead")
        asks = Ears(heard=replace(HEARD, asks_for_person=0))
        answer = asyncio.run(desk(home, asks).decide(ONE))
        assert (answer.decision, answer.route and answer.route.team) == (Step.ASK_PERSON, "support")
        assert asyncio.run(actions(home)) == []


def test_what_the_tables_put_before_a_person_goes_to_one(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        unsure = Ears(heard=replace(HEARD, probability=290))
        answer = asyncio.run(desk(home, unsure).decide(ONE))
        assert (answer.decision, answer.why, answer.rule) == (Step.ASK_PERSON, "policy", "thin_score")
        assert asyncio.run(actions(home)) == []


def test_quiet_hours_do_not_hold_a_talk_that_the_customer_is_in(tmp_path: Path) -> None:
    with open_talks(tmp_path, at=SAID_AT + 12 * 60 * MINUTE) as home:
        answer = asyncio.run(desk(home).decide(ONE))
        assert answer.route is not None
        assert (answer.decision, answer.route.path) == (Step.HANDOFF, "callback")
        assert asyncio.run(sent(home)).done == 1
        (row,) = asyncio.run(actions(home))
        assert row.params["due"].startswith("2026-03-03T")


def test_the_customers_messages_are_signals_of_one_lead_however_often_they_come(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        named = MORE.model_copy(update={"lead": "crm_id:4711"})
        for one in (named, named, named):
            asyncio.run(desk(home).decide(one))
        lead = asyncio.run(home.reads.find_lead(home.tenant, "crm_id:4711"))
        assert lead is not None
        assert lead == asyncio.run(home.reads.find_lead(home.tenant, "conversation_id:c1"))
        said = asyncio.run(home.reads.signals(home.tenant, lead))
        assert sorted(signal.text or "" for signal in said) == sorted([BUYS, "And 20 more, please."])


@pytest.mark.parametrize(
    "name", ["ada@example.com", "email:ada@example.com", "crm_id:4711", "4711", "our id"]
)
def test_a_lead_that_the_desk_names_is_found_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    with open_talks(tmp_path) as home:
        keys = {"email": "ada@example.com", "crm_id": "4711"}
        asyncio.run(tell(home, "crm.owner_change", keys=keys, owner="r9"))
        lead = asyncio.run(home.reads.find_lead(home.tenant, "crm_id:4711"))
        assert lead is not None
        named = lead if name == "our id" else name
        answer = asyncio.run(desk(home).decide(ONE.model_copy(update={"lead": named})))
        assert answer.decision is Step.HANDOFF
        assert [row.lead_id for row in asyncio.run(actions(home))] == [lead]
        assert asyncio.run(home.reads.find_lead(home.tenant, "conversation_id:c1")) == lead


def test_a_run_over_the_same_messages_hands_nothing_over_again(tmp_path: Path) -> None:
    """Routing asks for a handoff too when somebody in a chat wants to buy."""
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        asyncio.run(worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets)))
        handed = [row for row in asyncio.run(actions(home)) if row.kind is ActionKind.HANDOFF]
        assert [row.state for row in handed] == [ActionState.DONE]
    kinds = Counter(line.kind for line in crm(tmp_path).ledger())
    assert kinds[StepKind.HAND_OVER] == 1


def test_a_person_who_closes_the_talk_gives_it_back(tmp_path: Path) -> None:
    quiet = Ears(heard=replace(HEARD, interested=False, probability=10))
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        assert not asyncio.run(desk(home, quiet).decide(MORE)).bot_may_speak
        closed = MORE.model_copy(update={"status": "closed"})
        assert asyncio.run(desk(home, quiet).decide(closed)).bot_may_speak
        assert asyncio.run(desk(home, quiet).decide(MORE)).bot_may_speak


def test_an_outage_brings_a_person_and_claims_nothing(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        found = asyncio.run(desk(home, Ears(problem=Temporary("down"))).decide(ONE))
        assert (found.decision, found.degraded, found.intents) == (Step.ASK_PERSON, "reader:down", ())


def test_a_reader_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    """It works on a thread of its own and never gives way, as a reader of hostile text might."""
    with open_talks(tmp_path) as home:
        stop = Event()

        async def meanwhile() -> None:
            stop.wait(2)

        async def decided() -> Handoff:
            answer = await desk(home, Ears(meanwhile=meanwhile), deadline_s=0.05).decide(ONE)
            stop.set()
            return answer

        answer = asyncio.run(decided())
        assert (answer.decision, answer.degraded) == (Step.ASK_PERSON, "reader:deadline")


def test_a_long_talk_is_read_up_to_a_bound_and_keeps_its_places() -> None:
    turns = [("customer", "x" * 20_000), ("agent", "y" * 20_000)] * 20
    read = bounded(talk(*turns).messages)
    assert len(read) == 40
    lengths = [len(message.text) for message in read if message.role == "customer"]
    assert (max(lengths), sum(lengths), lengths[0], lengths[-1]) == (LONGEST_READ, MOST_READ, 0, LONGEST_READ)


def test_a_full_inbox_says_so_and_stops_no_decision(tmp_path: Path) -> None:
    with open_talks(tmp_path, max_waiting=1) as home:
        asyncio.run(tell(home, "crm.owner_change", owner="r9"))
        answer = asyncio.run(desk(home).decide(ONE))
        assert (answer.decision, answer.degraded) == (Step.HANDOFF, "inbox:full")


async def replayed(home: Home, ears: Ears | None = None) -> dict[str, Any]:
    result = Replayed()
    replayer = TalkReplayer(home, ears or Ears(), policy_of=lambda _: home.policy, wall=closed_world)
    await replayer.all(result)
    return result.document()


def test_a_decision_is_the_same_from_its_sealed_record_alone(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        for ears in (Ears(problem=Temporary("down")), Ears()):
            asyncio.run(desk(home, ears).decide(ONE))
        asyncio.run(desk(home).decide(MORE.model_copy(update={"status": "closed"})))
        found = asyncio.run(replayed(home))
        assert (found["replayed"], found["identical"], found["unreplayable"]) == (3, 3, {})
        deaf = asyncio.run(replayed(home, Ears(heard=replace(HEARD, interested=False))))
        assert (deaf["identical"], deaf["different"]) == (2, 1)
        asyncio.run(tell(home, "crm.privacy_delete"))
        assert asyncio.run(replayed(home))["unreplayable"] == {"erased": 3}


def test_the_customer_is_told_the_tenants_sentence_and_a_later_one_changes_no_decision(
    tmp_path: Path,
) -> None:
    german = Language({**PLAIN, "now": "Einen Moment."})
    with open_talks(tmp_path) as home:
        spoken = replace(home, sentences=Sentences(others={"de": german}))
        answer = asyncio.run(desk(spoken).decide(ONE.model_copy(update={"language": "de-AT"})))
        assert answer.tell_customer == "Einen Moment."
        found = asyncio.run(replayed(home))
        assert (found["replayed"], found["identical"]) == (1, 1)


def test_the_audit_log_has_none_of_the_words(tmp_path: Path) -> None:
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(ONE))
        rows = asyncio.run(home.reads.audit_rows(home.tenant))
        assert b"send us a quote" not in orjson.dumps([dict(row) for row in rows])


def test_a_line_that_is_no_talk_is_named_without_its_text() -> None:
    with pytest.raises(BadInput, match="line 3") as caught:
        talk_of(b'{"conversation_id": "secret words", "messages": []}', "line 3")
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize(("owner", "person"), [(None, "rep_000001"), ("rep_000006", "rep_000006")])
def test_a_talk_goes_to_the_leads_owner_or_to_the_next_in_line_of_sales(
    tmp_path: Path, owner: str | None, person: str
) -> None:
    """One rule with the routing of leads: nobody of another team, but the owner."""
    with open_talks(tmp_path) as home:
        if owner:
            asyncio.run(tell(home, "crm.owner_change", owner=owner))
        answer = asyncio.run(desk(home).decide(ONE))
        assert answer.route is not None
        assert answer.route.person == person
