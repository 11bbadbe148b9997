"""What another version of the policy would have decided: recorded decisions, reviewed again."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from agents.policy import review
from domain.careful import as_careful_as
from domain.decision import FeatureValue, RunInput
from domain.intent import IntentReading
from domain.lead import BandState
from domain.policy import Verdict
from domain.ports.policy import Policy
from domain.score import Score

EXAMPLES = 5
"""Decisions named for each group of changes."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded decision with all that policy review reads. `previous` is the band before the run."""

    decision_id: str
    lead_id: str
    verdict: Verdict
    given: RunInput
    features: Mapping[str, FeatureValue]
    reading: IntentReading
    score: Score
    band: BandState
    previous: BandState


@dataclass(frozen=True, slots=True)
class Example:
    """One decision that would change, with the rows that fired, as ``table:rule``."""

    decision_id: str
    lead_id: str
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    next_step: str


@dataclass(slots=True)
class Group:
    """Decisions that would change in the same way: from what to what, and which parts."""

    before: str
    after: str
    parts: tuple[str, ...]
    count: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class Simulation:
    """The result: `unchanged` + `reworded` + `changed` = `decisions`."""

    policy: str
    decisions: int = 0
    unchanged: int = 0
    reworded: int = 0
    """Same verdict, other words or rows."""
    groups: dict[tuple[str, str, tuple[str, ...]], Group] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Decisions whose verdict would be another."""
        return sum(group.count for group in self.groups.values())

    def ordered(self) -> list[Group]:
        """Groups, the largest first."""
        return sorted(self.groups.values(), key=lambda group: (-group.count, group.before, group.after))

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "policy": self.policy,
            "decisions": self.decisions,
            "unchanged": self.unchanged,
            "reworded": self.reworded,
            "changed": self.changed,
            "groups": [_group_document(group) for group in self.ordered()],
        }


async def simulate(rows: AsyncIterator[Recorded], policy: Policy) -> Simulation:
    """Review every recorded decision under `policy`. Nothing is stored and nothing is sent."""
    result = Simulation(policy.version)
    async for row in rows:
        again = await review(
            row.given,
            features=row.features,
            reading=row.reading,
            score=row.score,
            band=row.band,
            previous=row.previous,
            policy=policy,
        )
        _count(result, row, as_careful_as(again, row.verdict, as_of=row.given.as_of))
    return result


def differing(before: Verdict, after: Verdict) -> tuple[str, ...]:
    """Parts in which two verdicts differ: kind, actions, details, owner, due. Words do not count."""
    sides = {
        "kind": (before.kind, after.kind),
        "actions": (_kinds(before), _kinds(after)),
        "details": (_details(before), _details(after)),
        "owner": (before.owner, after.owner),
        "due": ((before.due_at, before.due_reason), (after.due_at, after.due_reason)),
    }
    found = [name for name, (one, other) in sides.items() if one != other]
    return tuple(name for name in found if name != "details" or "actions" not in found)


def in_words(verdict: Verdict) -> str:
    """A verdict on one line: ``ask: create_task, assign_owner``, ``hold until touch_over``."""
    kinds = ", ".join(_kinds(verdict))
    until = f" until {verdict.due_reason}" if verdict.due_reason not in (None, "recheck") else ""
    return f"{verdict.kind.value}{until}" + (f": {kinds}" if kinds else "")


def _count(result: Simulation, row: Recorded, again: Verdict) -> None:
    result.decisions += 1
    parts = differing(row.verdict, again)
    if not parts:
        same = _rules(row.verdict) == _rules(again) and row.verdict.next_step == again.next_step
        result.unchanged += same
        result.reworded += not same
        return
    key = (in_words(row.verdict), in_words(again), parts)
    group = result.groups.setdefault(key, Group(*key))
    group.count += 1
    if len(group.examples) < EXAMPLES:
        before, after = _rules(row.verdict), _rules(again)
        group.examples.append(Example(row.decision_id, row.lead_id, before, after, again.next_step))


def _rules(verdict: Verdict) -> tuple[str, ...]:
    return tuple(f"{row.table}:{row.rule}" for row in verdict.rules)


def _kinds(verdict: Verdict) -> tuple[str, ...]:
    return tuple(action.kind.value for action in verdict.actions)


def _details(verdict: Verdict) -> list[dict[str, str]]:
    wordy = ("next_step", "owner")
    return [{name: text for name, text in a.params.items() if name not in wordy} for a in verdict.actions]


def _group_document(group: Group) -> dict[str, object]:
    return {
        "from": group.before,
        "to": group.after,
        "parts": list(group.parts),
        "count": group.count,
        "examples": [
            {
                "decision": example.decision_id,
                "lead": example.lead_id,
                "rules_before": list(example.rules_before),
                "rules_after": list(example.rules_after),
                "next_step": example.next_step,
            }
            for example in group.examples
        ],
    }
