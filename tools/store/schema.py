"""The tables. Every row carries its tenant and its region; every instant is microseconds since 1970 (decision 0004).

The migrations make these tables; a test compares the two.
"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from tools.store.schema_access import key_table
from tools.store.schema_answers import answer_tables
from tools.store.schema_approvals import approval_tables
from tools.store.schema_desk import desk_table
from tools.store.schema_events import event_tables
from tools.store.schema_feedback import override_table
from tools.store.schema_memory import memory_tables
from tools.store.schema_talks import talk_tables
from tools.store.schema_upstream import upstream_tables

metadata = MetaData()
approval, vote, showing, approval_edit = approval_tables(metadata)
lead_override = override_table(metadata)
answer, spending = answer_tables(metadata)
memory_text, memory_due, memory_book = memory_tables(metadata)
talk, talk_decision = talk_tables(metadata)
record_todo, sync_position, vendor_wait = upstream_tables(metadata)
desk_due = desk_table(metadata)
api_key = key_table(metadata)
feed, subscription = event_tables(metadata)


def _text(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=null, server_default=default)


def _int(name: str, *, null: bool = False, default: int | None = None) -> Column[int]:
    return Column(
        name, Integer, nullable=null, server_default=None if default is None else text(str(default))
    )


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _where() -> tuple[Column[str], Column[str]]:
    return _text("tenant"), _text("region")


signal = Table(
    "signal",
    metadata,
    Column("seq", Integer, primary_key=True),  # order of acceptance
    *_where(),
    _text("ref"),  # source:id
    _text("source"),
    _text("lead_id"),
    _text("kind"),
    _text("account", null=True),
    _int("occurred"),
    _int("known"),
    _int("received"),
    _text("state"),  # waiting, applied, superseded, parked
    _text("reason", null=True),  # of superseded and parked
    _text("tags", default=""),  # intent tags, separated by blanks
    _int("events"),  # how many compact events it makes
    _int("has_text"),
    _bytes("digest"),
    _bytes("body"),
    Index("signal_ref", "tenant", "ref", unique=True),
    Index("signal_lead", "lead_id", "occurred"),
    Index("signal_waiting", "lead_id", "seq", sqlite_where=text("state = 'waiting'")),
    Index("signal_recent", "lead_id", "occurred", sqlite_where=text("has_text = 1 AND state = 'applied'")),
    Index("signal_aside", "tenant", "state", sqlite_where=text("state IN ('superseded', 'parked')")),
    Index("signal_label", "tenant", "known", sqlite_where=text("kind IN ('crm.outcome', 'crm.not_a_lead')")),
)

lead = Table(
    "lead",
    metadata,
    Column("lead_id", Text, primary_key=True, nullable=False),
    *_where(),
    _text("account", null=True),
    _int("account_at", default=0),  # of the signal that named the account: the newest by (at, ref) wins
    _text("account_ref", default=""),
    _int("live", default=1),  # 0: merged away, or no signal is left
    _text("merged_into", null=True),
    _int("suppressed", default=0),
    _int("token", default=0),
    _int("identity_version", default=0),
    _int("attempt", default=0),  # claims since the last commit, outages not counted
    _int("lost", default=0),  # of these, how many ended without a word
    _int("lease_until", default=0),  # 0: nobody holds it
    _text("leased_by", default=""),
    _text("parked", null=True),  # the reason
    _int("retry_at", default=0),
    _int(
        "ready_at", null=True
    ),  # when to claim it: work or timer, or the end of its lease; NULL: nothing to do
    _int("first_seen"),
    _int("last_seen"),
    Index("lead_ready", "ready_at", sqlite_where=text("ready_at IS NOT NULL")),
    Index("lead_account", "tenant", "account", "last_seen", sqlite_where=text("account IS NOT NULL")),
    Index("lead_leased", "lease_until", sqlite_where=text("lease_until > 0")),
    Index("lead_tenant", "tenant", "lead_id", sqlite_where=text("live = 1")),
    Index("lead_forgotten", "tenant", "lead_id", sqlite_where=text("suppressed = 1")),
    Index("lead_merged", "merged_into", sqlite_where=text("merged_into IS NOT NULL")),
    sqlite_with_rowid=False,
)

lead_state = Table(
    "lead_state",
    metadata,
    Column("lead_id", Text, primary_key=True, nullable=False),
    *_where(),
    _bytes("body"),
)

lead_key = Table(
    "lead_key",
    metadata,
    Column("key_id", Integer, primary_key=True),
    *_where(),
    _text("kind"),
    _text("value"),
    _text("lead_id", null=True),  # whose key it is now; NULL: no signal has its home there
    _text("born", null=True),  # the lead that it made or joined first: what a split goes back to
    _int("shared", default=0),  # 1: seen with several leads, joins none; 2: with so many that it never will
    Index("lead_key_value", "tenant", "value", "kind", "region", unique=True),
    Index("lead_key_lead", "lead_id"),
)

link = Table(
    "link",
    metadata,
    *_where(),
    _int("a"),
    _int("b"),
    _text("kind"),  # seen, declared, undone; beside: a role key next to weak keys, joins nothing
    _int("first_at"),
    _text("first_ref"),
    _int("first_known"),
    _int("last_at"),
    _text("last_ref"),
    _int("last_known"),
    PrimaryKeyConstraint("a", "b", "kind"),
    Index("link_b", "b"),
    sqlite_with_rowid=False,
)

merge = Table(
    "merge",
    metadata,
    Column("merge_id", Integer, primary_key=True),
    *_where(),
    _text("kind"),  # merge, split
    _text("winner"),
    _text("loser"),
    _int("at"),
)

timer = Table(
    "timer",
    metadata,
    *_where(),
    _text("lead_id"),
    _text("reason"),
    _int("due_at"),
    _int("fresh", default=0),  # 1: set while the lead was held, so the commit of that run leaves it
    PrimaryKeyConstraint("lead_id", "reason"),
    sqlite_with_rowid=False,
)

decision = Table(
    "decision",
    metadata,
    Column("seq", Integer, primary_key=True),
    *_where(),
    _text("decision_id"),
    _text("run_id"),
    _text("lead_id"),
    _text("state"),
    _int("as_of"),
    _int("at"),
    _text("commitment"),
    _bytes("content"),
    Index("decision_id", "decision_id", unique=True),
    Index("decision_lead", "lead_id", "seq"),
    Index("decision_tenant", "tenant", "seq"),
)

sealed = Table(
    "sealed",
    metadata,
    Column("commitment", Text, primary_key=True, nullable=False),
    *_where(),
    _text("lead_id", null=True),
    _bytes("ciphertext"),
    _bytes("salt"),
    _text("key_id"),
)

subject_keys = Table(
    "subject_keys",
    metadata,
    Column("key_id", Text, primary_key=True, nullable=False),
    *_where(),
    _text("lead_id"),
    _text("origin"),  # the lead that it was made for
    _bytes("wrapped"),
    Index("subject_keys_lead", "lead_id"),
    Index("subject_keys_origin", "origin"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("action_id", Text, primary_key=True, nullable=False),
    *_where(),
    _text("lead_id"),
    _text("origin"),  # the lead for which it was proposed, before any merge
    _text("kind"),
    _int("episode"),
    _text("effect_key"),
    _text("params"),
    _text("state"),  # see domain.action.ActionState
    _text("reason", null=True),
    _text("proposal_hash"),
    _text("decision_id"),
    _int("at"),
    _text("run_id", default=""),
    _int("place", default=0),  # among the actions of its decision
    _int("attempt", default=0),  # takes, outages not counted; an undo counts anew
    _int("token", default=0),
    _int("lease_until", default=0),  # 0: nobody holds it
    _int("next_try", null=True),  # when to take it, or the end of its lease; NULL: not by itself
    _text("steps", null=True),  # JSON; NULL until it is first taken
    _text("send_key", null=True),  # what its steps' keys begin with: fixed by the first take
    _text("open_key", null=True),  # its effect key while it keeps others of that key out
    _text("approval_id", null=True),
    _int("finished_at", null=True),
    _text("held_by", default=""),  # writer name of the last to take it
    _int("again_at", null=True),  # when a person had it sent again after it failed
    Index("outbox_open", "tenant", "open_key", unique=True, sqlite_where=text("open_key IS NOT NULL")),
    Index("outbox_effect", "tenant", "effect_key"),
    Index("outbox_due", "next_try", sqlite_where=text("next_try IS NOT NULL")),
    Index("outbox_held", "lease_until", sqlite_where=text("lease_until > 0")),
    Index("outbox_lead", "lead_id"),
    Index("outbox_origin", "origin"),
    Index("outbox_decision", "decision_id", "place"),
    Index("outbox_approval", "approval_id", sqlite_where=text("approval_id IS NOT NULL")),
    Index("outbox_tenant", "tenant", "at", "place"),
    Index("outbox_state", "tenant", "state", "at"),
)

rate_bucket = Table(
    "rate_bucket",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    *_where(),  # both empty: a target's limit is shared by all tenants
    _int("level"),  # in 60,000,000ths of a token
    _int("at"),
    sqlite_with_rowid=False,
)

decision_action = Table(
    "decision_action",
    metadata,
    *_where(),
    _text("decision_id"),
    _text("effect_key"),
    _text("action_id"),  # the open effect: this decision's own, or the one that was open already
    _text("outcome"),  # proposed, already_open
    PrimaryKeyConstraint("decision_id", "effect_key"),
    sqlite_with_rowid=False,
)

assignment = Table(
    "assignment",
    metadata,
    *_where(),
    _text("rep_id"),
    _int("day"),  # whole UTC days since 1970
    _text("lead_id"),
    _int("at"),
    PrimaryKeyConstraint("tenant", "rep_id", "day", "lead_id"),
    sqlite_with_rowid=False,
)

account = Table(
    "account",
    metadata,
    *_where(),
    _text("account"),
    _int("version", default=0),
    _int("as_of", default=0),
    _text("body", default="{}"),
    _int("due_at", null=True),
    _int("marked_at", default=0),
    PrimaryKeyConstraint("tenant", "account"),
    Index("account_due", "due_at", sqlite_where=text("due_at IS NOT NULL")),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("seq", Integer, primary_key=True),
    *_where(),
    _text("item_id"),
    _text("source"),
    _int("position"),
    _text("field"),
    _text("code"),
    _text("reason"),
    _int("at"),
    _text("state"),  # open, released, discarded
    _text("closed_reason", null=True),
    _int("closed_at", null=True),
    Column("raw", LargeBinary, nullable=True),  # sealed; NULL once discarded or released
    Index("quarantine_item", "tenant", "item_id", unique=True),
    Index("quarantine_state", "tenant", "state", "seq"),
)

audit = Table(
    "audit",
    metadata,
    *_where(),
    _text("writer"),
    _int("seq"),
    _text("prev"),
    _text("hash"),
    _text("run_id", null=True),
    _bytes("body"),
    PrimaryKeyConstraint("tenant", "writer", "seq"),
    Index("audit_run", "run_id", sqlite_where=text("run_id IS NOT NULL")),
)

root = Table(
    "root",
    metadata,
    *_where(),
    _text("writer"),
    _int("seq"),
    _text("hash"),
    _int("at"),
    _text("signature"),
    _text("key_id"),
    PrimaryKeyConstraint("tenant", "writer", "seq"),
    sqlite_with_rowid=False,
)

stream = Table(
    "stream",
    metadata,
    *_where(),
    _text("source"),
    _bytes("body"),
    PrimaryKeyConstraint("tenant", "source", "region"),
    sqlite_with_rowid=False,
)

tally = Table(
    "tally",
    metadata,
    *_where(),
    _text("name"),  # signals, duplicates, waiting, runs
    _int("n", default=0),
    PrimaryKeyConstraint("tenant", "name", "region"),
    sqlite_with_rowid=False,
)
