"""A vendor that knows no keys as a target: each step leaves a mark in the record, and the mark is looked for first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from weakref import WeakValueDictionary

from domain.effect import RETURNS, Delivery, Step, StepKind, StepReceipt, undo_of
from domain.errors import LeadgraphError, OutcomeUnknown, Refused, Temporary
from domain.ids import TenantId
from domain.ports.target import Change, Seen, Subject
from tools.beside import Taken, Watch
from tools.sent import Note, Sent, digest_of, mark_of
from tools.vendor import Answer, Api, Call

MAX_KEY: Final = 300
"""Characters of a key."""
NEW: Final = "NEW"
"""Stands for the id of a record that is still to be made."""
WAS: Final = "was."
"""Prefix of a parameter of an undo: what we wrote."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a step would ask of the vendor, made by reading alone.

    `calls` are made in order. Each may be made twice with the same outcome, and the last leaves the mark.
    """

    place: str
    calls: Sequence[Call]
    changes: Sequence[tuple[str, str, str]] = ()
    """Field, before, after."""
    before: Mapping[str, str] = field(default_factory=dict)
    ref: str = ""
    """Known before anything is sent; else it is read from the last answer."""
    thing: str = ""
    keeps: Mapping[str, str] = field(default_factory=dict)
    """What `before` would say if the step had been half done: names with the values that we write."""
    watch: Watch | None = None
    """Looks at the record before each call, where others write in it too. Its `thing` is a `tools.beside.Start`."""
    room: Callable[[], Awaitable[None]] | None = None
    """Raises Throttled, before anything is sent, where the record takes no more changes for now."""
    create: Call | None = None
    """Makes the record that the step needs, once however often it is sent; then the plan is made again.

    Until then the plan shows what follows: the record is empty, and `NEW` stands for its id.
    """


class Vendor(Protocol):
    """What a connector knows of its vendor."""

    name: str
    takes: frozenset[StepKind]

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now. Raises: Temporary, Throttled, Refused (``gone`` if there is none any more)."""
        ...

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:
        """What the step would ask; nothing is changed. Raises: Temporary, Throttled, Refused."""
        ...

    def ref(self, step: Step, answer: Answer) -> str:
        """The vendor's id of what was made, from the answer to the last call; empty if it says none.

        Raises: Refused or Throttled for what did not happen in spite of a good status; OutcomeUnknown.
        """
        ...

    async def found(self, note: Note, mark: str) -> str | None:
        """The vendor's id of what the noted step made, None if its mark is nowhere. Raises: Temporary, Throttled."""
        ...


