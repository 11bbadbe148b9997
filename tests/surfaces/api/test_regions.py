"""A key of another region: on every route what lies here is to it as what lies nowhere (I6)."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from domain.access import Scope
from domain.happening import EventType
from domain.ids import LeadId, Region
from domain.instants import instant
from domain.ports.home import Home
from surfaces.api.app import build_app
from surfaces.door import take
from surfaces.handoff_facts import name_of
from surfaces.releasing import release
from surfaces.worker import Worker, deps_of
from tests.agents.test_handoff import BUYS, talk
from tests.crash.hot import START, hot_lead
from tests.surfaces.api.test_keys import THERE, guarded
from tests.surfaces.talk_world import Ears, open_talks

TALK = talk(("customer", BUYS)).model_dump(mode="json")
SIGNAL = {
    "source": "web", "kind": "web.form", "occurred_at": "2026-03-10T15:10:00Z", "payload": {"form": "demo"},
    "consent": "granted",
}  # fmt: skip
WORD = {"verdict": "reject", "proposal_hash": "0" * 64}
Names = Mapping[str, list[str]]
NOWHERE: Names = {
    "lead": ["ld_00000000000000000000", "crm_id:nobody", "eve@acme.example"],
    "decision": ["dc_00000000000000000000", "rn_00000000000000000000", "ho_000000000000000000000000"],
    "approval": ["ap_00000000000000000000", "dc_00000000000000000000", "ac_00000000000000000000"],
    "type": [str(one) for one in EventType][:3],
    "conversation": ["unheard-1", "unheard-2", "unheard-3"],
}
"""What may be asked for by name, three of each: an id and others. A new route may need a new line here."""


@dataclass
class World:
    """A server in the region ``us`` with one lead, its open question and its talk, and a key of ``eu``."""

    home: Home
    client: TestClient
    names: Names
    elsewhere: str
    here: str

    def ask(self, key: str, method: str, path: str, body: Any = None) -> Any:
        """Whatever is answered."""
        return self.client.request(method, path, json=body, headers={"authorization": f"Bearer {key}"})

    def standing(self) -> Any:
        """Everything of the lead: its card, what came in, what goes out, how its talk and its question stand."""
        return asyncio.run(self._standing())

    async def _standing(self) -> Any:
        home, lead = self.home, LeadId(self.names["lead"][0])
        asked = await home.approvals.get(home.tenant, self.names["approval"][0])
        return (
            await home.reads.lead(home.tenant, lead),
            [one.signal_id for one in await home.reads.signals(home.tenant, lead, limit=99)],
            [(row.action_id, row.state) for row in await home.outbox.of_lead(home.tenant, lead, limit=99)],
            await home.talks.standing(home.tenant, self.names["conversation"][0]),
            asked,
        )


async def _made(home: Home) -> tuple[Names, str, str]:
    keys = {"keys": {"crm_id": "lead-1", "email": "ada@acme.example"}}
    await take(home, enumerate([*hot_lead(120_000), {**SIGNAL, **keys, "region": "us", "id": "mail"}]))
    await Worker(home, deps_of(home)).drain()
    (asked,) = await home.approvals.open(home.tenant)
    assert home.access is not None
    terms: dict[str, Any] = {"scopes": frozenset(Scope), "by": "root", "now": home.clock.now()}
    made = [
        (await home.access.make(home.tenant, Region(where), name=where, **terms))[1] for where in ("eu", "us")
    ]
    return (
        {
            **NOWHERE,
            "lead": [asked.lead_id, "crm_id:lead-1", "ada@acme.example"],
            "decision": [asked.decision_id, asked.decision_id.replace("dc_", "rn_")],
            "approval": [asked.approval_id, asked.decision_id, asked.action_ids[0]],
            "conversation": ["heard-1", "heard-2", "heard-3"],
        },
        made[0],
        made[1],
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    at = instant(START + timedelta(minutes=30))
    with open_talks(tmp_path_factory.mktemp("regions"), at, region="us") as home:
        names, elsewhere, here = asyncio.run(_made(home))
        with TestClient(build_app(home, Ears(), THERE)) as client:
            made = World(home, client, names, elsewhere, here)
            about = {**TALK, "lead": names["lead"][0]}
            runs = [
                made.ask(here, "POST", "/v1/handoff", {**about, "conversation_id": said}).json()["run_id"]
                for said in names["conversation"]
            ]
            names["decision"].append(runs[0])
            yield made


def bodies(method: str, path: str, names: Names, n: int) -> list[Any]:
    """What to send there about what has the `n`-th of `names`; a route that is new must be told here."""
    if method == "GET":
        return [None]
    lead, said = names["lead"][n], names["conversation"][n]
    key = ({"conversation_id": said}, {"crm_id": lead.removeprefix("crm_id:")}, {"email": lead})[n]
    about: dict[tuple[str, str], list[Any]] = {
        ("POST", "/v1/signals"): [
            {**SIGNAL, "id": f"{n}-{said}", "keys": key},
            {**SIGNAL, "id": f"us-{n}-{said}", "keys": key, "region": "us"},
        ],
        ("POST", "/v1/handoff"): [
            {**TALK, "conversation_id": said},
            {**TALK, "conversation_id": f"other-{said}-{n}", "lead": lead},
        ],
        ("POST", "/v1/approvals/{approval}"): [WORD],
    }
    assert (method, path) in about, f"say here what {method} {path} is sent about what it must not touch"
    return about[method, path]


def answers(world: World, key: str, names: Names) -> dict[tuple[str, str, int, int], Any]:
    """What every route answers about each of `names`."""
    found = {}
    for method, path in guarded(world.client.app, named=False):  # type: ignore[arg-type]  # it is ours
        for n in range(3):
            parts = {name: given[n] for name, given in names.items()}
            for place, body in enumerate(bodies(method, path, names, n)):
                found[method, path, n, place] = world.ask(key, method, path.format(**parts), body)
    return found


def plain(text: str, names: Names) -> str:
    """An answer without ids, hashes, and the names that were sent."""
    sent = sorted((one.removeprefix("crm_id:") for given in names.values() for one in given), key=len)
    for one in reversed(sent):
        text = text.replace(one, "*")
    return re.sub(r"\b(ld|dc|ap|ho|ac|rn|rep)_[0-9a-z_]+|[0-9a-f]{32,64}", "*", text)


def test_on_every_route_what_lies_in_another_region_is_as_what_lies_nowhere(world: World) -> None:
    """The same status and the same words, but for ids, which are new ones; and nothing of it has changed."""
    before = world.standing()
    nowhere, there = (answers(world, world.elsewhere, names) for names in (NOWHERE, world.names))
    assert len({path for _, path, _, _ in there}) > 10
    for place, answer in there.items():
        assert answer.status_code == nowhere[place].status_code, (place, answer.text)
        if place[0] == "POST" or "{" in place[1]:
            said = plain(answer.text, world.names), plain(nowhere[place].text, NOWHERE)
            assert said[0] == said[1], place
        for marker in (*world.names["lead"][:1], *world.names["decision"], *world.names["approval"]):
            assert marker not in answer.text, place
    assert world.standing() == before


def test_a_key_of_the_region_finds_all_of_it(world: World) -> None:
    """The names above are right ones: else the test before proves nothing."""
    for method, path in guarded(world.client.app, named=False):  # type: ignore[arg-type]  # it is ours
        if method == "GET":
            parts = {name: given[0] for name, given in world.names.items()}
            assert world.ask(world.here, method, path.format(**parts)).status_code == 200, path
    told = world.ask(world.here, "POST", f"/v1/approvals/{world.names['approval'][0]}", WORD)
    assert told.json()["type"].endswith(":changed")


def test_desks_of_two_regions_may_name_their_talks_alike(world: World) -> None:
    """Each is decided by itself, and each key is told of its own."""
    twin = {**TALK, "conversation_id": "17"}
    ours, theirs = (
        world.ask(key, "POST", "/v1/handoff", twin).json() for key in (world.here, world.elsewhere)
    )
    again = world.ask(world.elsewhere, "POST", "/v1/handoff", twin).json()
    assert (ours["decision"], theirs["decision"], again["why"]) == ("handoff", "handoff", "with_person")
    assert ours["run_id"] != theirs["run_id"]
    assert world.ask(world.here, "GET", f"/v1/decisions/{theirs['run_id']}").status_code == 404
    assert world.ask(world.elsewhere, "GET", f"/v1/decisions/{theirs['run_id']}").status_code == 200
    assert name_of(world.home, talk(("customer", BUYS))) == "c1"


def test_a_person_who_is_a_lead_in_two_regions_is_found_in_each_by_the_same_address(world: World) -> None:
    """And each region's key gets the one of its own."""
    both = {**SIGNAL, "id": "twin", "keys": {"email": "twin@acme.example"}}
    found = set()
    for key, region in ((world.here, "us"), (world.elsewhere, "eu")):
        assert world.ask(key, "POST", "/v1/signals", {**both, "id": region}).json()["accepted"] == 1
        card = world.ask(key, "GET", "/v1/leads/twin@acme.example").json()
        assert card["region"] == region
        found.add(card["lead"])
    assert len(found) == 2


