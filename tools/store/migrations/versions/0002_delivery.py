"""Delivery: what is known of an action under way, approvals, and shared rates."""

from hashlib import sha256

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

HOURS, HOUR = 72, 3_600_000_000
"""How long a question that was open before has from when it was asked; an hour in microseconds."""


def upgrade() -> None:
    """Make the outbox anew with its rows, and the new tables; what waited for a person gets its question."""
    op.drop_index("outbox_lead", "outbox")
    op.drop_index("outbox_open", "outbox")
    op.drop_index("outbox_origin", "outbox")
    op.rename_table("outbox", "outbox_before")
    _outbox()
    _approvals()
    _rates()
    op.execute(_CARRY_OVER)
    op.drop_table("outbox_before")
    _ask()


_CARRY_OVER = """
INSERT INTO outbox (action_id, tenant, region, lead_id, origin, kind, episode, effect_key, params, state, reason,
                    proposal_hash, decision_id, at, run_id, place, next_try, open_key, finished_at)
SELECT o.action_id, o.tenant, o.region, o.lead_id, o.origin, o.kind, o.episode, o.effect_key, o.params, o.state,
       o.reason, o.proposal_hash, o.decision_id, o.at, coalesce(d.run_id, ''),
       row_number() OVER (PARTITION BY o.decision_id ORDER BY o.rowid) - 1,
       CASE WHEN o.state = 'proposed' THEN o.at END, CASE WHEN o.state <> 'expired' THEN o.effect_key END,
       CASE WHEN o.state = 'expired' THEN o.at END
  FROM outbox_before o LEFT JOIN decision d ON d.decision_id = o.decision_id
 ORDER BY o.rowid
"""

_WAITING = """
SELECT o.action_id, o.tenant, o.region, o.lead_id, o.decision_id, o.run_id, o.proposal_hash, o.at, d.content
  FROM outbox o LEFT JOIN decision d ON d.decision_id = o.decision_id
 WHERE o.state = 'waiting' ORDER BY o.decision_id, o.place
"""

_OPEN = """
INSERT INTO approval (approval_id, tenant, region, lead_id, decision_id, run_id, proposal_hash, state, policy, people,
                      hours, asked_at, expires_at)
VALUES (:approval, :tenant, :region, :lead, :decision, :run, :hash, 'open', :policy, 1, :hours, :at, :expires)
"""


def _ask() -> None:
    """One open approval for each decision with waiting rows."""
    conn = op.get_bind()
    asked: dict[str, list[sa.Row[tuple[object, ...]]]] = {}
    for row in conn.execute(sa.text(_WAITING)):
        asked.setdefault(row.decision_id, []).append(row)
    for decision, rows in asked.items():
        first = rows[0]
        approval = f"ap_{(first.run_id or decision).removeprefix('rn_')}"
        conn.execute(
            sa.text(_OPEN),
            {
                "approval": approval,
                "tenant": first.tenant,
                "region": first.region,
                "lead": first.lead_id,
                "decision": decision,
                "run": first.run_id,
                "hash": sha256("\n".join(sorted(row.proposal_hash for row in rows)).encode()).hexdigest(),
                "policy": _policy(first.content),
                "hours": HOURS,
                "at": first.at,
                "expires": first.at + HOURS * HOUR,
            },
        )
        for row in rows:
            conn.execute(
                sa.text("UPDATE outbox SET approval_id = :approval WHERE action_id = :action"),
                {"approval": approval, "action": row.action_id},
            )


def _policy(content: bytes | None) -> str:
    """Version of the tables that asked; empty where it cannot be read, so that the lead is decided anew."""
    try:
        return str(orjson.loads(content or b"{}")["versions"]["policy"])
    except (ValueError, KeyError, TypeError):
        return ""


def _outbox() -> None:
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
        sa.Column("run_id", sa.Text(), server_default="", nullable=False),
        sa.Column("place", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try", sa.Integer(), nullable=True),
        sa.Column("steps", sa.Text(), nullable=True),
        sa.Column("send_key", sa.Text(), nullable=True),
        sa.Column("open_key", sa.Text(), nullable=True),
        sa.Column("approval_id", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("action_id"),
    )
    op.create_index(
        "outbox_approval", "outbox", ["approval_id"], sqlite_where=sa.text("approval_id IS NOT NULL")
    )
    op.create_index("outbox_decision", "outbox", ["decision_id", "place"])
    op.create_index("outbox_due", "outbox", ["next_try"], sqlite_where=sa.text("next_try IS NOT NULL"))
    op.create_index("outbox_effect", "outbox", ["tenant", "effect_key"])
    op.create_index("outbox_held", "outbox", ["lease_until"], sqlite_where=sa.text("lease_until > 0"))
    op.create_index("outbox_lead", "outbox", ["lead_id"])
    op.create_index(
        "outbox_open",
        "outbox",
        ["tenant", "open_key"],
        unique=True,
        sqlite_where=sa.text("open_key IS NOT NULL"),
    )
    op.create_index("outbox_origin", "outbox", ["origin"])
    op.create_index("outbox_state", "outbox", ["tenant", "state", "at"])
    op.create_index("outbox_tenant", "outbox", ["tenant", "at", "place"])


def _approvals() -> None:
    op.create_table(
        "approval",
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("proposal_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("approval_id"),
        sqlite_with_rowid=False,
    )
    is_open = sa.text("state = 'open'")
    op.create_index("approval_decision", "approval", ["decision_id"], unique=True)
    op.create_index("approval_due", "approval", ["expires_at"], sqlite_where=is_open)
    op.create_index(
        "approval_ended", "approval", ["tenant", "decided_at"], sqlite_where=sa.text("state <> 'open'")
    )
    op.create_index("approval_lead", "approval", ["lead_id"], sqlite_where=is_open)
    op.create_index("approval_open", "approval", ["tenant", "asked_at"], sqlite_where=is_open)
    op.create_table(
        "vote",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("vote_once", "vote", ["approval_id", "voter", "kind"], unique=True)


def _rates() -> None:
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
