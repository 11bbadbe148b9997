"""The breaker as a state machine: whatever is called in whatever order, a target in trouble is left alone."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tools.breaker import Breaker, Circuit

FAILURES, PAUSE = 3, 1_000


class Calls(RuleBasedStateMachine):
    """Calls come, end in any way and any order, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(FAILURES, PAUSE), 0
        self.running: list[tuple[int, bool]] = []
        """Tickets, and whether the call began in the half-open state."""
        self.opened_at: int | None = None

    @rule(micros=st.integers(1, 2 * PAUSE))
    def time_passes(self, micros: int) -> None:
        self.now += micros

    @precondition(lambda self: self.breaker.left(self.now) == 0)
    @rule()
    def a_call_begins(self) -> None:
        probing = self.breaker.state(self.now) is Circuit.HALF_OPEN
        self.running.append((self.breaker.enter(self.now), probing))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_call_is_answered(self, data: st.DataObject) -> None:
        ticket, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        before = self.breaker.state(self.now)
        self.breaker.answered(ticket)
        if before is Circuit.OPEN:
            assert self.breaker.state(self.now) is Circuit.OPEN, "a late answer closed it"

    @precondition(lambda self: self.running)
    @rule(data=st.data(), asked=st.sampled_from((0, 0, 5 * PAUSE)))
    def a_call_fails(self, data: st.DataObject, asked: int) -> None:
        ticket, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        counts = ticket == self.breaker._era
        self.breaker.failed(ticket, self.now, asked_us=asked)
        if counts and asked:
            assert self.breaker.left(self.now) >= asked

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_call_is_cut_off(self, data: st.DataObject) -> None:
        ticket, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.breaker.gave_up(ticket)

    @invariant()
    def open_lets_nothing_in(self) -> None:
        if self.breaker.state(self.now) is Circuit.OPEN:
            assert self.breaker.left(self.now) > 0

    @invariant()
    def one_call_tries_at_a_time(self) -> None:
        trying = [one for one in self.running if one[1] and one[0] == self.breaker._era]
        assert len(trying) <= 1
        if self.breaker.state(self.now) is Circuit.HALF_OPEN:
            assert (self.breaker.left(self.now) > 0) == bool(trying)

    @invariant()
    def closed_lets_all_in(self) -> None:
        if self.breaker.state(self.now) is Circuit.CLOSED:
            assert self.breaker.left(self.now) == 0


TestBreaker = Calls.TestCase
TestBreaker.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def failed(breaker: Breaker, times: int, now: int = 0) -> None:
    for _ in range(times):
        breaker.failed(breaker.enter(now), now)


def test_it_opens_after_failures_in_a_row_and_an_answer_starts_the_count_anew() -> None:
    breaker = Breaker(FAILURES, PAUSE)
    failed(breaker, FAILURES - 1)
    breaker.answered(breaker.enter(0))
    failed(breaker, FAILURES - 1)
    assert breaker.state(0) is Circuit.CLOSED
    failed(breaker, 1)
    assert (breaker.state(0), breaker.left(0), breaker.left(PAUSE - 1)) == (Circuit.OPEN, PAUSE, 1)


def test_one_call_tries_and_its_answer_closes_or_opens_again() -> None:
    breaker = Breaker(FAILURES, PAUSE)
    failed(breaker, FAILURES)
    ticket = breaker.enter(PAUSE)
    assert breaker.left(PAUSE) > 0
    breaker.failed(ticket, PAUSE)
    assert breaker.left(PAUSE) == PAUSE
    breaker.answered(breaker.enter(2 * PAUSE))
    assert breaker.state(2 * PAUSE) is Circuit.CLOSED
    failed(breaker, FAILURES - 1, 2 * PAUSE)
    assert breaker.state(2 * PAUSE) is Circuit.CLOSED


def test_an_old_answer_neither_closes_nor_opens() -> None:
    breaker = Breaker(FAILURES, PAUSE)
    early, other = breaker.enter(0), breaker.enter(0)
    failed(breaker, FAILURES)
    breaker.answered(early)
    assert breaker.state(0) is Circuit.OPEN
    breaker.answered(breaker.enter(PAUSE))
    breaker.failed(other, PAUSE)
    failed(breaker, FAILURES - 1, PAUSE)
    assert breaker.state(PAUSE) is Circuit.CLOSED
