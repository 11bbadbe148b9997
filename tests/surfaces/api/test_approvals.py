"""Approvals over HTTP: the exact write is shown, a word is bound to it, counted once, and sent once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from domain.instants import DAY, Instant
from domain.ports.home import Home
from surfaces.api.approvals import approvals_router
from surfaces.dispatcher import Dispatcher
from tests.crash.hot import hot_lead
from tests.surfaces.api.calling import app_of, served, who
from tests.surfaces.cli.acting_world import World, a_hot_lead

LEADS = 7
ANN, BOB = who("Ann", "approver"), who("bob", "approver")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """As many leads as there are tests that use one up; each deal waits for two people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        world = World(tmp_path_factory.mktemp("approvals"), None)  # type: ignore[arg-type]  # nothing is printed
        world.works(*enumerate(one for n in range(LEADS) for one in hot_lead(120_000, f"lead-{n}")))
        return world


@pytest.fixture(scope="module")
def home(world: World) -> Iterator[Home]:
    with world.home() as home:
        yield home


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[TestClient]:
    with TestClient(app_of(home, approvals_router)) as client:
        client.headers.update(ANN)
        yield client


@pytest.fixture
def asked(client: TestClient) -> dict[str, Any]:
    """An open question that nobody has answered."""
    found = client.get("/v1/approvals").json()["approvals"]
    return next(one for one in found if not one["approved_by"])


def said(asked: dict[str, Any], verdict: str = "approve", **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "proposal_hash": asked["proposal_hash"], **more}


def owners(world: World) -> int:
    """How many records of the CRM have an owner by its own ledger."""
    return world.sent().count("set_owner")


def deliver(home: Home) -> None:
    asyncio.run(Dispatcher(home, home.targets).drain())


def test_open_questions_come_page_by_page_each_once(client: TestClient) -> None:
    found, place = [], None
    while True:
        page = client.get("/v1/approvals", params={"limit": 2} | ({"after": place} if place else {})).json()
        found += [one["approval"] for one in page["approvals"]]
        place = page["next"]
        if place is None:
            break
    assert (len(found), len(set(found))) == (LEADS, LEADS)
    assert client.get("/v1/approvals", params={"state": "approved"}).json()["approvals"] == []
    for query in ({"state": "lost"}, {"after": "nowhere"}, {"limit": 201}):
        assert client.get("/v1/approvals", params=query).status_code == 422


def test_the_exact_write_is_shown_beside_what_is_there(
    client: TestClient, asked: dict[str, Any], world: World
) -> None:
    card = client.get(f"/v1/approvals/{asked['approval']}").json()
    writes = {(one["step"], one["field"]): one for action in card["actions"] for one in action["writes"]}
    owner = writes["set_owner", "owner"]
    assert (owner["before"], owner["after"][:4]) == ("", "rep_")
    assert card["proposal_hash"] == asked["proposal_hash"]
    assert any("100,000" in reason for reason in card["reasons"])
    assert client.get(f"/v1/approvals/{asked['decision']}").json() == card
    assert owners(world) == 0, "looking changes nothing"


def test_two_people_release_it_and_one_person_is_not_two(
    client: TestClient, asked: dict[str, Any], home: Home, world: World
) -> None:
    path, before = f"/v1/approvals/{asked['approval']}", owners(world)
    other = client.post(path, json=said(asked, proposal_hash="0" * 64))
    assert (other.status_code, other.json()["type"]) == (409, "urn:leadgraph:changed")
    first = client.post(path, json=said(asked, comment="go on"))
    assert (first.status_code, first.json()["state"], first.json()["approved_by"]) == (200, "open", 1)
    again = client.post(path, json=said(asked), headers=who(" ANN".strip(), "admin"))
    assert (again.status_code, again.json()["type"]) == (409, "urn:leadgraph:twice")
    deliver(home)
    assert owners(world) == before
    assert client.post(path, json=said(asked), headers=BOB).json()["state"] == "approved"
    deliver(home)
    assert owners(world) == before + 1
    late = client.post(path, json=said(asked, "reject"), headers=who("cleo", "approver"))
    assert (late.status_code, late.json()["type"]) == (409, "urn:leadgraph:used")


