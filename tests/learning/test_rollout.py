"""Guards of a rollout: a bad challenger breaks one of them, a good one none, however often one looks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.instants import DAY
from domain.rollout import Rollout, Stage
from learning.evidence import NEVER, in_arm, stake
from learning.rollout import LIMIT, TOLERANCE, Drawn, Seen, Told, guards_of, judge

RUNNING = Rollout("bbb", (Stage(50, units=10, days=3), Stage(300, units=20, days=3, outcomes=30)), 0, 0, 0)


def told(n: int, seed: int, *, shift: float = 0.0, flipped: bool = False) -> list[Told]:
    """What a challenger said of `n` leads and what came of them; the truth lies `shift` from it, or upside down."""
    dice = np.random.default_rng(seed)
    odds = dice.normal(-2, 1, n)
    truth = -4 - odds if flipped else odds + shift
    won = dice.random(n) < 1 / (1 + np.exp(-truth))
    return [Told(f"u{i}", i, float(1 / (1 + np.exp(-odds[i]))), bool(won[i])) for i in range(n)]


def drawn(n: int, seed: int, *, ratio: float = 1.0, share: float = 0.25) -> list[Drawn]:
    """Events that are `ratio` times as frequent in the canary."""
    hits = np.random.default_rng(seed).random(n) < in_arm(np.full(n, share), ratio)
    return [Drawn(f"u{i}", i, bool(hit), share) for i, hit in enumerate(hits)]


def broken(seen: Seen) -> set[str]:
    return {guard.name for guard in guards_of(seen) if guard.broken}


def test_a_challenger_that_is_right_is_hardly_ever_stopped_at_any_look() -> None:
    """The stake is the greatest over all looks, so each trial is a look after every single event."""
    alarms = sum(
        bool(broken(Seen(hot=drawn(600, seed), rejected=drawn(300, seed + 1), outcomes=told(600, seed))))
        for seed in range(200)
    )
    assert alarms <= 200 * 0.05


def test_one_at_the_edge_of_the_tolerance_is_not_stopped_either() -> None:
    edge = float(np.log(TOLERANCE))
    alarms = sum(
        bool(broken(Seen(hot=drawn(600, seed, ratio=TOLERANCE), outcomes=told(600, seed, shift=edge))))
        for seed in range(200)
    )
    assert alarms <= 200 * 0.05


def test_a_challenger_that_is_upside_down_is_stopped_by_two_hundred_outcomes() -> None:
    stopped = sum("calibration" in broken(Seen(outcomes=told(200, seed, flipped=True))) for seed in range(40))
    assert stopped >= 36


@pytest.mark.parametrize("kind", ["hot", "rejected", "errors", "slow"])
def test_what_is_far_more_frequent_in_the_canary_stops_it(kind: str) -> None:
    events: dict[str, Any] = {kind: drawn(150, 3, ratio=8.0)}
    seen = Seen(**events)
    assert broken(seen) == {kind}


def test_calling_far_fewer_leads_hot_stops_it_but_fewer_errors_do_not() -> None:
    assert broken(Seen(hot=drawn(600, 1, ratio=0.1))) == {"hot"}
    assert broken(Seen(errors=drawn(600, 1, ratio=0.1), slow=drawn(600, 2, ratio=0.1))) == set()


def test_many_leads_of_one_account_are_one_piece_of_evidence() -> None:
    shouting = [Drawn("account:loud", at, challenger=True, share=0.05) for at in range(500)]
    assert broken(Seen(hot=shouting, errors=shouting)) == set()
    assert all(guard.events <= 1 for guard in guards_of(Seen(hot=shouting)))


def test_the_order_in_which_events_are_gathered_does_not_matter() -> None:
    seen = Seen(hot=drawn(100, 5, ratio=3), outcomes=told(100, 5))
    turned = Seen(hot=list(reversed(seen.hot)), outcomes=list(reversed(seen.outcomes)))
    assert guards_of(seen) == guards_of(turned)


def test_a_broken_guard_stops_at_once_and_says_which() -> None:
    judged = judge(RUNNING, Seen(outcomes=told(300, 1, flipped=True)), now=0)
    assert judged.move == "stop"
    assert "calibration" in judged.words


def test_a_stage_goes_on_only_when_it_has_seen_all_it_asks_for() -> None:
    units = frozenset(f"u{n}" for n in range(50))
    assert judge(RUNNING, Seen(units), now=2 * DAY).move == "wait"
    assert judge(RUNNING, Seen(), now=5 * DAY).move == "wait"
    assert judge(RUNNING, Seen(units), now=3 * DAY).move == "advance"
    last = replace(RUNNING, stage=1)
    assert judge(last, Seen(units), now=9 * DAY).move == "wait"
    assert judge(last, Seen(units, outcomes=told(30, 0)), now=9 * DAY).move == "advance"


def test_a_bet_within_the_bound_wins_and_loses_nothing() -> None:
    half = np.full(20, 0.5)
    found = stake(np.ones(20), half - 0.1, half + 0.1, np.array([half]), limit=LIMIT)
    assert (found.log_e, found.passed_at) == (0.0, NEVER)
    assert stake(np.ones(0), np.ones(0), np.ones(0), np.ones((1, 0)), limit=LIMIT).events == 0
