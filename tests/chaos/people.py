"""Who acts on Leadgraph from outside: a source of signals, people at desks, people in the CRM."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.action import ActionState
from domain.approval import Approval, VoteKind
from domain.effect import StepState
from domain.errors import BadInput, Temporary
from domain.ids import LeadId
from domain.instants import DAY, HOUR, MINUTE, Instant, iso
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.approving import undo
from surfaces.door import take
from tests.chaos.actors import gate
from tests.chaos.house import TENANT
from tests.tools.crm.faulty import MemoryTarget

LEADS: Final = 5
PEOPLE: Final = ("ann", "bob", "cyd")
_BUY: Final = "We want to buy 40 seats this month. What is the price? Please call me."
_SIGNS: Final[tuple[tuple[str, Mapping[str, object]], ...]] = (
    ("web.form", {"form": "contact", "message": _BUY}),
    ("web.form", {"form": "demo", "message": "Can we see a demo next week?"}),
    ("web.page_view", {"page": "/pricing", "duration_s": 31}),
    ("web.page_view", {"page": "/blog"}),
    ("product.trial_started", {"plan": "team"}),
    ("product.limit_reached", {"limit": "seats", "used": 10}),
    ("marketing.email_clicked", {"campaign": "spring", "link": "case-study"}),
    ("support.message", {"role": "customer", "text": _BUY}),
    ("support.message", {"role": "customer", "text": "Can I talk to a person in sales about a quote?"}),
    ("support.message", {"role": "customer", "text": "hm, xyzzy plugh"}),
    ("crm.stage_change", {"stage": "mql", "amount": 20_000}),
    ("crm.stage_change", {"stage": "mql", "amount": 150_000}),
    ("crm.stage_change", {"stage": "proposal", "amount": 150_000}),
)
_TURNS: Final[tuple[tuple[str, Mapping[str, object]], ...]] = (
    ("crm.outcome", {"result": "won", "amount": 20_000}),
    ("crm.outcome", {"result": "lost"}),
    ("crm.owner_change", {"owner": "rep_000009"}),
    ("crm.not_a_lead", {"reason": "student"}),
    ("consent.changed", {"status": "withdrawn", "purpose": "all"}),
    ("consent.changed", {"status": "granted", "purpose": "all"}),
    ("support.ticket_opened", {"ticket_id": "t1", "severity": "high"}),
    ("support.ticket_solved", {"ticket_id": "t1"}),
)


@dataclass
class Source:
    """Sends signals through the door, again and again until they are acknowledged; each batch may hold old ones."""

    home: Home
    dice: random.Random
    acknowledged: set[str] = field(default_factory=set)
    """Refs that Leadgraph has said it has (I1)."""
    number: int = 0
    met: int = 0
    """Leads that have come for the first time."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    unanswered: list[dict[str, Any]] = field(default_factory=list)

    async def life(self) -> None:
        """One batch after the other."""
        while True:
            await gate("source")
            batch = self.unanswered or self._batch()
            self.unanswered = batch
            try:
                answer = await take(self.home, list(enumerate(batch)))
            except Temporary:
                continue
            refused = {position for position, _ in answer.quarantined}
            self.acknowledged |= {f"site:{one['id']}" for n, one in enumerate(batch) if n not in refused}
            self.unanswered = []

    def _batch(self) -> list[dict[str, Any]]:
        if self.met < LEADS:
            return self._first_of(self.met)
        fresh = [self._one() for _ in range(self.dice.choice((1, 1, 2, 4)))]
        again = [self.dice.choice(self.sent)] if self.sent and self.dice.random() < 0.25 else []
        self.sent += fresh
        return [*fresh, *again]

    def _first_of(self, lead: int) -> list[dict[str, Any]]:
        """A lead comes with enough to be decided on."""
        self.met += 1
        fresh = [self._item("sign", *sign, [_crm(lead)]) for sign in (*_SIGNS[:5], self.dice.choice(_SIGNS))]
        self.sent += fresh
        return fresh

    def _one(self) -> dict[str, Any]:
        dice, lead = self.dice, self.dice.randrange(LEADS)
        draw = dice.random()
        if draw < 0.10:
            other = (lead + dice.randrange(1, LEADS)) % LEADS
            undone = dice.random() < 0.4
            kind, payload = "identity.alias", {"undo": True} if undone else {}
            return self._item(
                "undo" if undone else "alias", kind, payload, [_crm(lead), _crm(other)], late=not undone
            )
        if draw < 0.12:
            return self._item("forget", "crm.privacy_delete", {}, [_crm(lead)])
        if draw < 0.17:
            traits = {"employee_band": "1000-4999", "seniority": "director", "industry": "logistics"}
            return self._item("hello", "identity.identify", traits, self._keys(lead))
        kind, said = dice.choice(_TURNS if draw < 0.26 else _SIGNS)
        return self._item("sign", kind, said, self._keys(lead, talks=kind == "support.message"))

    def _keys(self, lead: int, *, talks: bool = False) -> list[dict[str, str]]:
        keys = [_crm(lead)] if self.dice.random() < 0.8 else []
        if not keys or self.dice.random() < 0.4:
            keys.append({"kind": "email", "value": f"p{lead}@acme.example"})
        if talks:
            keys.append({"kind": "conversation_id", "value": f"v{lead}"})
        return keys

    def _item(
        self,
        what: str,
        kind: str,
        payload: Mapping[str, object],
        keys: list[dict[str, str]],
        *,
        late: bool = True,
    ) -> dict[str, Any]:
        self.number += 1
        ago = self.dice.choice((0, MINUTE, HOUR, 3 * DAY)) if late and self.dice.random() < 0.4 else 0
        return {
            "id": f"{self.number}-{what}-{keys[0]['value']}", "source": "site", "kind": kind, "keys": keys,
            "occurred_at": iso(Instant(self.home.clock.now() - ago)), "payload": dict(payload), "consent": "granted",
        }  # fmt: skip


