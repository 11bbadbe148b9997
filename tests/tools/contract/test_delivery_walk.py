"""Any walk through the life of actions, on the durable store and on its twin side by side."""

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.action import NEXT, UNSENT, ActionKind, ActionState, Move
from domain.approval import VoteKind
from domain.effect import StepState
from domain.errors import BadInput
from domain.instants import HOUR
from domain.ports.outbox import OutboxRow, Taken
from tests.tools.contract.company import ACE, ADA, BOB, ENROL, NOTIFY, SCORE, TASK, Company, progressed
from tests.tools.contract.stores import LEASE, POLICY, TENANT
from tools.fakes import open_memory
from tools.store import Config, open_store

T = TypeVar("T")
WHO = st.sampled_from([ADA, BOB, ACE])
ENDS = st.sampled_from([Move.CONFIRM, Move.REFUSE, Move.PUT_BACK, Move.EXPIRE, Move.LOSE_TRACK])
IN_TARGET = {ActionState.DONE, ActionState.UNKNOWN, ActionState.UNDOING}


def counted() -> Callable[[], str]:
    """Ids that rise, so that of two leads seen first at one instant both stores keep the same."""
    numbers = count(1)
    return lambda: f"{next(numbers):012x}{0:08x}"


def number(action_id: str) -> str:
    """What names an action in both stores."""
    return action_id.rsplit("_", 1)[-1]


def beside_leads(taken: Taken) -> list[list[str]]:
    """Keys of its steps without ids of leads, which differ between the stores; a score's names its action."""
    keys = (one.key for one in taken.row.steps if "ac_" not in one.key)
    return [[part for part in key.split("/") if not part.startswith("ld_")] for key in keys]


