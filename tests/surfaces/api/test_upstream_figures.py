"""What Prometheus is told of vendors: what was asked and answered, how old positions are, who wants quiet."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import open_home
from domain.instants import SECOND
from domain.ports.home import Home
from surfaces.api.metrics import Figures
from tests.surfaces.upstream_world import UpstreamWorld, asking, now
from tests.tools.vendor_server import instead


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with open_home(home=tmp_path_factory.mktemp("figures") / "home", given={"memory": "off"}) as made:
        yield made


def shown(world: UpstreamWorld) -> dict[str, dict[tuple[str, ...], float]]:
    """Name -> values of the labels, in the order of their names -> figure."""
    text = now(Figures(world.home).text()).decode()
    return {
        family.name: {
            tuple(value for _, value in sorted(one.labels.items())): one.value for one in family.samples
        }
        for family in text_string_to_metric_families(text)
    }


def test_reading_back_and_positions_are_told_by_vendor(home: Home) -> None:
    world = asking(home, polls=("chatwoot",))
    portal, before = world.vendor("hubspot"), shown(world).get("leadgraph_read_back", {})

    def created(ref: str, ago_s: int = 0) -> None:
        at = world.clock.now() // 1_000 - ago_s * 1_000
        event: Any = {"eventId": ago_s, "subscriptionType": "contact.creation", "occurredAt": at}
        world.tell("hubspot", [{**event, "objectId": int(ref), "portalId": 62}])

    first, second = (portal.person(world.clock.now()) for _ in range(2))
    created(first)
    world.run_leads()
    world.pass_by(10)
    world.run_leads()
    world.work()
    created(first, ago_s=60)
    created(second)
    world.wires["hubspot"].reads.append(instead(429, None, retry_after="40"))
    world.catch_up()
    world.pass_by(30)
    figures = shown(world)
    told = {
        what: figures["leadgraph_read_back"][vendor, what]
        - before.get((vendor, what), 0)
        for vendor, what in figures["leadgraph_read_back"]
        if vendor == "hubspot"
    }  # fmt: skip
    assert told == {
        "asked": 2.0,
        "answered": 1.0,
        "failed": 1.0,
        "cached": 1.0,
        "without": 1.0,
        "waited": 1.0,
    }
    assert world.home.upstream is not None
    nothing = {(vendor,): 0.0 for vendor in world.home.upstream.readers}
    assert figures["leadgraph_records_waiting"] == {**nothing, ("hubspot",): 1.0}
    assert figures["leadgraph_vendor_wait_seconds"]["hubspot",] == 10.0
    assert figures["leadgraph_vendor_wait_seconds"]["chatwoot",] == 0.0
    assert figures["leadgraph_poller"] == {("ok", "chatwoot"): 1.0}
    assert figures["leadgraph_position_age_seconds"]["chatwoot",] == pytest.approx(30.0)


def test_who_is_not_polled_any_more_grows_no_older_and_who_is_only_written_to_is_told(home: Home) -> None:
    world = asking(home, polls=("chatwoot",))
    world.work()
    assert world.home.upstream is not None
    now(world.home.limits.hold(world.home.tenant, "slack", until=world.clock.now() + 7 * SECOND))
    upstream = replace(world.home.upstream, pollers=())
    for some in (upstream, None):
        figures = shown(replace(world, home=replace(world.home, upstream=some)))
        assert not figures.get("leadgraph_position_age_seconds")
        assert not figures.get("leadgraph_poller")
        assert figures["leadgraph_vendor_wait_seconds"]["slack",] == 7.0


def test_a_poller_that_is_asked_in_vain_grows_old(home: Home) -> None:
    world = asking(home, polls=("chatwoot",))
    world.work()
    for _ in range(3):
        world.wires["chatwoot"].reads.append(instead(500))
        world.pass_by(61)
        world.work()
    figures = shown(world)
    assert figures["leadgraph_position_age_seconds"] == {("chatwoot",): 183.0}
    assert figures["leadgraph_poller"] == {("temporary", "chatwoot"): 1.0}
