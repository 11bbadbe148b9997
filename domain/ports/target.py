"""Where effects go: a CRM, a desk, a webhook, a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.ids import LeadId, TenantId
from domain.signal import LeadKey


@dataclass(frozen=True, slots=True)
class Subject:
    """The lead as a target finds it: by any of its keys, or by our id."""

    tenant: TenantId
    lead_id: LeadId
    keys: tuple[LeadKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a target holds of a lead right now."""

    exists: bool = False
    gone: bool = False
    """It was there and was deleted."""
    closed: bool = False
    """It is a conversation that a person has closed."""
    merged_into: str | None = None
    owner: str | None = None
    human_touch_at: int | None = None
    """Instant of the last thing a person did with the record; None if unknown."""
    do_not_contact: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    programmes: tuple[str, ...] = ()
    open_tasks: tuple[str, ...] = ()
    """Refs of open tasks."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a dry run: what a step would write, and what is there."""

    step: StepKind
    field: str
    before: str
    after: str


class Target(Protocol):
    """One outside system that takes steps."""

    name: str
    delivery: Delivery
    takes: frozenset[StepKind]
    """The kinds of step that it can do."""

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now. Raises: Temporary, Throttled."""
        ...

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step. A `keyed` target changes nothing the second time and answers as the first time.

        Raises: Temporary or Throttled if it certainly did not happen; Refused; OutcomeUnknown if it may have.
        """
        ...

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt of the step sent under `key`, None if it certainly did not happen.

        Raises: Temporary; Permanent where a target of the kind ``neither`` is asked.
        """
        ...

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What the steps would write, beside what is there; nothing is changed. Raises: Temporary."""
        ...


class Notes(Protocol):
    """What we noted about our steps at one target: which of its records is which lead's, and what left."""

    async def forget(self, tenant: TenantId, leads: Sequence[LeadId]) -> int:
        """Note no more which records are theirs, on disk when it returns; how many it were. Raises: Temporary."""
        ...

    async def drop_old(self) -> None:
        """Drop notes of steps that are older than any action is tried. Raises: Temporary."""
        ...
