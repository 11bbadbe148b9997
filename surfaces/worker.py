"""The worker: claims leads, runs the graph, commits in groups; one bad lead never stops the rest."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from agents.scoring import would_move
from domain.asking import Patient
from domain.audit import AuditEntry
from domain.decision import Bundle, LeadClaim, RunInput
from domain.errors import Temporary
from domain.features import Catalogue
from domain.instants import MINUTE, SECOND
from domain.lead import AccountSnapshot, LeadState
from domain.policy import Rep
from domain.ports.accounts import Refreshed
from domain.ports.commit import Committed
from domain.ports.home import Home
from domain.ports.work import Claimed
from domain.stakes import AGENTS
from graph.build import Graph, build_graph
from graph.deps import DEFAULT_DEADLINES, Collector, Deps, Mind, no_packages
from graph.nodes import error_code
from graph.run import Ran, bundle, run_lead
from graph.shadow import Shadow
from prompts.load import load_prompts
from surfaces.catching_up import CatchingUp, Caught, settled
from surfaces.counts import Counts
from surfaces.giving_way import Doors
from surfaces.pinning import pinned, scorer_for
from surfaces.remembering import Kept, Remembering, recalled
from surfaces.rescoring import Rewaking
from surfaces.serving import served
from surfaces.supervising import Crew, Part
from surfaces.tidying import Tidying

RETRY_STEPS = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE)
"""Wait before the next try of a lead whose run failed, by attempt."""
ACCOUNTS_A_PASS = 50
WATCH_EVERY = 10 * MINUTE
"""How often a rollout is judged while leads are worked off."""
READY_S = 15.0
"""Seconds that a process may take until it can ask a model for the first time, beside the model's own deadline."""
NODE_S = 5.0
"""Seconds that a node may take beside asking a model."""
SOLD = "account.members.won"
"""A company that has bought is a customer: policy asks for it, so a change wakes every colleague."""
WAKE_AT_MOST = 20
"""Leads that one account's refresh may wake: the fan-out is bounded."""

Decided = Callable[[Ran], None]


def _ignore(_: Ran) -> None:
    return None


def _unheard(_: AuditEntry) -> None:
    return None


def _unnoted() -> None:
    return None


@dataclass(slots=True)
class Tally(Counts):
    """What a worker has done."""

    runs: int = 0
    decisions: int = 0
    actions: int = 0
    fenced: int = 0
    failed: int = 0
    parked: int = 0
    accounts: int = 0
    remembered: int = 0
    """Leads that memory was brought in step with."""
    rescored: int = 0
    """Leads looked at anew after a change of champions."""
    read_back: int = 0
    """Records that were read at vendors, and pages of what was never sent."""
    outages: int = 0
    """Passes that the store cut short."""

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.runs or self.accounts or self.rescored)


