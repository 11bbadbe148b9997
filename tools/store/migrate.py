"""Bringing a database to the present version of the tables, when it is opened."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from domain.errors import Permanent
from tools.store.schema import metadata

FOLDER: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0016"
"""The newest migration. A test compares it with the folder; it spares every opening the import of Alembic."""


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing, all in one transaction, so that two processes cannot mix theirs.

    An empty database gets the present tables at once: a test holds them against those that the migrations make.
    Raises: Permanent if the database was made by a newer version.
    """
    with engine.begin() as conn:
        found = version(conn)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise Permanent(f"{engine.url.database}: made by a newer version (tables {found}, known {HEAD})")
        if found is None:
            _make(conn)
        else:
            _upgrade(conn)


def version(conn: Connection) -> str | None:
    """The version of the tables, None for an empty database."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _make(conn: Connection) -> None:
    metadata.create_all(conn, checkfirst=False)
    conn.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    conn.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _upgrade(conn: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
