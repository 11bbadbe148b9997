"""Feedback: what people have fixed about leads, and an index of the signals that are labels."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table and the indexes; nothing was fixed before."""
    op.create_table(
        "lead_override",
        sa.Column("override_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=True),
        sa.Column("setter", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Integer(), nullable=True),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.Column("stood", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("override_id"),
        sqlite_with_rowid=False,
    )
    not_ended = sa.text("ended_at IS NULL")
    op.create_index(
        "override_open", "lead_override", ["lead_id", "kind"], unique=True, sqlite_where=not_ended
    )
    op.create_index("override_lead", "lead_override", ["lead_id", "at"])
    op.create_index("override_tenant", "lead_override", ["tenant", "at"])
    labels = sa.text("kind IN ('crm.outcome', 'crm.not_a_lead')")
    op.create_index("signal_label", "signal", ["tenant", "known"], sqlite_where=labels)
