"""Ports that fail by plan. Each wraps a real one; what fails, and how, is drawn from the seed.

Room for more: a stream or a model port is wrapped with `ShakyPort` as well, if its methods are coroutines.
"""

import inspect
import random
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.effect import Step, StepReceipt
from domain.errors import Temporary
from domain.instants import HOUR, MINUTE, Instant
from domain.intent import Reading
from domain.ports.reasoner import Reasoner
from domain.ports.target import Change, Seen, Subject
from domain.signal import Signal
from tests.chaos.actors import acting, gate
from tests.tools.crm.faulty import Fault, MemoryTarget

T = TypeVar("T")
SKEW: Final = 10 * MINUTE
"""How far the clocks of two processes may lie apart."""
JUMP: Final = HOUR
"""How far the machine's clock may be set."""


class StoreFault(StrEnum):
    """What goes wrong with one call of the store."""

    BEFORE = "before"
    """Nothing was written."""
    AFTER = "after"
    """Written, but the caller is told that it failed."""
    FULL = "full"
    """The disk is full: nothing was written."""


@dataclass
class Plan:
    """Faults drawn from a seed. Each port has its own dice, so that one more call here moves nothing there."""

    seed: int
    rates: Mapping[str, float] = field(default_factory=dict)
    """Of each family of ports (``store``, ``target``, ``model``) the share of calls that fail."""
    off: bool = False
    drawn: list[str] = field(default_factory=list)
    _dice: dict[str, random.Random] = field(default_factory=dict)

    def draw(self, family: str, name: str, faults: Sequence[Any]) -> Any:
        """The fault of this call, None if it works."""
        dice = self._dice.setdefault(name, random.Random(f"{self.seed}/{name}"))
        fails, which = dice.random() < self.rates.get(family, 0.0), dice.choice(faults)
        if self.off or not fails:
            return None
        self.drawn.append(f"{name}:{which}")
        return which


Told = Callable[[str, Any, Any], None]


def _unheard(_label: str, _given: Any, _answer: Any) -> None:
    return None


class ShakyPort:
    """Any port of coroutines: each call stops at a gate first, then works or fails by `plan`.

    With `trap` (a durable store) the fault is sprung at the boundary of the transaction itself, where it has one.
    """

    def __init__(
        self, port: object, name: str, plan: Plan, *, trap: "Trap | None" = None, told: Told = _unheard
    ) -> None:
        """`told` hears of each call that was answered: its name, what was given first, the answer."""
        self._port, self._name, self._plan, self._trap, self._told = port, name, plan, trap, told

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)
        if not inspect.iscoroutinefunction(call):
            return call
        label = f"{self._name}.{method}"

        async def shaky(*args: Any, **named: Any) -> Any:
            await passed(label)
            fault = self._plan.draw("store", label, tuple(StoreFault))
            if fault is not None:
                return await self._fail(fault, call, args, named)
            answer = await call(*args, **named)
            self._told(label, args[0] if args else None, answer)
            return answer

        return shaky

    async def _fail(self, fault: StoreFault, call: Any, args: Any, named: Any) -> Any:
        if self._trap is not None:
            self._trap.set = fault
            try:
                answer = await call(*args, **named)
            finally:
                sprung, self._trap.set = self._trap.set is None, None
            if sprung:
                return answer
            # This call has no such boundary: what it did stands, and the answer is lost.
        elif fault is StoreFault.AFTER:
            self._told(f"{self._name}.{call.__name__}", args[0] if args else None, await call(*args, **named))
        raise Temporary(f"the store cannot be used now ({fault.value})")


@dataclass
class Trap:
    """Sits at the boundaries of the durable store's transactions: its `on_point`."""

    set: StoreFault | None = None

    def __call__(self, point: str) -> None:
        """Fail here if this is the place."""
        fault, boundary = self.set, point.rpartition(".")[2]
        if fault is None or boundary != ("after_commit" if fault is StoreFault.AFTER else "before_commit"):
            return
        self.set = None
        if fault is StoreFault.FULL:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        raise Temporary(f"the store failed at {point}")


@dataclass
class Time:
    """True time, and what the machine's clock makes of it (microseconds)."""

    true: int
    jumped: int = 0

    def pass_by(self, us: int) -> None:
        """Time passes."""
        self.true += us

    def jump(self, us: int) -> None:
        """Somebody sets the machine's clock."""
        self.jumped += us


class ProcessClock:
    """Satisfies `domain.ports.clock.Clock`: the machine's clock, off by `skew`; as a process it never runs backwards.

    Instants know neither zones nor summer time, so there is nothing of that kind to get wrong.
    """

    def __init__(self, time: Time, skew: int = 0) -> None:
        self._time, self._skew, self._latest = time, skew, 0

    def now(self) -> Instant:
        """What this process believes."""
        self._latest = max(self._latest, self._time.true + self._time.jumped + self._skew)
        return Instant(self._latest)

    def begin_again(self) -> None:
        """Another process under the same name: it has not seen the old one's latest time."""
        self._latest = 0


class ShakyTarget:
    """Satisfies `domain.ports.target.Target`: a target in memory; a gate before a request and before its answer."""

    SENDS: Final = tuple(Fault)
    READS: Final = (Fault.BEFORE, Fault.THROTTLE, Fault.HANG)

    def __init__(self, target: MemoryTarget, plan: Plan) -> None:
        self.name, self.delivery, self.takes = target.name, target.delivery, target.takes
        self._target, self._plan = target, plan

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now."""
        return await self._read("look", lambda: self._target.look(subject))

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt under `key`."""
        return await self._read("find", lambda: self._target.find(key))

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What would be written."""
        return await self._read("preview", lambda: self._target.preview(steps, subject))

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step, or fail."""
        await passed("target.send")
        fault = self._plan.draw("target", "target.send", self.SENDS)
        # A request that hangs is ended by the caller's deadline: for the caller the two are one.
        hangs = {Fault.HANG: Fault.BEFORE, Fault.HANG_AFTER: Fault.AFTER}.get(fault)
        self._target.plan.append(hangs or fault)
        try:
            receipt = await self._target.send(step, subject, key=key)
        except Exception:
            await passed("target.answer")
            if hangs:
                raise TimeoutError from None
            raise
        await passed("target.answer")
        return receipt

    async def _read(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        await passed(f"target.{name}")
        fault = self._plan.draw("target", f"target.{name}", self.READS)
        if fault is Fault.HANG:
            raise TimeoutError
        self._target.reads.append(fault)
        return await call()


class ShakyReasoner:
    """Satisfies `domain.ports.reasoner.Reasoner`: a model that is away now and then."""

    def __init__(self, reasoner: Reasoner, plan: Plan) -> None:
        self._reasoner, self._plan = reasoner, plan
        self.version = getattr(reasoner, "version", "")

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
        """Read, or fail."""
        if self._plan.draw("model", "model.read", ("away",)):
            raise Temporary("the model is away")
        return await self._reasoner.read(new, recent)


IN_AN_ATTEMPT: Final = ("outbox.note", "target.")
"""Where an attempt may be cut off by its deadline; its end is put on record after that."""


async def passed(label: str) -> None:
    """Stop at a gate. Raises: TimeoutError if the attempt's deadline ran out meanwhile, as the dispatcher's would."""
    await gate(label)
    actor = acting()
    if actor is not None and actor.late and label.startswith(IN_AN_ATTEMPT):
        raise TimeoutError
