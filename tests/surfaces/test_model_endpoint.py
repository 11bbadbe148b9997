"""From a signal to the audit through a real endpoint on loopback: what is on record, and what an outage leaves."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import open_home
from domain.instants import MINUTE, Instant, instant
from domain.ports.home import Home
from graph.record import Record
from prompts.load import load_prompts, version_of
from surfaces.door import take
from tests.crash.hot import START, hot_lead, raw
from tests.graph.model_world import HINT
from tests.surfaces.test_model_runs import READS, replayed, works
from tests.tools.llm.endpoint import Endpoint, chat, error, serving

EMPTY: dict[str, Any] = {
    "scoring": {"reasons": [], "rationale": ""},
    "policy": {"wish": "keep", "reason": "none", "evidence": []},
    "actuation": {"brief": "", "note": "", "reply": "", "evidence": []},
}
PRICES = 'currency = "USD"\n[models.tiny]\ntokens_in = 2\ntokens_out = 10\n'
SCRIPT = [chat(json.dumps((EMPTY | READS)[agent])) for agent in ("intent", "scoring", "policy", "actuation")]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One for all tests, on a loop of its own."""
    loop, found, over = asyncio.new_event_loop(), list[Endpoint](), asyncio.Event()
    ready = threading.Event()

    async def serve() -> None:
        async with serving(error(503)) as made:
            found.append(made)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    yield found[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.fixture
def home(tmp_path: Path, endpoint: Endpoint) -> Iterator[Home]:
    """A home that asks the endpoint."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES, encoding="utf-8")
    given = {"model": "tiny", "model_url": endpoint.url, "model_prices": prices, "model_deadline_s": 5.0}
    with open_home(virtual_clock=True, home=tmp_path / "home", given=given) as opened:
        clock: Any = opened.clock
        clock.advance(Instant(instant(START) + 30 * MINUTE))
        said = raw(
            "chat", "support.message", {"role": "customer", "text": HINT, "conversation_id": "c1"}, minute=9
        )
        asyncio.run(take(opened, list(enumerate([*hot_lead(120_000), said]))))
        yield opened


def details(home: Home, record: Record) -> dict[str, Any]:
    """Of the audit rows of a run, by node."""
    rows = asyncio.run(home.reads.audit_rows(home.tenant, run_id=record.decision.run_id))
    return {str(row["step"]): row["detail"] for row in rows}


def test_the_audit_shows_model_prompt_tokens_and_cost_of_what_an_endpoint_answered(
    home: Home, endpoint: Endpoint
) -> None:
    endpoint.plays(*SCRIPT)
    record = works(home, home.model)
    assert record.decision.versions["prompts"] == version_of(load_prompts())
    assert record.decision.versions["model.intent"] == "tiny"
    found = details(home, record)
    for agent, prompt in load_prompts().items():
        row = found[agent]
        assert (row["model_code"], row["model"], row["prompt"]) == ("asked", "tiny", prompt.fingerprint)
        assert (row["tokens_in"], row["tokens_out"], row["attempts"]) == (100, 20, 1)
        assert row["cost_micro"] == 100 * 2 + 20 * 10
    assert len(endpoint.requests) == 4
    assert found["scoring"]["points"] > 0
    assert replayed(home).identical == 1
    assert len(endpoint.requests) == 4


def test_an_endpoint_that_is_down_is_flagged_and_asked_again_when_it_is_back(
    home: Home, endpoint: Endpoint
) -> None:
    endpoint.plays(error(401))
    outage = works(home, home.model)
    flags = [flag for flag in outage.decision.flags if flag.startswith("degraded:model:")]
    assert len(flags) == 1
    assert details(home, outage)["intent"]["attempts"] >= 1
    assert outage.decision.state.value == "degraded"
    clock: Any = home.clock
    clock.advance(Instant(home.clock.now() + 10 * MINUTE))
    endpoint.plays(*SCRIPT)
    again = works(home, home.model)
    assert again.decision.reason == "redo"
    assert again.decision.reading is not None
    assert again.decision.reading.reasoner == "tiny"
    assert not [flag for flag in again.decision.flags if flag.startswith("degraded")]
