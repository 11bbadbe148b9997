"""Several workers on one home: each held action names who holds it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column. What is held by the process that upgrades, alone, is given back at its start."""
    op.add_column("outbox", sa.Column("held_by", sa.Text(), server_default="", nullable=False))
