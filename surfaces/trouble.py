"""What stands in an action's way, in words: the cause, what to do about it, when it is tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.action import ActionKind, ActionState
from domain.attempt import GIVE_UP_AFTER, UNWIND, tried
from domain.effect import StepState
from domain.instants import MINUTE, Instant, iso
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow

OVERDUE: Final = 5 * MINUTE
"""An action that is due for longer has nobody who takes it."""
_ERROR: Final = "error:"
_CREDENTIALS: Final = "credentials:"
_OUTAGES: Final[Mapping[str, str]] = {
    "temporary": "{place} cannot be reached, or cannot take requests now",
    "throttled": "{place} asked us to come later",
    "record": "somebody else works on the record in {place} now, or it was changed too often",
    "left_alone": "{place} failed several times in a row and is left alone for a moment",
    "own_rate": "our own limit of calls a minute to {place} is used up",
    "unknown": "the answer of {place} was lost; whether it happened is found out first",
    "deadline": "{place} took too long",
    "defect": "an error of our own stopped the attempt",
}
"""By the code under which an action was put back."""
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "gone": ("the record was deleted in {place}", "restore it if that was a mistake"),
    "no_record": ("{place} has no record of the lead", "name its id there, or let it be made (docs/connectors.md)"),
    "forbidden": ("{place} says that our account lacks the right", "give it the right"),
    "conflict": ("the record was changed in {place} at the same time", "see that it is still right"),
    "key_reused": ("{place} knows the request with another content", "see that it is still right"),
    "invalid": ("{place} does not accept the values", "mend the fields there (leadgraph decisions preview {action})"),
    "moved": ("{place} has moved to another address", "set the new LEADGRAPH_WEBHOOK_URL"),
    "no_target": ("no target takes it", "configure one (docs/targets.md)"),
    "gave_up": ("it was tried for three days in vain", "see that {place} works"),
    "defect": ("an error of our own stopped each attempt", "look into leadgraph audit show {decision}"),
    "digest": ("what was stored is not what was proposed", "look into leadgraph audit show {decision}"),
    "unreadable": ("its row in the store is damaged", "look into leadgraph audit show {decision}"),
    "resolved": ("a person has seen that it did not happen", "see that it is still right"),
}  # fmt: skip
"""By the code of a failure: the cause, and what to do before it is sent again."""
_OTHERWISE: Final = ("{place} said no ({code})", "look into {place}")
_NEVER_AGAIN: Final = frozenset({"digest", "unreadable"})
_NOT_SENT: Final[Mapping[str, str]] = {
    "suppressed": "the lead asked to be forgotten",
    "consent": "consent was refused or withdrawn after it was proposed",
    "outcome": "the lead was won or lost after it was proposed",
    "not_a_lead": "sales said that this is no lead after it was proposed",
    "gone": "the record was deleted in {place}",
    "merged": "the record, or the lead, was merged into another",
    "do_not_contact": "{place} says not to contact",
    "human_touch": "a person worked on the record in {place} after it was proposed",
    "taken": "a person of the desk had taken the conversation",
    "owner_changed": "a person gave the lead to somebody else in {place}",
    "policy": "the tables changed before enough people had agreed",
    "changed": "part of the proposal no longer stood",
    "expired": "nobody decided in time",
    "superseded": "a newer score took its place",
    "edited": "a person changed it; the changed form stands in its place",
}
"""By the reason of an action that expired."""
_SETTLED: Final = frozenset({"suppressed", "superseded", "edited"})
"""Nothing follows."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a person needs to know of an action. Empty words: nothing to say."""

    cause: str = ""
    remedy: str = ""
    """What a person can do."""
    next: str = ""
    """What happens by itself."""
    next_try: int | None = None
    """Instant at which it is tried again by itself."""
    until: int | None = None
    """Instant at which it is given up, if the trouble lasts."""
    person: bool = False
    """It does not go on by itself."""

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "cause": self.cause or None,
            "remedy": self.remedy or None,
            "next": self.next or None,
            "next_try": None if self.next_try is None else iso(Instant(self.next_try)),
            "gives_up_at": None if self.until is None else iso(Instant(self.until)),
            "needs_a_person": self.person,
        }


def action_document(row: OutboxRow, why: Trouble) -> dict[str, Any]:
    """The JSON form of an action."""
    return {
        "action": row.action_id,
        "decision": row.decision_id,
        "lead": row.lead_id,
        "kind": row.kind.value,
        "state": row.state.value,
        "reason": row.reason,
        "attempt": row.attempt,
        "params": dict(row.params),
        "proposed_at": iso(Instant(row.at)),
        "finished_at": iso(Instant(row.finished_at)) if row.finished_at else None,
        "steps": [
            {
                "step": one.step.kind.value,
                "state": one.state.value,
                "ref": one.receipt.ref if one.receipt else None,
            }
            for one in row.steps
        ],
        **why.document(),
    }


def explain(home: Home, row: OutboxRow) -> Trouble:
    """What stands in the way of `row` as of now."""
    return trouble(row, place_of(home, row), now=home.clock.now())


