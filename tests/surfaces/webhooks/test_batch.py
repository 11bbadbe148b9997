"""A whole batch of a vendor over HTTP: what it costs the store does not grow with what is in it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from domain.instants import SECOND
from surfaces.api.app import Terms, build_app
from tests.surfaces.api.calling import served
from tests.surfaces.webhooks.house import SECRETS, housed
from tests.surfaces.webhooks.sending import CHANGE, JSON, SENDERS, URL, as_json
from tools.receivers import SettingsReceivers
from tools.settings import find_settings
from tools.store.engine import Database, Tx


def batch(first: int, size: int) -> bytes:
    """So many changes of as many contacts, as HubSpot sends them together: 100 at most."""
    return as_json(
        [
            {**CHANGE, "eventId": n, "objectId": n, "propertyValue": f"VP {n}"}
            for n in range(first, first + size)
        ]
    )


def counted(patch: pytest.MonkeyPatch) -> Counter[str]:
    """Transactions that are written, and calls of the database within all, from now on."""
    found: Counter[str] = Counter()

    def counting(what: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            found[what] += 1
            return does(*given, **named)

        return call

    patch.setattr(Database, "write_now", counting("transactions", Database.write_now))
    for name in ("run", "rows", "one"):
        patch.setattr(Tx, name, counting("calls", getattr(Tx, name)))
    return found


def test_a_hundred_events_take_as_many_transactions_and_calls_as_ten(tmp_path: Path) -> None:
    sender = SENDERS["hubspot"]
    receivers = SettingsReceivers(find_settings({}, public_url=URL, **SECRETS).settings)
    with housed(tmp_path) as house, pytest.MonkeyPatch.context() as patch:
        found = counted(patch)

        async def post(client: httpx.AsyncClient, body: bytes) -> tuple[dict[str, Any], Counter[str]]:
            proof = sender.sign(body, house.home.clock.now() / SECOND, sender.secret)
            found.clear()
            answer = await client.post("/v1/webhooks/hubspot", content=body, headers={**JSON, **proof})
            assert answer.status_code == 202, answer.text
            return answer.json(), Counter(found)

        async def all_three() -> list[tuple[dict[str, Any], Counter[str]]]:
            app = build_app(house.home, cast(Any, None), Terms(), receivers=receivers)
            async with served(app) as client:
                return [
                    await post(client, batch(first, size))
                    for first, size in ((1, 10), (1_001, 100), (1_001, 100))
                ]

        (small, few), (large, many), (repeated, again) = asyncio.run(all_three())
    assert (small["accepted"], large["accepted"], repeated["duplicates"]) == (10, 100, 100)
    assert few == many, "each event more costs no call of the database more"
    assert many["transactions"] == again["transactions"] == 1, "the answer waits for the disk once"
    assert again["calls"] <= many["calls"] < 30
