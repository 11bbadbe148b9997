"""What only a durable outbox can break: torn rows, a crash at a boundary, a comment without its key."""

import sqlite3
from contextlib import closing

import pytest

from domain.action import ActionState, Move
from domain.approval import Approval, ApprovalState
from domain.effect import StepState
from domain.errors import BadInput
from domain.ports.outbox import Taken
from tests.tools.contract.company import ADA, BOB, ENROL, TASK, Company, progressed
from tests.tools.contract.stores import EMAIL, LEASE, TENANT, key
from tests.tools.store.conftest import OpenStore
from tools.privacy.vault import KeyRow, LeadVault
from tools.store import Config, Store
from tools.store.people import digest_of_names


class Crash(Exception):
    """Stands for the end of the process."""


def meddle(store: Store, statement: str, *values: object) -> None:
    """Change one row of the file behind the store's back."""
    with closing(sqlite3.connect(store.database.path)) as conn, conn:
        assert conn.execute(statement, values).rowcount == 1


@pytest.mark.parametrize("torn", [b'{"queue": "in', b"[1]", b'{"queue": 7}', b"\xff\xfe", b""])
async def test_a_row_that_cannot_be_read_is_set_aside_and_stops_nobody(store: Store, torn: bytes) -> None:
    """It has failed, on record; the next action of its lead and those of others leave."""
    company = Company(store)
    row, _ = await company.decide(TASK, ENROL)
    await company.decide(TASK, who=BOB)
    meddle(store, "UPDATE outbox SET params = CAST(? AS TEXT) WHERE action_id = ?", torn, row.action_id)
    taken = await company.take()
    assert sorted(one.row.kind.value for one in taken) == ["create_task", "enrol"]
    after = await company.row(row.action_id)
    assert (after.state, after.reason, after.next_try) == (ActionState.FAILED, "unreadable", None)
    assert (await company.audit("deliver"))[0] == "moved:failed"
    assert await company.decide(TASK) == [], "it still keeps its effect key"


async def test_of_a_torn_row_that_was_sent_nobody_can_tell(store: Store) -> None:
    """A person looks, and what its holder hands in at the end makes it whole."""
    company = Company(store)
    await company.decide(TASK)
    taken = await company.take_one()
    meddle(store, "UPDATE outbox SET steps = '[{' WHERE action_id = ?", taken.row.action_id)
    company.later(LEASE)
    assert not await company.take()
    assert (await company.row(taken.row.action_id)).state is ActionState.UNKNOWN
    await company.decide(TASK, who=BOB)
    other = await company.take_one()
    meddle(store, "UPDATE outbox SET steps = '[{' WHERE action_id = ?", other.row.action_id)
    assert (await company.finish(other)).steps == progressed(other, StepState.DONE)


async def test_changed_parameters_reach_the_performer_who_compares_them(store: Store) -> None:
    """The store does not judge what was approved."""
    company = Company(store)
    (row,) = await company.decide(TASK)
    meddle(store, 'UPDATE outbox SET params = \'{"queue":"mine"}\' WHERE action_id = ?', row.action_id)
    assert (await company.take_one()).row.params == {"queue": "mine"}


async def test_a_changed_hash_does_not_pass_for_what_was_approved(store: Store) -> None:
    """The question is about the hashes of then; nothing is sent."""
    company = Company(store)
    approval = await company.ask(TASK)
    changed = "UPDATE outbox SET proposal_hash = ? WHERE action_id = ?"
    meddle(store, changed, "f" * 64, approval.action_ids[0])
    after = await company.vote(approval)
    assert (after.state, after.reason) == (ApprovalState.REDECIDED, "changed")
    assert not await company.take()


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
@pytest.mark.parametrize("point", ["outbox.take", "outbox.note", "outbox.finish", "approval.vote"])
async def test_a_crash_at_a_boundary_leaves_all_or_nothing(opened: OpenStore, point: str, when: str) -> None:
    """Row, steps and log together."""
    armed: list[str] = []

    def on_point(name: str) -> None:
        if name in armed:
            raise Crash(name)

    store = opened(on_point=on_point)
    company = Company(store)
    await company.decide(TASK)
    approval = await company.ask(TASK, who=BOB)
    taken = await company.take_one() if point in ("outbox.note", "outbox.finish") else None
    before = await _seen(store)
    armed.append(f"{point}.{when}")
    with pytest.raises(Crash):
        await _reach(company, point, approval, taken)
    assert (await _seen(store) == before) is (when == "before_commit")


