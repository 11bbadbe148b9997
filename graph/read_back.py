"""After a restore: what targets already know of an action is found out before anything of it is sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from domain.attempt import begun
from domain.effect import Delivery, StepKind, StepProgress, StepReceipt, StepState, undo_of
from domain.errors import OutcomeUnknown, Permanent
from domain.ports.outbox import Taken
from domain.ports.target import Target
from domain.restored import Doubt

_OPEN: Final = frozenset({StepState.PENDING, StepState.STARTED})
_THERE: Final = frozenset({StepState.DONE, StepState.UNDO_STARTED})


class CannotTell(Exception):
    """Nobody but a person can say whether the action was done."""


async def read_back(taken: Taken, targets: Mapping[StepKind, Target]) -> tuple[StepProgress, ...]:
    """The steps of `taken` as the targets know them; those of an action that is not in doubt as they are.

    Steps leave in order, so the first that is not there ends the asking. A keyed target that cannot be asked is
    sent the same key again, which changes nothing.
    Raises: CannotTell; Temporary if a target cannot be asked now.
    """
    steps = list(taken.row.steps)
    if taken.doubt is Doubt.PERSON and not begun(steps):
        raise CannotTell
    for index, one in enumerate(steps if taken.doubt is Doubt.ASK else ()):
        target = targets.get(one.step.kind)
        if target is None:
            break
        found = await _seen(one, target)
        if found is None:
            break
        steps[index] = found
    return tuple(steps)


async def _seen(one: StepProgress, target: Target) -> StepProgress | None:
    """The step as done or taken back, None if it is not in the target."""
    if one.state in _OPEN:
        receipt = await _receipt(target, one.key)
        if receipt is None:
            return None
        one = replace(one, state=StepState.DONE, receipt=receipt)
    back = undo_of(one.step, one.receipt or StepReceipt()) is not None and one.state in _THERE
    if back and await _receipt(target, f"{one.key}/undo") is not None:
        return replace(one, state=StepState.UNDONE)
    return one


async def _receipt(target: Target, key: str) -> StepReceipt | None:
    if target.delivery is Delivery.NEITHER:
        raise CannotTell
    try:
        return await target.find(key)
    except (Permanent, OutcomeUnknown) as error:
        if target.delivery is Delivery.KEYED:
            return None
        raise CannotTell from error
