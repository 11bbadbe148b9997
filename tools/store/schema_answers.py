"""The tables of a language model: its remembered answers, and what asking it has cost."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table, Text


def answer_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables, added to `metadata`."""
    answer = Table(
        "answer",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("lead_id", Text, nullable=False),
        Column("origin", Text, nullable=False),  # the lead for which it was asked, before any merge
        Column("key", Text, nullable=False),
        Column("at", Integer, nullable=False),
        Column("ciphertext", LargeBinary, nullable=False),
        Column("salt", LargeBinary, nullable=False),
        Column("commitment", Text, nullable=False),
        Column("key_id", Text, nullable=False),
        PrimaryKeyConstraint("lead_id", "key"),
        Index("answer_origin", "origin"),
        sqlite_with_rowid=False,
    )
    spending = Table(
        "spending",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),  # empty in the sum of a tenant
        Column("lead_id", Text, nullable=False),  # empty: all leads of the tenant
        Column("day", Integer, nullable=False),  # whole UTC days since 1970
        Column("calls", Integer, nullable=False),
        Column("tokens", Integer, nullable=False),
        Column("micro", Integer, nullable=False),  # millionths of the price table's currency
        PrimaryKeyConstraint("tenant", "lead_id", "day"),
        sqlite_with_rowid=False,
    )
    return answer, spending
