"""What a person fixes about a lead holds until it is lifted or its date has passed, and all of it stays on record."""

import asyncio

import pytest

from domain.audit import Sealed
from domain.errors import BadInput
from domain.ids import LeadId, TenantId
from domain.instants import DAY
from domain.override import OverrideEnd
from tests.tools.contract.company import ADA, BOB
from tests.tools.contract.fixing import OWNER, POINTS, Desk
from tests.tools.contract.stores import OTHER, TENANT, AnyStore, OpenStore, bundle, claim, signal
from tools.store.config import readable


@pytest.fixture
async def desk(store: AnyStore) -> Desk:
    """One lead that was decided on."""
    desk = Desk(store)
    await desk.decide()
    desk.later()
    return desk


async def test_runs_are_told_what_a_person_fixed_until_it_is_lifted(desk: Desk) -> None:
    assert await desk.fixed() == []
    await desk.fix(OWNER, "bob")
    await desk.fix(POINTS, "80")
    assert await desk.fixed() == [(OWNER, "bob"), (POINTS, "80")]
    await desk.lift(OWNER)
    assert await desk.fixed() == [(POINTS, "80")]
    await desk.lift(POINTS)
    assert await desk.fixed() == []


async def test_it_is_about_one_lead_of_one_tenant(desk: Desk) -> None:
    await desk.decide(who=BOB)
    row = await desk.fix()
    assert await desk.fixed(BOB) == []
    feedback = desk.store.feedback
    assert await feedback.overrides(OTHER, at=desk.now) == []
    assert await feedback.overrides(OTHER, at=desk.now, lead_id=row.lead_id) == []
    assert await feedback.history(OTHER, row.lead_id) == []
    with pytest.raises(BadInput):
        await feedback.lift(OTHER, row.lead_id, kind=OWNER, by="eve", now=desk.now)
    assert await desk.fixed() == [(OWNER, "bob")]


async def test_the_newest_counts_and_those_before_stay_on_record(desk: Desk) -> None:
    first = await desk.fix(value="bob", by="rita")
    second = await desk.fix(value="cleo", by="omar", reason="bob is away")
    assert await desk.fixed() == [(OWNER, "cleo")]
    await desk.lift(by="rita")
    rows = await desk.history()
    assert [(row.override.value, row.by, row.end, row.ended_by) for row in rows] == [
        ("bob", "rita", OverrideEnd.REPLACED, "omar"),
        ("cleo", "omar", OverrideEnd.LIFTED, "rita"),
    ]
    assert [row.ended_at for row in rows] == [second.override.at, desk.now]
    assert [row.reason for row in rows] == ["he knows her", "bob is away"]
    at = first.override.at
    (then,) = await desk.store.feedback.overrides(TENANT, at=at, lead_id=first.lead_id)
    assert then.override.value == "bob", "as it counted then"
    assert await desk.store.feedback.overrides(TENANT, at=at - 1) == []


async def test_it_ends_by_itself_with_its_date(desk: Desk) -> None:
    until = desk.now + DAY
    await desk.fix(until=until)
    desk.now = until - 1
    assert await desk.fixed() == [(OWNER, "bob")]
    desk.now = until
    assert await desk.fixed() == []
    with pytest.raises(BadInput) as nothing:
        await desk.lift()
    assert nothing.value.code == "none"
    desk.later()
    await desk.fix(value="cleo")
    assert await desk.fixed() == [(OWNER, "cleo")]
    before = (await desk.history())[0]
    assert (before.end, before.ended_at, before.ended_by) == (OverrideEnd.OVER, until, "")


async def test_each_change_wakes_the_lead(desk: Desk) -> None:
    await desk.fix()
    assert await desk.woken() == ["override"]
    await desk.lift()
    assert await desk.woken() == ["override"]
    assert await desk.woken() == []


async def test_a_change_during_a_run_is_told_to_the_next(desk: Desk) -> None:
    """The run under way is left alone: it decides on what it was given."""
    await desk.store.inbox.accept([signal(1)], now=desk.now)
    (one,) = await claim(desk.store, desk.now)
    await desk.fix()
    await desk.store.commit.commit([bundle(one)], now=desk.now)
    assert one.given.overrides == ()
    (again,) = await claim(desk.store, desk.now)
    assert [override.value for override in again.given.overrides] == ["bob"]


