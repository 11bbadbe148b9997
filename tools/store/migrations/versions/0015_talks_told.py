"""What others are told of a decision about a conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the column; nobody is told of what was decided before."""
    op.add_column("talk_decision", sa.Column("told", sa.Text(), nullable=True))
