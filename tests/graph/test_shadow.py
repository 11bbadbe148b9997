"""A shadow scores beside a run: whatever it does, the decision is the same, and it is seen in the audit row alone."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from domain.band import Thresholds
from domain.decision import RunInput
from domain.errors import Temporary
from domain.kinds import Kind
from graph.build import build_graph
from graph.deps import Collector, Deps
from graph.record import plain
from graph.run import Ran, run_lead
from graph.shadow import Shadow
from tests.agents.leads import CONFIG, catalogue, days_ago, reasoner, run_of, says, scorer, signal
from tools.policy.load import load_policy

SHADOW = "5ad0w"


class Odd:
    """A package of its own mind: it answers, fails, or does not come back."""

    name, version, uses, thresholds = "odd", SHADOW, frozenset[str](), Thresholds()

    def __init__(self, does: str, let_go: threading.Event) -> None:
        self._does, self._let_go = does, let_go

    def points(self, features: Any, confidences: Any) -> int:
        return 99

    def score(self, features: Any, reading: Any, events: Any, as_of: int) -> Any:
        if self._does == "fails":
            raise RuntimeError("no")
        if self._does == "hangs":
            self._let_go.wait(30)
        features.clear()
        return scorer().score(features, reading, events, as_of)


def given(shadow: str = SHADOW) -> RunInput:
    said = says("How much does it cost?", days_ago(0.1), "2")
    return replace(run_of(signal(Kind.FORM, days_ago(1), form="pricing"), said), shadow=shadow)


def deps(odd: Odd | None, shadow: Shadow | None) -> Deps:
    return Deps(
        catalogue=catalogue(), reasoner=reasoner(), scorer=scorer(), policy=load_policy(CONFIG / "policies"),
        packages=lambda version: odd if version == SHADOW else None, shadow=shadow,
    )  # fmt: skip


async def ran(
    odd: Odd | None, shadow: Shadow | None = None, asked: str = SHADOW
) -> tuple[Ran, dict[str, Any]]:
    rows = Collector()
    done = await run_lead(build_graph(), deps(odd, shadow), given(asked), collector=rows)
    (row,) = [entry for entry in rows.entries if entry.step == "scoring"]
    return done, dict(row.detail)


@pytest.mark.parametrize(
    ("does", "code"), [("answers", "ok"), ("fails", "error:RuntimeError"), ("hangs", "slow")]
)
async def test_whatever_a_shadow_does_the_decision_is_the_same(does: str, code: str) -> None:
    let_go = threading.Event()
    alone, without = await ran(None, None, "")
    beside, detail = await ran(Odd(does, let_go), Shadow(patience_s=2.0 if does != "hangs" else 0.05))
    let_go.set()
    assert (detail["shadow"], detail["shadow_code"]) == (SHADOW, code)
    assert plain(beside.decision) == plain(alone.decision)
    assert plain(beside.lead) == plain(alone.lead)
    assert beside.timers == alone.timers
    assert {name: value for name, value in detail.items() if not name.startswith("shadow")} == without


async def test_while_one_look_hangs_the_next_ones_are_skipped_and_say_so() -> None:
    let_go, shadow = threading.Event(), Shadow(patience_s=0.05)
    odd = Odd("hangs", let_go)
    await ran(odd, shadow)
    _, detail = await ran(odd, shadow)
    let_go.set()
    assert detail["shadow_code"] == "busy"


async def test_a_shadow_that_is_gone_is_said_and_changes_nothing() -> None:
    done, detail = await ran(None, Shadow(patience_s=2.0))
    assert detail["shadow_code"] == "error:Temporary"
    assert done.decision.score is not None


async def test_a_package_that_is_not_there_is_never_replaced_by_another() -> None:
    asked = replace(given(""), scorer="f" * 12)
    with pytest.raises(Temporary, match="not in this home"):
        await run_lead(build_graph(), deps(None, None), asked)
    await asyncio.sleep(0)
