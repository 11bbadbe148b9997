"""From a lead's signals to the vendor's own record, through the command line: once each, also when answers are lost."""

from collections import Counter, deque
from pathlib import Path

import pytest

from domain.effect import StepKind
from tests.surfaces.cli.acting_world import World, a_hot_lead
from tests.tools.crm.fake_hubspot import FakeHubSpot
from tests.tools.test_vendors import with_people
from tests.tools.vendor_server import Wire, after, cut


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path, capsys)


def test_a_hot_lead_becomes_a_task_an_owner_and_a_score_in_hubspot_each_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeHubSpot()
    wire = Wire(fake, plan=deque([None, after(500), None, cut]))
    with wire.served() as url:
        for name, value in {
            "CRM": "hubspot",
            "CRM_URL": url,
            "CRM_TOKEN": fake.token,
            "CRM_CREATE": "true",
            "CONFIG": str(with_people(tmp_path / "config", "hubspot", "901")),
        }.items():
            monkeypatch.setenv(f"LEADGRAPH_{name}", value)
        world.works(*a_hot_lead(20_000))
        world.at += 3_600_000_000  # type: ignore[assignment]  # an instant
        world.works()
        states = {one["kind"]: one["state"] for one in world.records("decisions", "actions")}
    assert states == dict.fromkeys(("upsert_score", "create_task", "assign_owner"), "done")
    assert Counter(kind for _, kind in fake.ledger) == {
        StepKind.SET_FIELDS: 1,
        StepKind.SET_OWNER: 1,
        StepKind.CREATE_TASK: 1,
        StepKind.ADD_NOTE: 1,
    }
    (contact,) = fake.things["contacts"].values()
    assert contact.values["hubspot_owner_id"] == "901"
    assert contact.values["leadgraph_band"] == "hot"
    assert fake.broken == []
