"""``POST /v1/signals``: what is answered is on disk, what cannot be used is named, and a full house says so."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from domain.errors import Backpressure, Temporary
from domain.ports.home import Home
from domain.ports.inbox import Accepted, Refused
from domain.signal import Signal
from surfaces.api.signals import MOST_BYTES, signals_router, straight
from tests.domain.items import NOW
from tests.surfaces.api.calling import app_of, served, trusting, who
from tests.surfaces.door_world import DoorWorld, now, opened
from tools.clock import ReplayClock

SENDER = who("web", "sender")


def item(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "source": "web",
        "kind": "web.page_view",
        "keys": {"crm_id": f"lead of {name}"},
        "occurred_at": NOW // 1_000,
        "payload": {"page": "/pricing"},
        **more,
    }


@pytest.fixture(scope="module", params=["route", "straight"])
def way(request: pytest.FixtureRequest) -> str:
    """By the framework's route, or past it: with the same answers."""
    return str(request.param)


@pytest.fixture(scope="module")
def world(way: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorWorld]:
    with opened(tmp_path_factory.mktemp(way)) as world:
        yield world


@pytest.fixture(scope="module")
def client(way: str, world: DoorWorld) -> Iterator[TestClient]:
    ways = straight(world.home, trusting(world.home)) if way == "straight" else {}
    app = app_of(world.home, signals_router, ways=ways)
    with TestClient(app) as client:
        client.headers.update(SENDER)
        yield client


def test_one_and_many_are_taken_in_and_each_item_is_accounted_for(
    client: TestClient, world: DoorWorld
) -> None:
    one = client.post("/v1/signals", json=item("a"))
    assert (one.status_code, one.json()) == (202, {"accepted": 1, "duplicates": 0, "quarantined": []})
    assert now(world.signals("lead of a"))[0].region == "us", "that of the key"
    bad = item("c", kind="web.teleport")
    many = client.post("/v1/signals", json=[item("a"), item("b"), bad, item("a", payload={"page": "/"}), 7])
    found = many.json()
    assert (many.status_code, found["accepted"], found["duplicates"]) == (202, 1, 1)
    assert [one["index"] for one in found["quarantined"]] == [2, 3, 4]
    assert found["quarantined"][0]["reason"].startswith("kind: ")
    assert sorted(held.position for held in now(world.held())) == [2, 3, 4]


def test_what_was_answered_is_there_after_the_process_is_gone(tmp_path: Any) -> None:
    with opened(tmp_path) as world, TestClient(app_of(world.home, signals_router)) as client:
        assert client.post("/v1/signals", json=item("a"), headers=SENDER).status_code == 202
        with opened(tmp_path) as beside:
            assert len(now(beside.signals("lead of a"))) == 1


async def test_signals_that_come_at_once_are_each_answered_for_themselves(tmp_path: Any) -> None:
    """New, again, contradicting and bad ones side by side, each told what became of it alone."""
    with opened(tmp_path) as world:
        bodies: list[Any] = [item(f"n{n}") for n in range(40)]
        bodies += [item(f"n{n}") for n in range(20)]
        bodies += [item(f"x{n}", kind="none") for n in range(10)] + [[item("y1"), item("y1"), 7]]
        async with served(app_of(world.home, signals_router)) as client:
            answers = await asyncio.gather(
                *(client.post("/v1/signals", json=body, headers=SENDER) for body in bodies)
            )
        found = [answer.json() for answer in answers]
        assert {answer.status_code for answer in answers} == {202}
        assert sum(one["accepted"] for one in found[:60]) == 40
        for n in range(20):
            assert sorted((found[n]["accepted"], found[40 + n]["accepted"])) == [0, 1]
            assert found[n]["duplicates"] + found[40 + n]["duplicates"] == 1
        assert [one["quarantined"][0]["index"] for one in found[60:70]] == [0] * 10
        assert (found[70]["accepted"], found[70]["duplicates"], found[70]["quarantined"][0]["index"]) == (
            1,
            1,
            2,
        )
        counts = await world.counts()
        assert (counts["waiting"], counts["duplicates"], counts["quarantined"]) == (41, 21, 11)


REFUSED: dict[str, tuple[Any, int]] = {
    "text": ('"hello"', 422),
    "nothing": ("[]", 422),
    "too many": (json.dumps([{}] * 1_001), 422),
    "half": ('{"id": ', 400),
    "nan": ('[{"id": NaN}]', 400),
    "a key twice": ('{"id": "a", "id": "b"}', 400),
    "deep": ("[" * 10_000 + "]" * 10_000, 422),
    "huge": ("[" + " " * MOST_BYTES + "]", 413),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_document_that_is_none_is_refused_whole(client: TestClient, world: DoorWorld, case: str) -> None:
    before = now(world.counts())
    body, status = REFUSED[case]
    answer = client.post("/v1/signals", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (status, "body")
    assert answer.json()["remedy"]
    assert now(world.counts()) == before


def test_a_key_lets_in_only_what_is_of_its_region(client: TestClient) -> None:
    (refused,) = client.post("/v1/signals", json=item("e", region="eu")).json()["quarantined"]
    assert refused["reason"].startswith("region: ")
    assert client.post("/v1/signals", json=item("e"), headers=who("v", "viewer")).status_code == 403


class Trouble:
    """An inbox that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def accept(self, items: Sequence[Signal | Refused], **_: Any) -> Accepted:
        raise self.error

    async def waiting(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("error", "status", "wait"), [(Backpressure(9, 9, 7), 429, "7"), (Temporary("/secret is full"), 503, "5")]
)
def test_what_is_not_on_disk_is_not_acknowledged(
    world: DoorWorld, error: Exception, status: int, wait: str
) -> None:
    home: Home = replace(world.home, inbox=Trouble(error), clock=ReplayClock(world.clock.now()))
    with TestClient(app_of(home, signals_router)) as client:
        answer = client.post("/v1/signals", json=item("lost"), headers=SENDER)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, wait)
    assert "secret" not in answer.text
    headers: Mapping[str, str] = answer.headers
    assert headers["content-type"] == "application/problem+json"
