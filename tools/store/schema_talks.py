"""The tables of conversations: how each stands, and the decisions about it."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text


def talk_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The tables, added to `metadata`."""
    talk = Table(
        "talk",
        metadata,
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("conversation", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("handed_at", Integer, nullable=True),  # messages it had then
        Column("team", Text, nullable=True),
        Column("person", Text, nullable=True),
        Column("taken", Integer, nullable=False),  # 1: a person has it
        Column("released", Integer, nullable=False),  # 1: the person is done
        Column("lead_id", Text, nullable=True),  # of the last decision
        Column("origin", Text, nullable=True),  # the same, before any merge
        Column("at", Integer, nullable=False),  # of the last decision
        Column("action_id", Text, nullable=True),  # by which it was last given to a person
        Column("handed_from", Integer, nullable=True),  # handed_at before that
        PrimaryKeyConstraint("tenant", "conversation"),
        Index("talk_lead", "lead_id", "at", sqlite_where=text("lead_id IS NOT NULL")),
        Index("talk_action", "action_id", sqlite_where=text("action_id IS NOT NULL")),
        Index("talk_origin", "origin", sqlite_where=text("origin IS NOT NULL")),
        sqlite_with_rowid=False,
    )
    talk_decision = Table(
        "talk_decision",
        metadata,
        Column("seq", Integer, primary_key=True),
        Column("tenant", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("decision_id", Text, nullable=False),
        Column("lead_id", Text, nullable=True),
        Column("origin", Text, nullable=True),
        Column("at", Integer, nullable=False),
        Column("commitment", Text, nullable=True),  # NULL: nothing was kept of it
        Column("action_id", Text, nullable=True),  # the open action: its own or an earlier one
        Column("told", Text, nullable=True),  # codes for others, in JSON; NULL: nobody is told
        Index("talk_decision_id", "tenant", "decision_id", unique=True),
        Index("talk_decision_tenant", "tenant", "seq"),
        Index("talk_decision_lead", "lead_id", sqlite_where=text("lead_id IS NOT NULL")),
        Index("talk_decision_origin", "origin", sqlite_where=text("origin IS NOT NULL")),
    )
    return talk, talk_decision
