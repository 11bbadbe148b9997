"""Verifying: whatever is broken in a backup or a home is named, and nothing is written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from domain.errors import BadInput
from surfaces.cli.context import Exit
from tests.tools.backup.backup_world import Backed, deletion, lead
from tools.backup.inspect import inspect
from tools.settings import find_settings

pytestmark = pytest.mark.slow

BREAKS = {
    "DELETE FROM audit": "decisions have their rows in the audit log",
    "DELETE FROM decision": "actions have their decision",
    "DELETE FROM outbox": "decisions have the actions that they proposed",
    "DELETE FROM sealed": "decisions have their sealed record, unless their lead was erased",
    "DELETE FROM lead": "signals have their lead",
    "UPDATE audit SET body = replace(body, 'ok', 'no')": "audit log",
    "UPDATE tally SET n = n + 1 WHERE name = 'waiting'": "waiting signals are as many as were counted",
    "UPDATE outbox SET state = 'waiting'": "actions that wait have an open question",
}


def meddle(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as conn, conn:
        conn.execute(statement)


@pytest.fixture
def worked(world: Backed) -> Backed:
    world.works(*lead(1))
    world.accepts(*lead(2), deletion(3))
    return world


def test_a_home_and_its_backup_are_found_sound(worked: Backed) -> None:
    worked.take()
    for words in (("home", "verify"), ("home", "verify", str(worked.backup))):
        code, out = worked.call(*words)
        assert (code, "nothing is broken" in out) == (Exit.OK, True), out
        (found,) = worked.records(*words)
        assert found["ok"]


@pytest.mark.parametrize(("statement", "name"), BREAKS.items())
def test_rows_that_do_not_belong_together_are_named(worked: Backed, statement: str, name: str) -> None:
    meddle(worked.folder / "leadgraph.db", statement)
    found = inspect(find_settings().settings)
    assert name in [one.name for one in found.findings if not one.ok]
    code, out = worked.call("home", "verify", "--json")
    assert (code, orjson.loads(out)["ok"]) == (Exit.ERROR, False)


def test_a_deletion_that_the_store_does_not_have_is_named(worked: Backed) -> None:
    """As after a home was put back by hand."""
    meddle(worked.folder / "leadgraph.db", "UPDATE lead SET suppressed = 0")
    (broken,) = [one for one in inspect(find_settings().settings).findings if not one.ok]
    assert (broken.name, "have them sent again" in broken.detail) == ("deletions", True)


def test_a_damaged_database_is_named_and_the_rest_is_still_looked_at(worked: Backed) -> None:
    file = worked.folder / "crm.db"
    content = bytearray(file.read_bytes())
    content[4096:8192] = bytes(4096)
    file.write_bytes(content)
    Path(f"{file}-wal").unlink(missing_ok=True)
    found = {one.name: one.ok for one in inspect(find_settings().settings).findings}
    assert not found["database crm.db"]
    assert found["database leadgraph.db"]
    assert found["audit log"]


def test_verifying_writes_nothing(worked: Backed) -> None:
    worked.take()
    before = {file: file.read_bytes() for file in sorted(worked.backup.rglob("*")) if file.is_file()}
    inspect(find_settings().settings, worked.backup)
    assert {file: file.read_bytes() for file in sorted(worked.backup.rglob("*")) if file.is_file()} == before


def test_where_there_is_neither_a_backup_nor_a_home_it_says_so(world: Backed) -> None:
    with pytest.raises(BadInput, match="holds no"):
        inspect(find_settings().settings)
    with pytest.raises(BadInput, match="has no manifest"):
        inspect(find_settings().settings, world.root)
