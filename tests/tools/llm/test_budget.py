"""Budgets stop questions before they are asked, and count what was used."""

import asyncio
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.ids import LeadId
from domain.instants import DAY
from domain.spending import Spent
from tests.tools.llm.asked import AMPLE, GOOD, LEAD, World, request
from tests.tools.llm.endpoint import Endpoint, chat
from tools.fake_answers import MemorySpending
from tools.llm.budget import Budgets
from tools.llm.failing import Unanswered
from tools.llm.prices import load_prices
from tools.settings import SHIPPED

ONE = 5_000
"""More tokens than one request of these tests may use, and less than six."""


def budgets(lead: Spent = AMPLE, tenant: Spent = AMPLE) -> Budgets:
    """Ample but for what a test names."""
    return Budgets(lead, tenant)


@pytest.mark.parametrize(
    ("limits", "which"),
    [
        (budgets(lead=Spent(2, ONE * 99, 10**9)), "lead_calls"),
        (budgets(lead=Spent(99, 1_500, 10**9)), "lead_tokens"),
        (budgets(lead=Spent(99, ONE * 99, 4_000)), "lead_money"),
        (budgets(tenant=Spent(2, ONE * 99, 10**9)), "tenant_calls"),
        (budgets(tenant=Spent(99, 1_500, 10**9)), "tenant_tokens"),
        (budgets(tenant=Spent(99, ONE * 99, 4_000)), "tenant_money"),
    ],
)
async def test_a_budget_that_is_used_up_stops_the_next_question(
    limits: Budgets, which: str, endpoint: Endpoint
) -> None:
    """Before it is asked; the answers until then were within it. The next day it may be asked again."""
    world = World(endpoint.url, budgets=limits)
    asked, error = 0, None
    while error is None and asked < 20:
        try:
            await world.model.ask(request(str(asked)))
            asked += 1
        except Unanswered as none:
            error = none
    assert error is not None
    assert (error.code, error.why, error.again) == ("budget", which, False)
    assert asked >= 2
    assert len(endpoint.requests) == asked
    assert (await world.spent()).beyond(limits.lead) == ""
    world.clock.at += DAY
    assert (await world.model.ask(request("next day"))).attempts == 1


async def test_the_upper_bound_is_held_while_a_question_is_under_way(endpoint: Endpoint) -> None:
    """Of many at once only as many are asked as the budget bears at worst."""
    world = World(endpoint.url, budgets=budgets(lead=Spent(99, 2_500, 10**9)))
    asked = [world.model.ask(request(str(number))) for number in range(8)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    stopped = [one for one in results if isinstance(one, Unanswered)]
    assert stopped
    assert {one.code for one in stopped} == {"budget"}
    assert (await world.spent()).tokens == 120 * (8 - len(stopped))


async def test_workers_of_one_home_share_a_budget(endpoint: Endpoint) -> None:
    """And another lead has one of its own."""
    spending = MemorySpending()
    worlds = [
        World(endpoint.url, budgets=budgets(lead=Spent(2, ONE * 99, 10**9)), spending=spending)
        for _ in range(2)
    ]
    for number, world in enumerate(worlds):
        await world.model.ask(request(str(number)))
    with pytest.raises(Unanswered, match="lead_calls"):
        await worlds[0].model.ask(request("third"))
    assert (await worlds[1].model.ask(request("third", lead=LeadId("ld_2")))).attempts == 1


async def test_a_repair_is_charged_as_well(endpoint: Endpoint) -> None:
    """It is a request like any other, and stops at a budget like any other."""
    world = World(endpoint.url, budgets=budgets(lead=Spent(1, ONE, 10**9)))
    endpoint.plays(chat("nothing"), chat(GOOD))
    with pytest.raises(Unanswered) as caught:
        await world.model.ask(request())
    assert (caught.value.code, len(endpoint.requests)) == ("budget", 1)
    assert await world.spent() == Spent(1, 120, 400)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}, 5])
async def test_an_endpoint_that_does_not_count_is_charged_by_size(usage: object, endpoint: Endpoint) -> None:
    """Never less than the tokens there can be: no token is shorter than a byte."""
    world = World(endpoint.url)
    endpoint.plays(chat(GOOD, usage=usage))
    answer = await world.model.ask(request())
    assert answer.tokens_out == len(GOOD)
    assert answer.tokens_in > len("Read the text.We need 50 seats.")


async def test_a_lying_count_never_lowers_what_was_spent(endpoint: Endpoint) -> None:
    """Negative counts are none, absurd ones are cut."""
    world = World(endpoint.url)
    endpoint.plays(chat(GOOD, usage={"prompt_tokens": -5, "completion_tokens": 10**12, "total_tokens": 0}))
    await world.model.ask(request())
    assert (await world.spent()).tokens == 10**9


async def test_a_model_without_a_price_is_limited_by_calls_and_tokens(endpoint: Endpoint) -> None:
    """And costs nothing that we know of."""
    world = World(endpoint.url, by_agent={"intent": "unpriced"}, budgets=budgets(lead=Spent(1, ONE, 0)))
    assert (await world.model.ask(request())).cost_micro == 0
    with pytest.raises(Unanswered, match="lead_calls"):
        await world.model.ask(request("b"))
    assert (await world.spending.spent(request().tenant, LEAD, day=world.clock.at // DAY)).micro == 0


def test_the_shipped_prices_are_a_table() -> None:
    """In a currency, exact to the last digit."""
    prices = load_prices(SHIPPED / "prices.toml")
    assert prices.cost_micro("gpt-4o-mini", 1_000_000, 1_000_000) == 750_000
    assert prices.cost_micro("gpt-4o-mini", 1, 0) == 1
    assert prices.cost_micro("of nobody", 1_000_000, 1) == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("currency = 'EUR'\n[models.a]\ntokens_in = -1\ntokens_out = 1", "models.a.tokens_in"),
        ("currency = 'EUR'\n[models.a]\ntokens_in = 1", "models.a.tokens_out"),
        ("currency = 5", "currency"),
        ("[", "cannot be read"),
    ],
)
def test_a_damaged_price_table_is_named(text: str, place: str, tmp_path: Path) -> None:
    """With its file and place."""
    file = tmp_path / "prices.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=place) as caught:
        load_prices(file)
    assert str(file) in str(caught.value)
