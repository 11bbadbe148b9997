"""Conversations in the durable store: a decision is written whole, against the state it was made on, or not at all."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.action import ActionState, Move, Proposal
from domain.approval import ApprovalState
from domain.attempt import begun
from domain.audit import Sealed
from domain.errors import Permanent
from domain.handing import BY_TALK, Fate, Given, Handing, given_of, handing_of
from domain.ids import LeadId, TenantId
from domain.instants import DAY
from domain.ports.outbox import OutboxRow
from domain.ports.talks import MOST_HANDINGS, Kept, Standing, StoredTalk, TalkDecision, after, as_seen
from domain.recheck import Rule
from tools.privacy.vault import KeyRow
from tools.store.asking import Asking, read
from tools.store.audit import Chains
from tools.store.codec import values_text
from tools.store.config import Config
from tools.store.effect_rows import Effects, found
from tools.store.effect_rows import read as effect_rows
from tools.store.effects import REPLACED, gives_way
from tools.store.engine import Database, Tx
from tools.store.keyring import keep_pending
from tools.store.reps import assigned_today

Written = tuple[Kept | None, Sequence[KeyRow]]
CONFLICT: Final[Written] = (None, ())


class SqlTalks:
    """Satisfies `domain.ports.talks.Talks`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def standing(self, tenant: TenantId, conversation: str) -> Standing:
        """How the conversation stands."""
        return await self._database.read(lambda tx: _standing(tx, tenant, conversation))

    async def handings(self, tenant: TenantId, lead_id: str) -> tuple[Handing, ...]:
        """The lead's handings over."""
        return await self._database.read(lambda tx: _handings(tx, tenant, lead_id))

    async def decide(self, given: TalkDecision, *, expected: int | None, now: int) -> Kept | None:
        """Write a decision, or say that it is out of date."""
        check(given, expected)
        kept, keys = await self._database.write(
            lambda tx: self._decide(tx, given, expected, now), point="talk.decide", first=True
        )
        self._config.ring.stored(keys)
        return kept

    async def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredTalk]]:
        """All decisions in the order of their commit."""
        last = 0
        while rows := await self._page(tenant, last, batch):
            yield [_stored(row) for row in rows]
            last = rows[-1].seq

    async def _page(self, tenant: str, last: int, batch: int) -> list[Any]:
        place = {"tenant": tenant, "after": last, "batch": batch}
        return await self._database.read(lambda tx: tx.rows("talk_decisions_after", place))

    def _decide(self, tx: Tx, given: TalkDecision, expected: int | None, now: int) -> Written:
        entry = given.entry
        before = _standing(tx, entry.tenant, given.conversation)
        lead = tx.one("lead_of_effect", {"lead": entry.lead_id, "tenant": entry.tenant})
        if expected is not None and not (
            before.version == expected
            and still_so(given, before.given, lambda lead: _handings(tx, entry.tenant, lead))
            and self._holds(tx, given, lead, now)
        ):
            return CONFLICT
        standing = after(before if expected is None else as_seen(before, given.seen), given)
        chains = Chains(tx, self._config.writer)
        effects = Effects(tx, chains, now, self._config.desk)
        decision = decision_id(given, standing.version)
        kept = Kept(standing.version)
        if given.proposal is not None:
            kept = self._propose(effects, given, given.proposal, decision, standing.version)
        sealed = None if lead is not None and lead.suppressed else self._seal(tx, given)
        chains.add([replace(entry, commitment=sealed.commitment if sealed else None)])
        _keep(tx, given, standing, kept, now)
        _let_go(effects, given, before.given)
        told = told_of(given, kept) if sealed is not None else None
        place = {"tenant": entry.tenant, "region": entry.region, "at": now}
        about = {"lead": entry.lead_id, "commitment": sealed.commitment if sealed else None, "told": told}
        tx.run("insert_talk_decision", {**place, **about, "decision": decision, "action": kept.action_id})
        chains.write()
        if told is not None:
            tx.run("insert_feed", {**place, "kind": "talk", "ref": decision})
        return kept, keep_pending(tx, self._config.ring, {_subject(given): entry.region}) if sealed else ()

    def _holds(self, tx: Tx, given: TalkDecision, lead: Any, now: int) -> bool:
        """Whether the lead is still the one that was decided about, and the salesperson still has room for it."""
        entry = given.entry
        if entry.lead_id is not None and (lead is None or not lead.live):
            return False
        if lead is not None and lead.suppressed and (given.record is not None or given.proposal is not None):
            return False
        capacity = {rep.rep_id: rep.capacity for rep in self._config.reps}.get(given.reserved or "")
        if given.reserved is None or capacity is None:
            return True
        leads = assigned_today(tx, entry.tenant, [given.reserved], now)[given.reserved]
        return entry.lead_id in leads or len(leads) < capacity

    def _propose(
        self, effects: Effects, given: TalkDecision, proposal: Proposal, decision: str, version: int
    ) -> Kept:
        """A new outbox row, unless the effect is open: the decision then only points to it."""
        self._make_way(effects, given.entry.tenant, proposal)
        entry, tx = given.entry, effects.tx
        holder = effects.holder(entry.tenant, proposal.effect_key)
        if holder is not None:
            return Kept(version, holder.row.action_id, already_open=True)
        place = {"tenant": entry.tenant, "region": entry.region, "lead": proposal.lead_id}
        tx.run(
            "insert_effect",
            {
                **place,
                "action": proposal.action_id,
                "kind": proposal.kind.value,
                "episode": proposal.episode,
                "effect": proposal.effect_key,
                "params": values_text(proposal.params),
                "state": proposal.state.value,
                "hash": proposal.proposal_hash,
                "decision": decision,
                "at": effects.now,
                "run": given.run_id,
                "place": 0,
                "next_try": effects.now,
                "approval": None,
            },
        )
        if given.reserved is not None:
            today = effects.now // DAY
            tx.run("assign", {**place, "rep": given.reserved, "day": today, "at": effects.now})
        return Kept(version, proposal.action_id)

    def _make_way(self, effects: Effects, tenant: str, proposal: Proposal) -> None:
        """A run's handing over gives way to the desk's; what else its question was about is decided anew."""
        holder = effects.holder(tenant, proposal.effect_key)
        if holder is None or not (holder.readable and gives_way(holder.row, proposal.params)):
            return
        for asked in read(effects.tx, self._config, filter(None, [holder.row.approval_id])):
            if asked.state is ApprovalState.OPEN:
                Asking(effects.tx, self._config, effects).end(asked, ApprovalState.REDECIDED, reason=REPLACED)
        for left in effects.read([holder.row.action_id]):
            if left.unsent:
                effects.move(left, Move.EXPIRE, reason=REPLACED)

    def _seal(self, tx: Tx, given: TalkDecision) -> Sealed | None:
        if given.record is None:
            return None
        entry, subject = given.entry, _subject(given)
        sealed = self._config.seal_text(entry.tenant, LeadId(subject), given.record)
        tx.run(
            "insert_sealed",
            {
                "commitment": sealed.commitment,
                "tenant": entry.tenant,
                "region": entry.region,
                "lead": subject,
                "ciphertext": sealed.ciphertext,
                "salt": sealed.salt,
                "key": sealed.key_id,
            },
        )
        return sealed


