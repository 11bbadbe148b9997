"""What any desk takes: the steps that concern a conversation."""

from typing import Final

from domain.effect import StepKind

TAKES: Final = frozenset(
    {
        StepKind.ADD_NOTE,
        StepKind.REMOVE_NOTE,
        StepKind.HAND_OVER,
        StepKind.HAND_BACK,
        StepKind.TELL_CUSTOMER,
    }
)