class Walk(RuleBasedStateMachine):
    """Whatever happens happens to both companies; they must never differ, nor break a promise."""

    empty: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        file = Path(self.folder.name) / "store.db"
        shutil.copy(self.empty, file)
        self.stores = open_store(file, Config(new_id=counted())), open_memory(Config(new_id=counted()))
        self.companies = [Company(store) for store in self.stores]
        self.holds: list[tuple[Taken, Taken]] = []
        self.takes: dict[str, int] = defaultdict(int)

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.runner.close()
        self.folder.cleanup()

    def both(self, do: Callable[[Company], Awaitable[T]]) -> list[T]:
        """Let something happen to both."""

        async def one(company: Company) -> T:
            return await do(company)

        return [self.runner.run(one(company)) for company in self.companies]

    def pass_by(self) -> None:
        """A microsecond, so that nothing is first seen at one instant with something else."""
        for company in self.companies:
            company.later(1)

    def rows(self, company: Company) -> list[OutboxRow]:
        """All rows of a company, the oldest first."""
        return list(self.runner.run(company.store.outbox.rows(TENANT, limit=1_000)))[::-1]

    @rule(
        who=WHO,
        kinds=st.lists(st.sampled_from([TASK, SCORE, ENROL, NOTIFY]), max_size=3, unique=True),
        waiting=st.booleans(),
    )
    def decide(self, who: Any, kinds: list[ActionKind], waiting: bool) -> None:
        async def unless_forgotten(company: Company) -> None:
            company.later(1)
            known = await company.store.reads.find_lead(TENANT, who.value)
            lead = await company.store.reads.lead(TENANT, known) if known else None
            if lead is None or not lead.suppressed:
                await company.decide(*kinds, who=who, waiting=waiting)

        self.both(unless_forgotten)

    @rule()
    def take(self) -> None:
        first, second = self.both(lambda company: company.take(100))
        names = [sorted(number(one.row.action_id) for one in taken) for taken in (first, second)]
        assert names[0] == names[1]
        leads = [one.row.lead_id for one in first]
        assert len(leads) == len(set(leads)), "two actions of one lead at a time"
        by_name = {number(one.row.action_id): one for one in second}
        for one in first:
            name = number(one.row.action_id)
            self.takes[name] += 1
            assert beside_leads(one) == beside_leads(by_name[name])
            self.holds.append((one, by_name[name]))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), state=st.sampled_from([StepState.STARTED, StepState.DONE]))
    def note(self, data: st.DataObject, state: StepState) -> None:
        held = data.draw(st.sampled_from(self.holds))
        answers = [
            self.runner.run(company.store.outbox.note(one, progressed(one, state), (), now=company.now))
            for company, one in zip(self.companies, held, strict=True)
        ]
        assert answers[0] == answers[1]

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), move=ENDS, sent=st.booleans())
    def finish(self, data: st.DataObject, move: Move, sent: bool) -> None:
        held = data.draw(st.sampled_from(self.holds))
        if held[0].row.state is ActionState.UNDOING:
            move = Move.FINISH_UNDO if move in (Move.CONFIRM, Move.REFUSE, Move.EXPIRE) else move
        answers = []
        for company, one in zip(self.companies, held, strict=True):
            steps = progressed(one, StepState.DONE) if sent or move is Move.CONFIRM else ()
            answers.append(
                self.runner.run(company.store.outbox.finish(one, move, steps, (), now=company.now))
            )
        assert answers[0] == answers[1]
        self.holds.remove(held)

    @rule(us=st.sampled_from([1, LEASE // 2, LEASE, HOUR, 73 * HOUR]))
    def later(self, us: int) -> None:
        for company in self.companies:
            company.later(us)

    @rule(data=st.data(), done=st.booleans())
    def ask_back(self, data: st.DataObject, done: bool) -> None:
        """Undo or resolve some action: whether that may be is the same for both."""
        rows = self.rows(self.companies[0])
        if not rows:
            return
        name = number(data.draw(st.sampled_from([row.action_id for row in rows])))

        async def ask(company: Company) -> str:
            outbox = company.store.outbox
            every = await outbox.rows(TENANT, limit=1_000)
            (row,) = [one for one in every if number(one.action_id) == name]
            try:
                if row.state is ActionState.UNKNOWN:
                    await outbox.resolve(TENANT, row.action_id, done=done, by="rita", now=company.now)
                else:
                    await outbox.undo(TENANT, row.action_id, by="rita", now=company.now)
            except BadInput as refused:
                return refused.code
            return "done"

        answers = self.both(ask)
        assert answers[0] == answers[1]

    @rule(
        kind=st.sampled_from(VoteKind), policy=st.sampled_from([POLICY, POLICY, "p2"]), nth=st.integers(0, 3)
    )
    def vote(self, kind: VoteKind, policy: str, nth: int) -> None:
        async def say(company: Company) -> str:
            approvals = await company.store.approvals.open(TENANT)
            if not approvals:
                return ""
            chosen = sorted(approvals, key=lambda one: number(one.action_ids[0]))[nth % len(approvals)]
            try:
                return (await company.vote(chosen, kind=kind, policy=policy)).state.value
            except BadInput as refused:
                return refused.code

        answers = self.both(say)
        assert answers[0] == answers[1]

    @rule()
    def expire(self) -> None:
        answers = self.both(lambda company: company.store.approvals.expire(now=company.now))
        assert answers[0] == answers[1]

    @rule()
    def restart(self) -> None:
        answers = self.both(lambda company: company.store.outbox.reclaim(now=company.now))
        assert answers[0] == answers[1]

    @rule(pair=st.permutations([ADA, BOB, ACE]))
    def join(self, pair: Sequence[Any]) -> None:
        self.pass_by()
        self.both(lambda company: company.join(*pair[:2]))

    @rule(pair=st.permutations([ADA, BOB, ACE]))
    def part(self, pair: Sequence[Any]) -> None:
        self.pass_by()
        self.both(lambda company: company.part(*pair[:2]))

    @precondition(lambda self: len(self.takes) > 5)
    @rule(who=WHO)
    def forget(self, who: Any) -> None:
        self.pass_by()
        self.both(lambda company: company.forget(who))

    @invariant()
    def both_hold_the_same(self) -> None:
        def told(row: OutboxRow) -> tuple[object, ...]:
            return number(row.action_id), row.state, row.reason, row.attempt, row.next_try, row.finished_at

        first, second = (sorted(map(told, self.rows(company))) for company in self.companies)
        assert first == second
        due = self.both(lambda company: company.store.outbox.next_due())
        assert due[0] == due[1]

    @invariant()
    def no_effect_is_there_twice(self) -> None:
        """What was never taken stands alone under its key, and never beside what is or may be in the target."""
        by_key: dict[str, list[OutboxRow]] = defaultdict(list)
        for row in self.rows(self.companies[0]):
            if row.kind is not SCORE:
                by_key[row.effect_key].append(row)
        for key, rows in by_key.items():
            fresh = [row for row in rows if row.state in UNSENT and not row.steps]
            assert len(fresh) <= 1, f"{key} would be sent twice"
            assert not (fresh and any(row.state in IN_TARGET for row in rows)), f"{key} is there already"

    @invariant()
    def every_row_went_by_the_life_cycle_and_was_on_record_first(self) -> None:
        for company in self.companies:
            paths: dict[str, list[str]] = defaultdict(list)
            attempts: dict[str, int] = defaultdict(int)
            noted: Any = self.runner.run(company.store.reads.audit_rows(TENANT))
            for entry in noted:
                if entry["step"] == "deliver":
                    name = number(entry["detail"]["action"])
                    attempts[name] += entry["code"] == "attempt"
                    state = entry["detail"].get("state") or entry["code"].removeprefix("moved:")
                    paths[name].append(state)
            assert {name: n for name, n in attempts.items() if n} == dict(self.takes)
            for row in self.rows(company):
                path = paths[number(row.action_id)]
                assert _reaches(path, row.state.value), (path, row)


def _reaches(path: list[str], last: str) -> bool:
    """Whether the audited states, from a proposal on, follow the life cycle and end in the row's state."""
    walks = ([start, *path] for start in ("proposed", "waiting"))
    return any(walk[-1] == last and all(map(_step, walk, walk[1:])) for walk in walks)


def _step(before: str, after: str) -> bool:
    return any(state.value == before and then.value == after for (state, _), then in NEXT.items())


def test_any_walk_keeps_the_promises_of_delivery(empty_database: Path) -> None:
    """Proposed, taken, noted, finished, undone, voted on, merged, split, forgotten, in any order."""
    walk = type("Walked", (Walk,), {"empty": empty_database})
    usual = settings(
        max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(walk, settings=usual)
