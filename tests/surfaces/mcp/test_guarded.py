"""Who gets to the tools over HTTP: the same door as that of the API, and it never stands open."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.responses import Response

from domain.ports.home import Home
from surfaces.api.guard import Door
from surfaces.api.guesses import BURST, Guesses
from surfaces.api.rates import Rates
from surfaces.mcp.callers import Guarded
from tests.surfaces.talk_world import open_talks


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        with open_talks(tmp_path_factory.mktemp("guarded")) as home:
            yield replace(home, access=None)


async def statuses(app: Guarded, *keys: str | None) -> list[int]:
    """What is answered to these keys, one after the other."""
    transport = httpx.ASGITransport(app, client=("198.51.100.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        shown = [{} if key is None else {"authorization": f"Bearer {key}"} for key in keys]
        return [(await client.post("/mcp", headers=one)).status_code for one in shown]


async def test_where_no_key_was_made_nobody_is_let_in(home: Home) -> None:
    assert await statuses(Guarded(Response("in"), Door(home, None)), None, "", "k") == [401, 401, 401]


async def test_wrong_keys_cost_here_too_and_the_key_of_the_settings_has_a_rate(home: Home) -> None:
    door = Door(home, "k", guesses=Guesses(now=lambda: 0.0))
    app = Guarded(Response("in"), door, Rates(60, 2, now=lambda: 0.0))
    assert await statuses(app, "k", "k", "k") == [200, 200, 429]
    assert await statuses(app, *(f"guess {n}" for n in range(BURST + 1))) == [401] * BURST + [429]
