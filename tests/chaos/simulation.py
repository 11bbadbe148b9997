"""One history from one seed: a source, workers, dispatchers, people, a clock and faults, one step at a time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from domain.effect import Delivery, StepKind
from domain.instants import DAY, HOUR, MINUTE, SECOND, instant
from domain.ports.home import Home
from graph.build import Graph, build_graph
from graph.deps import DEFAULT_DEADLINES, Deps
from surfaces.dispatcher import Dispatcher
from surfaces.worker import Worker
from tests.chaos.actors import Actor, Died
from tests.chaos.faults import JUMP, SKEW, Plan, ProcessClock, ShakyPort, ShakyReasoner, ShakyTarget, Time
from tests.chaos.house import House, Sight, build, home_of, parts
from tests.chaos.invariants import AT_THE_END, Watch
from tests.chaos.people import Desk, Source
from tests.tools.crm.faulty import MemoryTarget

STEPS: Final = 320
STARTS: Final = (
    instant(datetime(2026, 3, 3, 15, tzinfo=UTC)),
    instant(datetime(2028, 2, 28, 20, tzinfo=UTC)),  # a leap day begins four hours later
    instant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the night in which clocks are set back
    instant(datetime(2026, 12, 31, 22, tzinfo=UTC)),
)
LEASE: Final = 30 * SECOND
HOLD: Final = 15 * MINUTE
DEADLINE: Final = MINUTE
ROUNDS: Final = 240
"""Half hours until everything must be at rest: longer than an action is tried and a person is asked."""
PORTS: Final = ("inbox", "work", "commit", "outbox", "approvals")


HOLDING: Final = frozenset({"outbox.note", "outbox.finish", "target.send", "target.answer", "commit.commit"})
"""Where an actor holds something that it may lose."""


class Broken(AssertionError):
    """A promise that did not hold, with the command that shows it again."""

    def __init__(self, history: "History", words: str) -> None:
        again = f"python -m tests.chaos --seed {history.seed} --trace"
        super().__init__(f"seed {history.seed}, step {history.step}: {words}\nagain: {again}")
        self.seed, self.step, self.words, self.trace = history.seed, history.step, words, history.trace


@dataclass
class History:
    """Everything of one seed. Three seeds in four are of a keyed target; each sixteenth runs on disk."""

    seed: int
    disk: bool | None = None
    on_step: Callable[[str], None] = lambda _: None
    step: int = 0
    trace: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    """What happened, counted: for those who ask whether the seeds reach what they should."""

    def __post_init__(self) -> None:
        """Build the world."""
        self.dice = dice = random.Random(f"history {self.seed}")
        if self.disk is None:
            self.disk = self.seed % 16 == 15
        kinds = (Delivery.KEYED, Delivery.KEYED, Delivery.READ_BACK, Delivery.NEITHER)
        self.delivery = dice.choice(kinds)
        calm, rough = (
            {"store": 0.0, "target": 0.05, "model": 0.0},
            {"store": 0.02, "target": 0.25, "model": 0.1},
        )
        self.plan = Plan(self.seed, dice.choice((calm, rough, rough)))
        self.time = Time(dice.choice(STARTS) + dice.randrange(6 * HOUR))
        self.target = MemoryTarget(delivery=self.delivery)
        self.house: House = build(self.target, disk=self.disk)
        self.graph: Graph = _graph()
        self.watch = Watch()
        self._people()

    def _people(self) -> None:
        """Who takes part."""
        self.actors: list[Actor] = []
        self.clocks: dict[str, ProcessClock] = {}
        for name in ("w1", "w2", "w3"):
            self._add(name, self._worker(self._home(name)), weight=4)
        slow = self.dice.random() < 0.3  # then much is still to be sent when leads are merged or forgotten
        for name in ("d1", "d2"):
            self._add(name, self._dispatcher(self._home(name)), weight=1 if slow else 6)
        self.source = Source(self._home("source"), self._dice("source"))
        desk = Desk(self._home("desk", skewed=False), self._dice("desk"), self.target)
        self._add("source", self.source.life, weight=3, mortal=False)
        self._add("desk", desk.life, weight=4, mortal=False)

    def _add(self, name: str, life: Callable[[], object], *, weight: int, mortal: bool = True) -> None:
        self.actors.append(Actor(name, life, weight, mortal))  # type: ignore[arg-type]  # coroutine functions, told apart by nobody

    def _dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")

    def _home(self, name: str, *, skewed: bool = True) -> Home:
        skew = self.dice.randrange(-SKEW // 2, SKEW // 2) if skewed else 0
        clock = self.clocks[name] = ProcessClock(self.time, skew)
        plain = home_of(self.house, clock=clock)
        shaky = {
            port: ShakyPort(
                getattr(plain, port), port, self.plan, trap=self.house.trap, told=self.watch.hears
            )
            for port in PORTS
        }
        target = ShakyTarget(self.target, self.plan)
        return home_of(self.house, clock=clock, targets=dict.fromkeys(StepKind, target), **shaky)

    def _deps(self) -> Deps:
        fixed = parts()
        return Deps(
            catalogue=fixed.catalogue,
            reasoner=ShakyReasoner(fixed.reasoner, self.plan),
            scorer=fixed.scorer,
            policy=fixed.policy,
            # A node's deadline is real time, which a history does not know.
            deadlines=dict.fromkeys(DEFAULT_DEADLINES, 3_600.0),
        )

    def _worker(self, home: Home) -> Callable[[], object]:
        """What a worker remembers of a pass that the store cut short dies with its process."""
        fresh = partial(Worker, home, self._deps(), self.graph, batch=2, lease_us=LEASE)
        process = [fresh()]

        async def life() -> object:
            try:
                return await process[0].one_pass()
            except Died:
                process[0] = fresh()
                raise

        return life

    def _dispatcher(self, home: Home) -> Callable[[], object]:
        # The deadline runs in the history's time (`passed`); in real time no history is that long.
        dispatcher = Dispatcher(home, home.targets, batch=1, lease_us=HOLD, deadline_us=DEADLINE)
        return dispatcher.one_pass

    async def run(self, steps: int = STEPS) -> None:
        """The whole history, and its end. Raises: Broken."""
        try:
            for self.step in range(1, steps + 1):
                await self._one_step()
                self._judge(self.watch.after_step(await self.house.look(), self.source.acknowledged))
            await self._come_to_rest()
        finally:
            for actor in self.actors:
                await actor.kill()
            self.house.close()

    async def _one_step(self) -> None:
        self._pass_time()
        if self.dice.random() < 0.004:
            return await self._restart()
        ready = [actor for actor in self.actors if actor.back_at <= self.step]
        (actor,) = self.dice.choices(ready, [one.weight for one in ready])
        draw = self.dice.random()
        if actor.mortal and actor.task is not None and draw < 0.012:
            self._tell(actor, "is killed")
            await actor.kill()
            self.clocks[actor.name].begin_again()
        elif actor.mortal and actor.task is not None and draw < (0.06 if actor.at in HOLDING else 0.018):
            # The machine leaves it out for so long, while the others go on; then it comes back.
            actor.back_at = self.step + self.dice.randrange(5, 40)
            self.time.pass_by(self.dice.choice((LEASE, DEADLINE, HOLD, HOLD)) * 2)
            self._tell(actor, "pauses")
        else:
            await self._let_go(actor)
        return None

    async def _let_go(self, actor: Actor) -> None:
        before = actor.at
        if before == "outbox.take":
            actor.since = self.time.true
        actor.late = self.time.true - actor.since > DEADLINE
        try:
            ended = await actor.step()
        except Exception as error:
            self._tell(actor, "breaks")
            raise Broken(self, f"{actor.name} at {before}: {type(error).__name__}: {error}") from error
        self._tell(actor, f"passes {before}, {ended} at {actor.at}")
        if ended == "dies":
            self.clocks[actor.name].begin_again()

    async def _restart(self) -> None:
        """The one process of an embedded home dies and comes back."""
        self.trace.append(f"{self.step:4} all are killed, and one process takes the holds back")
        for actor in self.actors:
            if actor.mortal:
                await actor.kill()
                actor.back_at = 0
                self.clocks[actor.name].begin_again()
        now = self.clocks["w1"].now()
        await self.house.store.work.reclaim(now=now)
        await self.house.store.outbox.reclaim(now=now)

    def _pass_time(self) -> None:
        self.time.pass_by(self.dice.choice((0, 0, 0, SECOND // 10, SECOND // 2, SECOND)))
        draw = self.dice.random()
        if draw < 0.03:
            self.time.pass_by(self.dice.choice((LEASE, 2 * MINUTE, HOLD, 3 * HOUR, DAY)))
        elif draw < 0.04 and self._may_jump():
            self.time.jump(self.dice.choice((-JUMP, JUMP)))
            self.trace.append(f"{self.step:4} the machine's clock is {self.time.jumped // SECOND} s off")

    def _may_jump(self) -> bool:
        """A jump past a hold takes it away from a dispatcher that is well: only a keyed target makes up for that."""
        idle = all(not one.at.startswith(("outbox.", "target.")) for one in self.actors)
        return self.delivery is Delivery.KEYED or idle

    async def _come_to_rest(self) -> None:
        """Faults off, everybody starts anew, time goes on: all must end, or wait for a person."""
        self.plan.off, self.step = True, self.step + 1
        for actor in self.actors:
            await actor.kill()
        clock = ProcessClock(self.time, 2 * SKEW + 3 * JUMP)
        home = home_of(self.house, clock=clock)
        worker = Worker(home, self._deps(), self.graph, lease_us=LEASE)
        dispatcher = Dispatcher(home, home.targets)
        sight = await self.house.look()
        for _ in range(ROUNDS):
            self.time.pass_by(31 * MINUTE)
            await worker.drain()
            await dispatcher.drain()
            sight = await self.house.look()
            self._judge(self.watch.after_step(sight, self.source.acknowledged))
            if not AT_THE_END[0](sight):
                break
        for check in AT_THE_END:
            self._judge(check(sight))
        self._count(sight)

    def _judge(self, broken: list[str]) -> None:
        if broken:
            raise Broken(self, broken[0])

    def _tell(self, actor: Actor, words: str) -> None:
        self.trace.append(
            f"{self.step:4} +{(self.time.true - STARTS[0]) / SECOND:.1f} s {actor.name} {words}"
        )
        self.on_step(self.trace[-1])

    def _count(self, sight: Sight) -> None:
        for row in sight.rows.values():
            for word in (f"{row.state.value}", f"kind:{row.kind.value}"):
                self.seen[word] = self.seen.get(word, 0) + 1
        for one in sight.approvals.values():
            word = f"approval:{one.state.value}"
            self.seen[word] = self.seen.get(word, 0) + 1
        self.seen |= {
            "signals": len(self.source.acknowledged),
            "ledger": len(sight.ledger),
            "faults": len(self.plan.drawn),
            "suppressed": len(sight.suppressed),
            "disk": int(bool(self.disk)),
        }


_GRAPHS: Final[list[Graph]] = []


def _graph() -> Graph:
    """Compiled once a process."""
    if not _GRAPHS:
        _GRAPHS.append(build_graph())
    return _GRAPHS[0]