def _crm(lead: int) -> dict[str, str]:
    return {"kind": "crm_id", "value": f"c{lead}"}


@dataclass
class Desk:
    """People who approve, reject, take back, and say what became of things; also twice, late, or on old grounds."""

    home: Home
    dice: random.Random
    target: MemoryTarget

    async def life(self) -> None:
        """One act after the other."""
        while True:
            await gate("desk")
            act = self.dice.choice((self._vote, self._vote, self._vote, self._undo, self._resolve, self._crm))
            try:
                await act()
            except (Temporary, BadInput):
                continue  # they are told why, and go on with something else

    async def _vote(self) -> None:
        approvals, dice = self.home.approvals, self.dice
        there = [*await approvals.open(TENANT)]
        if dice.random() < 0.25:
            there += await approvals.ended(TENANT)
        if there:
            one: Approval = dice.choice(there)
            stale, old = dice.random() < 0.05, dice.random() < 0.05
            await approvals.vote(
                TENANT,
                one.approval_id,
                kind=VoteKind.REJECT if dice.random() < 0.12 else VoteKind.APPROVE,
                proposal_hash="0" * 64 if stale else one.proposal_hash,
                by=dice.choice(PEOPLE),
                policy="older" if old else self.home.policy.version,
                now=self.home.clock.now(),
            )

    async def _undo(self) -> None:
        done = await self.home.outbox.rows(TENANT, states=[ActionState.DONE])
        if done and self.dice.random() < 0.5:
            await undo(self.home, self.dice.choice(done).action_id, by=self.dice.choice(PEOPLE))

    async def _resolve(self) -> None:
        """Whoever resolves has looked: what they say is what the target's ledger holds."""
        unknown = await self.home.outbox.rows(TENANT, states=[ActionState.UNKNOWN])
        if unknown:
            row = self.dice.choice(unknown)
            await self.home.outbox.resolve(
                TENANT, row.action_id, done=happened(row, self.target), by="ann", now=self.home.clock.now()
            )

    async def _crm(self) -> None:
        """Somebody works in the CRM itself."""
        known = [value for _, kind, value in self.target.world.links if kind == "lead"]
        if not known:
            return
        lead = LeadId(self.dice.choice(known))
        now, draw = self.home.clock.now(), self.dice.random()
        if draw < 0.5:
            self.target.touch(TENANT, lead, at=now)
        elif draw < 0.8:
            self.target.give(TENANT, lead, self.dice.choice(PEOPLE), at=now)
        elif draw < 0.9:
            self.target.forbid(TENANT, lead)
        elif draw < 0.93:
            self.target.delete(TENANT, lead)


def happened(row: OutboxRow, target: MemoryTarget) -> bool:
    """Whether every step that was begun stands in the target's ledger, not undone."""
    keys = {line.key for line in target.ledger}
    begun = [one for one in row.steps if one.state is not StepState.PENDING]
    return bool(begun) and all(one.key in keys and f"{one.key}/undo" not in keys for one in begun)
