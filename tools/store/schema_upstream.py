"""The tables of what vendors are asked for, and of how long they want to be left alone."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text


def upstream_tables(metadata: MetaData) -> tuple[Table, Table, Table]:
    """The tables, added to `metadata`."""
    record_todo = Table(
        "record_todo",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("vendor", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("ref", Text, nullable=False),
        Column("key_kind", Text, nullable=False),  # empty: it is nobody's by itself
        Column("key_value", Text, nullable=False),
        Column("since", Integer, nullable=False),
        Column("back_to", Integer, nullable=False),
        Column("due_at", Integer, nullable=True),  # NULL: it was read; or the end of a lease
        Column("mark", Integer, nullable=False),  # rises whenever it is asked for
        Column("attempt", Integer, nullable=False),
        Column("wait_until", Integer, nullable=False),
        Column("late", Integer, nullable=False),  # 1: a run went on without it
        Column("read_at", Integer, nullable=False),  # 0: never
        Column("code", Text, nullable=False),
        PrimaryKeyConstraint("tenant", "vendor", "object", "ref"),
        Index("record_todo_due", "tenant", "vendor", "due_at", sqlite_where=text("due_at IS NOT NULL")),
        Index("record_todo_key", "tenant", "key_value", sqlite_where=text("due_at IS NOT NULL")),
        Index("record_todo_read", "tenant", "read_at", sqlite_where=text("due_at IS NULL")),
        sqlite_with_rowid=False,
    )
    sync_position = Table(
        "sync_position",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("position", Text, nullable=True),  # NULL: it has not begun
        Column("at", Integer, nullable=False),
        Column("due_at", Integer, nullable=False),
        Column("lease_until", Integer, nullable=False),  # 0: nobody holds it
        Column("token", Integer, nullable=False),
        Column("code", Text, nullable=False),
        Column("moved_at", Integer, nullable=False, server_default="0"),  # 0: not since this is kept
        PrimaryKeyConstraint("tenant", "name"),
        sqlite_with_rowid=False,
    )
    vendor_wait = Table(
        "vendor_wait",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),  # empty: an account is its tenant's in all regions
        Column("vendor", Text, nullable=False),
        Column("until", Integer, nullable=False),
        PrimaryKeyConstraint("tenant", "vendor"),
        sqlite_with_rowid=False,
    )
    return record_todo, sync_position, vendor_wait
