"""How long vendors want to be left alone; records that were read, and leads to be forgotten, are found again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "vendor_wait",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "vendor"),
        sqlite_with_rowid=False,
    )
    op.add_column("sync_position", sa.Column("moved_at", sa.Integer(), server_default="0", nullable=False))
    where = sa.text("due_at IS NULL")
    op.create_index("record_todo_read", "record_todo", ["tenant", "read_at"], sqlite_where=where)
    op.create_index("lead_forgotten", "lead", ["tenant", "lead_id"], sqlite_where=sa.text("suppressed = 1"))
    op.create_index("lead_merged", "lead", ["merged_into"], sqlite_where=sa.text("merged_into IS NOT NULL"))
