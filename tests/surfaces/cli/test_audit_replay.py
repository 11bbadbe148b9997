"""``leadgraph audit replay``: what was decided is what this code makes of the recorded input, or it says why not."""

import asyncio
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.errors import OutsideAccess
from graph.build import build_graph
from surfaces.audit_replay import Replayed, Replayer
from surfaces.cli.context import Exit
from surfaces.worker import deps_of
from tests.surfaces.cli.acting_world import World, a_hot_lead
from tests.surfaces.cli.test_delivery import changed_tables
from tools.guard import closed_world


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """A home with one decision about a large deal."""
    world = World(tmp_path, capsys)
    world.works(*a_hot_lead(120_000))
    return world


def replayed(world: World, *words: str) -> tuple[int, dict[str, Any]]:
    code, out = world.call("audit", "replay", "--all", "--json", *words)
    document: dict[str, Any] = orjson.loads(out)
    return code, document


def test_every_decision_comes_out_the_same_with_the_outside_closed(world: World) -> None:
    code, found = replayed(world)
    assert (code, found["different"], found["unreplayable"]) == (Exit.OK, 0, {})
    assert found["identical"] == found["replayed"] > 0


def test_a_planted_policy_change_shows_as_different_and_where(world: World, tmp_path: Path) -> None:
    code, found = replayed(world, "--policy", str(changed_tables(tmp_path / "other")))
    assert code == Exit.GATE_FAILED
    assert found["different"] > 0
    assert "verdict" in found["differences"][0]["parts"]


def test_a_record_that_was_erased_cannot_be_replayed_and_says_so(world: World) -> None:
    with closing(sqlite3.connect(world.root / "home" / "leadgraph.db")) as conn, conn:
        conn.execute("DELETE FROM sealed")
    code, found = replayed(world)
    assert (code, found["replayed"]) == (Exit.OK, 0)
    assert set(found["unreplayable"]) == {"erased"}


def test_a_difference_under_older_tables_is_laid_to_them(world: World, tmp_path: Path) -> None:
    other = world.desk.load_policy(changed_tables(tmp_path / "other"))
    with world.home() as home:
        older = replace(home, versions={**home.versions, "scorer": "another"})
        replayer = Replayer(older, deps_of(home), build_graph(), lambda _: other, closed_world)
        found: Replayed = asyncio.run(replayer.all(lambda _: None))
    assert found.different == 0
    assert set(found.unreplayable) == {"older_scorer"}


def test_the_wall_stops_files_sockets_and_databases_also_in_tasks(tmp_path: Path) -> None:
    async def reach(what: str) -> None:
        if what == "file":
            (tmp_path / "x").open("w")
        elif what == "socket":
            socket.socket()
        else:
            sqlite3.connect(tmp_path / "x.db")

    async def behind_the_wall(what: str) -> None:
        with closed_world():
            await asyncio.create_task(reach(what))

    for what in ("file", "socket", "database"):
        with pytest.raises(OutsideAccess):
            asyncio.run(behind_the_wall(what))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "after").write_text("open again", encoding="utf-8")
