"""Approvals: people's words on what decisions propose, each in one transaction with its audit row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.approval import Approval, ApprovalState, Vote, VoteKind, folded, hash_of, next_form
from domain.edit import Edit
from domain.errors import BadInput
from domain.ids import Region, TenantId
from tools.privacy.vault import KeyRow
from tools.store.asking import Asking, read
from tools.store.audit import Chains
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.editing import planned, put_in_place
from tools.store.effect_rows import Effects
from tools.store.effects import asked
from tools.store.engine import Database, Tx
from tools.store.keyring import keep_pending

LONGEST: Final = 2_000
"""Characters of a comment."""
BATCH: Final = 500
"""Approvals that expire in one transaction."""


@dataclass(frozen=True, slots=True)
class Word:
    """One person's word, as given; `policy` is the version in force now."""

    kind: VoteKind
    proposal_hash: str
    by: str
    policy: str
    comment: str


class SqlApprovals:
    """Satisfies `domain.ports.approvals.Approvals`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def open(
        self, tenant: TenantId, *, region: Region | None = None, limit: int = 100
    ) -> Sequence[Approval]:
        """Open approvals, the oldest first."""
        return await self._read("approvals_open", tenant=tenant, region=region, limit=limit)

    async def page(
        self,
        tenant: TenantId,
        *,
        states: Sequence[ApprovalState],
        after: tuple[int, str] | None,
        limit: int,
        region: Region | None = None,
    ) -> Sequence[Approval]:
        """Approvals in `states`, the oldest first; only what comes after `after`."""
        at, name = after or (-1, "")
        place = {"tenant": tenant, "region": region, "states": as_json(states), "at": at, "after": name}
        found = await self._read("approvals_page", **place, limit=limit)
        return sorted(found, key=lambda one: (one.asked_at, one.approval_id))

    async def get(self, tenant: TenantId, approval_id: str) -> Approval | None:
        """One approval, by its id or by the id of its decision or of one of its actions."""
        found = await self._read("approval_named", tenant=tenant, asked=approval_id)
        return found[0] if found else None

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
        """Give one person's word."""
        word = Word(kind, proposal_hash, named(by), policy, bounded(comment))
        return await self._answer(tenant, approval_id, now, lambda asking, one: _vote(asking, one, word))

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
        """Change what is proposed, and approve the change."""
        word = Word(VoteKind.APPROVE, proposal_hash, named(by), policy, bounded(comment))
        return await self._answer(
            tenant, approval_id, now, lambda asking, one: _edit(asking, one, word, edit)
        )

    async def shown(self, tenant: TenantId, approval_id: str, *, by: str, now: int) -> None:
        """Note that a person looks at an open question."""
        viewer = folded(named(by))

        def work(tx: Tx) -> None:
            one = _known(tx, self._config, tenant, approval_id)
            if one.state is ApprovalState.OPEN:
                here = {"tenant": tenant, "region": one.region, "approval": one.approval_id}
                tx.run("insert_showing", {**here, "viewer": viewer, "at": now})

        await self._database.write(work)

    async def assign(self, tenant: TenantId, approval_id: str, *, to: str, by: str, now: int) -> Approval:
        """Give the question to somebody else."""
        assignee, person = named(to, "to"), self._config.person(named(by))

        def work(tx: Tx) -> Approval:
            approval = _known(tx, self._config, tenant, approval_id)
            if approval.state is not ApprovalState.OPEN:
                raise used(approval)
            tx.run("assign_approval", {"approval": approval.approval_id, "tenant": tenant, "to": assignee})
            after = replace(approval, assignee=assignee)
            chains = Chains(tx, self._config.writer)
            chains.add([asked(after, "assigned", now, person=person)])
            chains.write()
            return after

        return await self._database.write(work)

    async def expire(self, *, now: int) -> int:
        """End what nobody decided in time."""
        ended = 0
        while some := await self._database.write(lambda tx: self._expire(tx, now)):
            ended += some
        return ended

    async def ended(
        self, tenant: TenantId, *, states: Sequence[ApprovalState] = (), limit: int = 1_000
    ) -> Sequence[Approval]:
        """Approvals that are no longer open, newest first."""
        wanted = as_json(states or ApprovalState)
        return await self._read("approvals_ended", tenant=tenant, states=wanted, limit=limit)

    def _expire(self, tx: Tx, now: int) -> int:
        chains = Chains(tx, self._config.writer)
        asking = Asking(tx, self._config, Effects(tx, chains, now))
        due = tx.rows("approvals_due", {"now": now, "limit": BATCH})
        for approval in read(tx, self._config, (row.approval_id for row in due)):
            asking.end(approval, ApprovalState.EXPIRED)
        chains.write()
        return len(due)

    async def _answer(
        self, tenant: TenantId, approval_id: str, now: int, take: Callable[[Asking, Approval], Approval]
    ) -> Approval:
        """One person's answer in one transaction. Raises: BadInput (``used``) if it came too late."""

        def work(tx: Tx) -> tuple[Approval, Sequence[KeyRow]]:
            chains = Chains(tx, self._config.writer)
            asking = Asking(tx, self._config, Effects(tx, chains, now))
            answer = take(asking, _known(tx, self._config, tenant, approval_id))
            chains.write()
            keys = keep_pending(tx, self._config.ring, {answer.lead_id: answer.region})
            return answer, keys

        answer, keys = await self._database.write(work, point="approval.vote", first=True)
        self._config.ring.stored(keys)
        if answer.state is ApprovalState.EXPIRED:
            raise used(answer)
        return answer

    async def _read(self, name: str, **values: object) -> list[Approval]:
        def work(tx: Tx) -> list[Approval]:
            return read(tx, self._config, (row.approval_id for row in tx.rows(name, values)))

        return await self._database.read(work)


