"""A group of bundles: each is judged against what is stored and what the group holds so far, then all is written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.action import ActionState, Move, Proposal
from domain.decision import Bundle
from domain.instants import DAY
from domain.ports.commit import Committed
from tools.privacy.vault import KeyRow
from tools.store.accounts_due import mark
from tools.store.asking import approval_values
from tools.store.audit import Chains
from tools.store.codec import decision_bytes, state_bytes, values_text
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.effect_rows import Effects, Stored, found
from tools.store.effects import approval_id, asked, question, replaceable
from tools.store.engine import Tx
from tools.store.keyring import keep_pending
from tools.store.reps import assigned_today
from tools.store.tallies import Tally, add_tally

STATEMENTS = (
    "insert_decision", "insert_sealed", "insert_approval", "insert_effect", "insert_decision_action", "assign",
    "keep_state", "clear_timers", "set_timer", "insert_feed",
)  # fmt: skip
"""In the order in which they are run; signals, leads and accounts come after."""


@dataclass(slots=True)
class Group:
    """Bundles of one transaction. `held` are the leads' rows, `known` ids of decisions that are stored already."""

    tx: Tx
    config: Config
    now: int
    held: Mapping[str, Any]
    known: set[str]
    rows: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {name: [] for name in STATEMENTS}
    )
    signals: dict[tuple[str, str], list[dict[str, object]]] = field(default_factory=dict)
    done: dict[str, Any] = field(default_factory=dict)
    """Lead -> its row, of bundles that stand."""
    accounts: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    chains: Chains = field(init=False)
    _assigned: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    _open: dict[str, dict[str, Stored]] = field(default_factory=dict)
    """Tenant -> effect key -> the row that had it when the group began."""
    _new: dict[str, dict[str, str]] = field(default_factory=dict)
    """Tenant -> effect key -> the action that this group proposes under it."""
    _capacity: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Open the chains."""
        self.chains = Chains(self.tx, self.config.writer)
        self._capacity = {rep.rep_id: rep.capacity for rep in self.config.reps}

    def look_ahead(self, bundles: Iterable[Bundle]) -> None:
        """Read today's assignments and the open effects that the bundles will be judged by."""
        reps: dict[str, set[str]] = {}
        effects: dict[str, set[str]] = {}
        for bundle in bundles:
            reps.setdefault(bundle.lead.tenant, set()).update(bundle.reserved)
            keys = {proposal.effect_key for proposal in bundle.decision.proposals}
            effects.setdefault(bundle.lead.tenant, set()).update(keys)
            self._new.setdefault(bundle.lead.tenant, {})
        for tenant, names in reps.items():
            self._assigned[tenant] = assigned_today(self.tx, tenant, names, self.now)
        for tenant, keys in effects.items():
            rows = found(self.tx, "open_effects", tenant=tenant, keys=as_json(keys)) if keys else []
            self._open[tenant] = {one.row.effect_key: one for one in rows}

    def add(self, bundle: Bundle) -> Committed:
        """Judge one bundle; if it stands, gather what is to be written."""
        row = self.held.get(bundle.claim.lead_id)
        if row is None or not self._holds(row, bundle):
            return Committed.FENCED
        if not self._room(bundle):
            return Committed.NO_CAPACITY
        self.done[row.lead_id] = row
        self.known.add(bundle.decision.decision_id)
        self._reserve(bundle)
        self._decision(bundle)
        waiting = self._propose_all(bundle)
        self._timers(bundle)
        self._state(bundle, suppressed=bool(row.suppressed))
        self._finish_signals(bundle)
        self.chains.add(bundle.audit)
        if waiting:
            self._ask(bundle, waiting)
        if bundle.account_changed and row.account is not None:
            self.accounts.setdefault((row.tenant, row.region), set()).add(row.account)
        return Committed.DONE

    def write(self) -> Sequence[KeyRow]:
        """Write what was gathered; the vault's keys that went with it."""
        for name in STATEMENTS:
            self.tx.run(name, self.rows[name])
        self.chains.write()
        applied: Counter[Tally] = Counter()
        for (tenant, region), rows in self.signals.items():
            applied[tenant, region, "waiting"] -= self.tx.run("finish_signal", rows)
            self.tx.run("mark_spoken", {"tenant": tenant, "refs": as_json(row["ref"] for row in rows)})
        add_tally(self.tx, applied)
        leads = [{"lead": lead, "tenant": row.tenant, "now": self.now} for lead, row in self.done.items()]
        self.tx.run("finish_lead", leads)
        for (tenant, region), names in self.accounts.items():
            mark(self.tx, tenant, region, names, self.now)
        return keep_pending(self.tx, self.config.ring, {lead: row.region for lead, row in self.done.items()})

    def _holds(self, row: Any, bundle: Bundle) -> bool:
        """Canonical lead, identity version and token are those of the claim, and nobody committed under it."""
        claim = bundle.claim
        return (
            bool(row.live)
            and row.tenant == bundle.lead.tenant
            and row.lead_id == bundle.lead.lead_id
            and row.lead_id == bundle.decision.lead_id
            and row.token == claim.token
            and row.identity_version == claim.identity_version
            and row.lead_id not in self.done
            and bundle.decision.decision_id not in self.known
        )

    def _room(self, bundle: Bundle) -> bool:
        """Whether every salesperson it counts on can take the lead today; one not in the plan has no bound."""
        given = self._assigned[bundle.lead.tenant]
        return all(
            bundle.claim.lead_id in given[rep]
            or len(given[rep]) < self._capacity.get(rep, len(given[rep]) + 1)
            for rep in bundle.reserved
        )

    def _reserve(self, bundle: Bundle) -> None:
        for rep in bundle.reserved:
            self._assigned[bundle.lead.tenant][rep].add(bundle.claim.lead_id)
            self._put("assign", bundle, rep=rep, day=self.now // DAY, at=self.now)

    def _decision(self, bundle: Bundle) -> None:
        decision, record = bundle.decision, bundle.record
        self._put(
            "insert_decision",
            bundle,
            decision=decision.decision_id,
            run=decision.run_id,
            state=decision.state.value,
            as_of=decision.as_of,
            at=self.now,
            commitment=record.commitment,
            content=bundle.content or decision_bytes(decision),
        )
        self._put(
            "insert_sealed",
            bundle,
            commitment=record.commitment,
            ciphertext=record.ciphertext,
            salt=record.salt,
            key=record.key_id,
        )
        self._put("insert_feed", bundle, kind="decision", ref=decision.decision_id, at=self.now)

    def _propose_all(self, bundle: Bundle) -> list[Proposal]:
        """New outbox rows, unless effects of their keys are open: then the decision only points to them.

        Returns: the new rows that wait for a person.
        """
        waiting = []
        for place, proposal in enumerate(bundle.decision.proposals):
            is_open = self._open_effect(bundle.lead.tenant, proposal)
            if is_open is None:
                self._new[bundle.lead.tenant][proposal.effect_key] = proposal.action_id
                self._propose(bundle, proposal, place)
                waiting += [proposal] if proposal.state is ActionState.WAITING else []
            self._put(
                "insert_decision_action",
                bundle,
                decision=bundle.decision.decision_id,
                effect=proposal.effect_key,
                action=is_open or proposal.action_id,
                outcome="already_open" if is_open else "proposed",
            )
        return waiting

    def _open_effect(self, tenant: str, proposal: Proposal) -> str | None:
        """The action that has the key; a score of which nothing has left makes room for the newer one."""
        proposed = self._new[tenant].get(proposal.effect_key)
        stored = self._open[tenant].get(proposal.effect_key)
        if proposed is not None or stored is None:
            return proposed
        if not stored.readable or not replaceable(stored.row):
            return stored.row.action_id
        Effects(self.tx, self.chains, self.now).move(stored, Move.EXPIRE, reason="superseded")
        return None

    def _propose(self, bundle: Bundle, proposal: Proposal, place: int) -> None:
        waits = proposal.state is ActionState.WAITING
        self._put(
            "insert_effect",
            bundle,
            action=proposal.action_id,
            kind=proposal.kind.value,
            episode=proposal.episode,
            effect=proposal.effect_key,
            params=values_text(proposal.params),
            state=proposal.state.value,
            hash=proposal.proposal_hash,
            decision=bundle.decision.decision_id,
            at=self.now,
            run=bundle.decision.run_id,
            place=place,
            next_try=None if waits else self.now,
            approval=approval_id(bundle.decision) if waits else None,
        )

    def _ask(self, bundle: Bundle, waiting: Sequence[Proposal]) -> None:
        """One question to a person about all that waits."""
        asks = question(bundle, waiting, self.now)
        self._put("insert_approval", bundle, **approval_values(asks, bundle.decision.run_id))
        self._put("insert_feed", bundle, kind="approval", ref=asks.approval_id, at=self.now)
        self.chains.add([asked(asks, "opened", self.now)])

    def _timers(self, bundle: Bundle) -> None:
        self._put("clear_timers", bundle)
        for timer in bundle.timers:
            self._put("set_timer", bundle, reason=timer.reason, due_at=timer.due_at)

    def _state(self, bundle: Bundle, *, suppressed: bool) -> None:
        """A lead that asked to be forgotten keeps no events."""
        state = replace(bundle.lead, events=()) if suppressed else bundle.lead
        self._put("keep_state", bundle, body=state_bytes(state))

    def _finish_signals(self, bundle: Bundle) -> None:
        tags = {event.ref: " ".join(event.tags) for event in bundle.lead.events if event.tags}
        superseded = set(bundle.superseded)
        why = "suppressed" if bundle.lead.suppressed else "over_cap"
        rows = self.signals.setdefault((bundle.lead.tenant, bundle.lead.region), [])
        for ref in bundle.decision.signals:
            gone = ref in superseded
            rows.append(
                {
                    "tenant": bundle.lead.tenant,
                    "lead": bundle.claim.lead_id,
                    "ref": ref,
                    "state": "superseded" if gone else "applied",
                    "reason": why if gone else None,
                    "tags": tags.get(ref, ""),
                }
            )

    def _put(self, name: str, bundle: Bundle, **values: object) -> None:
        here = {"tenant": bundle.lead.tenant, "region": bundle.lead.region, "lead": bundle.claim.lead_id}
        self.rows[name].append({**here, **values})
