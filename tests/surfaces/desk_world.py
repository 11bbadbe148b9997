"""A home that follows a desk: each vendor's fake behind a socket, its customers, and its webhooks as it sends them."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from app import open_home
from domain.handoff import Heard
from domain.instants import MINUTE, SECOND, Instant, iso
from domain.ports.home import Home
from domain.ports.receivers import Delivery
from surfaces.desk_loop import DeskLoop, Tally, desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.webhooks.router import Kept, kept_of
from tests.surfaces.talk_world import HEARD, SAID_AT, Ears
from tests.tools.desk import fake_chatwoot, fake_intercom, fake_zendesk
from tests.tools.vendor_server import Wire
from tools.clock import ReplayClock
from tools.policy.reps import load_reps
from tools.settings import SHIPPED
from tools.sources import chatwoot, intercom, zendesk

CALM = Heard(50, False, None, {}, (), None, None, "local")
"""Nothing is wanted of sales."""
ASKS = Heard(50, False, None, {}, (), 0, None, "local")
"""A person is asked for."""
SALES, SUPPORT, SELLER, OTHER = 7, 8, 31, 32


@dataclass
class Vendor:
    """One desk. `say` and `event` are given a text and when it was said, in seconds since 1970."""

    fake: Any
    token: str
    us: str
    """Who we are there, as in the setting `webhook_actors`."""
    read: Callable[..., Any]
    say: Callable[[str, int], str]
    event: Callable[[str, str, int], Mapping[str, Any]]
    stands: Callable[[], tuple[object, ...]]
    """Team and person of the conversation."""
    give: Callable[..., None]
    """Gives it to a person, or closes it."""


def a_chatwoot() -> Vendor:
    fake = fake_chatwoot.FakeChatwoot()
    talk, customer = fake.talks[42], {"id": 1, "type": "contact"}

    def event(number: str, text: str, at: int) -> Mapping[str, Any]:
        return {
            "event": "message_created", "id": int(number), "content": text, "message_type": "incoming",
            "private": False, "created_at": at, "account": {"id": 1}, "sender": {"id": 1},
            "conversation": {"id": 42, "meta": {"sender": {"id": 1}}},
        }  # fmt: skip

    def give(person: int = 0, *, closed: bool = False, says: str = "", at: int = 0) -> None:
        talk.agent, talk.status = person or talk.agent, "resolved" if closed else "open"
        if says:
            fake.say(42, says, sender={"id": person, "type": "user"}, at=at)

    return Vendor(
        fake, fake_chatwoot.TOKEN, f"user:{fake_chatwoot.US}", chatwoot.read,
        lambda text, at: str(fake.say(42, text, sender=customer, at=at)["id"]), event,
        lambda: (talk.team or None, talk.agent or None), give,
    )  # fmt: skip


def an_intercom() -> Vendor:
    fake = fake_intercom.FakeIntercom()
    talk, customer = fake.talks["42"], {"type": "user", "id": "1"}
    talk.open = True

    def event(number: str, text: str, at: int) -> Mapping[str, Any]:
        part = {
            "id": number, "part_type": "comment", "body": f"<p>{text}</p>", "created_at": at, "author": customer,
        }  # fmt: skip
        parts = {"conversation_parts": [part]}
        item = {"id": "42", "contacts": {"contacts": [{"id": "1"}]}, "conversation_parts": parts}
        return {"topic": "conversation.user.replied", "id": f"n{number}", "data": {"item": item}}

    def give(person: int = 0, *, closed: bool = False, says: str = "", at: int = 0) -> None:
        talk.admin, talk.open = person or talk.admin, not closed
        if says:
            fake.say("42", f"<p>{says}</p>", author={"type": "admin", "id": str(person)}, at=at)

    return Vendor(
        fake, fake_intercom.TOKEN, fake_intercom.US, intercom.read,
        lambda text, at: str(fake.say("42", f"<p>{text}</p>", author=customer, at=at)["id"]), event,
        lambda: (talk.team, talk.admin), give,
    )  # fmt: skip


def a_zendesk() -> Vendor:
    fake = fake_zendesk.FakeZendesk()
    ticket = fake.tickets[42]

    def event(number: str, text: str, at: int) -> Mapping[str, Any]:
        comment = {"id": number, "body": text, "is_public": True, "author": {"id": "1", "is_staff": False}}
        return {
            "type": "zen:event-type:ticket.comment_added", "id": f"e{number}", "account_id": 8,
            "time": iso(Instant(at * SECOND)), "detail": {"id": "42", "requester_id": "1"},
            "event": {"comment": comment},
        }  # fmt: skip

    def say(text: str, at: int, author: int = fake_zendesk.CUSTOMER) -> str:
        made = fake.say(42, text, author=author)
        made["created_at"] = datetime.fromtimestamp(at, UTC).isoformat()
        return str(made["id"])

    def give(person: int = 0, *, closed: bool = False, says: str = "", at: int = 0) -> None:
        ticket.assignee, ticket.status = person or ticket.assignee, "solved" if closed else "open"
        ticket.changes += 1
        if says:
            say(says, at, person)

    return Vendor(
        fake,
        fake_zendesk.TOKEN,
        str(fake_zendesk.US),
        zendesk.read,
        say,
        event,
        lambda: (ticket.group, ticket.assignee),
        give,
    )


VENDORS: Mapping[str, Callable[[], Vendor]] = {
    "chatwoot": a_chatwoot,
    "intercom": an_intercom,
    "zendesk": a_zendesk,
}


@dataclass
class DeskWorld:
    """A home and its desk, on a clock that the test sets."""

    home: Home
    vendor: Vendor
    wire: Wire
    clock: ReplayClock
    ears: Ears = field(default_factory=Ears)
    loop: DeskLoop = field(init=False)

    def __post_init__(self) -> None:
        loop = desk_loop(self.home, self.ears)
        assert loop is not None
        self.loop = loop

    @property
    def fake(self) -> Any:
        return self.vendor.fake

    @property
    def seconds(self) -> int:
        return self.clock.now() // SECOND

    def later(self, us: int) -> None:
        self.clock.advance(Instant(self.clock.now() + us))

    async def says(self, text: str = "What do 50 seats cost?") -> Mapping[str, Any]:
        """The customer writes, and the desk tells us."""
        event = self.vendor.event(self.vendor.say(text, self.seconds), text, self.seconds)
        await self.tell(event)
        return event

    async def tell(self, event: Mapping[str, Any]) -> Kept:
        """One delivery, as proven."""
        delivery, us = Delivery({}, json.dumps(event).encode(), ""), frozenset({self.vendor.us})
        return await kept_of(self.home, self.vendor.read(delivery, now=self.clock.now(), actors=us).items)

    async def decided(self) -> Tally:
        """What the loop makes of what is due in two seconds."""
        self.later(2 * SECOND)
        return await self.loop.drain()

    async def sent(self) -> None:
        """What is on its way gets there."""
        self.fake.now = self.seconds
        await Dispatcher(self.home, self.home.targets).drain()

    async def rows(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Decisions about talks on record: code and detail."""
        rows = await self.home.reads.audit_rows(self.home.tenant)
        return [
            (str(row["code"]), cast(Mapping[str, Any], row["detail"]))
            for row in rows
            if row["step"] == "handoff"
        ]


