"""Who is there beside the vendors that send: a receiver of outgoing events, and the desk whose talks are followed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from domain.handoff import Heard
from domain.happening import EventType
from domain.ids import Region
from domain.ports.home import Home
from surfaces.announcing import events_in
from tests.storm.deliveries import TALKS
from tests.surfaces.desk_world import configuration
from tests.surfaces.webhooks.sending import SENDERS, URL
from tests.tools.desk.fake_chatwoot import TOKEN, US, FakeChatwoot, Talk
from tests.tools.vendor_server import Asked, Said, Wire

REGIONS: Final = ("eu", "us")
"""Where the leads of a storm are; the receiver is told of each region at a path of its own."""
LOST: Final = 25
"""Of as many events one arrives whose answer is lost."""
WISH: Final = Heard(900, True, 0, {"purchase": 900}, (), None, None, "local")
"""What is heard in each talk: somebody wants to buy."""


@dataclass
class Receiver:
    """Satisfies `tests.tools.vendor_server.Fake`. `told`: region -> ids of events as they arrived."""

    contract: ClassVar = ""

    told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    patient: bool = False
    """It loses no answers any more."""

    def handle(self, asked: Asked) -> Said:
        """Take one."""
        told = self.told[asked.path.strip("/")]
        told.append(asked.headers["webhook-id"])
        if len(told) % LOST == 0 and not self.patient:
            raise ConnectionError
        return Said(204)


class Own(Talk):
    """A conversation with a customer of its own."""

    def shown(self) -> dict[str, Any]:
        """As the account shows it."""
        found = super().shown()
        return {**found, "meta": {**found["meta"], "sender": {"id": self.id, "type": "contact"}}}


class Desk(FakeChatwoot):
    """Its requests are not held against the contract: that takes longer than the storm."""

    contract: ClassVar = ""


@dataclass(frozen=True)
class Around:
    """What is there, and the settings of a home that knows of it."""

    receiver: Receiver
    url: str
    """Of the receiver."""
    desk: Desk
    settings: Mapping[str, Any]

    def notes(self) -> list[int]:
        """How many notes each talk at the desk has, those that have any."""
        ours = [sum(one["private"] for one in talk.messages) for talk in self.desk.talks.values()]
        return [number for number in ours if number]


@contextmanager
def around(root: Path, *, now_s: int) -> Iterator[Around]:
    """Both, while the block runs. In each talk at the desk a customer has written."""
    receiver, desk = Receiver(), Desk(talks={number: Own(number) for number in TALKS}, now=now_s)
    for number in desk.talks:
        desk.say(number, "Thanks", sender={"id": number, "type": "contact"}, at=now_s - 60)
    with Wire(receiver).served() as told, Wire(desk).served() as url:
        settings = {
            "memory": "off", "public_url": URL, "events_to_loopback": True, "desk": "chatwoot", "desk_url": url,
            "desk_token": TOKEN, "desk_account": 1, "webhook_actors": {"chatwoot": f"user:{US}"},
            "config": configuration(root / "config"), "vendor_per_minute": {"chatwoot": 1_000_000},
            **{sender.setting: [sender.secret] for sender in SENDERS.values()},
        }  # fmt: skip
        yield Around(receiver, told, desk, settings)


def subscribed(home: Home, url: str) -> None:
    """Have the receiver told of everything."""

    async def subscribe() -> None:
        for region in REGIONS:
            await events_in(home).subscriptions.make(
                home.tenant,
                Region(region),
                url=f"{url}/{region}",
                types=frozenset(EventType),
                position=0,
                now=home.clock.now(),
            )

    asyncio.run(subscribe())