async def _reach(company: Company, point: str, approval: Approval, taken: Taken | None) -> None:
    if point == "approval.vote":
        await company.vote(approval)
    elif taken is None:
        await company.take()
    elif point == "outbox.finish":
        await company.finish(taken, Move.CONFIRM)
    else:
        steps = progressed(taken, StepState.STARTED)
        await company.store.outbox.note(taken, steps, (), now=company.now)


async def _seen(store: Store) -> tuple[object, ...]:
    rows = await store.outbox.rows(TENANT)
    return list(rows), len(await store.reads.audit_rows(TENANT)), await store.approvals.open(TENANT)


def with_vault(opened: OpenStore) -> tuple[Store, LeadVault]:
    """A store that seals under a vault which finds its keys there."""
    found: list[Store] = []

    def fetch(tenant: str, lead: str | None, one: str | None) -> list[KeyRow]:
        return list(found[0].fetch_keys(tenant, lead, one))

    vault = LeadVault(b"m" * 32, fetch=fetch)
    person = digest_of_names(b"secret")
    config = Config(ring=vault, seal_text=vault.seal, open_text=vault.open, person=person)
    found.append(opened(config=config))
    return found[0], vault


async def test_a_comment_is_read_with_its_leads_key_and_goes_with_it(opened: OpenStore) -> None:
    """Sealed in the file, told by its commitment in the log, empty once the key is gone; the log names nobody."""
    store, _ = with_vault(opened)
    company = Company(store)
    approval = await company.ask(TASK)
    await company.vote(approval, "Rita Roe", comment="She asked for a call")
    again, _ = with_vault(opened)
    kept = await again.approvals.get(TENANT, approval.approval_id)
    assert kept is not None
    assert kept.votes[0].comment == "She asked for a call"
    file = store.database.path.read_bytes() + store.database.path.with_suffix(".db-wal").read_bytes()
    assert b"asked for a call" not in file
    (vote,) = [row for row in await again.reads.audit_rows(TENANT) if row["code"] == "approve"]
    assert vote["commitment"]
    assert vote["detail"]["by"] == digest_of_names(b"secret")("rita  ROE")  # type: ignore[index]  # a parsed row
    assert "Rita" not in str(vote)
    with closing(sqlite3.connect(store.database.path)) as conn, conn:
        conn.execute("DELETE FROM subject_keys")
    last, _ = with_vault(opened)
    erased = await last.approvals.get(TENANT, approval.approval_id)
    assert erased is not None
    assert (erased.state, erased.votes[0].comment) == (ApprovalState.APPROVED, "")


async def test_another_process_cannot_use_an_approval_again(opened: OpenStore) -> None:
    """Two stores on one file; the question survives a restart, its answer too (I5)."""
    ours, theirs = Company(opened()), Company(opened())
    approval = await ours.ask(TASK)
    await theirs.vote(approval, "omar")
    with pytest.raises(BadInput):
        await ours.vote(approval)
    assert len([*await ours.take(), *await theirs.take()]) == 1


async def test_many_set_aside_at_once_do_not_hide_what_is_due(store: Store) -> None:
    """A take goes on past them."""
    company = Company(store)
    for n in range(5):
        await company.decide(TASK, who=key(EMAIL, f"p{n}"))
    company.later()
    await company.decide(ENROL, who=ADA)
    with closing(sqlite3.connect(store.database.path)) as conn, conn:
        conn.execute("UPDATE outbox SET params = '{' WHERE kind = 'create_task'")
    (taken,) = await company.take(limit=2)
    assert taken.row.kind is ENROL
