"""Edits: what a person changes about a proposal before approving it, checked, and what differs afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from domain.action import ActionKind
from domain.effect import WITHOUT, params_of, steps_of
from domain.errors import BadInput
from domain.instants import Instant, moment

LONGEST: Final = 500
"""Characters of a value."""
FREE_TEXT: Final = frozenset({"next_step", "note", "title"})
"""Fields whose words stay with the action: no label repeats them."""
FIELDS: Final = ("due", "next_step", "note", "owner", "priority", "programme", "queue", "team", "title")
"""What can be edited, each where an action has it."""
Params = Mapping[ActionKind, Mapping[str, str]]
"""Parameters of each action of a proposal."""


@dataclass(frozen=True, slots=True)
class Edit:
    """New `values` by field, for every action that has the field; and what to `drop`.

    An action is dropped by its kind (``enrol``), one of its steps as ``create_task.add_note``.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that an edit changed: ``create_task.owner`` with its values, or an action that is gone."""

    field: str
    before: str
    after: str


def edited(proposed: Params, edit: Edit, *, now: int) -> Params:
    """The parameters after `edit`; actions that were dropped are missing.

    Raises: BadInput (code ``invalid``; ``same`` if nothing would change; ``nothing_left`` if all would be dropped).
    """
    values = {name: _value(name, text, now) for name, text in sorted(edit.values.items())}
    dropped = _dropped(proposed, edit.drop)
    kept = {kind: dict(params) for kind, params in proposed.items() if dropped.get(kind) != ()}
    if not kept:
        raise _bad("drop", "nothing of the proposal would be left", "reject it instead", "nothing_left")
    after = {kind: _without(params, dropped.get(kind)) for kind, params in kept.items()}
    for name, text in values.items():
        takers = [kind for kind, params in after.items() if name in params_of(kind, params)]
        if not takers:
            can = sorted({n for kind, params in after.items() for n in params_of(kind, params)} & set(FIELDS))
            raise _bad(name, "no action of this proposal has it", f"one can edit {', '.join(can)}")
        for kind in takers:
            after[kind][name] = text
    if after == {kind: dict(params) for kind, params in proposed.items()}:
        raise _bad("edit", "nothing would change", "approve it as it is", "same")
    return after


def differences(before: Params, after: Params) -> Sequence[Difference]:
    """What differs, in the order of the actions and their fields."""
    found = []
    for kind, params in before.items():
        if kind not in after:
            found.append(Difference(kind.value, "proposed", "dropped"))
            continue
        for name in sorted({*params, *after[kind]}):
            old, new = params.get(name, ""), after[kind].get(name, "")
            if old != new:
                found.append(Difference(f"{kind.value}.{name}", old, new))
    return found


def _dropped(proposed: Params, names: Iterable[str]) -> Mapping[ActionKind, tuple[str, ...]]:
    """Steps to leave out by action; none named: the whole action."""
    found: dict[ActionKind, tuple[str, ...]] = {}
    for name in sorted(names):
        action, _, step = name.partition(".")
        kind = next((one for one in proposed if one.value == action), None)
        steps = [] if kind is None else [one.kind.value for one in steps_of(kind, proposed[kind])]
        if kind is None or (step and step not in steps):
            can = [k.value for k in proposed] if kind is None else [f"{action}.{one}" for one in steps]
            raise _bad("drop", f"there is no {name} in this proposal", f"one can drop {', '.join(can)}")
        if not step:
            found[kind] = ()
        elif found.get(kind) != ():
            found[kind] = (*found.get(kind, ()), step)
    return {
        kind: () if len(out) == len(steps_of(kind, proposed[kind])) else out for kind, out in found.items()
    }


def _without(params: Mapping[str, str], steps: tuple[str, ...] | None) -> dict[str, str]:
    if not steps:
        return dict(params)
    gone = {*params.get(WITHOUT, "").split(), *steps}
    return {**params, WITHOUT: " ".join(sorted(gone))}


def _value(name: str, text: str, now: int) -> str:
    said = " ".join(text.split())
    if name not in FIELDS:
        raise _bad(name, "cannot be edited", f"one can edit {', '.join(FIELDS)}")
    if not said or len(said) > LONGEST or not said.isprintable():
        raise _bad(name, f"is not 1 to {LONGEST} printable characters", "say it in one line")
    if name == "due":
        _day(said, now)
    return said


def _day(text: str, now: int) -> None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _bad("due", f"{text} is no day", "write it as 2026-12-31") from None
    if text != day.isoformat() or day < moment(Instant(now)).date():
        raise _bad("due", f"{text} is no day from today on", "write it as 2026-12-31")


def _bad(name: str, problem: str, remedy: str, code: str = "invalid") -> BadInput:
    return BadInput(name, problem, remedy, code=code)