def test_an_id_that_is_taken_in_another_region_tells_no_more_than_that(world: World) -> None:
    item = {**SIGNAL, "id": "mail", "keys": {"email": "ada@acme.example"}, "payload": {"form": "x"}}
    (aside,) = world.ask(world.elsewhere, "POST", "/v1/signals", item).json()["quarantined"]
    assert aside["reason"].startswith("region: differs")
    assert "form" not in aside["reason"]


def test_what_was_put_aside_is_let_in_where_it_came_from(world: World) -> None:
    """Released on the machine of the home, whose own region is another."""
    home = world.home
    item = {**SIGNAL, "id": "aside", "keys": {"email": "kim@acme.example"}}
    wrong = world.ask(world.elsewhere, "POST", "/v1/signals", {**item, "kind": "web.fax"}).json()
    assert len(wrong["quarantined"]) == 1
    held = asyncio.run(home.quarantine.open_items(home.tenant))[-1]
    released = asyncio.run(release(home, held.item_id, new_raw=orjson.dumps(item)))
    assert (held.region, released.outcome) == ("eu", "accepted")
    assert world.ask(world.elsewhere, "GET", "/v1/leads/kim@acme.example").json()["region"] == "eu"
    assert world.ask(world.here, "GET", "/v1/leads/kim@acme.example").status_code == 404


def test_a_page_names_nothing_of_another_region_as_the_place_to_go_on(world: World) -> None:
    for path in ("/v1/leads", "/v1/approvals"):
        after = ""
        while after is not None:
            page = world.ask(world.elsewhere, "GET", f"{path}?limit=1{after and f'&after={after}'}").json()
            after = page["next"]
            assert not any(
                name in (after or "") for name in (world.names["lead"][0], world.names["approval"][0])
            )
