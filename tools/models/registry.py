"""The model packages of a home, kept whole by content, and the audited history of who is champion and challenger."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from domain.audit import AuditEntry
from domain.errors import BadInput, ConfigError, Temporary
from domain.ids import Region, TenantId
from domain.model import Package
from domain.model_shelf import (
    COMMENT_LIMIT,
    Change,
    Evidence,
    Pending,
    What,
    champions_before,
    standing_after,
)
from domain.rollout import BASELINE, EVERYWHERE, Stage, Standing
from tools.journal import append_line, whole_lines, write_whole
from tools.models.manifest import version_of
from tools.models.packages import Stored, digests, keep, read_package

HISTORY = "history.jsonl"
SWEPT = "swept"
"""Number of the change up to which leads were looked at; without the file they are looked at once more."""


class Registry:
    """``<home>/models``: a folder per package, and ``history.jsonl``, which alone says who is what.

    A change is made in three steps: it is prepared here, its audit row is made durable by the caller, it is written
    here. Two processes that prepare at once do not both write: the later one is told to look again.
    """

    def __init__(self, home: Path, *, tenant: TenantId, region: Region) -> None:
        """`home` is the folder of all state; nothing is read or written yet."""
        self.folder = home / "models"
        self._tenant, self._region = tenant, region
        self._seen: tuple[tuple[int, int], tuple[Change, ...], Standing] | None = None

    # ---- what is there

    def history(self) -> tuple[Change, ...]:
        """All changes, oldest first. Raises: ConfigError if the file is damaged."""
        return self._read()[0]

    def standing(self) -> Standing:
        """Who is what now."""
        return self._read()[1]

    def versions(self) -> tuple[str, ...]:
        """Every package that was registered, the oldest first."""
        return tuple(dict.fromkeys(c.version for c in self.history() if c.what == "registered"))

    def stored(self, version: str) -> Stored | None:
        """A package with its files; None if this home never had it. Raises: ConfigError if it was changed."""
        registered = next(
            (c for c in self.history() if c.what == "registered" and c.version == version), None
        )
        if registered is None:
            return None
        found = read_package(self.folder / version, version)
        if digests(found.files) != registered.detail["files"]:
            raise ConfigError(
                f"{self.folder / version}: was changed after it was made; restore it from a backup"
            )
        return found

    def version_of(self, package: Package) -> str:
        """Content hash of a package."""
        return version_of(package)

    def swept(self) -> int:
        """Number of the change up to which all leads were looked at for another band; 0 if that is not known."""
        try:
            told = (self.folder / SWEPT).read_bytes()
        except FileNotFoundError:
            return 0
        return int(told) if told.isdigit() else 0

    def note_swept(self, number: int) -> None:
        """All leads were looked at after that change."""
        draft = self.folder / f".{SWEPT}.tmp"
        write_whole(draft, str(number).encode())
        draft.replace(self.folder / SWEPT)

    # ---- what changes

    def register(
        self, package: Package, files: Mapping[str, bytes], *, split: str, who: str, at: int, comment: str
    ) -> Pending | None:
        """Keep a package; None if this home has it already. It does not score anything yet.

        `split` (``time`` or ``account``) tells how the leads it was not made of are found. Raises: BadInput.
        """
        version = keep(self.folder, package, files)
        if version in self.versions():
            return None
        detail = {"split": split, "files": digests(read_package(self.folder / version, version).files)}
        return self._pending(
            "registered", version, regions=(), who=who, at=at, comment=comment, detail=detail
        )

    def promote(
        self, version: str, *, evidence: Evidence, who: str, at: int, comment: str,
        regions: Sequence[str] = (EVERYWHERE,), force: bool = False,
    ) -> Pending:  # fmt: skip
        """Make a package champion in `regions`. `force` overrules the gates, on record, with the comment as reason.

        Raises: BadInput (codes ``unknown``, ``champion``, ``busy``; ``gate:fail`` and ``gate:inconclusive`` if the
        gates did not pass and are not overruled).
        """
        self._known(version)
        self._idle()
        if all(self.standing().lineup(region).champion == version for region in regions):
            raise BadInput("version", f"{version} is champion already", "choose another", code="champion")
        detail = _judged(evidence, force=force)
        return self._pending(
            "promoted", version, regions=regions, who=who, at=at, comment=comment, detail=detail
        )

    def rollback(self, *, who: str, at: int, comment: str) -> Pending:
        """Bring the champions back that stood before the last promotion; again goes one further back.

        Raises: BadInput (``no_earlier``, ``busy``); ConfigError if one of them is damaged.
        """
        self._idle()
        back = champions_before(self.history())
        if back is None:
            raise BadInput(
                "models", "nothing was promoted", "there is nothing to go back to", code="no_earlier"
            )
        for version in {*back.values()} - {BASELINE}:
            self._known(version)
        version = back.get(EVERYWHERE, next(iter(back.values()), BASELINE))
        return self._pending(
            "rolled_back", version, regions=tuple(back) or (EVERYWHERE,), who=who, at=at, comment=comment
        )

    def shadow(
        self, version: str, *, who: str, at: int, comment: str, regions: Sequence[str] = (EVERYWHERE,)
    ) -> Pending:
        """Let a package score beside, without any effect; `BASELINE` ends that. Raises: BadInput (``unknown``)."""
        if version != BASELINE:
            self._known(version)
        return self._pending("shadowed", version, regions=regions, who=who, at=at, comment=comment)

    def start(
        self, version: str, stages: Sequence[Stage], *, evidence: Evidence, who: str, at: int, comment: str,
        force: bool = False,
    ) -> Pending:  # fmt: skip
        """Begin a canary at its first stage. Raises: BadInput as `promote` does, or for a plan without stages."""
        self._known(version)
        self._idle()
        if not stages:
            raise BadInput("stages", "there is none", "name at least one share")
        regions = tuple(dict.fromkeys(region for stage in stages for region in stage.regions))
        if version in {self.standing().lineup(region).champion for region in regions}:
            raise BadInput("version", f"{version} is champion already", "choose another", code="champion")
        detail = _judged(evidence, force=force) | {"stages": [stage.document() for stage in stages]}
        return self._pending(
            "started", version, regions=regions, who=who, at=at, comment=comment, detail=detail
        )

    def advance(self, *, who: str, at: int, comment: str, detail: Mapping[str, Any]) -> Pending:
        """Go to the next stage of the canary; after the last one the challenger is champion.

        Raises: BadInput (``idle``).
        """
        running = self._running()
        following = running.stage + 1
        if following < len(running.stages):
            told = {**detail, "stage": following}
            regions: Sequence[str] = running.stages[following].regions
            return self._pending(
                "advanced", running.challenger, regions=regions, who=who, at=at, comment=comment, detail=told
            )
        return self._pending(
            "finished",
            running.challenger,
            regions=running.regions,
            who=who,
            at=at,
            comment=comment,
            detail=detail,
        )

    def stop(self, *, who: str, at: int, comment: str, detail: Mapping[str, Any]) -> Pending:
        """End the canary: its leads go back to the champion. Raises: BadInput (``idle``)."""
        running = self._running()
        return self._pending(
            "stopped",
            running.challenger,
            regions=running.regions,
            who=who,
            at=at,
            comment=comment,
            detail=detail,
        )

    def write(self, pending: Pending) -> Change:
        """Let a prepared change count; its audit row is durable. Raises: Temporary if another change came first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder):
            self._seen = None
            if len(self.history()) + 1 != pending.change.number:
                raise Temporary("the registry of models was changed meanwhile; look again and repeat")
            append_line(self.folder / HISTORY, pending.line)
            self._seen = None
        return pending.change

    # ---- inside

    def _read(self) -> tuple[tuple[Change, ...], Standing]:
        file = self.folder / HISTORY
        try:
            stat = file.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
        except FileNotFoundError:
            return (), Standing()
        if self._seen is None or self._seen[0] != mark:
            try:
                changes = tuple(_change(line) for line in whole_lines(file))
                self._seen = mark, changes, standing_after(changes)
            except (orjson.JSONDecodeError, TypeError, KeyError) as error:
                raise ConfigError(f"{file}: is damaged ({error}); restore it from a backup") from None
        return self._seen[1:]

    def _known(self, version: str) -> None:
        if self.stored(version) is None:
            raise BadInput(
                "version", f"there is no package {version}", "see: leadgraph models list", code="unknown"
            )

    def _idle(self) -> None:
        running = self.standing().rollout
        if running is not None:
            problem = f"a rollout of {running.challenger} is under way"
            raise BadInput("models", problem, "finish or stop it: leadgraph models rollout stop", code="busy")

    def _running(self) -> Any:
        running = self.standing().rollout
        if running is None:
            raise BadInput("models", "no rollout is under way", "start one", code="idle")
        return running

    def _pending(
        self, what: What, version: str, *, regions: Sequence[str], who: str, at: int, comment: str,
        detail: Mapping[str, Any] | None = None,
    ) -> Pending:  # fmt: skip
        words = " ".join(comment.split())
        if not words or len(words) > COMMENT_LIMIT:
            problem = "is too long" if words else "is empty"
            raise BadInput("comment", problem, f"say in at most {COMMENT_LIMIT} characters why")
        changes, standing = self._read()
        previous = standing.lineup(regions[0] if regions else EVERYWHERE).champion
        change = Change(
            len(changes) + 1, what, version, previous, tuple(regions), at, who, words, dict(detail or {})
        )
        line = orjson.dumps(asdict(change), option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
        return Pending(change, line, self._entry(change, line))

    def _entry(self, change: Change, line: bytes) -> AuditEntry:
        """The audit row: who and why stay in the history, the row holds the digest of that line."""
        return AuditEntry(
            tenant=self._tenant,
            region=self._region,
            step="models",
            code=change.what,
            at=change.at,
            versions={"scorer": change.version or "baseline"},
            detail={
                "number": change.number,
                "previous": change.previous or "baseline",
                "regions": change.regions,
                "forced": bool(change.detail.get("forced")),
                "history_line": sha256(line).hexdigest(),
            },
        )


def _judged(evidence: Evidence, *, force: bool) -> dict[str, Any]:
    """What goes on record of the gates. Raises: BadInput if they did not pass and are not overruled."""
    if evidence.answer != "pass" and not force:
        broken = [str(gate.get("name")) for gate in evidence.gates if gate.get("answer") != "pass"]
        raise BadInput(
            "version", f"did not pass its gates ({evidence.answer}: {', '.join(broken) or 'none was asked'})",
            "see: leadgraph models compare; --force overrules them, on record", code=f"gate:{evidence.answer}",
        )  # fmt: skip
    return {"evidence": evidence.document(), "forced": evidence.answer != "pass"}


def _change(line: bytes) -> Change:
    told = orjson.loads(line)
    return Change(**{**told, "regions": tuple(told["regions"])})


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: history lines are numbered one after the other."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
