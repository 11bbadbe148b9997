"""What the route leaves to be read: noted before anything is taken in, and only where somebody reads it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from domain.ports.upstream import Upstream
from tests.surfaces.door_world import now, opened
from tests.surfaces.webhooks.house import House
from tests.surfaces.webhooks.sending import CHANGE, as_json

CREATION = {**CHANGE, "subscriptionType": "contact.creation"}


class Full:
    """An inbox that takes nothing."""

    async def accept(self, *_: object, **__: object) -> None:
        raise RuntimeError("killed")


@pytest.mark.parametrize("read", [True, False])
def test_a_thin_payload_is_on_the_list_before_it_is_taken(tmp_path: Path, read: bool) -> None:
    """So no run can miss that there is more to know, and nobody's death in between loses it."""
    with opened(tmp_path) as world:
        readers: dict[str, Any] = {"hubspot": cast(Any, None)} if read else {}
        upstream = Upstream(world.store.todos, world.store.positions, readers)
        home = replace(world.home, upstream=upstream, inbox=cast(Any, Full()))
        House(world, home, {}).send("hubspot", as_json([CREATION]))
        due = now(world.store.todos.due(home.tenant, now=home.clock.now()))
        assert due == (["hubspot"] if read else [])


def test_an_id_that_is_no_text_is_not_read_and_costs_no_other_event(tmp_path: Path) -> None:
    """Half a character, as JSON can name it, or a control character."""
    with opened(tmp_path) as world:
        upstream = Upstream(world.store.todos, world.store.positions, {"hubspot": cast(Any, None)})
        house = House(world, replace(world.home, upstream=upstream), {})
        bad = [{**CREATION, "objectId": ref} for ref in ("\ud800", "1\x00", "1\n2")]
        company = {**CREATION, "subscriptionType": "company.creation", "objectId": "\ud800"}
        answer = house.send("hubspot", as_json([*bad, company, CREATION]))
        assert answer.status_code == 202
        found = answer.json()
        assert (found["accepted"], [one["index"] for one in found["quarantined"]]) == (1, [0, 1, 2])
        todos = world.store.todos.take(world.home.tenant, "hubspot", limit=9, now=2**60, lease_us=1)
        assert [one.record.ref for one in now(todos)] == ["123"]