@dataclass(slots=True)
class Worker:
    """One worker over one home. `decided` is told of each committed run, `listen` of each audit row as it is made."""

    home: Home
    deps: Deps
    graph: Graph = field(default_factory=build_graph)
    batch: int = 64
    lease_us: int = 30 * SECOND
    decided: Decided = _ignore
    listen: Callable[[AuditEntry], None] = _unheard
    passed: Callable[[], None] = _unnoted
    """Is told whenever a pass has ended."""
    doors: Doors = field(default_factory=Doors)
    """Those of this process."""
    _left: list[LeadClaim] = field(default_factory=list)
    """Claims of a pass that was cut short."""
    _watched_at: int = 0
    _memory: Remembering = field(init=False)
    _rewaking: Rewaking = field(init=False)
    _catching: CatchingUp = field(init=False)
    _tidying: Tidying = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is remembered yet."""
        self._memory = Remembering(self.home)
        self._rewaking = Rewaking(self.home)
        self._catching = CatchingUp(self.home)
        self._tidying = Tidying(self.home)

    async def drain(self) -> Tally:
        """Work until nothing is ready at the clock's present time."""
        total = Tally()
        while True:
            done = await self.one_pass()
            total.add(done)
            if done.busy:
                continue
            kept, caught = await self._memory.turn(), await self._catching.turn()
            total.remembered += kept
            total.read_back += caught.records + caught.pages
            if not kept and not caught.busy:
                await self._tidying.turn()
                return total

    async def one_pass(self) -> Tally:
        """Claim one batch, run it, commit it as a group; then refresh accounts that are due.

        Raises: Temporary if the store cannot be used now. The next pass gives back what this one held.
        """
        await self._give_back()
        now = self.home.clock.now()
        claimed = await self.home.work.claim(now=now, limit=self.batch, lease_us=self.lease_us)
        tally = Tally()
        if claimed:
            self._left = [one.claim for one in claimed]
            async with _heartbeat(self.home, self._left, self.lease_us):
                ready = await self._run_all(await settled(self.home, claimed), tally)
                for part in self.doors.parts(ready):
                    await self._commit(part, tally)
            self._left = []
        tally.accounts = await refresh_accounts(self.home, limit=ACCOUNTS_A_PASS)
        await self._watch_rollout(now)
        tally.rescored = await self._rewaking.turn(idle=not claimed)
        self.passed()
        return tally

    async def _watch_rollout(self, now: int) -> None:
        """Judge a rollout that is under way, now and then: it reads what was decided since it began."""
        models = self.home.models
        if models is None or now - self._watched_at < WATCH_EVERY or models.standing().rollout is None:
            return
        self._watched_at = now
        from surfaces.rollout import step  # numpy: only where there is a rollout

        await step(self.home, models)

    async def serve(self, stop: asyncio.Event, crew: Crew, *, idle_s: float = 0.01) -> Tally:
        """Work until `stop` is set, resting `idle_s` when nothing is ready; an outage of the store is waited out.

        Memory is kept in step beside it, and vendors are asked, so that no lead waits for that. Each of these goes on
        whatever becomes of the others: see `surfaces.supervising`.
        """
        total, kept, caught = Tally(), Kept(), Caught()
        parts: dict[str, Part] = {
            "worker": partial(served, self.one_pass, total=total, idle_s=idle_s),
            "memory": partial(self._memory.serve, total=kept),
            **self._catching.parts(caught),
            "tidying": self._tidying.serve,
        }
        await crew.keep(parts, stop)
        total.remembered += kept.leads
        total.read_back += caught.records + caught.pages
        return total

    async def _give_back(self) -> None:
        """An outage is no attempt (I9). What was committed, or is somebody else's by now, stays as it is."""
        now = self.home.clock.now()
        for claim in self._left:
            await self.home.work.fail(claim, code="error:temporary", counts=False, retry_at=now, now=now)
        self._left = []

    async def _run_all(self, claimed: Sequence[Claimed], tally: Tally) -> list[tuple[Ran, Bundle]]:
        loads: dict[str, tuple[int, int]] = {}
        ready = []
        for one in claimed:
            given = replace(one.given, reps=with_loads(one.given.reps, loads), versions=self.home.versions)
            collector, began = Collector(listen=self.listen), time.perf_counter()
            tally.runs += 1
            try:
                given = await recalled(self.home, pinned(self.home, given))
                ran = await run_lead(self.graph, self.deps, given, collector=collector)
            except Exception as error:  # noqa: BLE001 - the worker is where every failure of a run ends: it is recorded, and retried or parked
                await self._failed(one.claim, given, error, collector, tally)
                continue
            packed = bundle(ran, given, one.claim, self.home.vault)
            for rep in packed.reserved:
                load = next((r.load for r in given.reps if r.rep_id == rep), 0)
                loads[rep] = (load + 1, given.as_of)
            ready.append((ran, packed))
            await self.doors.give_way(time.perf_counter() - began)
        return ready

    async def _commit(self, ready: Sequence[tuple[Ran, Bundle]], tally: Tally) -> None:
        now = self.home.clock.now()
        results = await self.home.commit.commit([packed for _, packed in ready], now=now)
        for (ran, packed), result in zip(ready, results, strict=True):
            if result is Committed.DONE:
                tally.decisions += 1
                tally.actions += len(ran.decision.proposals)
                self.decided(ran)
            else:
                tally.fenced += 1
                await self.home.work.fail(
                    packed.claim, code=result.value, counts=False, retry_at=now, now=now
                )

    async def _failed(
        self, claim: LeadClaim, given: RunInput, error: Exception, rows: Collector, tally: Tally
    ) -> None:
        """The attempt's rows are kept, then the lead goes back to the queue, or aside if it keeps failing."""
        counts = not isinstance(error, Temporary)
        now = self.home.clock.now()
        wait = RETRY_STEPS[min(claim.attempt, len(RETRY_STEPS)) - 1]
        code = error_code(error)
        rows.add(_attempt_failed(given, code, now))
        await self.home.audit.append(rows.entries)
        parked = await self.home.work.fail(claim, code=code, counts=counts, retry_at=now + wait, now=now)
        tally.failed += 1
        tally.parked += parked


