"""Tables, migrations and statements agree, and no statement of a worker's day reads a whole table."""

import re
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as Alembic
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from domain.errors import Permanent
from tools.store import open_store, queries
from tools.store.migrate import FOLDER, HEAD
from tools.store.schema import metadata

SQL = queries.load("sqlite")
TOOLS = Path(queries.__file__).parent.parent
WHOLE = {
    "waiting": {"tally"},
    "count_rows": {"outbox", "merge"},
    "drop_full_buckets": {"rate_bucket"},
}
"""Statements that may read a table, or an index of it, from end to end: counters are few, reports are rare, and there
are no more buckets than what was asked in an hour."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that every migration has made its part of."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        config = Alembic()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    engine.dispose()
    return path


def test_migrations_make_the_tables_of_the_schema(migrated: Path) -> None:
    """Every column, every index."""
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as conn:
        differences = compare_metadata(MigrationContext.configure(conn), metadata)
    engine.dispose()
    assert differences == []


def test_indexes_and_keys_are_those_of_the_schema_to_the_letter(migrated: Path) -> None:
    """What Alembic does not compare: conditions of partial indexes, tables without rowid."""
    made = sqlite3.connect(":memory:")
    engine = create_engine("sqlite://", creator=lambda: made)
    metadata.create_all(engine)
    query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL"
    expected = {name: _squeezed(sql) for name, sql in made.execute(query)}
    found = {name: _squeezed(sql) for name, sql in sqlite3.connect(migrated).execute(query)}
    assert found == expected


def _squeezed(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")")


def test_the_newest_migration_is_known_without_loading_them() -> None:
    """Opening a store that is up to date does not import Alembic."""
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    path = tmp_path / "newer.db"
    open_store(path).close()
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Permanent, match="newer version"):
        open_store(path)


def test_every_row_has_its_tenant_and_region() -> None:
    """From the first day."""
    assert [
        name for name, table in metadata.tables.items() if not {"tenant", "region"} <= set(table.c.keys())
    ] == []


def test_every_statement_is_used() -> None:
    """And every name that the code asks for is there: a test of each port runs it."""
    code = "".join(path.read_text("utf-8") for path in TOOLS.rglob("*.py"))
    assert [name for name in SQL if f'"{name}"' not in code] == []


@pytest.mark.parametrize("name", sorted(SQL))
def test_a_statement_finds_its_rows_by_an_index(name: str, empty_store: Path) -> None:
    """So that its cost does not grow with the store."""
    conn = sqlite3.connect(empty_store)
    names = set(re.findall(r":([a-z_]+)", SQL[name]))
    values = dict.fromkeys(names, 1) if names else (1,) * SQL[name].count("?")
    steps = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", values)]
    scans = [step for step in steps if step.startswith("SCAN") and "VIRTUAL" not in step]
    read = {step.split()[1] for step in scans if not step.startswith("SCAN (subquery")}
    allowed = WHOLE.get(name, set()) | {"CONSTANT", "json_each", "j"}
    ordered = {
        step
        for step in steps
        if step.startswith("SCAN") and re.search(r"USING (COVERING )?INDEX|PRIMARY", step)
    }
    assert {table for table in read if not any(table in step for step in ordered)} <= allowed, steps
    assert not any("AUTOMATIC" in step for step in steps), steps


BY_VALUE = sorted(
    name for name, sql in SQL.items() if re.search(r":(leads?|refs?|keys|values|ids|effect|run)\b", sql)
)


@pytest.mark.parametrize("name", BY_VALUE)
def test_what_is_asked_by_key_is_not_read_by_tenant(name: str, empty_store: Path) -> None:
    """An index that begins with the tenant is no help unless it goes on with what is asked for."""
    conn = sqlite3.connect(empty_store)
    values = dict.fromkeys(re.findall(r":([a-z_]+)", SQL[name]), "[]")
    steps = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", values)]
    assert [step for step in steps if step.startswith("SEARCH") and step.endswith("(tenant=?)")] == []
