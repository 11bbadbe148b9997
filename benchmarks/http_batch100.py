"""Batches of a vendor's webhook over HTTP: signed, a hundred events each, answered when they are on disk."""

import asyncio
import base64
import hmac
from collections.abc import Callable
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from benchmarks.http_client import load, post
from benchmarks.http_servers import SILENT, OpenHome, running, serve
from benchmarks.timing import percentile
from surfaces.api.app import Terms, build_app
from surfaces.api.protocol import server_of
from surfaces.process import settle, share_evenly
from tools.clock import SystemClock
from tools.receivers import SettingsReceivers

PATH: Final = "/v1/webhooks/hubspot"
URL: Final = "https://leads.example.com"
SECRET: Final = "a-secret-for-measuring"  # noqa: S105 - signs what is made up
EVENTS: Final = 100
LEADS: Final = 2_000
WARM: Final = 5
AIM_MS: Final = 50.0


def measure_batches(
    open_home: OpenHome, *, told: Callable[[str], None], quick: bool = False
) -> dict[str, Any]:
    """Latency of a batch on one connection, and whether 95 of 100 are answered within `AIM_MS`.

    Raises: RuntimeError if anything was not accepted.
    """
    batches = 20 if quick else 200
    told(f"webhook batches of {EVENTS}")
    with (
        TemporaryDirectory(prefix="leadgraph-batch-") as scratch,
        running(_ours, Path(scratch), open_home) as port,
    ):
        asyncio.run(load(port, iter([_signed(n) for n in range(WARM)]), connections=1))
        found = asyncio.run(load(port, iter([_signed(WARM + n) for n in range(batches)]), connections=1))
    if set(found.statuses) != {202}:
        raise RuntimeError(f"not all was accepted: {found.statuses}")
    took = {f"p{share}_ms": round(percentile(found.took, share / 100) * 1_000, 2) for share in (50, 95, 99)}
    return {
        "events": EVENTS,
        "requests": batches,
        "events_per_second": round(batches * EVENTS / found.seconds),
        **took,
        "aims": {
            f"95 of 100 batches of {EVENTS} events answered in {AIM_MS:.0f} ms": took["p95_ms"] <= AIM_MS
        },
    }


def _ours(ready: Connection, folder: Path, open_home: OpenHome) -> None:
    """The API with its webhooks over a new home in `folder`; no worker runs beside it."""
    share_evenly()
    given = {"memory": "off", "public_url": URL, "webhook_hubspot_secrets": [SECRET]}
    with open_home(home=folder / "home", given=given) as home:
        api = build_app(home, SILENT, Terms(), receivers=SettingsReceivers(home.settings))
        settle()
        asyncio.run(serve(server_of(api, "127.0.0.1", 0), ready))


def _signed(number: int) -> bytes:
    """The request with the batch of this number: a hundred changes of as many contacts."""
    now = SystemClock().now() // 1_000
    events = [_event(number * EVENTS + n, now - EVENTS + n) for n in range(EVENTS)]
    body, timestamp = orjson.dumps(events), str(now)
    signed = b"POST" + f"{URL}{PATH}".encode() + body + timestamp.encode()
    proof = base64.b64encode(hmac.new(SECRET.encode(), signed, sha256).digest()).decode()
    return post(PATH, body, {"x-hubspot-signature-v3": proof, "x-hubspot-request-timestamp": timestamp})


def _event(number: int, at_ms: int) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 1,
        "portalId": 62,
        "appId": 5,
        "occurredAt": at_ms,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 1_000 + number % LEADS,
        "changeSource": "CRM_UI",
        "propertyName": "jobtitle",
        "propertyValue": f"VP {number}",
    }
