"""The registry of model packages, as the command line, the rollout and reports see it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from domain.model import Package
from domain.model_shelf import Change, Evidence, Pending
from domain.rollout import Stage, Standing


class StoredPackage(Protocol):
    """A package with its files."""

    @property
    def version(self) -> str:
        """Content hash."""
        ...

    @property
    def package(self) -> Package:
        """The manifest."""
        ...

    @property
    def files(self) -> Mapping[str, bytes]:
        """``trees.txt``, ``card.md``, ``reference.json``, as far as there are."""
        ...


class Models(Protocol):
    """Packages by content and the history of who is what.

    Every change is prepared first, then its audit row made durable, then written: see `surfaces.model_moves`.
    """

    folder: Path

    def history(self) -> tuple[Change, ...]:
        """All changes, oldest first."""
        ...

    def standing(self) -> Standing:
        """Who is what now."""
        ...

    def versions(self) -> tuple[str, ...]:
        """Every registered package, oldest first."""
        ...

    def stored(self, version: str) -> StoredPackage | None:
        """A package; None if this home never had it. Raises: ConfigError if it is damaged."""
        ...

    def swept(self) -> int:
        """Number of the change up to which all leads were looked at for another band; 0 at first."""
        ...

    def note_swept(self, number: int) -> None:
        """All leads were looked at after that change."""
        ...

    def version_of(self, package: Package) -> str:
        """Content hash of a package."""
        ...

    def register(
        self, package: Package, files: Mapping[str, bytes], *, split: str, who: str, at: int, comment: str
    ) -> Pending | None:
        """Keep a package; None if it is there already."""
        ...

    def promote(
        self, version: str, *, evidence: Evidence, who: str, at: int, comment: str,
        regions: Sequence[str] = ..., force: bool = ...,
    ) -> Pending:  # fmt: skip
        """Make a package champion. Raises: BadInput if its gates did not pass and are not overruled."""
        ...

    def rollback(self, *, who: str, at: int, comment: str) -> Pending:
        """Bring the champions back that stood before. Raises: BadInput if there are none."""
        ...

    def shadow(
        self, version: str, *, who: str, at: int, comment: str, regions: Sequence[str] = ...
    ) -> Pending:
        """Let a package score beside, without effect."""
        ...

    def start(
        self, version: str, stages: Sequence[Stage], *, evidence: Evidence, who: str, at: int, comment: str,
        force: bool = ...,
    ) -> Pending:  # fmt: skip
        """Begin a canary."""
        ...

    def advance(self, *, who: str, at: int, comment: str, detail: Mapping[str, Any]) -> Pending:
        """To the next stage, or to champion after the last."""
        ...

    def stop(self, *, who: str, at: int, comment: str, detail: Mapping[str, Any]) -> Pending:
        """End the canary."""
        ...

    def write(self, pending: Pending) -> Change:
        """Let a prepared change count. Raises: Temporary if another came first."""
        ...
