"""Two targets as one: what concerns a conversation goes to the desk that has it, the rest to the CRM."""

from collections.abc import Callable, Sequence
from typing import Final

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import Refused
from domain.ports.target import Change, Seen, Subject, Target
from tools.desk_takes import TAKES

_UNDO: Final = frozenset({StepKind.REMOVE_NOTE, StepKind.HAND_BACK})


class DeskFirst:
    """Satisfies `domain.ports.target.Target`. Neither of the two may be of the kind ``neither``."""

    delivery = Delivery.READ_BACK
    takes = TAKES
    """A note of a lead without a conversation stands in the CRM; a customer is told something at the desk alone."""

    def __init__(self, desk: Target, crm: Target, rest: Target, *, talks: Callable[[Subject], bool]) -> None:
        """`talks` says if a lead has a conversation at `desk`; `rest` takes what `crm` does not."""
        self.name = desk.name
        self._desk, self._crm, self._rest, self._talks = desk, crm, rest, talks

    async def look(self, subject: Subject) -> Seen:
        """The conversation, or the record of a lead that has none."""
        return await self._of(StepKind.HAND_OVER, subject).look(subject)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step where the lead is talked with; what was done before it was, is undone where it was done."""
        first = self._of(step.kind, subject)
        try:
            return await first.send(step, subject, key=key)
        except Refused as refusal:
            if first is not self._desk or step.kind not in _UNDO or refusal.code != "gone":
                raise
        return await self._beside(step.kind).send(step, subject, key=key)

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt, whoever has it."""
        for target in dict.fromkeys((self._desk, self._crm, self._rest)):
            found = await target.find(key)
            if found is not None:
                return found
        return None

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What each step would write where it goes."""
        return [
            change for step in steps for change in await self._of(step.kind, subject).preview([step], subject)
        ]

    def _of(self, kind: StepKind, subject: Subject) -> Target:
        return self._desk if kind is StepKind.TELL_CUSTOMER or self._talks(subject) else self._beside(kind)

    def _beside(self, kind: StepKind) -> Target:
        return self._crm if kind in self._crm.takes else self._rest
