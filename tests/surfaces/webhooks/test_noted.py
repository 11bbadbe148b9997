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