async def test_each_change_is_on_the_log_without_names_and_words(open_any: OpenStore) -> None:
    desk = Desk(open_any(person=lambda name: f"digest{len(name)}"))
    await desk.decide()
    row = await desk.fix(value="bob", by="rita", reason="She asked for Bob Miller")
    await desk.fix(value="cleo")
    await desk.lift(by="omar")
    assert await desk.audit("override") == ["set", "set", "lifted"]
    rows = [r for r in await desk.store.reads.audit_rows(TENANT) if r["step"] == "override"]
    assert [r["detail"]["why"] for r in rows] == ["override", "replaces", "override"]  # type: ignore[index]  # a parsed row
    assert rows[0]["detail"]["by"] == "digest4"  # type: ignore[index]  # a parsed row
    assert rows[0]["lead_id"] == row.lead_id
    assert rows[0]["commitment"]
    for secret in ("bob", "rita", "Miller", "cleo", "omar"):
        assert secret not in str(rows)


async def test_the_reason_is_sealed_under_the_leads_key(open_any: OpenStore) -> None:
    sealed: list[tuple[str, bytes]] = []

    def seal(tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        sealed.append((lead, plain))
        return readable(tenant, lead, plain[::-1])

    desk = Desk(open_any(seal_text=seal, open_text=lambda _, one: one.ciphertext[::-1]))
    await desk.decide()
    row = await desk.fix(reason="he knows her")
    assert sealed == [(row.lead_id, b"he knows her")]
    assert (await desk.history())[0].reason == "he knows her"


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [(POINTS, bad, "points") for bad in ("0", "100", "-3", "7.5", "", "ten", "²", "999")]
    + [(OWNER, " ", "owner"), (OWNER, "x" * 201, "owner")],
)
async def test_what_makes_no_sense_is_refused(desk: Desk, kind: object, value: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        await desk.fix(kind, value)  # type: ignore[arg-type]  # one of the kinds
    assert refused.value.field == field
    assert await desk.history() == []
    assert await desk.audit("override") == []


async def test_who_and_why_must_be_said_and_a_date_lies_ahead(desk: Desk) -> None:
    for given in ({"by": " "}, {"reason": "\n"}, {"reason": "x" * 2_001}, {"until": desk.now}):
        with pytest.raises(BadInput):
            await desk.fix(**given)
    with pytest.raises(BadInput):
        await desk.lift(by="")
    assert await desk.history() == []


async def test_nothing_is_fixed_of_a_lead_that_is_not_there(desk: Desk) -> None:
    """Unknown, of another tenant, or one that asked to be forgotten."""
    lead = await desk.lead(ADA)
    await desk.forget()
    for tenant, name in ((TENANT, lead), (OTHER, lead), (TENANT, LeadId("ld_nobody"))):
        with pytest.raises(BadInput) as refused:
            await desk.store.feedback.fix(
                tenant, name, kind=OWNER, value="bob", reason="so", by="rita", now=desk.now
            )
        assert refused.value.code == "unknown"
    assert await desk.woken() == ["signals"], "of the deletion itself"


async def test_of_many_at_once_one_counts(desk: Desk) -> None:
    lead, store = await desk.lead(ADA), desk.store

    async def one(number: int) -> None:
        await store.feedback.fix(
            TENANT, lead, kind=POINTS, value=str(number), reason="so", by="rita", now=desk.now + number
        )

    await asyncio.gather(*(one(number) for number in range(1, 21)))
    desk.later()
    rows = await desk.history()
    assert len(rows) == 20
    assert sum(row.end is None for row in rows) == 1
    assert len(await desk.fixed()) == 1


async def test_it_knows_the_decision_that_the_person_saw(desk: Desk) -> None:
    latest = await desk.store.reads.latest_decision(TENANT, await desk.lead(ADA))
    assert latest is not None
    assert (await desk.fix()).decision_id == latest.decision_id
