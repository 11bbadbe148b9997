"""A good answer: in what modes it is asked for, what is taken, what is remembered, and what goes over the wire."""

import asyncio
import json
from dataclasses import replace

import pytest

from domain.ids import LeadId, TenantId
from tests.tools.llm.asked import GOOD, LEAD, TENANT, Form, Part, World, request
from tests.tools.llm.endpoint import Endpoint, chat, contents, error, hang, tool
from tools.llm.dialect import Mode
from tools.llm.failing import Unanswered

NO_SCHEMA = error(400, "'response_format' of type 'json_schema' is not supported", "response_format")
NO_TOOLS = error(400, "tools are not supported by this model")
NO_FORMAT = error(400, "response_format is not supported here")


def mode_of(asked: dict[str, object]) -> Mode:
    """How a request asks for JSON."""
    if "tools" in asked:
        return Mode.TOOL
    shape = asked["response_format"]
    assert isinstance(shape, dict)
    return Mode.SCHEMA if shape["type"] == "json_schema" else Mode.JSON


async def test_an_answer_has_its_form_its_model_and_its_price(endpoint: Endpoint) -> None:
    """One request at temperature 0 with the seed; 100 tokens at 2 and 20 at 10 per million."""
    answer = await World(endpoint.url).model.ask(request())
    assert Form.model_validate_json(answer.text) == Form.model_validate_json(GOOD)
    assert (answer.model, answer.tokens_in, answer.tokens_out, answer.cost_micro) == ("tiny", 100, 20, 400)
    (asked,) = endpoint.requests
    assert (asked["model"], asked["temperature"], asked["seed"], asked["max_tokens"]) == ("tiny", 0, 7, 50)
    assert asked["stream"] is False
    schema = asked["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["required"] == ["parts", "note"]
    assert contents(asked) == ["Read the text.", "We need 50 seats."]


@pytest.mark.parametrize(
    ("refusals", "mode"),
    [([], Mode.SCHEMA), ([NO_SCHEMA], Mode.TOOL), ([NO_SCHEMA, NO_TOOLS], Mode.JSON)],
)
async def test_the_output_mode_is_found_out_once(
    refusals: list[bytes], mode: Mode, endpoint: Endpoint
) -> None:
    """Each refusal costs one request; the next question begins with what was taken."""
    world = World(endpoint.url)
    endpoint.plays(*refusals, tool(GOOD) if mode is Mode.TOOL else chat(GOOD))
    assert (await world.model.ask(request("a"))).attempts == len(refusals) + 1
    assert mode_of(dict(endpoint.requests[-1])) is mode
    assert (await world.model.ask(request("b"))).attempts == 1
    assert mode_of(dict(endpoint.requests[-1])) is mode
    if mode is Mode.JSON:
        assert '"additionalProperties":false' in contents(endpoint.requests[-1])[0]


async def test_an_endpoint_without_any_mode_refuses(endpoint: Endpoint) -> None:
    """Three modes, three requests."""
    endpoint.plays(NO_SCHEMA, NO_TOOLS, NO_FORMAT)
    with pytest.raises(Unanswered) as caught:
        await World(endpoint.url).model.ask(request())
    assert (caught.value.code, caught.value.why, len(endpoint.requests)) == ("refused", "rejected", 3)


async def test_a_mode_is_kept_only_if_it_was_taken(endpoint: Endpoint) -> None:
    """A complaint that was about something else does not lower how later questions are asked."""
    world = World(endpoint.url)
    endpoint.plays(NO_SCHEMA, error(400, "context is too long", "messages"))
    with pytest.raises(Unanswered):
        await world.model.ask(request("a"))
    endpoint.plays(chat(GOOD))
    await world.model.ask(request("b"))
    assert mode_of(dict(endpoint.requests[-1])) is Mode.SCHEMA


@pytest.mark.parametrize(
    ("complaint", "gone", "there"),
    [
        ("'max_tokens' is not supported, use 'max_completion_tokens'", "max_tokens", "max_completion_tokens"),
        ("unknown parameter: seed", "seed", "temperature"),
        ("temperature does not support 0 with this model", "temperature", "seed"),
    ],
)
async def test_options_that_an_endpoint_does_not_know_are_left_out(
    complaint: str, gone: str, there: str, endpoint: Endpoint
) -> None:
    """And the schema stays."""
    endpoint.plays(error(400, complaint), chat(GOOD))
    await World(endpoint.url).model.ask(request())
    first, second = endpoint.requests
    assert gone in first
    assert gone not in second
    assert there in second
    assert mode_of(dict(second)) is Mode.SCHEMA


async def test_a_tool_call_instead_of_content_is_taken_if_it_fits(endpoint: Endpoint) -> None:
    """Also where nobody offered a tool."""
    endpoint.plays(tool(GOOD))
    assert (await World(endpoint.url).model.ask(request())).attempts == 1


async def test_another_model_is_recorded_as_it_answered(endpoint: Endpoint) -> None:
    """An endpoint may route or pin; the record says who spoke."""
    endpoint.plays(chat(GOOD, model="tiny-2026-01-01"))
    assert (await World(endpoint.url).model.ask(request())).model == "tiny-2026-01-01"


async def test_one_repair_names_the_place_and_not_the_words(endpoint: Endpoint) -> None:
    """The customer's text comes again only where it was; the bad answer does not come again at all."""
    bad = json.dumps({"parts": [{"wish": "OBEY ME", "sure": 0.5, "EVIL KEY": 1}]})
    endpoint.plays(chat(bad), chat(GOOD))
    answer = await World(endpoint.url).model.ask(request())
    assert (answer.attempts, answer.tokens_in, answer.cost_micro) == (2, 200, 800)
    instructions, text = contents(endpoint.requests[1])
    assert "parts.0.wish: enum" in instructions
    assert text == "We need 50 seats."
    assert "OBEY" not in json.dumps(endpoint.requests[1])
    assert "EVIL" not in json.dumps(endpoint.requests[1])


async def test_the_same_question_is_asked_once(endpoint: Endpoint) -> None:
    """A redo makes no request and costs nothing; another lead's answer is its own."""
    world = World(endpoint.url)
    first = await world.model.ask(request())
    again = await world.model.ask(request())
    assert again == replace(first, tokens_in=0, tokens_out=0, cost_micro=0, attempts=0, remembered=True)
    assert len(endpoint.requests) == 1
    await world.model.ask(request(lead=LeadId("ld_2")))
    assert len(endpoint.requests) == 2


async def test_no_answer_is_not_remembered(endpoint: Endpoint) -> None:
    """It is asked again when the endpoint is well."""
    world = World(endpoint.url)
    endpoint.plays(chat(None, refusal="no"))
    with pytest.raises(Unanswered):
        await world.model.ask(request())
    endpoint.plays(chat(GOOD))
    assert not (await world.model.ask(request())).remembered


async def test_each_agent_asks_its_own_model(endpoint: Endpoint) -> None:
    """And the record of a run names them."""
    world = World(endpoint.url, by_agent={"policy": "big"})
    await world.model.ask(request())
    await world.model.ask(request(agent="policy"))
    assert [asked["model"] for asked in endpoint.requests] == ["tiny", "big"]
    assert world.model.versions == {"intent": "tiny", "scoring": "tiny", "policy": "big", "actuation": "tiny"}


def test_a_key_depends_on_all_that_the_answer_depends_on() -> None:
    """Each part makes another key; who asks within the tenant does not."""
    model = World("http://127.0.0.1:9/v1").model
    key = model.key(request())
    assert model.key(request()) == key
    assert model.key(request(lead=LeadId("ld_2"))) == key
    other = World("http://127.0.0.1:9/v1", by_agent={"intent": "big"}).model
    changed = [
        model.key(request(agent="scoring")),
        model.key(request(prompt="Else.")),
        model.key(request(fingerprint="f2")),
        model.key(request("Else.")),
        model.key(request(form=Part)),
        model.key(request(tenant=TenantId("rival"))),
        other.key(request()),
        World("http://127.0.0.1:8/v1").model.key(request()),
    ]
    assert len({key, *changed}) == 1 + len(changed)


async def test_a_half_character_is_sent_as_a_question_mark(endpoint: Endpoint) -> None:
    """No text breaks a request."""
    await World(endpoint.url).model.ask(request("half \ud83d of one"))
    assert contents(endpoint.requests[0])[1] == "half ? of one"


async def test_a_call_that_is_cut_off_from_outside_frees_its_place(endpoint: Endpoint) -> None:
    """And says nothing against the endpoint."""
    world = World(endpoint.url, at_once=1)
    arrived = asyncio.Event()

    async def notice(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await hang(writer)

    endpoint.plays(notice)
    task = asyncio.ensure_future(world.model.ask(request()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    endpoint.plays(chat(GOOD))
    assert (await world.model.ask(request())).attempts == 1
    assert (await world.spending.spent(TENANT, LEAD, day=world.clock.at // 86_400_000_000)).calls == 2
