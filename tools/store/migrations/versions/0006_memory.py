"""What memory was given. Texts that are here already are given to it when a worker next has time."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables; every lead that has said something is out of step."""
    op.create_table(
        "memory_text",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("won", sa.Integer(), nullable=True),
        sa.Column("outcome_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ref"),
        sqlite_with_rowid=False,
    )
    case = sa.text("outcome_at IS NOT NULL")
    op.create_index("memory_case", "memory_text", ["tenant", "region", "outcome_at"], sqlite_where=case)
    op.create_index("memory_place", "memory_text", ["tenant", "region", "state"])
    op.create_table(
        "memory_due",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("memory_due_place", "memory_due", ["tenant", "region", "lead_id"])
    op.create_table(
        "memory_book",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "region"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO memory_due (lead_id, tenant, region, mark) "
        "SELECT DISTINCT lead_id, tenant, region, 1 FROM signal WHERE has_text = 1 AND state = 'applied'"
    )
