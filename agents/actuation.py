"""Actuation: propose what the verdict asks for, bound to the hash of it; later perform it, once, or take it back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from domain.action import SILENT, ActionKind, ActionSpec, ActionState, Move, Proposal, proposal_hash
from domain.attempt import (
    STALE_AFTER,
    UNWIND,
    Ending,
    Performed,
    attempt_entry,
    begun,
    complete,
    given_up,
    intact,
    left_out,
    subject_of,
    tried,
    tries,
    trouble,
    unwinding,
    word,
)
from domain.audit import AuditEntry, AuditValue
from domain.backoff import wait_us
from domain.effect import (
    LEFT,
    MAY_BE_LEFT,
    Delivery,
    Step,
    StepKind,
    StepProgress,
    StepReceipt,
    StepState,
    undo_of,
)
from domain.errors import LeadgraphError, OutcomeUnknown, Permanent, Refused, Temporary, Throttled
from domain.ids import ActionId
from domain.policy import Verdict
from domain.ports.outbox import Taken
from domain.ports.target import Target
from domain.recheck import PERSON_WON, needs_look, news, seen_news
from domain.untold import Untold

LONGEST: Final = 500
"""Characters of one parameter; what is longer is cut."""
_RUN: Final = "rn_"
_SENDS: Final = 2
"""Sends of one step in one attempt; the second only if the first did not happen or counts but once."""
_TO_UNDO: Final = frozenset({StepState.DONE, StepState.UNDO_STARTED})
Note = Callable[[Sequence[StepProgress], Sequence[AuditEntry]], Awaitable[bool]]
"""Keeps how far the steps are, durably; False if somebody else holds the action now."""


async def propose(given: Untold, verdict: Verdict, *, waiting: bool) -> tuple[Proposal, ...]:
    """One proposal for each kind of action in `verdict`, in its order.

    `given.lead` is the lead as ingestion left it. With `waiting` a person decides: what reaches somebody
    waits, what reaches nobody does not. Deterministic: the same run proposes the same ids and hashes.
    Raises: Permanent for a parameter that is no text, or two actions of one kind that differ.
    """
    wanted: dict[ActionKind, dict[str, str]] = {}
    for action in verdict.actions:
        params = _params(action)
        if wanted.setdefault(action.kind, params) != params:
            raise Permanent(f"the verdict asks for {action.kind.value} twice, and differently")
    return tuple(
        _proposal(given, index, kind, params, waiting=waiting)
        for index, (kind, params) in enumerate(wanted.items())
    )


def _proposal(
    given: Untold, index: int, kind: ActionKind, params: Mapping[str, str], *, waiting: bool
) -> Proposal:
    lead = given.lead
    return Proposal(
        action_id=ActionId(f"ac_{given.run_id.removeprefix(_RUN)}_{index}"),
        lead_id=lead.lead_id,
        kind=kind,
        params=params,
        episode=lead.episode,
        state=ActionState.WAITING if waiting and kind not in SILENT else ActionState.PROPOSED,
        proposal_hash=proposal_hash(kind, lead.lead_id, params, lead.episode),
    )


def _params(action: ActionSpec) -> dict[str, str]:
    """Parameters in order of their names, on one line each, bounded."""
    for name, value in action.params.items():
        if not isinstance(value, str):
            raise Permanent(f"{action.kind.value}: parameter {name} is no text")
    return {name: " ".join(action.params[name].split())[:LONGEST] for name in sorted(action.params)}


async def perform(
    taken: Taken, *, targets: Mapping[StepKind, Target], note: Note, now: Callable[[], int]
) -> Performed:
    """Take the steps of an action, or take them back, each once; say how the attempt ends.

    A step is on record as started before its request leaves. In the end all is done, or nothing of it stays, or
    it is put back for later, or a person looks; never half. What has changed since the proposal expires it.
    Raises: what `note` raises, and whatever a target raises that is no outage and no refusal: a defect.
    """
    attempt = _Attempt(taken, targets, note, now)
    try:
        end = await attempt.run()
    except _Over as over:
        end = over.ending
    steps, entries = tuple(attempt.steps), tuple(attempt.entries)
    return Performed(end.move, steps, entries, end.reason, end.retry_at, end.counts)


class _Over(Exception):
    """The attempt ends here."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.move)
        self.ending = ending


