"""People's decisions on proposals."""

from collections.abc import Sequence
from typing import Protocol

from domain.approval import Approval, ApprovalState, VoteKind
from domain.edit import Edit
from domain.ids import Region, TenantId


class Approvals(Protocol):
    """Open questions and their answers. Each answer is one transaction with its audit row."""

    async def open(
        self, tenant: TenantId, *, region: Region | None = None, limit: int = 100
    ) -> Sequence[Approval]:
        """Open approvals, with `region` those of it, the oldest first."""
        ...

    async def page(
        self,
        tenant: TenantId,
        *,
        states: Sequence[ApprovalState],
        after: tuple[int, str] | None,
        limit: int,
        region: Region | None = None,
    ) -> Sequence[Approval]:
        """Approvals in `states` by (asked_at, approval_id), the oldest first; only what comes after `after`.

        With `region` those of it.
        """
        ...

    async def get(self, tenant: TenantId, approval_id: str) -> Approval | None:
        """One approval, by its id or by the id of its decision or of one of its actions.

        Of a decision whose question was edited, the form that stands.
        """
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

    async def edit(
        self,
        tenant: TenantId,
        approval_id: str,
        *,
        edit: Edit,
        proposal_hash: str,
        by: str,
        policy: str,
        now: int,
        comment: str = "",
    ) -> Approval:
        """Change what is proposed, and approve the change in the same transaction.

        The question ends ``edited``, its actions expire or, where dropped, are rejected. In its place stands another,
        with actions and a hash of its own, on the same terms and until the same time; the word of `by` is the first
        on it, and releases it where one person is enough. Of two who edit one question, one is told that it is
        used. The rules of `vote` hold here too; the answer is the new question, or the old one if it ended
        ``redecided``.
        Raises: BadInput as `vote` does, and with the codes of `domain.edit.edited`.
        """
        ...

    async def shown(self, tenant: TenantId, approval_id: str, *, by: str, now: int) -> None:
        """Note that a person looks at an open question; only the first time counts. Raises: BadInput (``unknown``)."""
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
