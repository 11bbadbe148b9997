"""The action by which a conversation was last given to a person, and what had been dealt with before."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the columns; of what followed desks have given away the newest action is found by its conversation."""
    op.add_column("talk", sa.Column("action_id", sa.Text(), nullable=True))
    op.add_column("talk", sa.Column("handed_from", sa.Integer(), nullable=True))
    op.create_index("talk_action", "talk", ["action_id"], sqlite_where=sa.text("action_id IS NOT NULL"))
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT action_id, tenant, params FROM outbox WHERE kind = 'handoff' ORDER BY at, place")
    )
    newest = {(row.tenant, talk): row.action_id for row in found if (talk := _talk_of(row.params))}
    given = [{"action": action, "tenant": tenant, "talk": talk} for (tenant, talk), action in newest.items()]
    if given:
        connection.execute(
            sa.text(
                "UPDATE talk SET action_id = :action"
                " WHERE tenant = :tenant AND conversation = :talk AND handed_at IS NOT NULL"
            ),
            given,
        )


def _talk_of(params: bytes | str) -> str | None:
    """The conversation that an action names; None of one that names none, or is torn."""
    try:
        said = json.loads(params)
    except ValueError:
        return None
    return said.get("talk") if isinstance(said, dict) else None
