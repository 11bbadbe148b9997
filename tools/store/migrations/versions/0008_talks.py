"""Conversations: how each stands, and the decisions about it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_LEAD, _ORIGIN = "lead_id IS NOT NULL", "origin IS NOT NULL"


def upgrade() -> None:
    """Make the tables; what was decided before is on record in the audit log only."""
    op.create_table(
        "talk",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("handed_at", sa.Integer(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "conversation"),
        sqlite_with_rowid=False,
    )
    op.create_index("talk_lead", "talk", ["lead_id", "at"], sqlite_where=sa.text(_LEAD))
    op.create_index("talk_origin", "talk", ["origin"], sqlite_where=sa.text(_ORIGIN))
    op.create_table(
        "talk_decision",
        sa.Column("seq", sa.Integer(), primary_key=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=True),
        sa.Column("action_id", sa.Text(), nullable=True),
    )
    op.create_index("talk_decision_id", "talk_decision", ["tenant", "decision_id"], unique=True)
    op.create_index("talk_decision_tenant", "talk_decision", ["tenant", "seq"])
    op.create_index("talk_decision_lead", "talk_decision", ["lead_id"], sqlite_where=sa.text(_LEAD))
    op.create_index("talk_decision_origin", "talk_decision", ["origin"], sqlite_where=sa.text(_ORIGIN))
