"""Programmes as lists: joining and leaving are idempotent by nature, and each is seen in the vendor's own record.

A step is done if the lead is on the lists, or off them, that it names: no mark is needed. What was new by the first try
is noted before anything leaves, so that an undo takes off only the lists that we put the lead on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from domain.effect import Step, StepKind
from domain.errors import Refused
from domain.ports.target import Seen, Subject
from tools.marked import Plan
from tools.sent import Note
from tools.vendor import Answer, Call

TAKES: Final = frozenset({StepKind.ENROL, StepKind.LEAVE})
ALL: Final = "all"
"""Stands for every programme, where one is left."""
NOBODY: Final = "-"
"""In place of the vendor's id, where it does not know the lead."""


@dataclass(frozen=True, slots=True)
class Member:
    """A contact as it was read: the vendor's id, the ids of the lists it is on, and what a look needs besides."""

    id: str
    lists: frozenset[str]
    seen: Seen


class Lists(Protocol):
    """One vendor's lists. Each call raises: Temporary, Throttled, Unauthorized, Refused."""

    name: str

    async def member(self, subject: Subject) -> Member | None:
        """The lead's contact, None if there is none."""
        ...

    async def known(self, contact: str) -> Member | None:
        """The contact with the vendor's id, None if it is gone."""
        ...

    def joining(self, one: str, contact: str) -> Call:
        """The request that puts a contact on a list; put on twice, it is on it once."""
        ...

    def leaving(self, one: str, contact: str) -> Call:
        """The request that takes it off."""
        ...

    def judge(self, answer: Answer) -> None:
        """Raises: Refused for what did not happen in spite of a good status."""
        ...

    async def lacks(self, one: str) -> str:
        """Why a list will not do, empty if it will."""
        ...


class Programmes:
    """Satisfies `tools.marked.Vendor`."""

    takes = TAKES

    def __init__(self, lists: Lists, named: Mapping[str, str]) -> None:
        """`named` are our programmes with the vendor's ids of their lists."""
        self.name, self._lists, self._named = f"{lists.name}_lists", lists, named

    async def look(self, subject: Subject) -> Seen:
        """The contact as it is now, with the programmes it is in."""
        member = await self._lists.member(subject)
        if member is None:
            return Seen()
        seen = member.seen
        return Seen(
            exists=True,
            owner=seen.owner,
            human_touch_at=seen.human_touch_at,
            do_not_contact=seen.do_not_contact,
            programmes=self._in(member),
        )

    async def plan(self, step: Step, subject: Subject, mark: str) -> Plan:  # noqa: ARG002 - a list is its own mark
        """A request for each list on which something changes."""
        join = step.kind is StepKind.ENROL
        wanted = self._wanted(step)
        member = await self._lists.member(subject)
        if member is None:
            if join:
                raise Refused(f"{self.name}: the lead has no contact here", "no_record")
            return Plan(NOBODY, (), before={"programmes": ""}, ref=NOBODY)
        there = self._in(member)
        new = [name for name in wanted if (name not in there) is join]
        ways = (
            (self._lists.joining, self._lists.leaving) if join else (self._lists.leaving, self._lists.joining)
        )
        calls = [
            _turn(ways[0](one, member.id), ways[1](one, member.id))
            for one in map(self._named.__getitem__, new)
        ]
        after = sorted({*there, *new}) if join else [name for name in there if name not in new]
        before = (
            {"programmes": _listed(there), "joined": _listed(new)} if join else {"programmes": _listed(new)}
        )
        lines = (("programmes", _listed(there), _listed(after)),) if new else ()
        thing = " ".join(self._named[name] for name in wanted)
        return Plan(member.id, calls, lines, before, member.id, thing, keeps=before)

    def ref(self, step: Step, answer: Answer) -> str:  # noqa: ARG002 - as the port has it
        """Nothing: the contact's id is known."""
        self._lists.judge(answer)
        return ""

    async def found(self, note: Note, mark: str) -> str | None:  # noqa: ARG002 - a list is its own mark
        """The contact, if it is on the lists, or off them."""
        if note.place == NOBODY:
            return NOBODY
        member = await self._lists.known(note.place)
        if member is None:
            return note.place if note.kind is StepKind.LEAVE else None
        wanted = set(note.thing.split())
        done = wanted <= member.lists if note.kind is StepKind.ENROL else not wanted & member.lists
        return note.place if done else None

    async def check(self) -> list[str]:
        """What is wrong with the lists, one line each; the vendor is only read. Raises: Temporary, Refused."""
        lacks = {name: await self._lists.lacks(one) for name, one in self._named.items()}
        problems = [f"programmes: {name}: {why}" for name, why in lacks.items() if why]
        return (
            problems if self._named else ["programmes: name a list for each in [programmes] of the field map"]
        )

    def _wanted(self, step: Step) -> list[str]:
        """The programmes that a step names. Raises: Refused for one that has no list."""
        if "programme" not in step.params:
            raise Refused(f"{self.name}: the step names no programme", "invalid")
        names = [name.strip() for name in step.params["programme"].split(",") if name.strip()]
        if step.kind is StepKind.LEAVE and names == [ALL]:
            return sorted(self._named)
        if unknown := sorted(set(names) - self._named.keys()):
            raise Refused(
                f"{self.name}: {unknown[0]} has no list in [programmes] of the field map", "invalid"
            )
        return names

    def _in(self, member: Member) -> tuple[str, ...]:
        return tuple(sorted(name for name, one in self._named.items() if one in member.lists))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)


def _turn(call: Call, back: Call) -> Call:
    return Call(call.method, call.path, call.body, back=back)
