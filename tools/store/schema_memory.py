"""The tables of what memory was given: which texts, which of them are cases, and which leads are out of step.

A text is known by its signal alone, so whatever moves the signal to another lead moves the text.
"""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text


def memory_tables(metadata: MetaData) -> tuple[Table, Table, Table]:
    """The tables, added to `metadata`."""
    texts = Table(
        "memory_text",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("ref", Text, nullable=False),
        Column(
            "state", Text, nullable=False
        ),  # given: perhaps there; kept: there; none: not the lead's words
        Column("won", Integer),  # what followed it; NULL: nothing yet
        Column("outcome_at", Integer),  # when that was known
        PrimaryKeyConstraint("tenant", "ref"),
        Index("memory_case", "tenant", "region", "outcome_at", sqlite_where=text("outcome_at IS NOT NULL")),
        Index("memory_place", "tenant", "region", "state"),
        sqlite_with_rowid=False,
    )
    due = Table(
        "memory_due",
        metadata,
        Column("lead_id", Text, primary_key=True, nullable=False),
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("mark", Integer, nullable=False),  # rises with each reason
        Index("memory_due_place", "tenant", "region", "lead_id"),
        sqlite_with_rowid=False,
    )
    book = Table(
        "memory_book",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("book", Text, nullable=False),
        PrimaryKeyConstraint("tenant", "region"),
        sqlite_with_rowid=False,
    )
    return texts, due, book