def test_a_word_that_only_claims_to_be_another_persons_counts_as_the_keys(
    client: TestClient, asked: dict[str, Any]
) -> None:
    path = f"/v1/approvals/{asked['approval']}"
    assert client.post(path, json=said(asked)).status_code == 200
    answer = client.post(path, json=said(asked), headers={"x-leadgraph-actor": "bob"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:leadgraph:twice")
    assert client.post(path, json=said(asked, by="bob")).status_code == 422


def test_what_was_refused_is_not_sent(
    client: TestClient, asked: dict[str, Any], home: Home, world: World
) -> None:
    before = owners(world)
    assert (
        client.post(f"/v1/approvals/{asked['approval']}", json=said(asked, "reject")).json()["state"]
        == "rejected"
    )
    deliver(home)
    assert owners(world) == before


def test_a_changed_proposal_is_another_one_with_a_hash_of_its_own(
    client: TestClient, asked: dict[str, Any]
) -> None:
    path = f"/v1/approvals/{asked['approval']}"
    anew = client.post(path, json=said(asked, changes={"next_step": "Call on Monday"}))
    assert anew.status_code == 200, anew.text
    found = anew.json()
    assert (found["edited_from"], found["approved_by"]) == (asked["approval"], 1)
    assert found["proposal_hash"] != asked["proposal_hash"]
    assert client.post(path, json=said(asked), headers=BOB).json()["type"] == "urn:leadgraph:used"
    wrong = client.post(f"/v1/approvals/{found['approval']}", json=said(found, changes={"colour": "red"}))
    assert (wrong.status_code, wrong.json()["field"]) == (422, "colour")


async def test_two_hundred_people_at_once_make_one_effect(home: Home, world: World) -> None:
    """Exactly the two that policy asks for are counted; the CRM's own ledger has each step once."""
    before = owners(world)
    async with served(app_of(home, approvals_router)) as client:
        found = (await client.get("/v1/approvals", headers=ANN)).json()["approvals"]
        asked = next(one for one in found if not one["approved_by"])
        path = f"/v1/approvals/{asked['approval']}"
        answers = await asyncio.gather(
            *(client.post(path, json=said(asked), headers=who(f"p{n}", "approver")) for n in range(200))
        )
    assert Counter(answer.status_code for answer in answers) == {200: 2, 409: 198}
    assert {one.json()["type"] for one in answers if one.status_code == 409} == {"urn:leadgraph:used"}
    await asyncio.gather(*(Dispatcher(home, home.targets).drain() for _ in range(3)))
    assert owners(world) == before + 1
    assert world.crm().doubled() == []


BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"verdict": "maybe"}, "verdict"),
    ({"proposal_hash": "short"}, "proposal_hash"),
    ({"comment": "x" * 2_001}, "comment"),
    ({"verdict": "reject", "changes": {"owner": "rep_1"}}, "changes"),
    ({"verdict": "reject", "drop": ["enrol"]}, "changes"),
    ({"secret_words": 1}, "?"),
)


@pytest.mark.parametrize(("more", "field"), BAD)
def test_a_word_that_cannot_be_read_is_refused_by_its_field(
    client: TestClient, asked: dict[str, Any], more: dict[str, Any], field: str
) -> None:
    answer = client.post(f"/v1/approvals/{asked['approval']}", json={**said(asked), **more})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_who_may_only_look_does_not_decide_and_who_is_elsewhere_does_not_look(
    client: TestClient, asked: dict[str, Any]
) -> None:
    path = f"/v1/approvals/{asked['approval']}"
    assert client.post(path, json=said(asked), headers=who("vera", "viewer")).status_code == 403
    elsewhere = who("eve", "admin", "eu")
    assert client.get("/v1/approvals", headers=elsewhere).json()["approvals"] == []
    assert client.get(path, headers=elsewhere).status_code == 404
    assert client.post(path, json=said(asked), headers=elsewhere).status_code == 404
    assert client.get("/v1/approvals/ap_none").json()["type"] == "urn:leadgraph:unknown"


def test_what_no_longer_holds_is_used_and_not_approved(
    home: Home, asked: dict[str, Any], world: World
) -> None:
    """Other tables are in force than those that asked: nothing is sent, whoever approves is told, and looks again."""

    class Other:
        version = "other tables"

        def __getattr__(self, name: str) -> Any:
            return getattr(home.policy, name)

    before, other = owners(world), replace(home, policy=cast(Any, Other()))
    with TestClient(app_of(other, approvals_router)) as client:
        answers = [
            client.post(f"/v1/approvals/{asked['approval']}", json=said(asked), headers=by)
            for by in (ANN, BOB)
        ]
        stood = client.get(f"/v1/approvals/{asked['approval']}", headers=ANN).json()
    assert [one.status_code for one in answers] == [409, 409]
    assert {one.json()["type"] for one in answers} == {"urn:leadgraph:used"}
    assert "decided anew" in answers[0].json()["detail"]
    assert (stood["state"], stood["reason"], stood["approved_by"]) == ("redecided", "policy", 0)
    deliver(home)
    assert owners(world) == before


def test_what_came_too_late_is_told_so(tmp_path: Path) -> None:
    world = World(tmp_path, None)  # type: ignore[arg-type]  # nothing is printed
    world.works(*a_hot_lead(120_000))
    world.at = Instant(world.at + 8 * DAY)
    with world.home() as home, TestClient(app_of(home, approvals_router)) as client:
        (asked,) = client.get("/v1/approvals", headers=ANN).json()["approvals"]
        answer = client.post(f"/v1/approvals/{asked['approval']}", json=said(asked), headers=ANN)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:leadgraph:expired")
    assert owners(world) == 0
