"""Leads, decisions and their proof over HTTP: what is told, to whom, and what is not."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from fastapi.testclient import TestClient

from domain.ids import TenantId
from domain.ports.home import Home
from domain.ports.reads import Linked
from surfaces.api.decisions import decisions_router
from surfaces.api.leads import leads_router
from surfaces.audit_story import tell
from tests.crash.hot import hot_lead, raw
from tests.surfaces.api.calling import app_of, who
from tests.surfaces.cli.acting_world import World

SECRET = "Our budget is nobody's business"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        world = World(tmp_path_factory.mktemp("leads"), None)  # type: ignore[arg-type]  # nothing is printed here
        said = raw("t1", "support.message", {"text": SECRET, "role": "customer"}, lead="lead-3")
        seen = raw("v1", "web.page_view", {"page": "/jobs"}, lead="lead-4")
        world.works(*enumerate([*hot_lead(120_000), *hot_lead(20_000, "lead-2"), said, seen]))
        yield world


@pytest.fixture(scope="module")
def home(world: World) -> Iterator[Home]:
    with world.home() as home:
        yield home


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[TestClient]:
    with TestClient(app_of(home, leads_router, decisions_router)) as client:
        client.headers.update(who("vera", "viewer"))
        yield client


def paged(client: TestClient, path: str, name: str, param: str, **query: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    found, place = [], None
    for _ in range(100):
        page = client.get(path, params=query if place is None else {**query, param: place}).json()
        assert len(page[name]) <= query["limit"]
        found += page[name]
        place = page["next"]
        if place is None:
            return found
    raise AssertionError("the pages do not end")


def test_a_lead_is_told_with_its_score_its_ledger_and_what_waits(client: TestClient) -> None:
    lead = client.get("/v1/leads/lead-1").json()
    assert (lead["band"], lead["reasoner"], lead["suppressed"]) == ("hot", "local", False)
    ledger = lead["decision"]["score"]["ledger"]
    assert sum(part["micro"] for part in ledger) == lead["points"] * 1_000_000
    assert lead["decision"]["intents"][0][0] in {"demo", "pricing"}
    assert lead["next_step"] == lead["decision"]["next_step"]
    assert "crm_id:lead-1" in lead["keys"]
    (approval,) = lead["approvals"]
    assert {action["state"] for action in lead["actions"]} == {"waiting"}
    assert (approval["state"], approval["decision"]) == ("open", lead["decision_id"])
    assert client.get(f"/v1/leads/{lead['lead']}").json() == lead


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_of_leads_hold_each_lead_once(client: TestClient, limit: int) -> None:
    found = paged(client, "/v1/leads", "leads", "after", limit=limit)
    names = [lead["lead"] for lead in found]
    assert (len(names), names) == (4, sorted(set(names)))


def test_leads_are_found_by_band_points_and_time(client: TestClient) -> None:
    def names(**query: Any) -> set[str]:
        return {lead["lead"] for lead in client.get("/v1/leads", params=query).json()["leads"]}

    hot = {client.get(f"/v1/leads/lead-{n}").json()["lead"] for n in (1, 2)}
    assert names(band="hot") == names(min_points=70) == hot
    assert len(names(changed_since="2026-03-10")) == 4
    assert names(changed_since="2026-03-11T00:00:00Z") == set()
    for query in ({"band": "tepid"}, {"limit": 0}, {"min_points": 101}, {"changed_since": "soon"}):
        answer = client.get("/v1/leads", params=query)
        assert (answer.status_code, answer.json()["field"]) == (422, next(iter(query)))
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_a_timeline_tells_all_that_happened_once_newest_first(client: TestClient, limit: int) -> None:
    events = paged(client, "/v1/leads/lead-2/timeline", "events", "before", limit=limit)
    assert len({(one["what"], one["id"]) for one in events}) == len(events)
    assert [one["at"] for one in events] == sorted((one["at"] for one in events), reverse=True)
    by_what: dict[str, list[Any]] = {}
    for one in events:
        by_what.setdefault(one["what"], []).append(one)
    assert len(by_what["signal"]) == 4
    assert {one["state"] for one in by_what["signal"]} == {"applied"}
    assert {one["state"] for one in by_what["action"]} == {"done"}
    assert by_what["decision"][0]["band"] == "hot"
    waiting = client.get("/v1/leads/lead-1/timeline").json()["events"]
    assert [one["state"] for one in waiting if one["what"] == "approval"] == ["open"]


def test_what_somebody_wrote_is_in_no_timeline_and_no_list(client: TestClient) -> None:
    timeline = client.get("/v1/leads/lead-3/timeline")
    assert [one["kind"] for one in timeline.json()["events"] if one["what"] == "signal"] == [
        "support.message"
    ]
    for answer in (timeline, client.get("/v1/leads"), client.get("/v1/leads/lead-3")):
        assert SECRET not in answer.text


def test_a_decision_is_told_as_the_command_line_tells_it(client: TestClient, home: Home) -> None:
    name = client.get("/v1/leads/lead-2").json()["decision_id"]
    told = client.get(f"/v1/decisions/{name}").json()
    story = asyncio.run(tell(home, name))
    assert story is not None
    assert {key: told[key] for key in story.document()} == json.loads(json.dumps(story.document()))
    assert {one["state"] for one in told["actions"]} == {"done"}
    assert [one["step"] for one in told["transitions"]][:2] == ["ingestion", "intent"]


def test_the_audit_of_a_decision_verifies_by_its_bytes_alone(client: TestClient) -> None:
    name = client.get("/v1/leads/lead-1").json()["decision_id"]
    audit = client.get(f"/v1/decisions/{name}/audit").json()
    assert audit["sound"]
    for row in audit["rows"]:
        assert sha256((row["prev"] + row["body"]).encode()).hexdigest() == row["hash"]
        assert json.loads(row["body"])["seq"] == row["seq"]
    steps = [json.loads(row["body"])["step"] for row in audit["rows"]]
    assert steps[:6] == ["ingestion", "intent", "scoring", "policy", "actuation", "run"]


@pytest.mark.parametrize("change", ["body", "prev"])
def test_a_row_that_was_changed_is_not_sound(client: TestClient, home: Home, change: str) -> None:
    name = client.get("/v1/leads/lead-1").json()["decision_id"]

    class Tampered:
        def __getattr__(self, asked: str) -> Any:
            return getattr(home.reads, asked)

        async def audit_links(self, *given: Any) -> Sequence[Linked]:
            rows = list(await home.reads.audit_links(*given))
            row = rows[2]
            body = row._replace(body=row.body.replace(b"scoring", b"Scoring"))
            return [*rows[:2], body if change == "body" else row._replace(prev="0" * 64), *rows[3:]]

    forged = replace(home, reads=Tampered())
    with TestClient(app_of(forged, decisions_router)) as reader:
        audit = reader.get(f"/v1/decisions/{name}/audit", headers=who("vera", "viewer")).json()
    assert not audit["sound"]
    assert [row["sound"] for row in audit["rows"]].count(False) == 1


def test_nobody_sees_what_lies_in_another_region(client: TestClient) -> None:
    lead = client.get("/v1/leads/lead-1").json()
    elsewhere = who("vera", "viewer", "eu")
    assert client.get("/v1/leads", headers=elsewhere).json() == {"leads": [], "next": None}
    decision = f"/v1/decisions/{lead['decision_id']}"
    for path in ("/v1/leads/lead-1", "/v1/leads/lead-1/timeline", decision, f"{decision}/audit"):
        assert client.get(path).status_code == 200
        answer = client.get(path, headers=elsewhere)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:leadgraph:unknown")


def test_nobody_sees_what_another_tenant_has(client: TestClient, home: Home) -> None:
    lead = client.get("/v1/leads/lead-1").json()
    other = replace(home, tenant=TenantId("rival"))
    with TestClient(app_of(other, leads_router, decisions_router)) as stranger:
        stranger.headers.update(who("eve", "admin"))
        assert stranger.get("/v1/leads").json() == {"leads": [], "next": None}
        decision = f"/v1/decisions/{lead['decision_id']}"
        for name in ("lead-1", lead["lead"]):
            assert stranger.get(f"/v1/leads/{name}").status_code == 404
            assert stranger.get(f"/v1/leads/{name}/timeline").status_code == 404
        assert stranger.get(decision).status_code == stranger.get(f"{decision}/audit").status_code == 404


def test_a_name_that_nothing_has_is_unknown(client: TestClient) -> None:
    for path in (
        "leads/nobody",
        "leads/a@b.example/timeline",
        "leads/@",
        "decisions/dc_0",
        "decisions/lead-1",
    ):
        answer = client.get(f"/v1/{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:leadgraph:unknown"), path
        assert answer.json()["remedy"]


def test_a_lead_that_asked_to_be_forgotten_is_told_no_more_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    world = World(tmp_path_factory.mktemp("forgotten"), None)  # type: ignore[arg-type]  # nothing is printed here
    world.works(*enumerate(hot_lead(20_000)))
    world.works((9, raw("gone", "crm.privacy_delete", {}, minute=9)))
    with world.home() as home, TestClient(app_of(home, leads_router)) as client:
        client.headers.update(who("vera", "viewer"))
        lead = client.get("/v1/leads/lead-1").json()
    assert (lead["suppressed"], lead["points"], lead["owner"], lead["decision"]) == (True, None, None, None)
