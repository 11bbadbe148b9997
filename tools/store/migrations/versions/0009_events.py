"""Outgoing events: what happened in the order of its commit, and who is told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables; what was decided before comes first, each question right after its decision."""
    op.create_table(
        "feed",
        sa.Column("place", sa.Integer(), primary_key=True),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
    )
    op.create_index("feed_place", "feed", ["tenant", "region", "place"])
    op.create_table(
        "subscription",
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("rotated_at", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since", sa.Integer(), nullable=True),
        sa.Column("next_try", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("lease_until", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("token", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("tenant", "subscription_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "subscription_on", "subscription", ["tenant", "next_try"], sqlite_where=sa.text("state = 'on'")
    )
    op.execute("""
        INSERT INTO feed (tenant, region, kind, ref, at)
        SELECT tenant, region, kind, ref, at FROM
               (SELECT tenant, region, 'decision' AS kind, decision_id AS ref, at, seq, 0 AS n FROM decision
                UNION ALL
                SELECT a.tenant, a.region, 'approval', a.approval_id, coalesce(e.at, a.asked_at), d.seq,
                       1 + (e.at IS NOT NULL)
                  FROM approval a JOIN decision d ON d.decision_id = a.decision_id
                       LEFT JOIN approval_edit e ON e.approval_id = a.approval_id)
         ORDER BY seq, n, at, ref
    """)
