"""One flipped bit, or a row cut short, in what leads to an action: found, set aside, shown, and never acted upon."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.action import ActionState
from surfaces.cli.context import Exit
from surfaces.door import take
from tests.crash.hot import raw
from tests.disk.disk_world import Place, batch, ledger, now, placed
from tests.surfaces.cli.acting_world import World, a_hot_lead
from tests.tools.store.power import Disk
from tools.targets import crm_ledger

pytestmark = pytest.mark.slow

Damage = Callable[[bytes], bytes]


def flipped(at: float) -> Damage:
    """One bit at this share of the length."""

    def flip(body: bytes) -> bytes:
        place = int(len(body) * at)
        return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]

    return flip


def another_key(steps: bytes) -> bytes:
    assert b"/1/ld_" in steps or b"/ac_" in steps
    return steps.replace(b"/1/", b"/2/", 1)


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


DAMAGES: dict[str, Damage] = {
    "first": flipped(0), "early": flipped(0.2), "middle": flipped(0.5), "late": flipped(0.9), "cut": cut,
}  # fmt: skip


def damage(home: Path, table: str, column: str, where: str, how: Damage, *names: object) -> None:
    """Change one value of the store's file behind its back."""
    find = f"SELECT rowid, CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {where} LIMIT 1"  # noqa: S608 - the test's own words
    if table == "lead_state":
        find = find.replace("rowid", "lead_id")
    with closing(sqlite3.connect(home / "leadgraph.db")) as conn, conn:
        row, body, kind = conn.execute(find, names).fetchone()
        key = "lead_id" if table == "lead_state" else "rowid"
        value = "CAST(? AS TEXT)" if kind == "text" else "?"
        done = conn.execute(
            f"UPDATE {table} SET {column} = {value} WHERE {key} = ?",  # noqa: S608 - the test's own words
            (how(body), row),
        )
        assert done.rowcount == 1


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Two hot leads have come in."""
    with placed(tmp_path / "home", Disk()) as place:
        now(place.takes("lead-1", "lead-2"))
        yield place


def lead_of(place: Place, name: str) -> str:
    found = now(place.home.reads.find_lead(place.home.tenant, name))
    assert found is not None
    return found


def acted_for(place: Place, lead: str) -> int:
    """Requests for a lead that the CRM applied."""
    return sum(key.startswith(f"{lead}/") for key, _ in ledger(place.home))


def parked(place: Place, lead: str) -> bool:
    rows = now(place.home.reads.audit_rows(place.home.tenant))
    return ("park", "unreadable", lead) in [(row["step"], row["code"], row["lead_id"]) for row in rows]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_signal_parks_its_lead_and_nobody_else(place: Place, how: str) -> None:
    """Also where it would still have been a signal, of something that never happened."""
    one, other = lead_of(place, "lead-1"), lead_of(place, "lead-2")
    damage(place.home.root, "signal", "body", "lead_id = ? AND kind = 'web.form'", DAMAGES[how], one)
    now(place.worker.drain())
    now(place.until_sent())
    assert (acted_for(place, one), acted_for(place, other) > 0) == (0, True)
    assert parked(place, one)
    assert now(place.home.reads.counts(place.home.tenant))["parked"] == 4


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_state_of_a_lead_parks_it_before_the_next_decision(place: Place, how: str) -> None:
    """What its score would be made of is not what happened."""
    now(place.worker.drain())
    now(place.until_sent())
    one, other = lead_of(place, "lead-1"), lead_of(place, "lead-2")
    before = acted_for(place, one), acted_for(place, other)
    damage(place.home.root, "lead_state", "body", "lead_id = ?", DAMAGES[how], one)
    place.later()
    stage = {"stage": "proposal", "amount": 90_000}
    for name in ("lead-1", "lead-2"):
        now(place.takes_raw({**raw(f"more-{name}", "crm.stage_change", stage, lead=name, minute=20)}))
    now(place.worker.drain())
    now(place.until_sent())
    assert parked(place, one)
    assert acted_for(place, one) == before[0]
    assert not parked(place, other)


@pytest.mark.parametrize("column", ["params", "steps"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_action_is_never_sent(place: Place, column: str, how: str) -> None:
    """It has failed, or a person looks; the other actions of the lead and those of others leave."""
    now(place.worker.drain())
    one = lead_of(place, "lead-1")
    if column == "steps":
        held = now(place.home.outbox.take(now=place.clock.now(), limit=99, lease_us=1))
        assert len(held) == 2
        place.later(2)
    where = f"lead_id = ? AND {column} IS NOT NULL"
    damage(place.home.root, "outbox", column, where, DAMAGES[how], one)
    now(place.until_sent())
    rows = now(place.home.outbox.rows(place.home.tenant))
    broken = [row for row in rows if row.state in (ActionState.FAILED, ActionState.UNKNOWN)]
    assert [(row.lead_id, row.reason in ("unreadable", "digest")) for row in broken] == [(one, True)]
    assert acted_for(place, one) == sum(
        len(row.steps) for row in rows if row.lead_id == one and row not in broken
    )
    assert acted_for(place, lead_of(place, "lead-2")) > 0


def test_a_step_with_another_key_is_not_sent_under_it(place: Place) -> None:
    """Sound JSON, and the parameters are those of the action; but a target would take it for another effect."""
    now(place.worker.drain())
    one = lead_of(place, "lead-1")
    now(place.home.outbox.take(now=place.clock.now(), limit=99, lease_us=1))
    place.later(2)
    damage(place.home.root, "outbox", "steps", "lead_id = ? AND steps IS NOT NULL", another_key, one)
    now(place.until_sent())
    assert [key for key, _ in ledger(place.home) if "/2/" in key] == []


@pytest.mark.parametrize("column", ["kind", "state"])
def test_an_action_of_no_known_kind_or_state_stops_nobody(place: Place, column: str) -> None:
    """It stays where it is, and `home verify` names it."""
    now(place.worker.drain())
    one, other = lead_of(place, "lead-1"), lead_of(place, "lead-2")
    damage(place.home.root, "outbox", column, "lead_id = ? AND kind = 'create_task'", flipped(0.5), one)
    now(place.until_sent())
    assert "create_task" not in [kind for key, kind in ledger(place.home) if key.startswith(one)]
    assert acted_for(place, other) > 0


@pytest.mark.parametrize("column", ["none", "proposal_hash", "state", "lead_id"])
def test_a_damaged_question_releases_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    """Whoever says yes says it to something else than what waits."""
    world = World(tmp_path, capsys)
    world.works(*a_hot_lead(120_000))
    (asked,) = world.records("approvals", "list")
    before = crm_ledger(tmp_path / "home")
    if column != "none":
        _break(tmp_path, column)
    for person in ("bob", "cleo"):
        world.approve(person, asked["proposal_hash"], asked["approval"])
    world.works()
    assert (crm_ledger(tmp_path / "home") == before) is (column != "none")
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))
    found = world.call("home", "verify")[0]
    assert found == (Exit.ERROR if column in ("state", "lead_id") else Exit.OK)


def _break(root: Path, column: str) -> None:
    with closing(sqlite3.connect(root / "home" / "leadgraph.db")) as conn, conn:
        (value,) = conn.execute(f"SELECT {column} FROM approval").fetchone()  # noqa: S608 - the test's own words
        wrong = flipped(0.5)(value.encode()).decode()
        conn.execute(f"UPDATE approval SET {column} = ?", (wrong,))  # noqa: S608 - the test's own words


@pytest.mark.parametrize("how", ["middle", "cut"])
def test_a_damaged_record_of_a_decision_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The log verifies what was sealed: here it is not what was committed to."""
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))
    world = World(tmp_path, capsys)
    world.works(*batch("lead-1"))
    damage(tmp_path / "home", "sealed", "ciphertext", "1", DAMAGES[how])
    assert world.call("audit", "verify")[0] == Exit.GATE_FAILED
    code, words = world.call("home", "verify")
    assert (code, "seal_altered" in words) == (Exit.ERROR, True)


def test_a_parked_lead_is_shown_and_let_go_once_it_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that counts it, and the command that releases it."""
    world = World(tmp_path, capsys)
    with world.home() as home:
        asyncio.run(take(home, batch("lead-1")))
    kept: list[bytes] = []

    def torn(body: bytes) -> bytes:
        kept.append(body)
        return cut(body)

    damage(tmp_path / "home", "signal", "body", "1", torn)
    world.works()
    (counts,) = world.records("leads", "counts")
    assert (counts["parked"], counts["decisions"]) == (4, 0)
    damage(tmp_path / "home", "signal", "body", "length(body) = ?", lambda _: kept[0], len(cut(kept[0])))
    assert world.call("leads", "unpark", "lead-1")[0] == Exit.OK
    world.works()
    (counts,) = world.records("leads", "counts")
    assert (counts["parked"], counts["applied"], counts["decisions"]) == (0, 4, 1)
