"""Labels are read off what is stored: each once, under the lead as it is known now, in an order of their own."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.action import Move
from domain.approval import VoteKind
from domain.instants import SECOND
from domain.kinds import Kind
from domain.label import Label, LabelKind, Provenance
from domain.signal import LeadKey, Scalar, Signal
from tests.tools.contract.company import ACE, ADA, BOB, ENROL, TASK
from tests.tools.contract.fixing import OWNER, POINTS, Desk
from tests.tools.contract.stores import NOW, OTHER, TENANT, AnyStore, OpenStore, alias, signal


@pytest.fixture
def desk(store: AnyStore) -> Desk:
    return Desk(store)


def outcome(number: int, result: str, who: LeadKey = ADA) -> Signal:
    """What became of a deal."""
    return signal(number, who, kind=Kind.OUTCOME, payload={"result": result, "amount": 7})


def told(labels: Sequence[Label]) -> list[tuple[str, str, str]]:
    """Kind, value and provenance."""
    return [(one.kind.value, one.value, one.provenance.value) for one in labels]


async def test_outcomes_and_what_is_no_lead_are_labels_of_when_they_occurred(desk: Desk) -> None:
    spam = signal(3, BOB, kind=Kind.NOT_A_LEAD, payload={"reason": "spam"})
    await desk.store.inbox.accept([outcome(1, "reverted"), outcome(2, "won"), spam, signal(4)], now=desk.now)
    first, second, third = await desk.labels()
    assert told([first, second, third]) == [
        ("not_a_lead", "spam", "signal"),
        ("outcome", "won", "signal"),
        ("outcome", "reverted", "signal"),
    ]
    assert (second.lead_id, second.ref, second.decision_id) == (await desk.lead(), "web:2", None)
    assert (second.at, second.known_at) == (NOW - 2 * SECOND, NOW)


async def test_the_vote_that_ended_an_approval_is_a_label_of_its_decision(desk: Desk) -> None:
    """Whoever has not decided, or was too late, has said nothing."""
    yes = await desk.ask(TASK)
    no = await desk.ask(ENROL, who=BOB)
    assert await desk.labels() == []
    await desk.vote(yes)
    desk.later()
    await desk.vote(no, kind=VoteKind.REJECT)
    await desk.ask(TASK, who=ACE)
    await desk.store.approvals.expire(now=desk.now + 1_000 * 3_600 * SECOND)
    first, second = await desk.labels()
    assert first == Label(
        yes.lead_id, LabelKind.APPROVAL, "approved", desk.now - SECOND, desk.now - SECOND, Provenance.VOTE,
        f"{yes.approval_id}/1", yes.decision_id,
    )  # fmt: skip
    assert (second.value, second.decision_id) == ("rejected", no.decision_id)


async def test_an_action_taken_back_is_a_label_once_it_is_undone(desk: Desk) -> None:
    (row,) = await desk.decide(TASK)
    await desk.send()
    await desk.store.outbox.undo(TENANT, row.action_id, by="rita", now=desk.now)
    assert await desk.labels() == []
    desk.later()
    await desk.finish(await desk.take_one(), Move.FINISH_UNDO, sent=False)
    (label,) = await desk.labels()
    assert told([label]) == [("undone", "create_task", "action")]
    assert (label.ref, label.decision_id, label.at) == (row.action_id, row.decision_id, desk.now)


async def test_every_override_is_a_label_also_after_it_ended(desk: Desk) -> None:
    await desk.decide()
    for kind, value in ((OWNER, "bob"), (POINTS, "80"), (OWNER, "cleo")):
        await desk.fix(kind, value)
    await desk.lift()
    labels = await desk.labels()
    assert told(labels) == [
        ("owner", "bob", "override"),
        ("points", "80", "override"),
        ("owner", "cleo", "override"),
    ]
    assert [label.ref for label in labels] == [row.override.override_id for row in await desk.history()]
    assert {label.decision_id for label in labels} == {(await desk.history())[0].decision_id} != {None}


async def test_a_span_is_of_what_became_known_in_it(desk: Desk) -> None:
    """From its start on, and before its end: spans laid end to end give each label once."""
    await desk.decide()
    begin = desk.now
    for value in ("10", "20", "30"):
        await desk.fix(POINTS, value)
    cut = begin + SECOND
    assert [one.value for one in await desk.labels(until=cut)] == ["10"]
    assert [one.value for one in await desk.labels(since=cut)] == ["20", "30"]
    assert [one.value for one in await desk.labels(since=cut, until=cut + SECOND)] == ["20"]


async def test_merged_leads_answer_under_the_one_that_stayed(desk: Desk) -> None:
    """Also what was said of the other before; and each again for itself once they are parted."""
    await desk.decide(who=ADA)
    desk.later()
    approval = await desk.ask(TASK, who=ACE)
    await desk.vote(approval)
    await desk.fix(POINTS, "40", who=ACE)
    await desk.store.inbox.accept([outcome(5, "won", ACE)], now=desk.now)
    gone = await desk.lead(ACE)
    await desk.join(ADA, ACE)
    joined = await desk.labels()
    assert {label.lead_id for label in joined} == {await desk.lead(ADA)} != {gone}
    assert {label.kind for label in joined} == {LabelKind.APPROVAL, LabelKind.POINTS, LabelKind.OUTCOME}
    desk.later()
    await desk.part(ADA, ACE)
    parted = await desk.labels()
    assert {label.lead_id for label in parted} == {gone}
    assert [label.place for label in parted] == [label.place for label in joined]


async def test_who_asked_to_be_forgotten_is_no_example_for_anybody(desk: Desk) -> None:
    await desk.decide()
    await desk.fix()
    await desk.store.inbox.accept([outcome(1, "won"), outcome(2, "lost", BOB)], now=desk.now)
    await desk.forget()
    assert told(await desk.labels()) == [("outcome", "lost", "signal")]


async def test_labels_are_of_one_tenant(desk: Desk) -> None:
    await desk.decide()
    await desk.fix()
    assert await desk.store.feedback.labels(OTHER) == []


KEYS = (ADA, BOB, ACE)
SAYINGS: Sequence[tuple[Kind, Mapping[str, Scalar]]] = (
    (Kind.OUTCOME, {"result": "won"}),
    (Kind.OUTCOME, {"result": "lost"}),
    (Kind.OUTCOME, {"result": "reverted"}),
    (Kind.NOT_A_LEAD, {"reason": "spam"}),
    (Kind.NOT_A_LEAD, {}),
    (Kind.PAGE_VIEW, {"page": "/pricing"}),
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Signal], list[Signal]]:
    """Signals of three people, who may turn out to be one; and the same in another order."""
    said = st.tuples(st.sampled_from(KEYS), st.sampled_from(SAYINGS), st.integers(0, 5))
    signals = [
        signal(number, who, kind=kind, payload=payload, at=NOW - ago * SECOND)
        for number, (who, (kind, payload), ago) in enumerate(draw(st.lists(said, min_size=1, max_size=8)))
    ]
    if draw(st.booleans()):
        signals.append(alias(900, *draw(st.permutations(KEYS))[:2]))
    return signals, draw(st.permutations(signals))


@given(both=streams(), size=st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_labels_do_not_depend_on_the_order_in_which_signals_came(
    open_any: OpenStore, both: tuple[list[Signal], list[Signal]], size: int
) -> None:
    """Nor on how they were batched, nor on duplicates."""
    one, other = open_any(), open_any()
    await one.inbox.accept(both[0], now=NOW)
    for start in range(0, len(both[1]), size):
        await other.inbox.accept([*both[1][start : start + size], both[1][0]], now=NOW)
    assert await by_keys(one) == await by_keys(other)


async def by_keys(store: AnyStore) -> list[tuple[object, ...]]:
    """Labels in their order, with the keys of their lead instead of its random id."""
    return [
        (label.place, label.kind, label.value, tuple(await store.reads.keys(TENANT, label.lead_id)))
        for label in await store.feedback.labels(TENANT)
    ]