def _vote(asking: Asking, approval: Approval, word: Word) -> Approval:
    """Take one word: refuse what does not fit, end what no longer holds, else count it."""
    if (over := _over(asking, approval, word)) is not None:
        return over
    return _concluded(asking, _counted(asking, approval, word))


def _edit(asking: Asking, approval: Approval, word: Word, edit: Edit) -> Approval:
    """Put another question in the place of this one, with this person's word on it."""
    if (over := _over(asking, approval, word, edits=True)) is not None:
        return over
    waiting = [one.row for one in asking.waiting(approval)]
    plan = planned(approval, waiting, edit, by=word.by, now=asking.effects.now)
    put_in_place(asking, approval, plan, asking.config.person(word.by))
    return _concluded(asking, _counted(asking, plan.question, word))


def _over(asking: Asking, approval: Approval, word: Word, *, edits: bool = False) -> Approval | None:
    """The question as it ends, too late or as it no longer holds; None if the word counts. Raises: BadInput."""
    if approval.state is not ApprovalState.OPEN:
        raise used(approval)
    if approval.expires_at <= asking.effects.now:
        return asking.end(approval, ApprovalState.EXPIRED)
    refuse(approval, word, edits=edits)
    waiting = hash_of(one.row.proposal_hash for one in asking.waiting(approval))
    why = outdated(approval, word, waiting, lead_is_there=_lead_is_there(asking, approval))
    if why and word.kind is VoteKind.APPROVE:
        return asking.end(approval, ApprovalState.REDECIDED, reason=why)
    return None


def _concluded(asking: Asking, approval: Approval) -> Approval:
    """Ended, if the votes decide."""
    return asking.end(approval, decided) if (decided := outcome(approval)) else approval