def place_of(home: Home, row: OutboxRow) -> str:
    """The name of the target of the step at which the action is."""
    left = [one.step.kind for one in row.steps if one.state is not StepState.DONE]
    kinds = left or [one.step.kind for one in row.steps]
    names = [home.targets[kind].name for kind in kinds if kind in home.targets]
    return f"the {names[0]}" if names else "the target"


def trouble(row: OutboxRow, place: str, *, now: int) -> Trouble:
    """What stands in the way of `row`, whose target is called `place`."""
    match row.state:
        case ActionState.WAITING:
            return Trouble("a person decides first", f"leadgraph approvals show {row.approval_id}")
        case ActionState.PROPOSED | ActionState.SENDING | ActionState.UNDOING:
            return _on_its_way(row, place, now)
        case ActionState.FAILED:
            return _failed(row, place)
        case ActionState.EXPIRED:
            goes_on = "nothing follows" if row.reason in _SETTLED else "the lead is decided anew"
            return Trouble(
                _NOT_SENT.get(row.reason, row.reason).format(place=place), next=f"not sent; {goes_on}"
            )
        case ActionState.UNKNOWN:
            see = (
                f"look into {place}, then: leadgraph decisions resolve {row.action_id} --done (or --not-done)"
            )
            return Trouble(_doubt(row, place), see, person=True)
        case ActionState.REJECTED:
            return Trouble("a person took it out" if row.reason == "dropped" else "a person said no")
        case ActionState.COMPENSATED:
            stays = "what cannot be taken back (a message) stays" if row.reason == "cannot_undo" else ""
            return Trouble(f"taken back; {stays}" if stays else "taken back")
        case _:
            return Trouble(_merged(row))


def setting_of(reason: str) -> str | None:
    """The setting whose credentials a target does not accept, if that is the reason."""
    code = reason.removeprefix(UNWIND).removeprefix(_ERROR)
    return code.removeprefix(_CREDENTIALS) if code.startswith(_CREDENTIALS) else None


def _on_its_way(row: OutboxRow, place: str, now: int) -> Trouble:
    """Due, being sent, or put back for later."""
    if row.state is not ActionState.SENDING and row.next_try is not None and now - row.next_try > OVERDUE:
        return Trouble(
            "it is due, and no worker takes it",
            "start one: leadgraph worker",
            next_try=row.next_try,
            person=True,
        )
    if row.reason.startswith(UNWIND):
        code = row.reason.removeprefix(UNWIND)
        cause, _ = _REFUSALS.get(code, _OTHERWISE)
        setting, named = setting_of(row.reason), {"place": place, "code": code}
        why = cause.format(**named) if setting is None else _credentials(place)
        return Trouble(
            f"{why}; what was done of it is being taken back",
            next="tried until it is taken back",
            next_try=row.next_try,
        )
    if row.reason.startswith(_ERROR):
        ends = row.since + GIVE_UP_AFTER if row.state is ActionState.PROPOSED and tried(row) else None
        setting = setting_of(row.reason)
        if setting is not None:
            return Trouble(
                _credentials(place), _renew(setting), "goes on by itself after that", row.next_try, ends
            )
        code = row.reason.removeprefix(_ERROR)
        words = _OUTAGES.get(code, "the attempt failed ({code})").format(place=place, code=code)
        return Trouble(words, next="tried again by itself", next_try=row.next_try, until=ends)
    return Trouble(next="sent with the next pass of a worker", next_try=row.next_try)


def _failed(row: OutboxRow, place: str) -> Trouble:
    setting = setting_of(row.reason)
    if setting is None:
        cause, mend = _REFUSALS.get(row.reason, _OTHERWISE)
    else:
        cause, mend = f"{_credentials(place)}, for three days", _renew(setting)
    named = {"place": place, "code": row.reason, "action": row.action_id, "decision": row.decision_id}
    words, remedy = cause.format(**named), mend.format(**named)
    undone = [one.step.kind.value for one in row.steps if one.state is StepState.UNDONE]
    if undone:
        words += f"; {', '.join(undone)} had been done and was taken back"
    if row.kind is ActionKind.UPSERT_SCORE:
        return Trouble(words, remedy, "the next score is written by itself", person=True)
    if row.reason not in _NEVER_AGAIN:
        remedy += f"; then: leadgraph decisions retry {row.action_id}"
    return Trouble(words, remedy, "nothing by itself", person=True)


def _doubt(row: OutboxRow, place: str) -> str:
    if row.reason == "undo_refused" or row.reason.startswith(UNWIND):
        return f"{place} refused to take back a part of it"
    if row.reason == "unknown":
        return f"the answer of {place} was lost, and it cannot be asked whether it happened"
    return f"nobody can tell what became of it in {place}"


def _merged(row: OutboxRow) -> str:
    into = [
        one.receipt.before["merged_into"]
        for one in row.steps
        if one.receipt and "merged_into" in one.receipt.before
    ]
    return f"written to {into[0]}, into which the record was merged" if into else ""


def _credentials(place: str) -> str:
    return f"{place} does not accept our credentials any more"


def _renew(setting: str) -> str:
    name = f"LEADGRAPH_{setting.upper()}"
    if setting.endswith("_file"):
        return f"put new ones into the file that {name} names"
    return f"renew {name} and start the worker anew"