def with_loads(reps: tuple[Rep, ...], loads: Mapping[str, tuple[int, int]]) -> tuple[Rep, ...]:
    """`reps` as they stand after the assignments of this batch: rep -> (load, last assigned)."""
    if not loads:
        return reps
    return tuple(
        replace(rep, load=loads[rep.rep_id][0], last_assigned=loads[rep.rep_id][1])
        if rep.rep_id in loads
        else rep
        for rep in reps
    )


def _attempt_failed(given: RunInput, code: str, now: int) -> AuditEntry:
    return AuditEntry(
        tenant=given.lead.tenant,
        region=given.lead.region,
        step="run",
        code=code,
        at=now,
        run_id=given.run_id,
        lead_id=given.lead.lead_id,
        detail={
            "attempt": given.attempt,
            "reason": given.reason,
            "arm": given.arm.value,
            "scorer": given.scorer or "baseline",
        },
    )


async def refresh_accounts(home: Home, *, limit: int) -> int:
    """Take new snapshots of accounts that are due; wake those of their leads for whom the change matters."""
    now = home.clock.now()
    due = await home.accounts.due(now=now, limit=limit)
    refreshed = []
    for tenant, account in due:
        members = await home.accounts.members(tenant, account)
        before = await home.accounts.snapshot(tenant, account)
        values = home.catalogue.account_values(members, now)
        after = AccountSnapshot(account, (before.version if before else 0) + 1, now, values)
        wake = _to_wake(home, before, after, members)
        refreshed.append(Refreshed(tenant, after, wake))
    await home.accounts.save(refreshed, now=now)
    return len(due)


def _to_wake(
    home: Home, before: AccountSnapshot | None, after: AccountSnapshot, members: Sequence[LeadState]
) -> Sequence[str]:
    """Members for whom the company's change matters: their band would move, or the company has bought."""
    sold = before is not None and before.values.get(SOLD, 0) != after.values.get(SOLD, 0)
    return [
        member.lead_id
        for member in members[:WAKE_AT_MOST]
        if not member.suppressed and (sold or _would_move(home, member, after))
    ]


def _would_move(home: Home, member: LeadState, after: AccountSnapshot) -> bool:
    """By the lead's own scorer; if that cannot be had now, its run will say so."""
    try:
        scorer = scorer_for(home, member)
    except Temporary:
        scorer = None
    if scorer is None:
        return True
    return would_move(member, after.values, after.as_of, scorer=scorer, catalogue=home.catalogue)


class _Heartbeat:
    """Keeps leases alive while a batch runs."""

    def __init__(self, beat: Callable[[], Awaitable[object]], every_s: float) -> None:
        self._beat, self._every_s = beat, every_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._loop())

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            with suppress(Temporary):
                await self._beat()


def _heartbeat(home: Home, claims: Sequence[LeadClaim], lease_us: int) -> _Heartbeat:
    async def beat() -> object:
        return await home.work.heartbeat(claims, now=home.clock.now(), lease_us=lease_us)

    return _Heartbeat(beat, lease_us / SECOND / 3)


def deps_of(home: Home, catalogue: Catalogue | None = None) -> Deps:
    """The ports that nodes may reach, out of the home."""
    mind, deadlines = mind_of(home), DEFAULT_DEADLINES
    if mind is not None:
        deadlines = {**deadlines, **dict.fromkeys(AGENTS, _patience_s(home) + NODE_S)}
    return Deps(
        catalogue=catalogue or home.catalogue,
        reasoner=home.reasoner,
        scorer=home.scorer,
        policy=home.policy,
        packages=home.scorers.get if home.scorers is not None else no_packages,
        shadow=Shadow(),
        mind=mind,
        deadlines=deadlines,
    )


def mind_of(home: Home) -> Mind | None:
    """The home's language model with its prompts; None where none is configured."""
    if home.model is None or home.mark is None:
        return None
    model = Patient(home.model, _patience_s(home))
    return Mind(model=model, prompts=load_prompts(), mark=home.mark)


def _patience_s(home: Home) -> float:
    return float(home.settings.model_deadline_s) + READY_S
