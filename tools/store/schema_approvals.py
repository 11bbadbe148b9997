"""The tables of approvals: questions, votes, who looked when, and which question is an edited form of which."""

from sqlalchemy import Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text, text


def approval_tables(metadata: MetaData) -> tuple[Table, Table, Table, Table]:
    """The tables, added to `metadata`."""
    return _approval(metadata), _vote(metadata), _showing(metadata), _edit(metadata)


def _approval(metadata: MetaData) -> Table:
    return Table(
        "approval",
        metadata,
        Column("approval_id", Text, primary_key=True, nullable=False),
        *_where(),
        _text("lead_id"),
        _text("decision_id"),
        _text("run_id"),
        _text("proposal_hash"),
        _text("state"),  # see domain.approval.ApprovalState
        _text("policy"),
        _int("people"),
        _int("hours"),
        _int("asked_at"),
        _int("expires_at"),
        Column("assignee", Text),
        Column("decided_at", Integer),
        Column("reason", Text, nullable=False, server_default=""),
        Index("approval_open", "tenant", "asked_at", sqlite_where=text("state = 'open'")),
        Index("approval_due", "expires_at", sqlite_where=text("state = 'open'")),
        Index("approval_lead", "lead_id", sqlite_where=text("state = 'open'")),
        Index("approval_decision", "decision_id"),
        Index("approval_state", "tenant", "state", "asked_at", "approval_id"),
        Index("approval_ended", "tenant", "decided_at", sqlite_where=text("state <> 'open'")),
        sqlite_with_rowid=False,
    )


def _vote(metadata: MetaData) -> Table:
    return Table(
        "vote",
        metadata,
        Column("seq", Integer, primary_key=True),  # order of the votes
        *_where(),
        _text("approval_id"),
        _text("voter"),
        _text("kind"),
        _int("at"),
        Column("commitment", Text),  # of the sealed comment
        Index("vote_once", "approval_id", "voter", "kind", unique=True),
    )


def _showing(metadata: MetaData) -> Table:
    return Table(
        "showing",
        metadata,
        *_where(),
        _text("approval_id"),
        _text("viewer"),  # folded: the same person typed otherwise is the same person
        _int("at"),  # of the first look
        PrimaryKeyConstraint("approval_id", "viewer"),
        sqlite_with_rowid=False,
    )


def _edit(metadata: MetaData) -> Table:
    return Table(
        "approval_edit",
        metadata,
        Column("approval_id", Text, primary_key=True, nullable=False),  # the edited one
        *_where(),
        _text("edited_from"),  # the one that was closed for it
        _text("editor"),
        _int("at"),
        Index("edit_from", "edited_from", unique=True),  # two edits of one question cannot both stand
        Index("edit_tenant", "tenant", "at"),
        sqlite_with_rowid=False,
    )


def _where() -> tuple[Column[str], Column[str]]:
    return _text("tenant"), _text("region")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)