def configuration(folder: Path) -> Path:
    """The shipped configuration with our teams and people in each desk."""
    shutil.copytree(SHIPPED, folder)
    people = "".join(f'{rep.rep_id} = "{SELLER}"\n' for rep in load_reps(SHIPPED / "reps.csv"))
    for vendor in VENDORS:
        file = folder / "fields" / f"{vendor}.toml"
        text = file.read_text("utf-8").replace('tag = "0"', 'tag = "66"')
        text = text.replace("[queues]", f'[queues]\nsales = "{SALES}"\nsupport = "{SUPPORT}"')
        file.write_text(f"{text}\n{people}", "utf-8")
    return folder


@contextmanager
def followed(
    root: Path, vendor: str = "chatwoot", *, config: Path, at: int = SAID_AT + MINUTE, **given: Any
) -> Iterator[DeskWorld]:
    """A home that follows `vendor`."""
    desk = VENDORS[vendor]()
    wire, clock = Wire(desk.fake), ReplayClock(Instant(at))
    with wire.served() as url:
        settings = {
            "memory": "off", "desk": vendor, "desk_url": url, "desk_token": desk.token, "config": config,
            "desk_account": fake_intercom.US if vendor == "intercom" else 1, **given,
        }  # fmt: skip
        with open_home(home=root / "home", given=settings, clock=clock) as home:
            yield DeskWorld(home, desk, wire, clock, Ears(heard=HEARD))
