"""The table of overrides: what people have fixed about leads. Ended ones stay."""

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, text


def override_table(metadata: MetaData) -> Table:
    """The table, added to `metadata`."""
    return Table(
        "lead_override",
        metadata,
        Column("override_id", Text, primary_key=True, nullable=False),
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("lead_id", Text, nullable=False),
        Column("origin", Text, nullable=False),  # the lead for which it was set, before any merge
        Column("kind", Text, nullable=False),  # see domain.override.OverrideKind
        Column("value", Text, nullable=False),
        Column("at", Integer, nullable=False),
        Column("until", Integer),  # NULL: until it is lifted
        Column("setter", Text, nullable=False),
        Column("decision_id", Text),  # the lead's newest decision then
        Column("commitment", Text, nullable=False),  # of the sealed reason
        Column("ended", Text),  # see domain.override.OverrideEnd; NULL: not ended by anybody
        Column("ended_at", Integer),
        Column("ended_by", Text, nullable=False, server_default=""),
        Column("stood", Text),  # if it ended in a merge: the override that stood
        Index("override_open", "lead_id", "kind", unique=True, sqlite_where=text("ended_at IS NULL")),
        Index("override_lead", "lead_id", "at"),
        Index("override_tenant", "tenant", "at"),
        sqlite_with_rowid=False,
    )
