"""The table of conversations that are to be looked at in their desk."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text


def desk_table(metadata: MetaData) -> Table:
    """The table, added to `metadata`."""
    return Table(
        "desk_due",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("conversation", Text, nullable=False),
        Column("due_at", Integer, nullable=False),  # or the end of a lease
        Column("mark", Integer, nullable=False),  # rises with whatever happens; never comes twice
        Column("attempt", Integer, nullable=False),
        Column("code", Text, nullable=False),  # why it was put off
        PrimaryKeyConstraint("tenant", "conversation"),
        Index("desk_due_at", "tenant", "due_at"),
        sqlite_with_rowid=False,
    )
