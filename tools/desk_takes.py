"""What any desk takes, the steps that concern a conversation, and which conversation a step concerns."""

import re
from typing import Final

from domain.effect import Step, StepKind
from domain.ports.target import Subject
from domain.signal import KeyKind

TAKES: Final = frozenset(
    {
        StepKind.ADD_NOTE,
        StepKind.REMOVE_NOTE,
        StepKind.HAND_OVER,
        StepKind.HAND_BACK,
        StepKind.TELL_CUSTOMER,
    }
)


def latest(subject: Subject, named: re.Pattern[str]) -> str | None:
    """The lead's latest conversation at the desk that names one as `named`; None if it has none there.

    A bare number may be another desk's.

    >>> from domain.signal import LeadKey
    >>> keys = (LeadKey(KeyKind.CONVERSATION, "chatwoot:9"), LeadKey(KeyKind.CONVERSATION, "chatwoot:12"))
    >>> latest(Subject("t", "ld_1", keys), re.compile("chatwoot:([0-9]+)"))
    '12'
    """
    found = (named.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CONVERSATION)
    return max((one[1] for one in found if one), key=int, default=None)


def concerned(step: Step, subject: Subject, named: re.Pattern[str]) -> str | None:
    """The conversation that a step is about: a handing back says which, the others are about the latest."""
    if step.kind is StepKind.HAND_BACK:
        return step.params.get("conversation")
    return latest(subject, named)
