"""The durable store as one value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.audit import AuditEntry
from tools.privacy.vault import KeyRow
from tools.store.access import SqlApiKeys
from tools.store.accounts import SqlAccounts
from tools.store.answers import SqlAnswers, SqlSpending
from tools.store.approvals import SqlApprovals
from tools.store.audit import append
from tools.store.commit import SqlCommit
from tools.store.config import Config
from tools.store.desk_due import SqlDueTalks
from tools.store.engine import Database, Tx
from tools.store.events import SqlFeed, SqlSubscriptions
from tools.store.feedback import SqlFeedback
from tools.store.inbox import SqlInbox
from tools.store.keyring import stored_keys
from tools.store.limits import SqlLimits
from tools.store.outbox import SqlOutbox
from tools.store.quarantine import SqlQuarantine
from tools.store.reads import SqlReads
from tools.store.remembered import SqlMemoryBook
from tools.store.stream import Streams
from tools.store.talks import SqlTalks
from tools.store.upstream import SqlPositions, SqlTodos
from tools.store.work import SqlWork


@dataclass(frozen=True, slots=True)
class Store:
    """The ports that share one database."""

    database: Database
    config: Config
    inbox: SqlInbox
    work: SqlWork
    commit: SqlCommit
    reads: SqlReads
    accounts: SqlAccounts
    quarantine: SqlQuarantine
    outbox: SqlOutbox
    approvals: SqlApprovals
    limits: SqlLimits
    feedback: SqlFeedback
    answers: SqlAnswers
    spending: SqlSpending
    remembered: SqlMemoryBook
    talks: SqlTalks
    feed: SqlFeed
    subscriptions: SqlSubscriptions
    todos: SqlTodos
    positions: SqlPositions
    due_talks: SqlDueTalks
    access: SqlApiKeys

    def append_audit(self, tx: Tx, entries: Sequence[AuditEntry]) -> None:
        """Add rows to this writer's chains within a transaction: what the audit log appends with."""
        append(tx, self.config.writer, entries)

    def fetch_keys(self, tenant: str, lead: str | None, key: str | None) -> Sequence[KeyRow]:
        """Stored keys of a lead, or the one with a key id: what the vault fetches with, from any thread."""
        return self.database.read_beside(lambda tx: stored_keys(tx, tenant, lead, key))

    def close(self) -> None:
        """Finish what is under way and let go of the file."""
        self.database.close()


def _nowhere(_: str) -> None:
    return None


def open_store(
    path: Path, config: Config | None = None, *, on_point: Callable[[str], None] = _nowhere
) -> Store:
    """Open the database at `path`, making or migrating it if need be.

    `on_point` is told of named points: ``inbox.before_commit``, ``inbox.after_commit``, ``merge.before_commit``,
    ``claim.before_commit``, ``claim.after_commit``, ``commit.before_commit``, ``commit.after_commit``, and the same two
    of ``outbox.take``, ``outbox.note``, ``outbox.finish``, ``approval.vote``, ``override.fix``, ``override.lift``,
    ``talk.decide``, ``record.settle``, ``position`` and ``desk.settle``.
    Raises: Temporary if the file cannot be opened now; Permanent if it is not a sound database of a known version.
    """
    config = config or Config()
    database = Database(path, on_point=on_point)
    streams = Streams()
    return Store(
        database,
        config,
        SqlInbox(database, config, streams),
        SqlWork(database, config, streams),
        SqlCommit(database, config),
        SqlReads(database, config),
        SqlAccounts(database),
        SqlQuarantine(database, config),
        SqlOutbox(database, config),
        SqlApprovals(database, config),
        SqlLimits(database),
        SqlFeedback(database, config),
        SqlAnswers(database, config),
        SqlSpending(database),
        SqlMemoryBook(database),
        SqlTalks(database, config),
        SqlFeed(database),
        SqlSubscriptions(database, config),
        SqlTodos(database),
        SqlPositions(database),
        SqlDueTalks(database),
        SqlApiKeys(database, config),
    )
