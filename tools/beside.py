"""Writing into a record in which people write too, where the vendor knows no condition: a person keeps it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.effect import Step, StepKind
from domain.recheck import Rule
from tools.sent import Note
from tools.vendor import Call

_CLOSED = "\n"
"""Ends what a note keeps of a conversation that was closed already."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a conversation stood when a step was first tried: what was newest in it, and our name of who had it."""

    newest: int
    owner: str
    closed: bool = False

    def text(self) -> str:
        """As a note keeps it."""
        return f"{self.newest}:{self.owner}{_CLOSED if self.closed else ''}"

    @classmethod
    def of(cls, note: Note) -> "Start":
        """Inverse of `text`.

        >>> Start.of(Note("k", "", None, "42", Start(7, "r:1").text(), {}))
        Start(newest=7, owner='r:1', closed=False)
        """
        newest, _, owner = note.thing.partition(":")
        return cls(int(newest), owner.removesuffix(_CLOSED), owner.endswith(_CLOSED))


class Taken(Exception):
    """A person has the record since the step began, or has closed it. `calls` give back what we wrote over."""

    def __init__(self, *calls: Call, owner_stays: bool = False, rule: Rule = Rule.OWNER_CHANGED) -> None:
        """With `owner_stays` whoever has it after `calls` keeps it; else it is given back to who had it before."""
        super().__init__("a person has it")
        self.calls, self.owner_stays, self.rule = calls, owner_stays, rule


def unless_taken(owner: str, step: Step, note: Note, *, closed: bool = False) -> None:
    """Raises: Taken if a handing over would take it from a person who took, or closed, it since the first try.

    `owner` is who has it now; empty: nobody. `closed`: it is closed now.
    """
    if step.kind is not StepKind.HAND_OVER:
        return
    start = Start.of(note)
    if closed and not start.closed:
        raise Taken(rule=Rule.CLOSED)
    if owner not in ("", step.params.get("owner"), start.owner):
        raise Taken(owner_stays=True)


Watch = Callable[[Call, Note], Awaitable[Call]]
"""Asked right before each call of a step: the call as it is to be made by now.

Raises: Taken; Temporary where the record is not as it was read, or cannot be read.
"""
