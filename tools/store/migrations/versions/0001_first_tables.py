"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _signals()
    _door()
    _leads()
    _identity()
    _decisions()
    _upkeep()
    _audit()


def _signals() -> None:
    """What came in."""
    op.create_table(
        "signal",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("occurred", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), server_default="", nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("has_text", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "signal_aside",
        "signal",
        ["tenant", "state"],
        sqlite_where=sa.text("state IN ('superseded', 'parked')"),
    )
    op.create_index("signal_lead", "signal", ["lead_id", "occurred"])
    op.create_index(
        "signal_recent",
        "signal",
        ["lead_id", "occurred"],
        sqlite_where=sa.text("has_text = 1 AND state = 'applied'"),
    )
    op.create_index("signal_ref", "signal", ["tenant", "ref"], unique=True)
    op.create_index("signal_waiting", "signal", ["lead_id", "seq"], sqlite_where=sa.text("state = 'waiting'"))


def _door() -> None:
    """What was not let in, and what is usual."""
    op.create_table(
        "quarantine",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.Integer(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("quarantine_item", "quarantine", ["tenant", "item_id"], unique=True)
    op.create_index("quarantine_state", "quarantine", ["tenant", "state", "seq"])
    op.create_table(
        "stream",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "region"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "region"),
        sqlite_with_rowid=False,
    )


def _leads() -> None:
    """Who it came from."""
    op.create_table(
        "lead",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("account_at", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("account_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("live", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=True),
        sa.Column("suppressed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("identity_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text(), server_default="", nullable=False),
        sa.Column("parked", sa.Text(), nullable=True),
        sa.Column("retry_at", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ready_at", sa.Integer(), nullable=True),
        sa.Column("first_seen", sa.Integer(), nullable=False),
        sa.Column("last_seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "lead_account",
        "lead",
        ["tenant", "account", "last_seen"],
        sqlite_where=sa.text("account IS NOT NULL"),
    )
    op.create_index("lead_leased", "lead", ["lease_until"], sqlite_where=sa.text("lease_until > 0"))
    op.create_index("lead_ready", "lead", ["ready_at"], sqlite_where=sa.text("ready_at IS NOT NULL"))
    op.create_index("lead_tenant", "lead", ["tenant", "lead_id"], sqlite_where=sa.text("live = 1"))
    op.create_table(
        "lead_state",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.create_table(
        "timer",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", "reason"),
        sqlite_with_rowid=False,
    )


def _identity() -> None:
    """Keys of leads, and how they are joined."""
    op.create_table(
        "lead_key",
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=True),
        sa.Column("born", sa.Text(), nullable=True),
        sa.Column("shared", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index("lead_key_lead", "lead_key", ["lead_id"])
    op.create_index("lead_key_value", "lead_key", ["tenant", "value", "kind", "region"], unique=True)
    op.create_table(
        "link",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("a", sa.Integer(), nullable=False),
        sa.Column("b", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_at", sa.Integer(), nullable=False),
        sa.Column("first_ref", sa.Text(), nullable=False),
        sa.Column("first_known", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.Integer(), nullable=False),
        sa.Column("last_ref", sa.Text(), nullable=False),
        sa.Column("last_known", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("a", "b", "kind"),
        sqlite_with_rowid=False,
    )
    op.create_index("link_b", "link", ["b"])
    op.create_table(
        "merge",
        sa.Column("merge_id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("winner", sa.Text(), nullable=False),
        sa.Column("loser", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("merge_id"),
    )
    op.create_table(
        "subject_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index("subject_keys_lead", "subject_keys", ["lead_id"])
    op.create_index("subject_keys_origin", "subject_keys", ["origin"])


def _decisions() -> None:
    """What was decided."""
    op.create_table(
        "decision",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("decision_id", "decision", ["decision_id"], unique=True)
    op.create_index("decision_lead", "decision", ["lead_id", "seq"])
    op.create_index("decision_tenant", "decision", ["tenant", "seq"])
    op.create_table(
        "sealed",
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=True),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("commitment"),
    )
    op.create_table(
        "outbox",
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("effect_key", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("proposal_hash", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("action_id"),
    )
    op.create_index("outbox_lead", "outbox", ["lead_id"])
    op.create_index(
        "outbox_open",
        "outbox",
        ["tenant", "effect_key"],
        unique=True,
        sqlite_where=sa.text("state <> 'expired'"),
    )
    op.create_index("outbox_origin", "outbox", ["origin"])


def _upkeep() -> None:
    """What decisions take and touch."""
    op.create_table(
        "decision_action",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("effect_key", sa.Text(), nullable=False),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "effect_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "assignment",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("rep_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "rep_id", "day", "lead_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("as_of", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("body", sa.Text(), server_default="{}", nullable=False),
        sa.Column("due_at", sa.Integer(), nullable=True),
        sa.Column("marked_at", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "account"),
        sqlite_with_rowid=False,
    )
    op.create_index("account_due", "account", ["due_at"], sqlite_where=sa.text("due_at IS NOT NULL"))


def _audit() -> None:
    """Chains and their roots."""
    op.create_table(
        "audit",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("prev", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "writer", "seq"),
    )
    op.create_index("audit_run", "audit", ["run_id"], sqlite_where=sa.text("run_id IS NOT NULL"))
    op.create_table(
        "root",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "writer", "seq"),
        sqlite_with_rowid=False,
    )
