"""What nodes may reach, and the collector that gathers a run's audit rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.asking import Kept
from domain.audit import AuditEntry, AuditValue
from domain.cited import Mark
from domain.errors import Temporary
from domain.features import Catalogue
from domain.ports.model import Model
from domain.ports.policy import Policy
from domain.ports.reasoner import Reasoner
from domain.ports.scorer import Scorer
from domain.rollout import BASELINE
from graph.shadow import Shadow
from prompts.load import Prompt

DEFAULT_DEADLINES: Mapping[str, float] = {
    "ingestion": 2.0,
    "intent": 20.0,
    "scoring": 2.0,
    "policy": 5.0,
    "actuation": 2.0,
}
"""Seconds a node may take before the run fails as temporary."""


def no_packages(_: str) -> Scorer | None:
    """A home without model packages."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mind:
    """A language model, what its agents are told, and how texts are marked off for it."""

    model: Model
    prompts: Mapping[str, Prompt]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Thought:
    """What a step says about a model beside its own result."""

    detail: Mapping[str, AuditValue] = field(default_factory=dict)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    failed: str = ""
    """``degraded:model:<code>`` for an outage."""
    again: bool = False
    words: tuple[str, ...] = ()


NO_THOUGHT: Final = Thought()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The ports of a run: no store, no clock; everything else is in the run's input, so that it can be replayed."""

    catalogue: Catalogue
    reasoner: Reasoner
    scorer: Scorer
    """The baseline."""
    policy: Policy
    packages: Callable[[str], Scorer | None] = no_packages
    """A model package by its version; None if there is no such one. Raises: Temporary if it cannot be loaded."""
    shadow: Shadow | None = None
    """Where packages score beside; None: they do not, as in a replay."""
    deadlines: Mapping[str, float] = field(default_factory=lambda: DEFAULT_DEADLINES)
    mind: Mind | None = None
    """None: no language model is configured, and nothing is asked."""

    def scorer_of(self, version: str) -> Scorer:
        """The scorer that a run's input names, never another one. Raises: Temporary if it is not to be had now."""
        if version == BASELINE:
            return self.scorer
        found = self.packages(version)
        if found is None:
            raise Temporary(f"model package {version} is not in this home: restore it, or roll back")
        return found


def _nothing(_: AuditEntry) -> None:
    return None


@dataclass(slots=True)
class Collector:
    """Audit rows and rationale of one run, in order. Lives in the runtime context, not in the state."""

    entries: list[AuditEntry] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """The rationale in sentences; sealed, never in an audit row."""
    thoughts: list[Thought] = field(default_factory=list)
    """What came of asking a language model."""
    listen: Callable[[AuditEntry], None] = _nothing
    """Called with each row as it is made."""

    def add(self, entry: AuditEntry) -> None:
        """Keep `entry` and tell the listener."""
        self.entries.append(entry)
        self.listen(entry)


@dataclass(frozen=True, slots=True)
class RunContext:
    """LangGraph's runtime context for one run."""

    deps: Deps
    collector: Collector