def check(given: TalkDecision, expected: int | None) -> None:
    """Refuse what could act on a state that nobody looked at. Raises: Permanent."""
    if given.proposal is not None and (expected is None or given.entry.lead_id != given.proposal.lead_id):
        raise Permanent("a conversation's action needs the version and the lead that it was decided on")


def still_so(given: TalkDecision, gave: Given | None, handings: Callable[[str], tuple[Handing, ...]]) -> bool:
    """Whether handings over stand as the decision saw them: its conversation's, and what it proposes beside others."""
    seen, proposal = given.seen, given.proposal
    if seen is None:
        return True
    return seen.given == gave and (proposal is None or handings(proposal.lead_id) == seen.others)


def lets_go(given: TalkDecision, gave: Given) -> bool:
    """Whether a decision ends what was to hand its conversation over: a person is done with it."""
    return (given.closed or given.done) and gave.fate is Fate.ON_WAY


def may_let_go(row: OutboxRow) -> bool:
    """Whether an action that a conversation asked for can still be stopped."""
    by_talk = row.run_id.startswith(BY_TALK)
    return by_talk and row.state in (ActionState.PROPOSED, ActionState.SENDING) and not begun(row.steps)


def told_of(given: TalkDecision, kept: Kept) -> str | None:
    """What others are told of a decision that is kept; None: nothing, as no lead is known."""
    told = given.told if given.told_if_open is None or not kept.already_open else given.told_if_open
    return told if given.entry.lead_id is not None else None