class MarkedTarget:
    """Satisfies `domain.ports.target.Target`, with `read_back`, for one tenant's account at a vendor."""

    delivery = Delivery.READ_BACK

    def __init__(self, vendor: Vendor, api: Api, sent: Sent, *, tenant: TenantId) -> None:
        """`sent` is shared by all processes of the home."""
        self.name, self.takes = vendor.name, vendor.takes
        self._vendor, self._api, self._sent, self._tenant = vendor, api, sent, tenant
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now; nothing for a lead of another tenant."""
        if subject.tenant != self._tenant:
            return Seen()
        try:
            return await self._vendor.look(subject)
        except Refused as refusal:
            if refusal.code != "gone":
                raise
            return Seen(gone=True)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step, unless its mark is there."""
        if not 0 < len(key) <= MAX_KEY:
            raise Refused(f"{self.name}: a key has 1 to {MAX_KEY} characters", "invalid")
        async with self._turn(subject):
            note = await self._sent.note(key)
            if note is not None:
                if note.digest != digest_of(step, subject):
                    raise Refused(f"{self.name}: the key was used for something else", "key_reused")
                ref = await self._vendor.found(note, mark_of(key))
                if ref is not None:
                    return StepReceipt(ref, note.before)
            self._admit(step, subject)
            plan = await self._planned(step, subject, mark_of(key))
            if plan.room is not None:
                await plan.room()
            first = note if plan.watch is not None else None
            before = plan.before if note is None else _first(plan, note)
            thing = (first.thing if first is not None else "") or plan.thing
            note = Note(key, digest_of(step, subject), step.kind, plan.place, thing, before)
            await self._sent.keep(note)
            try:
                return StepReceipt(await self._made(step, plan, note, begun=first is not None), before)
            except Taken as taken:
                await self._leave(subject, note, taken)
                raise Refused(f"{self.name}: a person has it", taken.rule.value) from None

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt of the step whose mark is in the vendor's record."""
        note = await self._sent.note(key)
        if note is None:
            return None
        ref = await self._vendor.found(note, mark_of(key))
        return None if ref is None else StepReceipt(ref, note.before)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """Each field with what is there and what would be, then the exact requests; a refusal says so.

        A record that has to be made first is made once, by the first step that needs it.
        """
        changes: list[Change] = []
        making: Call | None = None
        for step in steps:
            try:
                self._admit(step, subject)
                plan = await self._vendor.plan(step, subject, "mark")
            except Refused as refusal:
                changes.append(Change(step.kind, "refused", "", refusal.code))
                continue
            first = plan.create if making is None else None
            making = making or first
            made = [("record", "", "made")] if first is not None else []
            changes += [Change(step.kind, *change) for change in (*made, *plan.changes)]
            calls = [first, *plan.calls] if first is not None else plan.calls
            changes += [Change(step.kind, "request", "", call.text()) for call in calls]
        return changes

    async def aclose(self) -> None:
        """Close all connections."""
        await self._api.aclose()

    def _admit(self, step: Step, subject: Subject) -> None:
        if subject.tenant != self._tenant:
            raise Refused(f"{self.name}: the account is another tenant's", "forbidden")
        if step.kind not in self.takes:
            raise Refused(f"{self.name} does not take {step.kind.value}", "invalid")

    def _turn(self, subject: Subject) -> asyncio.Lock:
        """One write at a time for a lead: marks are read, added to and written back."""
        return self._turns.setdefault(subject.lead_id, asyncio.Lock())

    async def _planned(self, step: Step, subject: Subject, mark: str) -> Plan:
        """The plan, once the lead has a record: making one twice makes one."""
        plan = await self._vendor.plan(step, subject, mark)
        if plan.create is not None:
            self._vendor.ref(step, await self._api.write(plan.create))
            plan = await self._vendor.plan(step, subject, mark)
            if plan.create is not None:
                raise OutcomeUnknown(f"{self.name}: the record that was made cannot be read yet")
        if await self._sent.place(subject) is None:
            await self._sent.settle(subject, plan.place)
        return plan

    async def _made(self, step: Step, plan: Plan, note: Note, *, begun: bool) -> str:
        """Make it; a refusal because it is there already, though it was not seen before, is no refusal."""
        try:
            ref = await self._make(step, plan, note, begun=begun)
        except Refused:
            found = await self._vendor.found(note, mark_of(note.key))
            if found is None:
                raise
            return found
        return ref or await self._read_back(note)

    async def _read_back(self, note: Note) -> str:
        """The vendor's id of what was just made, where no answer names it. Raises: OutcomeUnknown."""
        try:
            found = await self._vendor.found(note, mark_of(note.key))
        except LeadgraphError as error:
            raise OutcomeUnknown(f"{self.name}: it was done, but cannot be read ({error})") from error
        if found is None:
            raise OutcomeUnknown(f"{self.name}: it was done, but its mark is not there yet")
        return found

    async def _make(self, step: Step, plan: Plan, note: Note, *, begun: bool) -> str:
        """Make the calls; the vendor's id of what was made. `begun`: an earlier try may have made some of them."""
        made: list[Call] = []
        ref = plan.ref
        for planned in plan.calls:
            try:
                call = planned if plan.watch is None else await plan.watch(planned, note)
                answer = await self._api.write(call)
                if planned is plan.calls[-1]:
                    ref = self._vendor.ref(step, answer) or ref
            except Refused:
                await self._take_back(made)
                raise
            except (Temporary, OutcomeUnknown) as error:
                if made or begun:
                    raise OutcomeUnknown(f"{self.name}: the step is half done ({error})") from error
                raise
            made.append(call)
        return ref

    async def _leave(self, subject: Subject, note: Note, taken: Taken) -> None:
        """Give a person what we wrote over, and take back what is still ours of the step. Raises: OutcomeUnknown."""
        owner = ("owner", f"{WAS}owner") if taken.owner_stays else ()
        before = {name: value for name, value in note.before.items() if name not in owner}
        try:
            for call in taken.calls:
                await self._api.write(call)
            back = undo_of(Step(note.kind, {}), StepReceipt(before=before))
            if back is not None:
                plan = await self._vendor.plan(back, subject, mark_of(f"{note.key}/left"))
                for call in plan.calls:
                    if call.back is not None:
                        await self._api.write(call)
        except LeadgraphError as error:
            raise OutcomeUnknown(f"{self.name}: the step is half done ({error})") from error

    async def _take_back(self, made: Sequence[Call]) -> None:
        """Undo the calls of a step of which a later call was refused. Raises: OutcomeUnknown."""
        try:
            for call in reversed(made):
                if call.back is not None:
                    await self._api.write(call.back)
        except LeadgraphError as error:
            raise OutcomeUnknown(f"{self.name}: the step is half done ({error})") from error


def _first(plan: Plan, note: Note) -> dict[str, str]:
    """What was there before the first try: what we write now and find already is our own half-done step."""
    own = {
        name for name, value in plan.before.items() if name in note.before and plan.keeps.get(name) == value
    }
    return {name: note.before[name] if name in own else value for name, value in plan.before.items()}


def merged(held: Mapping[str, str], params: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What is to be written over `held`, and what was there before.

    Where ``was.<name>`` is given, a name is written only if it still holds that; the others are named in ``kept``.
    >>> merged({"a": "1", "b": "2"}, {"a": "0", "was.a": "1", "b": "0", "was.b": "7"})
    ({'a': '0'}, {'a': '1', 'b': '2', 'kept': 'b'})
    """
    names = [name for name in params if not name.startswith(WAS)]
    before = {name: held.get(name, "") for name in names}
    kept = [name for name in names if params.get(WAS + name, before[name]) != before[name]]
    writes = {name: params[name] for name in names if name not in kept}
    return writes, before | ({"kept": ", ".join(sorted(kept))} if kept else {})


def changed(before: Mapping[str, str], writes: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The lines of a dry run: what is there already is no change."""
    return [(name, before[name], value) for name, value in writes.items() if before[name] != value]


def routed(
    step: Step, held: Mapping[str, str], talk: str, *, names: Collection[str], always: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What is to be written over a conversation's `held` values, and what was there before, for the way back.

    A handing over writes `always` too; where sales gives the conversation back its status stays, and of the rest what
    marks it as handed over is taken off. Raises: Refused for what is none of `names`.
    """
    over = step.kind is StepKind.HAND_OVER
    said = {name: value for name, value in step.params.items() if over or name.removeprefix(WAS) in names}
    if said.pop(RETURNS, None):
        always = {name: "" for name in always if name != "status"}
    if unknown := sorted(said.keys() - set(names)) if over else []:
        raise Refused(f"a conversation has no {unknown[0]}", "invalid")
    writes, before = merged(held, {**said, **always} if over else said)
    if over:
        before |= {"conversation": talk, **{f"{WAS}{name}": value for name, value in writes.items()}}
    return writes, before
