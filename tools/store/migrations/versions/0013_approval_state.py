"""Questions of one state, page by page, and how many there are of each, without reading them all."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the index."""
    op.create_index("approval_state", "approval", ["tenant", "state", "asked_at", "approval_id"])
