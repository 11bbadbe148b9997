"""The history of a home's model packages: who made which one champion, shadow or challenger, when, on what grounds."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from domain.audit import AuditEntry
from domain.instants import Instant, iso
from domain.rollout import BASELINE, EVERYWHERE, Rollout, Stage, Standing

What = Literal[
    "registered", "promoted", "rolled_back", "shadowed", "started", "advanced", "stopped", "finished"
]
"""``finished``: a rollout that went through all its stages made its challenger champion."""
COMMENT_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Evidence:
    """What gates said of a package: one answer for all, and each in its JSON form."""

    answer: Literal["pass", "fail", "inconclusive"]
    gates: tuple[Mapping[str, Any], ...] = ()

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {"answer": self.answer, "gates": [dict(gate) for gate in self.gates]}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history. `at` is an Instant; `version` is `BASELINE` where rules take over."""

    number: int
    what: What
    version: str
    previous: str
    regions: tuple[str, ...]
    at: int
    who: str
    comment: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    """By `what`: the gates and whether they were overruled, the stages, the stage, digests of files."""

    def document(self) -> dict[str, Any]:
        """The JSON form, with the time as people write it."""
        return {**asdict(self), "regions": list(self.regions), "at": iso(Instant(self.at))}


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that counts as soon as it is written; its audit row has to be durable before that."""

    change: Change
    line: bytes
    entry: AuditEntry


def standing_after(changes: Iterable[Change]) -> Standing:
    """Who is what after `changes`, oldest first: the history is the only truth."""
    return _walked(changes)[0]


def split_of(changes: Iterable[Change], version: str) -> str:
    """How the leads that a package was not made of are told (``time`` or ``account``). Raises: KeyError."""
    for change in changes:
        if change.what == "registered" and change.version == version:
            return str(change.detail["split"])
    raise KeyError(version)


def champions_before(changes: Iterable[Change]) -> Mapping[str, str] | None:
    """The champions that a rollback brings back; None if nothing was ever promoted, or all of it taken back."""
    before = _walked(changes)[1]
    return before[-1] if before else None


def _walked(changes: Iterable[Change]) -> tuple[Standing, list[Mapping[str, str]]]:
    """Who is what, and the champions before each promotion that stands: a rollback takes the last one off."""
    standing, before = Standing(), list[Mapping[str, str]]()
    for change in changes:
        if change.what in ("promoted", "finished"):
            before.append(standing.champions)
            standing = replace(standing, champions=_with(standing.champions, change))
        elif change.what == "rolled_back" and before:
            standing = replace(standing, champions=before.pop())
        elif change.what == "shadowed":
            standing = replace(standing, shadows=_with(standing.shadows, change))
        standing = replace(standing, rollout=_rollout_after(standing.rollout, change))
    return standing, before


def _rollout_after(running: Rollout | None, change: Change) -> Rollout | None:
    if change.what == "started":
        stages = tuple(
            Stage(**{**stage, "regions": tuple(stage["regions"])}) for stage in change.detail["stages"]
        )
        return Rollout(change.version, stages, 0, change.at, change.at)
    if change.what in ("stopped", "finished"):
        return None
    if change.what == "advanced" and running is not None:
        return replace(running, stage=change.detail["stage"], stage_at=change.at)
    return running


def _with(by_region: Mapping[str, str], change: Change) -> Mapping[str, str]:
    """`by_region` after a change; a change for all regions leaves none of its own."""
    if EVERYWHERE in change.regions:
        return {EVERYWHERE: change.version} if change.version != BASELINE else {}
    return {**by_region, **dict.fromkeys(change.regions, change.version)}
