"""The cost suite: who is asked, what is counted, and which decisions would differ."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.instants import instant
from domain.intent import Intent
from evals.runs import Run
from evals.suites import cost
from graph.deps import Deps
from graph.run import Ran, run_lead
from learning.intents import Utterance, utterances
from tests.agents.leads import NOW
from tests.graph.model_world import HINT, case, deps_of, detail_of, graph, policy

SAID = (
    Utterance(HINT, frozenset({Intent.PURCHASE}), "hint"),
    Utterance(
        "yes", frozenset({Intent.DEMO}), "yes", (("agent", "Shall I show it?"), ("customer", "perhaps"))
    ),
)


async def ran(deps: Deps) -> Ran:
    """The lead who writes a hint."""
    return await run_lead(graph(), deps, case(HINT))


async def test_the_stand_in_reads_by_label_and_remembers_what_it_was_asked() -> None:
    model = cost.ByLabel(SAID, remembers=True)
    reading = (await ran(deps_of(model))).decision.reading
    assert reading is not None
    assert reading.top is Intent.PURCHASE
    await ran(deps_of(model))
    assert (model.spent.calls, model.spent.remembered) == ({"intent": 1}, 1)
    forgets = cost.ByLabel(SAID, remembers=False)
    for _ in range(2):
        await ran(deps_of(forgets))
    assert (forgets.spent.calls, forgets.spent.remembered) == ({"intent": 2}, 0)
    assert forgets.spent.tokens_in == 2 * model.spent.tokens_in > 0


async def test_asking_always_asks_every_agent_and_changes_no_other_table() -> None:
    model = cost.ByLabel(SAID, remembers=False)
    always = replace(deps_of(model), policy=cost.AskAlways(policy()))
    run = await ran(always)
    assert set(model.spent.calls) == {"intent", "scoring", "policy", "actuation"}
    assert detail_of(run, "policy")["model_rule"] == "model:always"
    assert always.policy.version == policy().version


def test_conversations_are_of_the_leads_named_in_order_and_no_more_than_asked() -> None:
    items = cost.talks(utterances(), [("1", NOW), ("2", NOW)], most=50, seed=3)
    assert 40 <= len(items) <= 50
    assert items == cost.talks(utterances(), [("1", NOW), ("2", NOW)], most=50, seed=3)
    assert {item["keys"][0]["value"] for item in items} == {"1", "2"}
    assert all(instant(datetime.fromisoformat(item["occurred_at"])) >= NOW for item in items)
    assert len({item["id"] for item in items}) == len(items)


def decided(ref: str, verdict: str, top: str, *asked: str) -> cost.Decided:
    """A decision on one signal."""
    parts: Mapping[str, Any] = {"verdict": verdict, "actions": [], "band": "warm", "top": top}
    return cost.Decided((ref,), parts, asked)


def test_the_result_names_calls_tokens_and_the_decisions_that_differ() -> None:
    gated = [decided("a", "act", "demo"), decided("b", "act", "demo", "intent"), decided("c", "act", "demo")]
    always = [decided("a", "ask", "demo", "intent"), decided("b", "act", "churn", "intent")]
    found = cost.traces(gated, always, dataset="leadforge")
    spent = cost.Spent()
    spent.calls["intent"] = 3
    about = cost.about(found, {cost.GATED: spent}, 300, "made up")
    document = Run(found, about).document()
    assert document["answer"] == "pass"
    assert (document["decisions"], document["differing"], document["read_otherwise"]) == (2, 1, 1)
    assert document["differ"] == [{"case": "a", "verdict": ["act", "ask"]}]
    assert document["calls"]["gated"]["calls"] == 10
    worse = cost.traces([decided("a", "act", "demo", "policy")], always, dataset="leadforge")
    assert Run(worse, about).document()["answer"] == "fail"
