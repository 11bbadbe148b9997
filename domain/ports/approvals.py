"""People's decisions on proposals."""

from collections.abc import Sequence
from typing import Protocol

from domain.approval import Approval, ApprovalState, VoteKind
from domain.ids import TenantId


class Approvals(Protocol):
    """Open questions and their answers. Each answer is one transaction with its audit row."""

    async def open(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Approval]:
        """Open approvals, the oldest first."""
        ...

    async def get(self, tenant: TenantId, approval_id: str) -> Approval | None:
        """One approval, by its id or by the id of its decision or of one of its actions."""
        ...

    async def vote(
        self,
        tenant: TenantId,
        approval_id: str,
        *,
        kind: VoteKind,
        proposal_hash: str,
        by: str,
        policy: str,
        now: int,
        comment: str = "",
    ) -> Approval:
        """Give one person's word, by compare-and-set on the open state and the hash.

        One rejection rejects, whatever else has changed. Enough different people approving releases the actions to
        the dispatcher. If `policy` (in force now) is not the version that asked, or the lead was merged since, or not
        all actions still wait, an approval sends nothing: it ends ``redecided`` and the lead is woken. `comment` (2,000
        characters at most) is sealed under the lead's key.
        Raises: BadInput (code ``unknown``, ``changed`` for another hash, ``used`` if it is not open any more or comes
        too late, ``twice`` if this person has approved already, ``missing`` for no name, ``too_long``).
        """
        ...

    async def assign(self, tenant: TenantId, approval_id: str, *, to: str, by: str, now: int) -> Approval:
        """Give the question to somebody else. Raises: BadInput if it is not open."""
        ...

    async def expire(self, *, now: int) -> int:
        """End what nobody decided in time: not sent, and the lead is woken. How many."""
        ...

    async def ended(
        self, tenant: TenantId, *, states: Sequence[ApprovalState] = (), limit: int = 1_000
    ) -> Sequence[Approval]:
        """Approvals that are no longer open, newest first: for measures."""
        ...
