"""Promoted versions of the policy, kept whole by content, and who made which one active, when and why."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from getpass import getuser
from hashlib import sha256
from pathlib import Path
from typing import Literal

import orjson

from domain.audit import AuditEntry
from domain.errors import BadInput, ConfigError
from domain.ids import Region, TenantId
from domain.instants import Instant, iso
from tools.journal import append_line, whole_lines, write_whole
from tools.policy.evaluator import TablePolicy
from tools.policy.load import load_policy, policy_files

Record = Callable[[AuditEntry], None]
"""Makes an audit row durable."""
What = Literal["promoted", "rolled_back"]
COMMENT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history. `at` is an Instant; `previous` None for the first version."""

    number: int
    what: What
    version: str
    previous: str | None
    at: int
    who: str
    comment: str

    def document(self) -> dict[str, object]:
        """The JSON form, with the time as people write it."""
        return {**asdict(self), "at": iso(Instant(self.at))}


class PolicyShelf:
    """The versions in ``<home>/policies``: a folder per version, `active` (a pointer) and `history.jsonl`.

    A change is recorded in this order: version folder, audit row, history line, pointer. The history is the
    truth: a pointer left behind by a crash is put right at the next opening.
    """

    def __init__(self, home: Path, *, tenant: TenantId, region: Region) -> None:
        """`home` is the folder of all state; nothing is read or written yet."""
        self.folder = home / "policies"
        self._tenant, self._region = tenant, region
        self._loaded: dict[str, TablePolicy] = {}

    def open(self, shipped: Path, *, at: int, record: Record) -> TablePolicy:
        """The active policy; at the very first opening `shipped` is promoted.

        Raises: ConfigError if the version is damaged, or `shipped` has mistakes.
        """
        changes = self.history()
        if not changes:
            self.promote(shipped, who="leadgraph", comment="shipped with the software", at=at, record=record)
        elif self.active_version() != changes[-1].version:
            self._point(changes[-1].version)
        return self.active()

    def active_version(self) -> str | None:
        """Version that the pointer names."""
        pointer = self.folder / "active"
        return pointer.read_text(encoding="ascii").strip() if pointer.is_file() else None

    def active(self) -> TablePolicy:
        """The active policy. Raises: ConfigError."""
        version = self.active_version()
        policy = self.get(version) if version else None
        if policy is None:
            raise ConfigError(
                f"{self.folder}: no active policy; promote one with: leadgraph policy promote FOLDER"
            )
        return policy

    def get(self, version: str) -> TablePolicy | None:
        """A kept version, None if this home never had it. Raises: ConfigError if its files were changed."""
        if version in self._loaded:
            return self._loaded[version]
        folder = self.folder / version
        if not version.isalnum() or not folder.is_dir():
            return None
        policy = load_policy(folder)
        if policy.version != version:
            raise ConfigError(
                f"{folder}: was changed after it was promoted; promote a corrected folder instead"
            )
        self._loaded[version] = policy
        return policy

    def promote(self, folder: Path, *, who: str, comment: str, at: int, record: Record) -> Change:
        """Make the tables in `folder` the active version.

        Raises: ConfigError with every mistake in the tables; BadInput if that version is active already.
        """
        policy = load_policy(folder)
        previous = self.active_version()
        if policy.version == previous:
            problem = f"version {previous} is active already"
            raise BadInput("folder", problem, "change a table first", code="already_active")
        self._keep(folder, policy)
        self._loaded[policy.version] = policy
        return self._change("promoted", policy.version, who=who, comment=comment, at=at, record=record)

    def rollback(self, *, who: str, comment: str, at: int, record: Record) -> Change:
        """Make the version active that was active before the present one; again goes one further back.

        Raises: BadInput if there is none.
        """
        back = _way_back(self.history())
        if back is None:
            raise BadInput("policy", "there is no earlier version", "promote one instead", code="no_earlier")
        self.get(back)
        return self._change("rolled_back", back, who=who, comment=comment, at=at, record=record)

    def history(self) -> tuple[Change, ...]:
        """All changes, oldest first; a line torn by a crash does not count. Raises: ConfigError."""
        file = self.folder / "history.jsonl"
        try:
            return tuple(Change(**orjson.loads(line)) for line in whole_lines(file))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise ConfigError(f"{file}: is damaged ({error}); restore it from a backup") from None

    def _change(self, what: What, version: str, *, who: str, comment: str, at: int, record: Record) -> Change:
        words = " ".join(comment.split())
        if not words or len(words) > COMMENT_LIMIT:
            problem = "is too long" if words else "is empty"
            raise BadInput("comment", problem, f"say in at most {COMMENT_LIMIT} characters why")
        number = len(self.history()) + 1
        change = Change(number, what, version, self.active_version(), at, who, words)
        line = orjson.dumps(asdict(change)) + b"\n"
        record(self._entry(change, line))
        append_line(self.folder / "history.jsonl", line)
        self._point(version)
        return change

    def _entry(self, change: Change, line: bytes) -> AuditEntry:
        """The audit row: who and why stay in the history, the row holds the digest of that line."""
        return AuditEntry(
            tenant=self._tenant,
            region=self._region,
            step="policy",
            code=change.what,
            at=change.at,
            versions={"policy": change.version},
            detail={
                "number": change.number,
                "previous": change.previous,
                "history_line": sha256(line).hexdigest(),
            },
        )

    def _keep(self, folder: Path, policy: TablePolicy) -> None:
        place = self.folder / policy.version
        if place.is_dir():
            return
        draft = self.folder / f".{policy.version}.tmp"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, content in policy_files(folder, policy.calendars.holidays).items():
            write_whole(draft / name, content)
        draft.rename(place)

    def _point(self, version: str) -> None:
        draft = self.folder / ".active.tmp"
        write_whole(draft, version.encode() + b"\n")
        draft.replace(self.folder / "active")


def user_name() -> str:
    """Who runs this process, as the system knows them."""
    try:
        return getuser()
    except (KeyError, OSError):
        return "unknown"


def _way_back(changes: tuple[Change, ...]) -> str | None:
    """The version before the active one: promotions build a stack, each rollback takes one off."""
    stack: list[str] = []
    for change in changes:
        if change.what == "promoted":
            stack.append(change.version)
        elif stack:
            stack.pop()
    return stack[-2] if len(stack) > 1 else None
