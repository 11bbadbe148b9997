"""Recomputing recorded decisions: the graph on its recorded input, with nothing outside in reach."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from domain.asking import Recorded
from domain.decision import Decision
from domain.errors import Permanent, Temporary
from domain.ports.home import Home
from domain.ports.policy import Policy
from domain.ports.reads import StoredDecision
from domain.rollout import BASELINE
from graph.build import Graph
from graph.deps import Deps, Mind
from graph.record import Record, plain, unpack
from graph.run import run_lead
from prompts.load import load_prompts

PolicyOf = Callable[[str], Policy | None]
"""The policy of a recorded version; None if this home does not have it."""
VERSIONED = ("features", "scorer", "reasoner")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that came out differently: which parts, as names."""

    decision_id: str
    lead_id: str
    parts: tuple[str, ...]


@dataclass(slots=True)
class Replayed:
    """The result over many decisions: `replayed` = `identical` + `different`; the rest could not be, by cause."""

    identical: int = 0
    different: int = 0
    unreplayable: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "replayed": self.identical + self.different,
            "identical": self.identical,
            "different": self.different,
            "unreplayable": dict(sorted(self.unreplayable.items())),
            "differences": [
                {"decision": d.decision_id, "lead": d.lead_id, "parts": list(d.parts)}
                for d in self.differences[:SHOWN]
            ],
        }


@dataclass(frozen=True, slots=True)
class Replayer:
    """Replays decisions of one home. `wall` closes the world for the time of a run."""

    home: Home
    deps: Deps
    graph: Graph
    policy_of: PolicyOf
    wall: Callable[[], AbstractContextManager[None]]
    warm: set[bool] = field(default_factory=set)
    """Holds True once a run was made without the wall: a process's first run imports modules, which opens files."""

    async def all(self, told: Callable[[int], None]) -> Replayed:
        """Every decision of the tenant, oldest first; `told` hears how many are done."""
        result, done = Replayed(), 0
        async for batch in self.home.reads.decisions(self.home.tenant):
            for stored in batch:
                await self.one(stored, result)
            done += len(batch)
            told(done)
        return result

    async def one(self, stored: StoredDecision, result: Replayed) -> None:
        """Replay one decision and count it in `result`."""
        record = self._open(stored, result)
        if record is None:
            return
        versions = record.given.versions
        policy = self.policy_of(versions.get("policy", ""))
        if policy is None:
            result.unreplayable["policy_missing"] += 1
            return
        if not self._has_scorer(record):
            result.unreplayable["scorer_missing"] += 1
            return
        again = await self._run(record, policy)
        if again is not None and plain(again) == stored.content:
            result.identical += 1
        elif cause := self._older(record):
            result.unreplayable[cause] += 1
        else:
            result.different += 1
            parts = differing(record.decision, again) if again is not None else ("failed",)
            result.differences.append(Difference(stored.decision_id, stored.lead_id, parts or ("content",)))

    def _open(self, stored: StoredDecision, result: Replayed) -> Record | None:
        if stored.record is None:
            result.unreplayable["erased"] += 1
            return None
        try:
            return unpack(self.home.vault.open(self.home.tenant, stored.record))
        except Permanent:
            result.unreplayable["sealed_beyond_reach"] += 1
            return None

    async def _run(self, record: Record, policy: Policy) -> Decision | None:
        deps = Deps(
            catalogue=self.deps.catalogue,
            reasoner=self.deps.reasoner,
            scorer=self.deps.scorer,
            packages=self.deps.packages,
            policy=policy,
            deadlines=self.deps.deadlines,
            mind=self._mind(record),
        )
        if not self.warm:
            self.warm.add(True)
            await run_lead(self.graph, deps, record.given)
        with self.wall():
            return (await run_lead(self.graph, deps, record.given)).decision

    def _mind(self, record: Record) -> Mind | None:
        """What the model said then, asked of the record alone; none where there was none."""
        mark = self.home.mark
        if record.answers is None or mark is None:
            return None
        return Mind(model=Recorded(record.answers), prompts=load_prompts(), mark=mark)

    def _has_scorer(self, record: Record) -> bool:
        """Whether the recorded model package is here; loaded now, as the run may not reach for files."""
        wanted = record.given.scorer
        try:
            return wanted == BASELINE or self.deps.packages(wanted) is not None
        except Temporary:
            return False

    def _older(self, record: Record) -> str | None:
        """Why a difference is not the decision's fault: it was made by other code or tables than are here now."""
        versions = record.given.versions
        for name in VERSIONED:
            if name == "scorer" and record.given.scorer != BASELINE:
                continue
            if versions.get(name) != self.home.versions.get(name):
                return f"older_{name}"
        return "older_code" if versions.get("code") != self.home.versions.get("code") else None


def differing(before: Decision, after: Decision) -> tuple[str, ...]:
    """Names of the parts of a decision that differ."""
    names = Decision.__dataclass_fields__
    return tuple(name for name in names if plain(getattr(before, name)) != plain(getattr(after, name)))
