"""Every published sample goes in over HTTP, proven as its vendor proves it, and comes out as the right signals.

What is right stands in `golden.json`, written for this test: by sample the answer's counts and the signals, whose
e-mail addresses appear as keyed hashes.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.ids import TenantId
from domain.instants import Instant, instant
from domain.signal import Signal
from tests.surfaces.door_world import DoorWorld, opened
from tests.surfaces.webhooks.house import House
from tests.surfaces.webhooks.sending import TOKEN, as_json
from tests.tools.sources.specs import sample
from tools.clock import ReplayClock

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
XML = {"content-type": "text/xml"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorWorld]:
    """One home for all samples, each with a tenant of its own."""
    with opened(tmp_path_factory.mktemp("samples")) as made:
        yield made


def of_its_own(world: DoorWorld, place: str, at: int) -> House:
    tenant = TenantId(f"t{list(GOLDEN).index(place)}")
    return House(world, replace(world.home, tenant=tenant, clock=ReplayClock(Instant(at))), {})


@pytest.mark.parametrize("place", GOLDEN)
def test_a_published_sample_comes_out_as_the_right_signals(
    place: str, data_dir: Path, world: DoorWorld
) -> None:
    vendor, _, name = place.partition("/")
    golden = GOLDEN[place]
    at = instant(datetime.fromisoformat(golden["received_at"]))
    house = of_its_own(world, place, at)
    sent = body_of(sample(data_dir, vendor, name))
    answers = [send(house, golden["source"], sent, named=vendor) for _ in range(2)]
    assert {name: answers[0][name] for name in golden["answer"]} == golden["answer"]
    assert told(house) == golden["signals"]
    assert answers[1]["accepted"] == 0
    shows_a_record = sent.lstrip().startswith(b"<")
    assert answers[1]["duplicates"] == (0 if shows_a_record else answers[0]["accepted"])


def test_every_sample_has_its_expectation(data_dir: Path) -> None:
    """Signature vectors are judged by the test of signatures; Slack is no source of signals."""
    folder = data_dir.parent / "specs"
    if not folder.is_dir():
        pytest.skip("beside LEADGRAPH_DATA there is no folder specs")
    found = {
        f"{file.parts[-3]}/{file.name}" for file in folder.glob("*/samples/*") if file.name != "SOURCE.md"
    }
    left = found - GOLDEN.keys()
    assert {one for one in left if not one.startswith("slack/")} == {"hubspot/signature_vectors.json"}


def body_of(raw: bytes) -> bytes:
    """The request's body: a sample may hold it beside its headers or its signature."""
    if raw.lstrip().startswith(b"<"):
        return raw
    found = json.loads(raw)
    body = found.get("body") if isinstance(found, dict) else None
    if body is None:
        return raw
    return body.encode() if isinstance(body, str) else as_json(body)


def send(house: House, source: str, body: bytes, *, named: str) -> dict[str, Any]:
    """The counts of the answer; an outbound message is answered without."""
    if body.lstrip().startswith(b"<"):
        before = house.stored()
        assert house.post(f"{source}/{TOKEN}", body, XML).status_code == 200
        counts = house.counts()
        return {
            "accepted": counts["signals"] - before - counts["duplicates"],
            "duplicates": counts["duplicates"],
        }
    more = {"content-type": "application/cloudevents+json"} if named == "cloudevents" else {}
    answer = house.send(source, body, headers=more)
    assert answer.status_code == 202, answer.text
    got: dict[str, Any] = answer.json()
    return got


def told(house: House) -> list[dict[str, Any]]:
    """What the home holds of the leads that were named, as the golden file writes it."""
    every = [one for batch in house.world.inbox.calls for one in batch if isinstance(one, Signal)]
    given = [one for one in every if one.tenant == house.home.tenant]
    named = {f"{key.kind.value}:{key.value}" for signal in given for key in signal.keys}
    held = {signal.signal_id: signal for key in named for signal in house.signals(key)}
    return [written(held[name]) for name in sorted(held)]


def written(signal: Signal) -> dict[str, Any]:
    return {
        "id": signal.signal_id,
        "kind": signal.kind.value,
        "keys": [f"{key.kind.value}={key.value}" for key in signal.keys],
        "account": signal.account,
        "occurred_at": signal.occurred_at.astimezone(UTC).isoformat(),
        "payload": dict(signal.payload),
    }
