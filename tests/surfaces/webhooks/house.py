"""A door with receivers behind a served application, without a network."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from domain.instants import SECOND, Instant
from domain.ports.home import Home
from domain.signal import Signal
from surfaces.api import problems
from surfaces.webhooks.router import webhook_router
from tests.domain.items import NOW
from tests.surfaces.door_world import DoorWorld, now, opened
from tests.surfaces.webhooks.sending import JSON, SENDERS, URL
from tools.clock import ReplayClock
from tools.receivers import SettingsReceivers
from tools.settings import find_settings

SECRETS: Mapping[str, Any] = {sender.setting: [sender.secret] for sender in SENDERS.values()}


class House:
    """The door's world, and vendors that post to it."""

    def __init__(self, world: DoorWorld, home: Home, settings: Mapping[str, Any]) -> None:
        self.world, self.home, self.clock = world, home, home.clock
        found = find_settings({}, **{"public_url": URL, **SECRETS, **settings}).settings
        app = FastAPI()
        problems.install(app)
        app.include_router(webhook_router(home, SettingsReceivers(found), read_s=0.2))
        self.client = TestClient(app, raise_server_exceptions=False)

    @property
    def seconds(self) -> float:
        """The time of the house, in seconds since 1970."""
        return self.clock.now() / SECOND

    def send(
        self,
        source: str,
        body: bytes | None = None,
        *,
        at: float = 0,
        secret: str = "",
        headers: Mapping[str, str] = JSON,
    ) -> Any:
        """Post what `source` would, signed at `at` seconds from now with its secret or `secret`."""
        sender = SENDERS[source]
        sent = sender.body if body is None else body
        proof = sender.sign(sent, self.seconds + at, secret or sender.secret)
        return self.post(source, sent, {**proof, **headers})

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON) -> Any:
        return self.client.post(f"/v1/webhooks/{path}", content=body, headers={**JSON, **headers})

    def stored(self) -> int:
        """Everything that the home keeps of what came: signals and items in quarantine."""
        return self.counts()["signals"]

    def counts(self) -> Mapping[str, int]:
        """The figures of its tenant."""
        return now(self.world.store.reads.counts(self.home.tenant))

    def signals(self, key: str) -> Sequence[Signal]:
        """What the lead with this key has."""
        reads, tenant = self.world.store.reads, self.home.tenant
        lead = now(reads.find_lead(tenant, key))
        return now(reads.signals(tenant, lead)) if lead is not None else []


@contextmanager
def housed(root: Path, *, inbox: Any = None, at: int = NOW, **settings: Any) -> Iterator[House]:
    """A house whose clock stands at `at`; `inbox` may stand in for the store's."""
    with opened(root) as world:
        home = replace(world.home, clock=ReplayClock(Instant(at)))
        yield House(world, replace(home, inbox=inbox(world.inbox)) if inbox else home, settings)
