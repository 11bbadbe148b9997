"""The world of the in-memory store: dictionaries, and identity resolved from scratch, slowly and surely.

The durable store avoids that work wherever it can; the contract tests hold both to the same answers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from domain.approval import ApprovalState
from domain.audit import AuditEntry, Sealed
from domain.chain import GENESIS, encode, link
from domain.decision import Decision
from domain.handing import SALES
from domain.identity import Link, home_key, links_of, resolve
from domain.ids import AccountId, LeadId, Region, TenantId
from domain.instants import instant
from domain.kinds import Kind
from domain.lead import AccountSnapshot, BandState, LeadState, PastAction, absorb
from domain.override import ROW
from domain.ports.audit import StoredRow
from domain.ports.inbox import Refused
from domain.ports.outbox import OutboxRow
from domain.quality import StreamStats
from domain.signal import KeyKind, LeadKey, Signal, compact
from tools.fake_answers import KeptAnswers
from tools.fake_due import DueRows
from tools.fake_effects import Effects
from tools.fake_events import Told
from tools.fake_overrides import Overrides
from tools.fake_talks import KeptTalks
from tools.store.config import ACCOUNT_DELAY, Config
from tools.store.desk_due import given_in_vain
from tools.store.moving import Plan
from tools.store.placing import link_kind

Place = tuple[TenantId, Region]


@dataclass(slots=True, eq=False)
class Kept:
    """A stored signal."""

    signal: Signal
    seq: int
    lead_id: str = ""
    state: str = "waiting"
    reason: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def processed(self) -> bool:
        """Whether its events belong to the lead's state."""
        return self.state == "applied" or (self.state == "superseded" and self.reason == "over_cap")


@dataclass(slots=True, eq=False)
class Lead:
    """A stored lead. `timers`: reason -> (due_at, set while the lead was held)."""

    state: LeadState
    first_seen: int
    live: bool = True
    merged_into: str | None = None
    token: int = 0
    identity_version: int = 0
    attempt: int = 0
    lost: int = 0
    lease_until: int = 0
    parked: str | None = None
    retry_at: int = 0
    wakes_at: int | None = None
    timers: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def free(self) -> None:
        """Nobody holds it; whoever did is fenced off."""
        self.token += 1
        self.lease_until = 0


@dataclass(slots=True, eq=False)
class Item:
    """One quarantined item."""

    item_id: str
    refused: Refused
    at: int
    raw: bytes
    state: str = "open"


@dataclass(slots=True)
class Key:
    """Whose a key is, and the lead that it was born with."""

    lead_id: str | None = None
    born: str | None = None


