"""`MemoryTarget`: a target in memory whose calls fail as a script says. Its `ledger` is what really happened.

``MemoryTarget(plan=[Fault.AFTER, None])``: the first `send` writes and loses its answer, the second works; when the
script is used up, everything works. `reads` is the same for `look`, `find` and `preview`.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Never

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import OutcomeUnknown, Permanent, Refused, Temporary, Throttled
from domain.ids import LeadId, TenantId
from domain.ports.target import Change, Seen, Subject
from domain.signal import LeadKey
from tests.tools.crm.memory import Card, World, take, write


class Fault(StrEnum):
    """What goes wrong with one call."""

    BEFORE = "before"
    """`Temporary`, and nothing was written."""
    AFTER = "after"
    """Written, but the answer is lost: `OutcomeUnknown`."""
    VANISHED = "vanished"
    """`OutcomeUnknown`, though nothing was written."""
    THROTTLE = "throttle"
    """`Throttled` for `retry_after_s`."""
    REFUSE = "refuse"
    """`Refused` with `refusal` as its code."""
    HANG = "hang"
    """Nothing is written and the call never returns; it ends only by being cancelled."""
    HANG_AFTER = "hang_after"
    """Written, then the same."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request that was applied."""

    key: str
    kind: StepKind
    tenant: TenantId
    lead_id: LeadId
    params: Mapping[str, str]
    receipt: StepReceipt


