"""Edited proposals, who looked at a question when, and actions that a person had sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column and the tables; nothing was edited before. A decision may now have several questions in turn."""
    op.add_column("outbox", sa.Column("again_at", sa.Integer(), nullable=True))
    op.drop_index("approval_decision", "approval")
    op.create_index("approval_decision", "approval", ["decision_id"])
    op.create_table(
        "showing",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", "viewer"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "approval_edit",
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("edited_from", sa.Text(), nullable=False),
        sa.Column("editor", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("edit_from", "approval_edit", ["edited_from"], unique=True)
    op.create_index("edit_tenant", "approval_edit", ["tenant", "at"])
