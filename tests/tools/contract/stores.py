"""What the contract tests build with: signals with defaults, and the smallest worker there is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from domain.action import ActionKind, ActionState, Proposal
from domain.audit import AuditEntry, Sealed
from domain.decision import Bundle, Decision, DecisionState, Timer
from domain.ids import AccountId, ActionId, DecisionId, LeadId, Region, TenantId
from domain.instants import Instant, instant, moment
from domain.kinds import Kind
from domain.lead import LeadState, absorb
from domain.policy import Rep
from domain.ports.access import ApiKeys
from domain.ports.accounts import Accounts
from domain.ports.approvals import Approvals
from domain.ports.commit import Commit, Committed
from domain.ports.desks import DueTalks
from domain.ports.events import Feed, Subscriptions
from domain.ports.feedback import Feedback
from domain.ports.inbox import Inbox, Refused
from domain.ports.limits import Limits
from domain.ports.model import Answers
from domain.ports.outbox import Outbox
from domain.ports.quarantine import Quarantine
from domain.ports.reads import Reads
from domain.ports.spending import Spending
from domain.ports.talks import Talks
from domain.ports.work import Claimed, Work
from domain.signal import Event, KeyKind, LeadKey, Scalar, Signal, compact

TENANT, OTHER, REGION = TenantId("acme"), TenantId("rival"), Region("eu")
NOW = instant(datetime.fromisoformat("2026-03-02T09:00:00+00:00"))
LEASE = 30_000_000
POLICY = "p1"
"""Version of the tables that every decision here names."""
EMAIL, CRM, USER = KeyKind.EMAIL, KeyKind.CRM_ID, KeyKind.USER_ID
ANON, CHAT, ROLE = KeyKind.ANONYMOUS, KeyKind.CONVERSATION, KeyKind.ROLE


class AnyStore(Protocol):
    """Either implementation."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def work(self) -> Work: ...
    @property
    def commit(self) -> Commit: ...
    @property
    def reads(self) -> Reads: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def feedback(self) -> Feedback: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def spending(self) -> Spending: ...
    @property
    def talks(self) -> Talks: ...
    @property
    def access(self) -> ApiKeys: ...
    @property
    def due_talks(self) -> DueTalks: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    def close(self) -> None: ...


OpenStore = Callable[..., AnyStore]


def key(kind: KeyKind, value: str) -> LeadKey:
    """A key of a lead."""
    return LeadKey(kind, value)


def signal(
    number: int,
    *keys: LeadKey,
    kind: Kind = Kind.PAGE_VIEW,
    payload: Mapping[str, Scalar] | None = None,
    at: int | None = None,
    tenant: TenantId = TENANT,
    region: Region = REGION,
    account: str | None = None,
) -> Signal:
    """Signal `number` of the source ``web``; it occurred that many seconds before now unless `at` says otherwise."""
    when = moment(Instant(NOW - number * 1_000_000 if at is None else at))
    return Signal(
        tenant=tenant,
        region=region,
        source="web",
        id=str(number),
        kind=kind,
        keys=keys or (key(EMAIL, "ada"),),
        account=AccountId(account) if account else None,
        occurred_at=when,
        received_at=moment(NOW),
        known_at=moment(NOW),
        payload={"page": "/pricing"} if payload is None and kind is Kind.PAGE_VIEW else payload or {},
    )


def message(number: int, *keys: LeadKey, text: str = "What does it cost?") -> Signal:
    """A support message with text."""
    return signal(number, *keys, kind=Kind.MESSAGE, payload={"text": text, "role": "customer"})


def alias(number: int, *keys: LeadKey, undo: bool = False, at: int | None = None) -> Signal:
    """Keys declared one, or apart."""
    return signal(number, *keys, kind=Kind.ALIAS, payload={"undo": True} if undo else {}, at=at)


def refused(position: int, raw: bytes = b"{bad", tenant: TenantId = TENANT) -> Refused:
    """An item that the door did not let in."""
    return Refused(
        tenant, REGION, "web", raw, "payload.seats", "invalid", "payload.seats: is no number", position
    )


def rep(name: str, capacity: int = 1) -> Rep:
    """A salesperson."""
    return Rep(name, "sales", (), (), capacity, 0, 0)


