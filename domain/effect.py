"""Effects: an action as the steps that a target takes, each with its key, its receipt and its undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from domain.action import ActionKind


class StepKind(StrEnum):
    """One write in a target."""

    SET_FIELDS = "set_fields"
    """Write fields of the lead's record; what they held before is in the receipt."""
    SET_OWNER = "set_owner"
    CREATE_TASK = "create_task"
    CLOSE_TASK = "close_task"
    ADD_NOTE = "add_note"
    REMOVE_NOTE = "remove_note"
    ENROL = "enrol"
    LEAVE = "leave"
    HAND_OVER = "hand_over"
    """Give a conversation to a sales queue."""
    HAND_BACK = "hand_back"
    NOTIFY = "notify"
    """Tell somebody. It cannot be taken back."""
    TELL_CUSTOMER = "tell_customer"
    """Write a fixed sentence to the customer, in the conversation. It cannot be taken back."""


class Delivery(StrEnum):
    """What a target does with a request whose answer was lost."""

    KEYED = "keyed"
    """The same key again changes nothing and answers as before: resend."""
    READ_BACK = "read_back"
    """It can be asked whether the key is there: ask before any resend."""
    NEITHER = "neither"
    """Neither: a lost answer stays unknown, for a person."""


class StepState(StrEnum):
    """How far one step is. `STARTED` is written before the request leaves."""

    PENDING = "pending"
    STARTED = "started"
    DONE = "done"
    UNDO_STARTED = "undo_started"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Step:
    """What a target is asked to do. Values are text; an empty one deletes."""

    kind: StepKind
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepReceipt:
    """What a target answered: its id of what it made, and what was there before (for the undo)."""

    ref: str = ""
    before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepProgress:
    """One step of an action and how far it is. `key` is fixed when the action is first taken, also over merges."""

    step: Step
    key: str
    state: StepState = StepState.PENDING
    receipt: StepReceipt | None = None


_STEPS: Final[Mapping[ActionKind, Sequence[StepKind]]] = {
    ActionKind.UPSERT_SCORE: (StepKind.SET_FIELDS,),
    ActionKind.CREATE_TASK: (StepKind.CREATE_TASK, StepKind.ADD_NOTE),
    ActionKind.ASSIGN_OWNER: (StepKind.SET_OWNER,),
    ActionKind.ENROL: (StepKind.ENROL,),
    ActionKind.LEAVE: (StepKind.LEAVE,),
    ActionKind.HANDOFF: (
        StepKind.HAND_OVER,
        StepKind.CREATE_TASK,
        StepKind.ADD_NOTE,
        StepKind.NOTIFY,
        StepKind.TELL_CUSTOMER,
    ),
    ActionKind.NOTIFY: (StepKind.NOTIFY,),
}
"""The steps of each kind, in order. A step without an undo comes last."""

_PARAMS: Final[Mapping[StepKind, Sequence[str]]] = {
    StepKind.SET_FIELDS: ("band", "engagement", "fit", "intent", "next_step", "points"),
    StepKind.SET_OWNER: ("owner", "team"),
    StepKind.CREATE_TASK: ("due", "intent", "next_step", "owner", "priority", "queue", "title"),
    StepKind.ADD_NOTE: ("intent", "next_step", "note"),
    StepKind.ENROL: ("programme",),
    StepKind.LEAVE: ("programme",),
    StepKind.HAND_OVER: ("owner", "priority", "queue", "returns"),
    StepKind.NOTIFY: ("intent", "next_step", "owner", "queue"),
    StepKind.TELL_CUSTOMER: ("heard", "held", "owner", "tell"),
}
"""Which parameters of the action go into each step."""
_ONLY_WITH: Final[Mapping[StepKind, str]] = {StepKind.TELL_CUSTOMER: "tell"}
"""Steps that are taken only where the action has that parameter."""
MAY_BE_LEFT: Final = frozenset({StepKind.TELL_CUSTOMER})
"""Steps that may be left out in the end: what was done before them stands."""
LEFT: Final = "left"
"""The name in `StepReceipt.before` under which a step that was left out says why."""
RETURNS: Final = "returns"
"""The parameter of a handing over by which sales gives a conversation back: the desk's own bot may go on in it."""
WITHOUT: Final = "without"
"""The parameter that names the steps which a person has dropped, separated by spaces."""


def steps_of(kind: ActionKind, params: Mapping[str, str]) -> tuple[Step, ...]:
    """An action as steps, in the order in which they are taken.

    >>> [step.kind.value for step in steps_of(ActionKind.CREATE_TASK, {"owner": "r1"})]
    ['create_task', 'add_note']
    >>> [step.kind.value for step in steps_of(ActionKind.CREATE_TASK, {"without": "add_note"})]
    ['create_task']
    >>> [step.kind.value for step in steps_of(ActionKind.HANDOFF, {"tell": "One moment"})][-1]
    'tell_customer'
    """
    dropped = params.get(WITHOUT, "").split()
    dropped += [kind.value for kind, name in _ONLY_WITH.items() if not params.get(name)]
    return tuple(
        Step(step, {name: params[name] for name in _PARAMS[step] if name in params})
        for step in _STEPS[kind]
        if step.value not in dropped
    )


def params_of(kind: ActionKind, params: Mapping[str, str]) -> frozenset[str]:
    """Every parameter that a step of the action takes."""
    return frozenset(name for step in steps_of(kind, params) for name in _PARAMS[step.kind])


def undo_of(step: Step, receipt: StepReceipt) -> Step | None:
    """The step that takes `step` back, given what the target answered; None if nothing can.

    Undoing a write of fields or an owner names what we wrote (``was.*``), so that a target can leave alone what
    somebody has changed since. Of an enrolment only what was new (``joined``, where the target
    says so) is left again. An empty programme asks for nothing.
    """
    ref = {"ref": receipt.ref}
    match step.kind:
        case StepKind.SET_FIELDS | StepKind.SET_OWNER:
            ours = {f"was.{name}": value for name, value in step.params.items()}
            return Step(step.kind, {name: receipt.before.get(name, "") for name in step.params} | ours)
        case StepKind.CREATE_TASK:
            return Step(StepKind.CLOSE_TASK, ref)
        case StepKind.ADD_NOTE:
            return Step(StepKind.REMOVE_NOTE, ref)
        case StepKind.ENROL:
            joined = receipt.before.get("joined", step.params.get("programme", ""))
            return Step(StepKind.LEAVE, {"programme": joined})
        case StepKind.LEAVE:
            left = receipt.before.get("programmes", "")
            return Step(StepKind.ENROL, {"programme": left})
        case StepKind.HAND_OVER:
            return Step(StepKind.HAND_BACK, dict(receipt.before))
        case _:
            return None
