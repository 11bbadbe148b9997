"""The suites that look at behaviour, on a small company in a home of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

import app
from domain.lead import LeadState
from domain.score import Part, Score
from evals import marking
from evals.cases import Trace
from evals.home_table import home_table, leads_of
from evals.suites import decisions, parity
from evals.suites.trajectories import traces_of, trajectories
from evals.world import World, moment_of
from learning.rows import Question
from surfaces.replay import Pace, replay
from surfaces.scoring import question
from surfaces.worker import Worker, deps_of

pytestmark = pytest.mark.slow
LEADS = 12


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sixty leads' first thirty days, decided on in one go."""
    folder = tmp_path_factory.mktemp("company")
    tools = app.Toolbox()
    tools.make_company(folder / "company", leads=60, seed=5)
    items = tools.company_items(folder / "company", days=30)
    with app.open_home(virtual_clock=True, home=folder / "home") as home:
        clock = home.clock
        pace = Pace(tick_us=10**15, count=10**9, wake_us=10**15)
        asyncio.run(replay(home, Worker(home, deps_of(home)), clock, items, pace=pace, told=lambda _: None))  # type: ignore[arg-type]  # a virtual one
        tables = tools.check_policy(tools.policy_folder).policy
        assert tables is not None
        rules = frozenset(f"{table.name}:{row.rule}" for table in tables.tables for row in table.rows)
        yield World(
            name="company", home=home, deps=deps_of(home), ask=partial(question, home), rules=rules, seed=1
        )


def gathered(found: AsyncIterator[Trace]) -> list[Trace]:
    async def all_of() -> list[Trace]:
        return [trace async for trace in found]

    return asyncio.run(all_of())


SUITES: dict[str, Callable[[World, int], AsyncIterator[Trace]]] = {
    "policy": decisions.policy,
    "rationale": decisions.rationale,
    "robustness": decisions.robustness,
}


@pytest.mark.parametrize("suite", SUITES)
def test_the_product_keeps_what_the_suite_asks(world: World, suite: str) -> None:
    told = marking.score(gathered(SUITES[suite](world, LEADS)), {}, draws=100)
    assert {gate["name"]: gate["answer"] for gate in told["gates"]} == dict.fromkeys(told["marks"], "pass")


def test_runs_on_record_take_allowed_ways(world: World) -> None:
    made = asyncio.run(trajectories(world.home, "company", 1_000))
    told = marking.score(made, {}, draws=100)
    answers = {gate["name"]: gate["answer"] for gate in told["gates"]}
    assert len(made) == asyncio.run(world.home.reads.counts(world.home.tenant))["runs"]
    assert answers == {
        "allowed_path": "pass",
        "no_forbidden_edge": "pass",
        "effects_on_record": "inconclusive",
    }


def test_a_log_that_lacks_policy_review_is_seen(world: World) -> None:
    rows = [
        row for row in asyncio.run(world.home.reads.audit_rows(world.home.tenant)) if row["step"] != "policy"
    ]
    told = marking.score(tuple(traces_of(rows, "company")), {}, draws=100)
    assert {g["name"]: g["answer"] for g in told["gates"]}["no_forbidden_edge"] == "fail"


def test_online_and_offline_agree_and_a_difference_is_seen(world: World) -> None:
    leads = asyncio.run(world.leads(LEADS))
    catalogue = world.home.catalogue
    made = list(parity.traces(catalogue, leads, name="company", most=100, seed=3))
    assert all(not trace.output["different"] for trace in made)
    assert len({(t.case.at, t.case.given["known_at"]) for t in made}) > 90


def test_coverage_names_rules_that_never_fired(world: World) -> None:
    made = gathered(decisions.policy(world, LEADS))
    found = decisions.coverage(made, world.rules)
    assert 0 < found["fired"] < found["rules"] == len(world.rules)
    assert len(found["never_fired"]) == found["rules"] - found["fired"]


class _Stranger:
    """A scorer whose first reason cites a signal of somebody else."""

    def __init__(self, real: object) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def score(self, *given: object) -> Score:
        real: Score = self._real.score(*given)  # type: ignore[attr-defined]  # a scorer
        part = Part("engagement.strange", 0, "count.any.7d", ("leadforge:of_somebody_else",), 1, "strange")
        return replace(real, ledger=(*real.ledger, part))


def test_a_reason_that_cites_a_strangers_signal_is_seen(world: World) -> None:
    bad = replace(world, deps=replace(world.deps, scorer=_Stranger(world.deps.scorer)))  # type: ignore[arg-type]  # see above
    told = marking.score(gathered(decisions.rationale(bad, 6)), {}, draws=100)
    answers = {gate["name"]: gate["answer"] for gate in told["gates"]}
    assert answers["cited_exists"] == answers["cited_was_read"] == answers["rests_on_cited"] == "fail"


def test_a_lead_is_asked_about_after_all_that_was_known_of_it(world: World) -> None:
    leads: list[LeadState] = list(asyncio.run(world.leads(LEADS)))
    for lead in leads:
        assert moment_of(lead) > min(event.known for event in lead.events)


def test_the_leads_of_a_home_become_a_table_split_without_shared_accounts(world: World) -> None:
    found = asyncio.run(leads_of(world.home))
    leads = [replace(one, events=tuple(e._replace(known=e.at) for e in one.events)) for one in found]
    made = home_table(world.home, leads, Question(24, 5))
    ((train, test),) = made.folds
    assert train.frame.height + test.frame.height > 0
    assert not {*train.frame["account"]} & {*test.frame["account"]}
    assert made.raw.height == made.slices.height
    assert {"closed_before", "censored"} <= made.left_out.keys()