def decision_id(given: TalkDecision, version: int) -> str:
    """The id of a conversation's decision number `version`."""
    return f"{given.run_id}_{version}"


def _subject(given: TalkDecision) -> str:
    """Under whose key it is sealed."""
    return given.entry.lead_id or given.run_id


def _standing(tx: Tx, tenant: str, conversation: str) -> Standing:
    row = tx.one("talk", {"tenant": tenant, "conversation": conversation})
    if row is None:
        return Standing()
    acted = next(iter(effect_rows(tx, [row.action_id] if row.action_id else [])), None)
    return Standing(
        version=row.version, handed_at=row.handed_at, team=row.team, person=row.person, taken=bool(row.taken),
        released=bool(row.released), handed_from=row.handed_from,
        given=None if acted is None else given_of(acted.row),
    )  # fmt: skip


def _handings(tx: Tx, tenant: str, lead: str) -> tuple[Handing, ...]:
    rows = found(tx, "handings_of_lead", tenant=tenant, lead=lead, limit=MOST_HANDINGS)
    return tuple(
        handing_of(
            one.row,
            released=[bool(talk.released) for talk in _given_by(tx, one.row.tenant, one.row.action_id)],
            keeps=one.open_key is not None,
        )
        for one in rows
    )


def _given_by(tx: Tx, tenant: str, action: str) -> list[Any]:
    return tx.rows("talks_of_action", {"tenant": tenant, "action": action})


def _let_go(effects: Effects, given: TalkDecision, gave: Given | None) -> None:
    """What was to hand over a conversation that a person has closed is not sent, unless another one needs it."""
    if gave is None or not lets_go(given, gave):
        return
    talks = _given_by(effects.tx, given.entry.tenant, gave.action_id)
    for one in effects.read([gave.action_id]):
        if one.readable and may_let_go(one.row) and all(talk.released for talk in talks):
            effects.move(one, Move.EXPIRE, reason=Rule.CLOSED.value)


def _keep(tx: Tx, given: TalkDecision, standing: Standing, kept: Kept, now: int) -> None:
    entry, gave = given.entry, standing.given
    action = kept.action_id if given.gives or given.returns else gave.action_id if gave else None
    tx.run(
        "keep_talk",
        {
            "tenant": entry.tenant,
            "region": entry.region,
            "conversation": given.conversation,
            "version": standing.version,
            "handed_at": standing.handed_at,
            "team": standing.team,
            "person": standing.person,
            "taken": int(standing.taken),
            "released": int(standing.released),
            "lead": entry.lead_id,
            "at": now,
            "action": action,
            "handed_from": standing.handed_from,
        },
    )


def _stored(row: Any) -> StoredTalk:
    record = Sealed(row.ciphertext, row.salt, row.commitment, row.key_id) if row.ciphertext else None
    return StoredTalk(row.decision_id, LeadId(row.lead_id) if row.lead_id else None, row.at, record)
