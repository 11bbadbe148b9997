"""A home with a language model: what is on record of it, what an outage leaves, and that a replay asks nobody."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import open_home
from domain.decision import Decision
from domain.ids import LeadId
from domain.instants import MINUTE, Instant, instant
from domain.ports.home import Home
from domain.ports.model import Model
from graph.build import build_graph
from graph.record import Record, unpack
from prompts.load import load_prompts
from surfaces.approving import card
from surfaces.audit_replay import Replayed, Replayer
from surfaces.audit_story import tell
from surfaces.door import take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead, raw
from tests.graph.model_world import HINT, Scripted, cited, down
from tools.guard import closed_world
from tools.policy.shelf import PolicyShelf

READS: dict[str, Any] = {
    "intent": {
        "classes": [
            {"intent": "purchase", "confidence": 900, "evidence": cited("s1", "signed off the money")}
        ],
        "slots": [],
    },
    "scoring": {
        "reasons": [{"reason": "budget_approved", "evidence": cited("s1", "signed off the money")}],
        "rationale": "The money is there.",
    },
    "actuation": {"brief": "They have the money.", "note": "", "reply": "", "evidence": []},
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a lead of value who writes what the local reader does not get."""
    with open_home(virtual_clock=True, home=tmp_path / "home") as opened:
        clock: Any = opened.clock
        clock.advance(Instant(instant(START) + 30 * MINUTE))
        said = raw(
            "chat", "support.message", {"role": "customer", "text": HINT, "conversation_id": "c1"}, minute=9
        )
        asyncio.run(take(opened, list(enumerate([*hot_lead(120_000), said]))))
        yield opened


def works(home: Home, model: Model | None) -> Record:
    """Works off what waits with `model`; the record of the lead's newest decision."""
    given = replace(home, model=model)
    asyncio.run(Worker(given, deps_of(given)).drain())
    lead = asyncio.run(home.reads.find_lead(home.tenant, "crm_id:lead-1"))
    assert lead is not None
    stored = asyncio.run(home.reads.latest_decision(home.tenant, LeadId(lead)))
    assert stored is not None
    assert stored.record is not None
    return unpack(home.vault.open(home.tenant, stored.record))


def replayed(home: Home, model: Scripted | None = None) -> Replayed:
    """All decisions, with the outside closed."""
    given = replace(home, model=model)
    shelf = PolicyShelf(home.root, tenant=home.tenant, region=home.region)
    replayer = Replayer(given, deps_of(given), build_graph(), shelf.get, closed_world)
    return asyncio.run(replayer.all(lambda _: None))


def points(decision: Decision) -> int:
    """Of a decision that has a score."""
    assert decision.score is not None
    return decision.score.points


def test_the_audit_tells_model_prompt_tokens_and_cost_and_a_person_sees_the_draft(home: Home) -> None:
    record = works(home, Scripted(READS))
    decision = record.decision
    rows = asyncio.run(home.reads.audit_rows(home.tenant, run_id=decision.run_id))
    detail: dict[str, Any] = {str(row["step"]): row["detail"] for row in rows}
    fingerprints = {name: prompt.fingerprint for name, prompt in load_prompts().items()}
    for step in ("intent", "scoring", "policy", "actuation"):
        found = detail[step]
        assert (found["prompt"], found["model"]) == (fingerprints[step], "scripted-1")
        assert (found["tokens_in"], found["tokens_out"], found["cost_micro"]) == (200, 30, 12)
    assert not any(HINT[:20] in str(row) for row in rows)
    story = asyncio.run(tell(home, decision.decision_id))
    assert story is not None
    told = next(one.outcome for one in story.transitions if one.step == "intent")
    assert f"asked scripted-1 (200+30 tokens, prompt {fingerprints['intent']})" in told
    found = asyncio.run(card(home, decision.decision_id))
    assert found.drafts == ("Draft of a brief by a language model: They have the money.",)
    assert all("They have the money" not in str(offer.row.params) for offer in found.offers)


def test_an_outage_is_flagged_and_made_good_when_the_endpoint_is_back(home: Home) -> None:
    outage = works(
        home, Scripted(dict.fromkeys(("intent", "scoring", "policy", "actuation"), down()))
    ).decision
    assert outage.state.value == "degraded"
    assert "degraded:model:down" in outage.flags
    clock: Any = home.clock
    clock.advance(Instant(home.clock.now() + 6 * MINUTE))
    model = Scripted(READS)
    again = works(home, model).decision
    assert again.reason == "redo"
    assert "intent" in model.agents
    assert not [flag for flag in again.flags if flag.startswith("degraded")]
    assert points(again) >= points(outage)
    assert replayed(home).different == 0


def test_a_replay_asks_nobody_and_comes_out_the_same(home: Home) -> None:
    works(home, Scripted(READS))
    asked = Scripted({"intent": down()})
    for model in (None, asked):
        found = replayed(home, model)
        assert (found.identical, found.different, found.unreplayable) == (1, 0, {})
    assert asked.agents == []


def test_without_a_model_nothing_of_one_is_on_record(home: Home) -> None:
    record = works(home, None)
    assert record.answers is None
    assert not [name for name in record.decision.versions if name.startswith(("model", "prompts"))]
    assert replayed(home, Scripted()).identical == 1


def test_marks_are_keyed_by_the_installation(home: Home, tmp_path: Path) -> None:
    with open_home(home=tmp_path / "other", virtual_clock=True) as other:
        assert home.mark is not None
        assert other.mark is not None
        assert home.mark("text") == home.mark("text") != home.mark("other text")
        assert home.mark("text") != other.mark("text")