def proposal(
    lead: LeadId,
    number: int,
    kind: ActionKind = ActionKind.CREATE_TASK,
    episode: int = 1,
    *,
    state: ActionState = ActionState.PROPOSED,
    params: Mapping[str, str] | None = None,
) -> Proposal:
    """An action to propose."""
    name, said = ActionId(f"ac_{lead}_{number}"), {"queue": "inbound"} if params is None else params
    return Proposal(name, lead, kind, said, episode, state, f"{number:064x}")


def bundle(
    one: Claimed,
    *,
    timers: tuple[Timer, ...] = (),
    proposals: tuple[Proposal, ...] = (),
    reserved: tuple[str, ...] = (),
    tags: Mapping[str, tuple[str, ...]] | None = None,
    account_changed: bool = False,
) -> Bundle:
    """What a run that only absorbs events would commit. `tags` by ref."""
    given = one.given
    fresh: list[Event] = []
    for new in given.new:
        fresh += compact(new, (tags or {}).get(new.signal_id, ()))
    events, over = ((), 0) if given.lead.suppressed else absorb(given.lead.events, fresh)
    refs = tuple(new.signal_id for new in given.new)
    kept = {event.ref for event in events}
    gone = refs if given.lead.suppressed else tuple(r for e in fresh if (r := e.ref) not in kept)
    lead = replace(given.lead, events=events, dropped=given.lead.dropped + over)
    decision = Decision(
        decision_id=DecisionId(f"dc_{given.run_id}"),
        run_id=given.run_id,
        lead_id=given.lead.lead_id,
        as_of=given.as_of,
        reason=given.reason,
        state=DecisionState.SUPPRESSED if given.lead.suppressed else DecisionState.FINAL,
        signals=refs,
        features={"web.views.7d": len(events)},
        reading=None,
        score=None,
        band=given.lead.band,
        verdict=None,
        proposals=proposals,
        quality=given.quality,
        versions={"graph": "1", "policy": POLICY},
    )
    entry = AuditEntry(
        given.lead.tenant,
        given.lead.region,
        "run",
        "ok",
        given.as_of,
        run_id=given.run_id,
        lead_id=given.lead.lead_id,
    )
    record = Sealed(b"sealed", b"salt", f"commitment of {given.run_id}", "k_1")
    return Bundle(
        claim=one.claim,
        decision=decision,
        lead=lead,
        superseded=gone,
        audit=(entry,),
        record=record,
        timers=timers,
        account_changed=account_changed,
        reserved=reserved,
    )


async def claim(store: AnyStore, now: int = NOW, limit: int = 100) -> Sequence[Claimed]:
    """Claim with the usual lease."""
    return await store.work.claim(now=now, limit=limit, lease_us=LEASE)


async def claim_one(store: AnyStore, now: int = NOW) -> Claimed:
    """The only lead that is ready."""
    (one,) = await claim(store, now)
    return one


async def drain(store: AnyStore, now: int = NOW, make: Callable[[Claimed], Bundle] = bundle) -> int:
    """Claim and commit until nothing is ready; how many runs that took."""
    runs = 0
    while claimed := await claim(store, now):
        results = await store.commit.commit([make(one) for one in claimed], now=now)
        assert set(results) == {Committed.DONE}
        runs += len(claimed)
    return runs


async def states(store: AnyStore, tenant: TenantId = TENANT) -> list[LeadState]:
    """Every lead."""
    return [state async for batch in store.reads.leads(tenant) for state in batch]


async def by_keys(store: AnyStore, tenant: TenantId = TENANT) -> dict[frozenset[LeadKey], LeadState]:
    """Every lead under the set of its keys, by which two stores can be compared."""
    return {frozenset(await store.reads.keys(tenant, s.lead_id)): s for s in await states(store, tenant)}


async def balanced(store: AnyStore, tenant: TenantId = TENANT) -> Mapping[str, int]:
    """The counts, after making sure that they add up."""
    counts = await store.reads.counts(tenant)
    parts = ("applied", "superseded", "duplicates", "quarantined", "parked", "waiting")
    assert counts["signals"] == sum(counts[part] for part in parts), dict(counts)
    return counts