class MemoryTarget:
    """Satisfies `domain.ports.target.Target`.

    A `keyed` one answers the same key again from its ledger. The others do what such systems do: they apply it once
    more, and `ledger` shows the effect doubled.
    """

    def __init__(
        self,
        plan: Iterable[Fault | None] = (),
        *,
        delivery: Delivery = Delivery.KEYED,
        name: str = "memory",
        takes: Iterable[StepKind] = tuple(StepKind),
    ) -> None:
        """`plan` holds one entry per `send`, in order."""
        self.name, self.delivery, self.takes = name, delivery, frozenset(takes)
        self.plan: deque[Fault | None] = deque(plan)
        self.reads: deque[Fault | None] = deque()
        self.ledger: list[Line] = []
        """Requests applied, in order."""
        self.sent: list[str] = []
        """Keys of all requests that were made, whatever became of them."""
        self.retry_after_s, self.refusal = 30.0, "refused"
        self.world = World()

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now."""
        await self._fail_read()
        found = self.world.find(subject)
        if found is None:
            return Seen()
        card = self.world.survivor(found)
        if card.deleted:
            return Seen(gone=True)
        tasks = (i for i in self.world.items.values() if i.open and i.ref.startswith("task-"))
        return Seen(
            exists=True,
            merged_into=card.ref if found.merged_into else None,
            owner=card.owner["owner"] or None,
            human_touch_at=card.touched,
            do_not_contact=card.do_not_contact,
            fields=dict(card.fields),
            programmes=tuple(sorted(card.programmes)),
            open_tasks=tuple(i.ref for i in tasks if self.world.survivor(self.world.cards[i.card]) is card),
        )

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step, or fail as the plan says."""
        self.sent.append(key)
        fault = self.plan.popleft() if self.plan else None
        if fault not in (None, Fault.AFTER, Fault.HANG_AFTER):
            await self._raise(fault)
        receipt = self._apply(step, subject, key)
        if fault is not None:
            await self._raise(fault)
        return receipt

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt under `key`."""
        await self._fail_read()
        if self.delivery is Delivery.NEITHER:
            raise Permanent(f"{self.name} cannot be asked for a key")
        return next((line.receipt for line in self.ledger if line.key == key), None)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What would be written."""
        await self._fail_read()
        trial, changes = deepcopy(self.world), list[Change]()
        for step in steps:
            try:
                changes += take(trial, step, subject)[1]
            except Refused as refusal:
                changes.append(Change(step.kind, "refused", "", refusal.code))
        return changes

    # What people do in the CRM.

    def create(self, tenant: TenantId, key: LeadKey) -> str:
        """A record that was there before us, known by `key`."""
        return self.world.create(Subject(tenant, LeadId(f"none:{key.value}"), (key,))).ref

    def edit(self, tenant: TenantId, lead_id: LeadId, name: str, value: str, *, at: int) -> None:
        """A person changes a field."""
        card = self._card(tenant, lead_id)
        write(card.fields, {name: value})
        card.touched = at

    def give(self, tenant: TenantId, lead_id: LeadId, owner: str, *, at: int) -> None:
        """A person changes the owner."""
        card = self._card(tenant, lead_id)
        card.owner["owner"], card.touched = owner, at

    def touch(self, tenant: TenantId, lead_id: LeadId, *, at: int) -> None:
        """A person does something with the record."""
        self._card(tenant, lead_id).touched = at

    def enrol(self, tenant: TenantId, lead_id: LeadId, programme: str) -> None:
        """A person puts the lead into a programme."""
        self._card(tenant, lead_id).programmes.add(programme)

    def forbid(self, tenant: TenantId, lead_id: LeadId) -> None:
        """A person sets do-not-contact."""
        self._card(tenant, lead_id).do_not_contact = True

    def delete(self, tenant: TenantId, lead_id: LeadId) -> None:
        """A person deletes the record."""
        self._card(tenant, lead_id).deleted = True

    def merge(self, tenant: TenantId, loser: LeadId, winner: LeadId) -> None:
        """A person merges two records."""
        lost, kept = self._card(tenant, loser), self._card(tenant, winner)
        lost.merged_into = kept.ref
        kept.programmes |= lost.programmes

    def close_task(self, ref: str) -> None:
        """A person closes a task."""
        self.world.items[ref].open = False

    def route(self, tenant: TenantId, ref: str, queue: str) -> None:
        """A person moves a conversation to another queue."""
        self.world.talks[tenant, ref]["queue"] = queue

    def counts(self) -> dict[str, int]:
        """How many of each: `tasks`, `notes` (open ones), `notifications`, `records`, `ledger`."""
        count = self.world.count
        return {
            "ledger": len(self.ledger), "notes": count("note"), "notifications": count("notification"),
            "records": len(self.world.cards), "tasks": count("task"),
        }  # fmt: skip

    def _card(self, tenant: TenantId, lead_id: LeadId) -> Card:
        found = self.world.find(Subject(tenant, lead_id))
        assert found is not None, f"no record of {lead_id}"
        return self.world.survivor(found)

    def _apply(self, step: Step, subject: Subject, key: str) -> StepReceipt:
        if step.kind not in self.takes:
            raise Refused(f"{self.name} does not take {step.kind.value}", "invalid")
        known = next((line for line in self.ledger if line.key == key), None)
        if known is not None and self.delivery is Delivery.KEYED:
            if (known.kind, known.params, known.tenant) != (step.kind, dict(step.params), subject.tenant):
                raise Refused("the key was used for something else", "key_reused")
            return known.receipt
        trial = deepcopy(self.world)
        receipt, _ = take(trial, step, subject)
        self.world = trial
        self.ledger.append(Line(key, step.kind, subject.tenant, subject.lead_id, dict(step.params), receipt))
        return receipt

    async def _fail_read(self) -> None:
        fault = self.reads.popleft() if self.reads else None
        if fault is not None:
            await self._raise(fault)

    async def _raise(self, fault: Fault | None) -> Never:
        match fault:
            case Fault.BEFORE:
                raise Temporary(f"{self.name} cannot be reached")
            case Fault.THROTTLE:
                raise Throttled(f"{self.name} asks to come later", self.retry_after_s)
            case Fault.REFUSE:
                raise Refused(f"{self.name} said no", self.refusal)
            case Fault.HANG | Fault.HANG_AFTER:
                await asyncio.Event().wait()
        raise OutcomeUnknown(f"the answer of {self.name} was lost")