class _InDoubt(Exception):
    """The step may have happened: for later if the target can be asked, else for a person."""

    def __init__(self, cause: LeadgraphError, *, askable: bool = True) -> None:
        super().__init__(askable)
        self.cause, self.askable = cause, askable


class _Attempt:
    """One attempt: the steps as they stand, and the audit rows that are not on record yet."""

    def __init__(
        self, taken: Taken, targets: Mapping[StepKind, Target], note: Note, now: Callable[[], int]
    ) -> None:
        self.row, self.lead, self.targets, self.note, self.now = taken.row, taken.lead, targets, note, now
        self.subject = subject_of(taken)
        self.steps = list(taken.row.steps)
        self.entries: list[AuditEntry] = []

    async def run(self) -> Ending:
        """The whole course of it."""
        row = self.row
        undoing = row.state is ActionState.UNDOING
        if not intact(row):
            self.say("digest:differs")
            left = undoing or (begun(row.steps) if row.steps else tried(row))
            return Ending(Move.LOSE_TRACK if left else Move.REFUSE, "digest")
        if undoing:
            return await self.undo()
        if complete(self.steps):
            return Ending(Move.CONFIRM)
        code = unwinding(row) or given_up(row, self.now())
        needed = (one.step.kind for one in self.steps if one.step.kind not in MAY_BE_LEFT)
        if code is None and not all(self.taker(kind) for kind in needed):
            code = "no_target"
        if code is not None and not self.let_go(code):
            return await self.unwind(code)
        if not begun(self.steps):
            await self.look_again()
        return await self.forward()

    async def forward(self) -> Ending:
        """Take what is not done yet, in order."""
        for index, progress in enumerate(self.steps):
            if progress.state is not StepState.DONE:
                ending = await self.take(index)
                if ending is not None:
                    return ending
        return Ending(Move.CONFIRM)

    async def take(self, index: int) -> Ending | None:
        """Take one step; None if it is done. A refusal takes back what is, unless the step may be left out."""
        kind = self.steps[index].step.kind
        try:
            receipt = await self.taken(index)
        except Refused as error:
            code = word(error.code)
            if kind not in MAY_BE_LEFT:
                self.mark(index, StepState.PENDING)
                self.say(f"step:{kind.value}:refused", reason=code)
                return await self.unwind(code)
            receipt = StepReceipt(before={LEFT: code})
        except Temporary as error:
            self.mark(index, StepState.PENDING)
            return self.later(error)
        except _InDoubt as doubt:
            return self.unclear(doubt)
        self.done(index, receipt)
        return None

    async def taken(self, index: int) -> StepReceipt:
        """What came of one step. One that may be left out is not begun late. Raises: as `once`."""
        progress = self.steps[index]
        again, kind = progress.state is StepState.STARTED, progress.step.kind
        if kind in MAY_BE_LEFT and self.now() - self.row.at > STALE_AFTER:
            found = await _found(self.target(kind), progress.key) if again else None
            return found or StepReceipt(before={LEFT: "late"})
        await self.keep(index, StepState.STARTED)
        return await self.once(progress.step, progress.key, again=again)

    def let_go(self, code: str) -> bool:
        """Leave out what is still to be done, because of `code`, if all of it may be left out."""
        receipts = left_out(self.row, self.steps, code)
        for index, receipt in receipts.items():
            self.done(index, receipt)
        return bool(receipts)

    async def unwind(self, code: str) -> Ending:
        """Take back what is done, then give up with `code`; outages on the way are waited out."""
        reason = UNWIND + code
        await self.settle(reason)
        if complete(self.steps):
            return Ending(Move.CONFIRM)
        if await self.take_back(reason):
            return Ending(Move.LOSE_TRACK, reason)
        return Ending(Move.EXPIRE if code in PERSON_WON else Move.REFUSE, code)

    async def undo(self) -> Ending:
        """Take back a done action because a person asked for it; what has no undo stays."""
        await self.settle("")
        stays = await self.take_back("")
        if "refused" in stays:
            return Ending(Move.LOSE_TRACK, "undo_refused")
        return Ending(Move.FINISH_UNDO, "cannot_undo" if stays else "")

    async def settle(self, reason: str) -> None:
        """Find out about steps that may have happened, before anything is taken back.

        With `reason` (an action that must not stay half) one that nobody can tell ends the attempt.
        """
        for index, progress in enumerate(self.steps):
            if progress.state is not StepState.STARTED:
                continue
            try:
                found = await _found(self.target(progress.step.kind), progress.key)
            except _InDoubt as doubt:
                if reason or doubt.askable:
                    raise _Over(self.unclear(doubt, reason)) from doubt
                self.say(f"step:{progress.step.kind.value}:cannot_undo")
            except Refused as error:
                raise _Over(Ending(Move.LOSE_TRACK, word(error.code))) from error
            else:
                if found is None:
                    self.mark(index, StepState.PENDING)
                else:
                    self.done(index, found)

    async def take_back(self, reason: str) -> set[str]:
        """Undo done steps, the last first; the codes of why any stays."""
        stays = set()
        for index in reversed(range(len(self.steps))):
            progress = self.steps[index]
            if progress.state not in _TO_UNDO:
                continue
            if progress.receipt is not None and LEFT in progress.receipt.before:
                self.mark(index, StepState.UNDONE)
                continue
            undo = undo_of(progress.step, progress.receipt or StepReceipt())
            why = await self.take_one_back(index, undo, reason) if undo is not None else "no_undo"
            code = "cannot_undo" if why else "undone"
            self.say(f"step:{progress.step.kind.value}:{code}", reason=why)
            if why:
                stays.add("no_undo" if undo is None else "refused")
        return stays

    async def take_one_back(self, index: int, undo: Step, reason: str) -> str:
        """Undo one step; empty, or the code with which the target refused."""
        progress = self.steps[index]
        await self.keep(index, StepState.UNDO_STARTED)
        try:
            await self.once(undo, f"{progress.key}/undo", again=progress.state is StepState.UNDO_STARTED)
        except Refused as error:
            if error.code != "gone":
                self.mark(index, StepState.DONE)
                return word(error.code)
        except Temporary as error:
            self.mark(index, StepState.DONE)
            raise _Over(self.later(error, reason)) from error
        except _InDoubt as doubt:
            raise _Over(self.unclear(doubt, reason)) from doubt
        self.mark(index, StepState.UNDONE)
        return ""

    async def look_again(self) -> None:
        """End the attempt if what happened since the proposal speaks against it."""
        row = self.row
        rule = news(row, self.lead, self.now())
        if rule is None and needs_look(row.kind):
            takers = {id(target): target for one in self.steps if (target := self.taker(one.step.kind))}
            for target in takers.values():
                try:
                    seen = await target.look(self.subject)
                except Temporary as error:
                    raise _Over(self.later(error)) from error
                except Refused as error:
                    raise _Over(Ending(Move.REFUSE, word(error.code))) from error
                rule = rule or seen_news(row, self.lead, seen)
        if rule is not None:
            self.say(f"recheck:{rule.value}")
            raise _Over(Ending(Move.EXPIRE, rule.value))

    async def once(self, step: Step, key: str, *, again: bool) -> StepReceipt:
        """Send `step` so that it happens once. `again`: an earlier attempt may have sent it.

        Raises: Temporary, Throttled or Refused if it certainly has not happened; _InDoubt if it may have.
        """
        target, doubt = self.target(step.kind), again
        lost: LeadgraphError = OutcomeUnknown("a step was started by an earlier attempt")
        for _ in range(_SENDS):
            if doubt and target.delivery is not Delivery.KEYED:
                found = await _found(target, key)
                if found is not None:
                    return found
                doubt = False
            try:
                return await target.send(step, self.subject, key=key)
            except OutcomeUnknown as error:
                doubt, lost = True, error
            except (Temporary, Refused) as error:
                if not doubt:
                    raise
                return await _counted(target, key, error)
        raise _InDoubt(lost)

    async def keep(self, index: int, state: StepState) -> None:
        """Put `state` of a step on record, with all audit rows so far, before anything leaves."""
        self.mark(index, state)
        if not await self.note(tuple(self.steps), tuple(self.entries)):
            raise _Over(Ending(None))
        self.entries.clear()

    def mark(self, index: int, state: StepState) -> None:
        """Set the state of a step."""
        self.steps[index] = replace(self.steps[index], state=state)

    def done(self, index: int, receipt: StepReceipt) -> None:
        """Set a step done."""
        progress = self.steps[index] = replace(self.steps[index], state=StepState.DONE, receipt=receipt)
        evidence, why = (receipt.ref,) if receipt.ref else (), receipt.before.get(LEFT, "")
        self.say(
            f"step:{progress.step.kind.value}:{'left' if why else 'done'}", reason=why, evidence=evidence
        )

    def say(self, code: str, *, reason: str = "", evidence: tuple[str, ...] = ()) -> None:
        """Add an audit row."""
        detail: dict[str, AuditValue] = {"reason": reason} if reason else {}
        self.entries.append(attempt_entry(self.row, code, self.now(), evidence=evidence, **detail))

    def later(self, error: LeadgraphError, reason: str = "") -> Ending:
        """Put back: the target is out of reach, which is no verdict."""
        code = f"error:{trouble(error)}"
        self.say(code)
        asked = error.retry_after_s if isinstance(error, Throttled) else 0
        wait = wait_us(tries(self.row, self.now()), self.row.action_id, retry_after_s=asked)
        return Ending(Move.PUT_BACK, reason or code, self.now() + wait, counts=False)

    def unclear(self, doubt: _InDoubt, reason: str = "") -> Ending:
        """Put back with the step as it is, or leave it to a person if the target cannot be asked."""
        if doubt.askable:
            return self.later(doubt.cause, reason)
        self.say("error:unknown")
        return Ending(Move.LOSE_TRACK, reason or "unknown")

    def taker(self, kind: StepKind) -> Target | None:
        """The target that takes steps of `kind`, if there is one."""
        target = self.targets.get(kind)
        return target if target is not None and kind in target.takes else None

    def target(self, kind: StepKind) -> Target:
        """The target that takes steps of `kind`. Raises: Refused if there is none."""
        target = self.taker(kind)
        if target is None:
            raise Refused(f"nothing takes {kind.value}", "no_target")
        return target


async def _counted(target: Target, key: str, answer: LeadgraphError) -> StepReceipt:
    """The receipt of an earlier request, whatever this one was answered: an outage now says nothing about it."""
    if isinstance(answer, Temporary):
        raise _InDoubt(answer)
    found = await _found(target, key)
    if found is None:
        raise answer
    return found


async def _found(target: Target, key: str) -> StepReceipt | None:
    """What the target knows of `key`. Raises: _InDoubt if it does not say."""
    if target.delivery is Delivery.NEITHER:
        raise _InDoubt(OutcomeUnknown(target.name), askable=False)
    try:
        return await target.find(key)
    except (Temporary, OutcomeUnknown) as error:
        raise _InDoubt(error) from error
    except Permanent as error:
        raise _InDoubt(error, askable=False) from error
