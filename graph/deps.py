"""What nodes may reach, and the collector that gathers a run's audit rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.audit import AuditEntry
from domain.features import Catalogue
from domain.ports.policy import Policy
from domain.ports.reasoner import Reasoner
from domain.ports.scorer import Scorer

DEFAULT_DEADLINES: Mapping[str, float] = {
    "ingestion": 2.0,
    "intent": 20.0,
    "scoring": 2.0,
    "policy": 5.0,
    "actuation": 2.0,
}
"""Seconds a node may take before the run fails as temporary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The ports of a run: no store, no clock; everything else is in the run's input, so that it can be replayed."""

    catalogue: Catalogue
    reasoner: Reasoner
    scorer: Scorer
    policy: Policy
    deadlines: Mapping[str, float] = field(default_factory=lambda: DEFAULT_DEADLINES)


def _nothing(_: AuditEntry) -> None:
    return None


@dataclass(slots=True)
class Collector:
    """Audit rows and rationale of one run, in order. Lives in the runtime context, not in the state."""

    entries: list[AuditEntry] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """The rationale in sentences; sealed, never in an audit row."""
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
