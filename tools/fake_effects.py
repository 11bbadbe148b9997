"""The in-memory store's outbox rows and approvals: who keeps a key is looked up among all rows, every time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from domain.action import ActionState, Move, moved
from domain.approval import Approval, ApprovalState
from domain.audit import AuditEntry
from domain.ids import LeadId
from domain.ports.outbox import OutboxRow
from tools.store.effects import UNFINISHED, asked, occupies, outranks, turned, unsent

_MOVES: Final = {ApprovalState.APPROVED: Move.APPROVE, ApprovalState.REJECTED: Move.REJECT}
_CODES: Final = {ApprovalState.APPROVED: "released"}
_WAKES: Final = {ApprovalState.EXPIRED: "approval_expired", ApprovalState.REDECIDED: "redo"}


@dataclass(slots=True, eq=False)
class Effect:
    """One outbox row. `keeps` says that its effect key is its own; `keyed` is what its steps' keys begin with."""

    row: OutboxRow
    place: int
    keeps: bool = False
    token: int = 0
    lease_until: int = 0
    keyed: str | None = None

    @property
    def order(self) -> tuple[int, int, str]:
        """In the order of proposal."""
        return self.row.at, self.place, self.row.action_id

    @property
    def occupies(self) -> bool:
        """Whether it may keep a key."""
        return occupies(self.row.kind, self.row.state)


@dataclass(slots=True)
class Effects:
    """All outbox rows and approvals."""

    note: Callable[[Iterable[AuditEntry]], None]
    wake: Callable[[str, str, int], None]
    moved: Callable[[OutboxRow, int], None]
    """Told of each row that moved."""
    rows: dict[str, Effect] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)

    def add(self, effect: Effect) -> None:
        """A new row."""
        self.rows[effect.row.action_id] = effect
        self._settle(effect.row.tenant, effect.row.effect_key)

    def holder(self, tenant: str, key: str) -> Effect | None:
        """The row that keeps others of this effect key out."""
        return next((e for e in self._of_key(tenant, key) if e.keeps), None)

    def asked_in_vain(self, lead_id: str) -> set[tuple[str, int]]:
        """(kind, episode) of which the newest row asked a person, and what it was asked under no longer held."""
        newest: dict[tuple[str, int], OutboxRow] = {}
        for effect in self.rows.values():
            if effect.row.lead_id == lead_id:
                newest[effect.row.kind.value, effect.row.episode] = effect.row
        return {key for key, row in newest.items() if row.state is ActionState.EXPIRED and self._in_vain(row)}

    def _in_vain(self, row: OutboxRow) -> bool:
        approval = self.approvals.get(row.approval_id or "")
        return approval is not None and approval.state is ApprovalState.REDECIDED

    def of_lead(self, lead_id: str) -> list[Effect]:
        """A lead's rows that have not expired, in the order of proposal, those that keep their key first."""
        mine = [e for e in self.rows.values() if e.row.lead_id == lead_id]
        alive = [e for e in mine if e.row.state is not ActionState.EXPIRED]
        return sorted(alive, key=lambda e: (not e.keeps, e.order))

    def move(
        self,
        effect: Effect,
        move: Move,
        now: int,
        *,
        reason: str = "",
        next_try: int | None = None,
        person: str = "",
    ) -> None:
        """Move a row by its life cycle, end any hold of it, and note the move."""
        state = moved(effect.row.state, move)
        end = None if state in UNFINISHED else now
        effect.row = replace(effect.row, state=state, reason=reason, next_try=next_try, finished_at=end)
        effect.token, effect.lease_until = effect.token + 1, 0
        self._settle(effect.row.tenant, effect.row.effect_key)
        self.note([turned(effect.row, now, person)])
        self.moved(effect.row, now)

    def merge(self, winner: str, loser: str, now: int) -> bool:
        """What belonged to the loser is the winner's. True if questions ended by it, so that it is to be redone."""
        ended = self.open_of(loser)
        for approval in ended:
            self.end(approval, ApprovalState.REDECIDED, now, reason="merged", wakes=False)
        for effect in self.of_lead(loser):
            row = effect.row
            holder = self.holder(row.tenant, f"{winner}/{row.kind.value}/{row.episode}")
            if holder is not None and unsent(row):
                self.move(effect, Move.EXPIRE, now, reason="merged")
                continue
            if holder is not None and outranks(row, holder.row):
                self.move(holder, Move.EXPIRE, now, reason="merged")
            self._relocate(effect, winner)
        broken = [one for one in self.open_of(winner) if not self.whole(one)]
        for approval in broken:
            self.end(approval, ApprovalState.REDECIDED, now, reason="merged", wakes=False)
        return bool(ended or broken)

    def split(self, part: str) -> None:
        """What was proposed for a lead before a merge goes back to it."""
        away = [e for e in self.rows.values() if e.row.origin == part and e.row.lead_id != part]
        for effect in sorted(away, key=lambda e: (not e.keeps, e.order)):
            if effect.row.state is not ActionState.EXPIRED:
                self._relocate(effect, part)

    def stop(self, lead_id: str, state: ApprovalState, reason: str, now: int) -> None:
        """What has not left for this lead never will."""
        for approval in self.open_of(lead_id):
            self.end(approval, state, now, reason=reason, wakes=False)
        for effect in self.of_lead(lead_id):
            if unsent(effect.row):
                self.move(effect, Move.EXPIRE, now, reason=reason)

    def open_of(self, lead_id: str) -> list[Approval]:
        """The open approvals of a lead."""
        mine = [one for one in self.approvals.values() if one.lead_id == lead_id]
        return [one for one in mine if one.state is ApprovalState.OPEN]

    def whole(self, approval: Approval) -> bool:
        """Whether all its actions still wait."""
        return all(self.rows[one].row.state is ActionState.WAITING for one in approval.action_ids)

    def end(
        self, approval: Approval, state: ApprovalState, now: int, *, reason: str = "", wakes: bool = True
    ) -> Approval:
        """End a question: its actions go out, or never do."""
        after = replace(approval, state=state, reason=reason, decided_at=now)
        self.approvals[approval.approval_id] = after
        if state not in (ApprovalState.REJECTED, ApprovalState.EDITED):
            self.note([asked(after, _CODES.get(state, state.value), now)])
        for one in approval.action_ids:
            effect = self.rows[one]
            if effect.row.state is ActionState.WAITING:
                released = state is ApprovalState.APPROVED
                why = reason or ("" if released else state.value)
                move = _MOVES.get(state, Move.EXPIRE)
                self.move(effect, move, now, reason=why, next_try=now if released else None)
        if wakes and state in _WAKES:
            self.wake(approval.lead_id, _WAKES[state], now)
        return after

    def _relocate(self, effect: Effect, lead_id: str) -> None:
        row, effect.keeps = effect.row, False
        key = f"{lead_id}/{row.kind.value}/{row.episode}"
        effect.row = replace(row, lead_id=LeadId(lead_id), effect_key=key)
        for one in (row.effect_key, key):
            self._settle(row.tenant, one)

    def _of_key(self, tenant: str, key: str) -> list[Effect]:
        mine = [e for e in self.rows.values() if (e.row.tenant, e.row.effect_key) == (tenant, key)]
        return sorted(mine, key=lambda e: e.order)

    def _settle(self, tenant: str, key: str) -> None:
        """A key belongs to one of the rows that may keep it: the one that has it, else the oldest."""
        rows = self._of_key(tenant, key)
        for effect in rows:
            effect.keeps = effect.keeps and effect.occupies
        able = [effect for effect in rows if effect.occupies]
        if able and not any(effect.keeps for effect in able):
            able[0].keeps = True