def _counted(asking: Asking, approval: Approval, word: Word) -> Approval:
    """The approval with this vote, which is stored; its comment sealed under the lead's key."""
    tx, now, commitment = asking.tx, asking.effects.now, None
    if word.comment:
        sealed = asking.config.seal_text(approval.tenant, approval.lead_id, word.comment.encode())
        commitment = sealed.commitment
        tx.run(
            "insert_sealed",
            {
                "commitment": sealed.commitment,
                "tenant": approval.tenant,
                "region": approval.region,
                "lead": approval.lead_id,
                "ciphertext": sealed.ciphertext,
                "salt": sealed.salt,
                "key": sealed.key_id,
            },
        )
    tx.run(
        "insert_vote",
        {
            "tenant": approval.tenant,
            "region": approval.region,
            "approval": approval.approval_id,
            "voter": word.by,
            "kind": word.kind.value,
            "at": now,
            "commitment": commitment,
        },
    )
    after = replace(approval, votes=(*approval.votes, Vote(word.by, word.kind, now, word.comment)))
    person = asking.config.person(word.by)
    entry = asked(after, word.kind.value, now, commitment=commitment, person=person)
    asking.effects.chains.add([entry])
    return after


def _lead_is_there(asking: Asking, approval: Approval) -> bool:
    place = {"lead": approval.lead_id, "tenant": approval.tenant}
    lead = asking.tx.one("lead_of_effect", place)
    return lead is not None and bool(lead.live) and not lead.suppressed


def _known(tx: Tx, config: Config, tenant: str, approval_id: str) -> Approval:
    rows = tx.rows("approval_named", {"tenant": tenant, "asked": approval_id})
    found = read(tx, config, (row.approval_id for row in rows))
    if not found:
        raise unknown(approval_id)
    return found[0]


def refuse(approval: Approval, word: Word, *, edits: bool = False) -> None:
    """Refuse a word about something else, and a person's second approval, unless it `edits`. Raises: BadInput."""
    if word.proposal_hash != approval.proposal_hash:
        raise changed(approval)
    said = {(vote.kind, folded(vote.by)) for vote in approval.votes}
    if not edits and (word.kind, folded(word.by)) in said:
        raise BadInput("by", "this person has approved already", "somebody else decides", code="twice")


def outdated(approval: Approval, word: Word, waiting: str, *, lead_is_there: bool) -> str:
    """Why the question no longer holds, as a code; empty if it does. `waiting` is the hash of what still waits."""
    if not lead_is_there:
        return "merged"
    if word.policy != approval.policy:
        return "policy"
    return "" if waiting == approval.proposal_hash else "changed"


def outcome(approval: Approval) -> ApprovalState | None:
    """What the votes have decided: one rejection rejects; None while people are still missing."""
    if any(vote.kind is VoteKind.REJECT for vote in approval.votes):
        return ApprovalState.REJECTED
    people = {folded(vote.by) for vote in approval.votes}
    return ApprovalState.APPROVED if len(people) >= approval.terms.people else None


def named(name: str, field: str = "by") -> str:
    """A person's name. Raises: BadInput if it is blank."""
    if not name.strip():
        raise BadInput(field, "nobody is named", "say who", code="missing")
    return name.strip()


def bounded(comment: str) -> str:
    """A comment. Raises: BadInput if it is longer than `LONGEST` characters."""
    if len(comment) > LONGEST:
        raise BadInput("comment", f"longer than {LONGEST} characters", "say it shorter", code="too_long")
    return comment


def unknown(approval_id: str) -> BadInput:
    """There is no such approval."""
    return BadInput("approval", f"{approval_id} is not known", "look at the open approvals", code="unknown")


def used(approval: Approval) -> BadInput:
    """It has been decided, or has ended otherwise."""
    words = f"{approval.approval_id} is {approval.state.value}"
    remedy = "look at the open approvals"
    if approval.state is ApprovalState.EDITED:
        remedy = f"look at {next_form(approval.approval_id)}, which stands in its place"
    return BadInput("approval", words, remedy, code="used")


def changed(approval: Approval) -> BadInput:
    """What was looked at is not what would be done."""
    words = f"{approval.approval_id} is about something else"
    return BadInput("proposal_hash", words, "look at it again", code="changed")