@dataclass(slots=True)
class World:
    """Everything that the in-memory store holds."""

    config: Config
    signals: dict[tuple[str, str], Kept] = field(default_factory=dict)
    leads: dict[str, Lead] = field(default_factory=dict)
    keys: dict[Place, dict[LeadKey, Key]] = field(default_factory=dict)
    links: dict[Place, list[Link]] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    tallies: Counter[tuple[str, str]] = field(default_factory=Counter)
    streams: dict[tuple[str, str, str], StreamStats] = field(default_factory=dict)
    decisions: list[tuple[TenantId, Decision, Sealed, bytes]] = field(default_factory=list)
    effects: Effects = field(init=False)
    overrides: Overrides = field(init=False)
    assigned: dict[tuple[str, str, int], dict[str, int]] = field(default_factory=dict)
    """(tenant, rep, day) -> lead -> Instant."""
    accounts: dict[tuple[str, str], AccountSnapshot] = field(default_factory=dict)
    due: dict[tuple[str, str], tuple[int | None, int]] = field(default_factory=dict)
    """(tenant, account) -> (due at, marked at)."""
    audit: list[tuple[AuditEntry, StoredRow]] = field(default_factory=list)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Tenant -> (seq, hash) of its chain's last row."""
    merges: Counter[str] = field(default_factory=Counter)
    answers: KeptAnswers = field(default_factory=KeptAnswers)
    talks: KeptTalks = field(default_factory=KeptTalks)
    due_talks: DueRows = field(default_factory=DueRows)
    feed: list[Told] = field(default_factory=list)
    buckets: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name -> (level, as of when)."""
    waits: dict[tuple[str, str], int] = field(default_factory=dict)
    """(tenant, vendor) -> until when it wants to be left alone."""

    def __post_init__(self) -> None:
        """The outbox and the overrides note what becomes of them in this world's chains."""
        self.effects = Effects(self.note, self.wake, self._in_vain)
        self.overrides = Overrides(self.note)

    def _in_vain(self, row: OutboxRow, now: int) -> None:
        if self.config.desk and given_in_vain(row):
            talks = [
                name
                for name, talk in self.talks.by(row.action_id)
                if (talk.tenant, talk.standing.team, talk.standing.released) == (row.tenant, SALES, False)
                and name.startswith(f"{self.config.desk}:")
            ]
            self.due_talks.add(row.tenant, talks, now)

    def of_lead(self, lead_id: str) -> list[Kept]:
        """The stored signals of a lead, newest first."""
        found = [kept for kept in self.signals.values() if kept.lead_id == lead_id]
        return sorted(found, key=lambda kept: (kept.signal.occurred_at, kept.signal.signal_id), reverse=True)

    def waiting_of(self, lead_id: str) -> list[Kept]:
        """Its signals that wait, in the order of their arrival."""
        return sorted((k for k in self.of_lead(lead_id) if k.state == "waiting"), key=lambda kept: kept.seq)

    @property
    def merged(self) -> int:
        """Merges of all tenants."""
        return sum(n for name, n in self.merges.items() if name.endswith("/merge"))

    def open_items(self, tenant: str) -> list[Item]:
        """Quarantined items nobody has decided on, oldest first."""
        return [i for i in self.items.values() if i.state == "open" and i.refused.tenant == tenant]

    def settle(self, lead_id: str, now: int) -> None:
        """Say when it is the lead's turn: at once if signals wait, else with its first timer."""
        lead = self.leads[lead_id]
        first = min((due for due, _ in lead.timers.values()), default=None)
        lead.wakes_at = max(now, lead.retry_at) if self.waiting_of(lead_id) else first

    def wake(self, lead_id: str, reason: str, now: int) -> None:
        """Let a lead be decided anew, unless it is gone or asked to be forgotten."""
        lead = self.leads.get(lead_id)
        if lead is None or not lead.live or lead.state.suppressed:
            return
        due, _ = lead.timers.get(reason, (now, False))
        lead.timers[reason] = min(due, now), lead.lease_until > 0
        if not lead.lease_until and not lead.parked:
            soonest = max(now, lead.retry_at)
            lead.wakes_at = soonest if lead.wakes_at is None else min(lead.wakes_at, soonest)

    def note(self, entries: Iterable[AuditEntry]) -> None:
        """Append audit rows to this writer's chains, all of them or none."""
        heads, rows = dict(self.heads), list[tuple[AuditEntry, StoredRow]]()
        for entry in entries:
            seq, prev = heads.get(entry.tenant, (0, GENESIS))
            body = encode(entry, seq=seq + 1, writer=self.config.writer)
            row = StoredRow(entry.tenant, self.config.writer, seq + 1, prev, link(prev, body), body)
            heads[entry.tenant] = row.seq, row.hash
            rows.append((entry, row))
        self.heads = heads
        self.audit += rows

    def tell(self, place: Place, kind: str, ref: str, now: int) -> None:
        """A row of the feed."""
        self.feed.append(Told(*place, kind, ref, now))

    def mark(self, tenant: str, account: str | None, now: int) -> None:
        """An account falls due, unless it is already."""
        if account is not None:
            due, marked = self.due.get((tenant, account), (None, 0))
            self.due[tenant, account] = (now + ACCOUNT_DELAY if due is None else due), max(marked, now)

    def add(self, batch: Sequence[Signal], now: int) -> None:
        """Store new signals and give each its lead."""
        places: dict[Place, list[Kept]] = {}
        for signal in batch:
            kept = Kept(signal, len(self.signals))
            self.signals[signal.tenant, signal.signal_id] = kept
            place = signal.tenant, signal.region
            places.setdefault(place, []).append(kept)
            self.links.setdefault(place, []).extend(_links(signal))
            for key in signal.keys:
                self.keys.setdefault(place, {}).setdefault(key, Key())
        for place, arrived in places.items():
            self._identify(place, arrived, now)

    def _identify(self, place: Place, batch: Sequence[Kept], now: int) -> None:
        keys = self.keys[place]
        partition = resolve(keys, self.links[place])
        group_of = {key: number for number, group in enumerate(partition.groups) for key in group}
        here = [kept for kept in self.signals.values() if (kept.signal.tenant, kept.signal.region) == place]
        homes = [group_of[home_key(kept.signal.keys, partition.shared)] for kept in here]
        targets = self._targets(partition.groups, keys, set(homes), now)
        plan = Plan(place[1], targets=set(targets.values()))
        for kept, number in zip(here, homes, strict=True):
            if kept.lead_id:
                plan.went.setdefault(kept.lead_id, set()).add(targets[number])
            kept.lead_id = targets[number]
        self._carry_out(place, plan, batch, now)

    def _targets(
        self, groups: Sequence[frozenset[LeadKey]], keys: dict[LeadKey, Key], homes: set[int], now: int
    ) -> dict[int, str]:
        def rank(number: int) -> tuple[bool, LeadKey]:
            return not any(key.kind.strong for key in groups[number]), min(groups[number])

        targets: dict[int, str] = {}
        for number in sorted(homes, key=rank):
            free = {born for key in groups[number] if (born := keys[key].born)} - set(targets.values())
            seen = {born: self.leads[born].first_seen if born in self.leads else now + 1 for born in free}
            targets[number] = min(free, key=lambda b: (seen[b], b)) if free else f"ld_{self.config.new_id()}"
        taken = set(targets.values())
        for number, group in enumerate(groups):
            target = targets.get(number)
            for key in group:
                keys[key].lead_id = target
                if target is not None and (keys[key].born is None or keys[key].born in taken - {target}):
                    keys[key].born = target
        return targets

    def _carry_out(self, place: Place, plan: Plan, batch: Sequence[Kept], now: int) -> None:
        self._hand_over(place, plan, now)
        touched = {kept.lead_id for kept in batch}
        for lead_id in touched - self.leads.keys():
            self.leads[lead_id] = Lead(LeadState(LeadId(lead_id), *place), now)
        forgotten = self._forgotten(batch)
        anew = plan.changed | forgotten | {lead_id for lead_id in touched if not self.leads[lead_id].live}
        for lead_id in sorted(anew):
            self._renew(place, lead_id, [loser for winner, loser in plan.merges if winner == lead_id], now)
        for lead_id in forgotten:
            entry = AuditEntry(*place, step="inbox", code="suppressed", at=now, lead_id=LeadId(lead_id))
            self.note([entry])
        for lead_id in touched - anew:
            self._touch(lead_id, [kept for kept in batch if kept.lead_id == lead_id], now)

    def _hand_over(self, place: Place, plan: Plan, now: int) -> None:
        """What belonged to leads that are merged, split or left empty goes where their signals went."""
        for winner, loser in plan.merges:
            self._merge(place, winner, loser, now=now)
        for lead_id, part in plan.splits:
            self._note_identity(place, "split", lead_id, part, now=now)
            self.effects.split(part)
            self.answers.split(part)
            self.talks.split(part)
            if self.overrides.split(lead_id, part, self._came_through, now):
                self._redecide(now, lead_id, part)
        for lead_id in sorted(plan.emptied - {loser for _, loser in plan.merges}):
            self.effects.stop(lead_id, ApprovalState.REDECIDED, "identity", now)
            self._retire(lead_id, None)

    def _forgotten(self, batch: Sequence[Kept]) -> set[str]:
        """Leads that this batch asks to forget, and that were not forgotten before."""
        asked = {kept.lead_id for kept in batch if kept.signal.kind is Kind.PRIVACY_DELETE}
        return {lead_id for lead_id in asked if not self.leads[lead_id].state.suppressed}

    def _touch(self, lead_id: str, arrived: Sequence[Kept], now: int) -> None:
        lead = self.leads[lead_id]
        for kept in arrived:
            if lead.state.suppressed:
                kept.state, kept.reason = "superseded", "suppressed"
            elif lead.parked:
                kept.state, kept.reason = "parked", lead.parked
        account = self._account(lead_id)
        if lead.state.account is not None and account != lead.state.account:
            self.mark(lead.state.tenant, lead.state.account, now)
        lead.state = replace(lead.state, account=account)
        if self.waiting_of(lead_id) and not lead.lease_until and not lead.parked:
            due = max(now, lead.retry_at)
            lead.wakes_at = due if lead.wakes_at is None else min(lead.wakes_at, due)

    def _account(self, lead_id: str) -> AccountId | None:
        return next((kept.signal.account for kept in self.of_lead(lead_id) if kept.signal.account), None)

    def _merge(self, place: Place, winner: str, loser: str, *, now: int) -> None:
        gone = self.leads[loser]
        into = self.leads.setdefault(winner, Lead(LeadState(LeadId(winner), *place), now))
        for reason, (due, fresh) in gone.timers.items():
            into.timers[reason] = min(into.timers.get(reason, (due, fresh)), (due, fresh))
        if self.effects.merge(winner, loser, now):
            into.timers["redo"] = min(into.timers.get("redo", (now, False)), (now, False))
        if self.overrides.merge(winner, loser, now):
            self._redecide(now, winner)
        self.answers.merge(winner, loser)
        self.talks.merge(winner, loser)
        self._retire(loser, winner)
        self._note_identity(place, "merge", winner, loser, now=now)
        self.config.ring.unite(place[0], LeadId(winner), LeadId(loser))

    def _redecide(self, now: int, *leads: str) -> None:
        """Other things are fixed of these leads than before."""
        for lead_id in leads:
            timers = self.leads[lead_id].timers
            timers[ROW] = min(timers.get(ROW, (now, False)), (now, False))

    def _came_through(self, origin: str, part: str) -> bool:
        """Whether `part` is the lead `origin`, or `origin` was merged into it, at once or over others."""
        at: str | None = origin
        while at is not None and at != part:
            at = self.leads[at].merged_into
        return at is not None

    def _retire(self, lead_id: str, into: str | None) -> None:
        lead = self.leads[lead_id]
        lead.free()
        lead.live, lead.merged_into, lead.wakes_at, lead.parked = False, into, None, None
        lead.attempt = lead.lost = lead.retry_at = 0
        lead.identity_version += 1
        lead.timers = {}

    def _note_identity(self, place: Place, code: str, winner: str, loser: str, *, now: int) -> None:
        self.merges[f"{place[0]}/{code}"] += 1
        entry = AuditEntry(
            *place, step="identity", code=code, at=now, lead_id=LeadId(winner), detail={"other": loser}
        )
        self.note([entry])

    def _renew(self, place: Place, lead_id: str, losers: Sequence[str], now: int) -> None:
        """Make a lead anew from its signals."""
        lead = self.leads.setdefault(lead_id, Lead(LeadState(LeadId(lead_id), *place), now))
        signals = self.of_lead(lead_id)
        suppressed = any(kept.signal.kind is Kind.PRIVACY_DELETE for kept in signals)
        for kept in signals:
            forget = suppressed and kept.signal.kind is not Kind.PRIVACY_DELETE
            if forget and kept.state in ("waiting", "parked"):
                kept.state, kept.reason = "superseded", "suppressed"
            elif kept.state == "parked" or (kept.reason == "suppressed" and not suppressed):
                kept.state, kept.reason = "waiting", None
        events = [event for kept in signals if kept.processed for event in compact(kept.signal, kept.tags)]
        states = [lead.state, *(self.leads[loser].state for loser in sorted(losers))]
        past = sorted((a for state in states for a in state.actions), key=lambda a: (a.at, a.episode))
        kept_events, dropped = absorb((), () if suppressed else events)
        before, account = lead.state.account, self._account(lead_id)
        lead.state = LeadState(
            lead_id=LeadId(lead_id),
            tenant=place[0],
            region=place[1],
            account=account,
            events=kept_events,
            dropped=dropped,
            band=BandState(),
            owner=next((state.owner for state in states if state.owner), None),
            episode=max(state.episode for state in states),
            suppressed=suppressed,
            actions=tuple(_last_of_each(past)),
        )
        for name in {before, account}:
            self.mark(place[0], name, now)
        if suppressed:
            lead.timers = {}
            self.effects.stop(lead_id, ApprovalState.EXPIRED, "suppressed", now)
            self.answers.drop(lead_id)
            self.talks.drop(lead_id)
        lead.free()
        lead.identity_version += 1
        lead.live, lead.merged_into, lead.parked = True, None, None
        lead.attempt = lead.lost = lead.retry_at = 0
        self.settle(lead_id, now)


def _last_of_each(past: Sequence[PastAction]) -> list[PastAction]:
    by_kind = {action.kind: action for action in past}
    return [by_kind[kind] for kind in sorted(by_kind)]


def _links(signal: Signal) -> tuple[Link, ...]:
    at, known = instant(signal.occurred_at), instant(signal.known_at)
    keys = tuple(key for key in signal.keys if key.kind is not KeyKind.ROLE)
    return links_of(keys, at, known, signal.signal_id, link_kind(signal))
