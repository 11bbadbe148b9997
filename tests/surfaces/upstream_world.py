"""A whole home that asks vendors: real store, graph and worker; accounts in memory; a clock that the test sets."""

import asyncio
import itertools
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import orjson

from domain.ids import TenantId
from domain.instants import SECOND, Instant
from domain.ports.home import Home
from domain.ports.receivers import Delivery
from domain.ports.upstream import Poller, Reader, Upstream
from domain.signal import Signal
from surfaces.catching_up import CatchingUp, noted
from surfaces.webhooks.router import kept_of
from surfaces.worker import Worker, deps_of
from tests.domain.items import NOW
from tests.tools.crm.fake_hubspot import TOKEN as HUBSPOT_TOKEN
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET
from tests.tools.desk.fake_chatwoot import TOKEN as CHATWOOT_TOKEN
from tests.tools.records.vendors import Inbox, Org, Portal
from tests.tools.vendor_server import Wire
from tools.clock import ReplayClock
from tools.crm import salesforce as crm_salesforce
from tools.desk import chatwoot as desk_chatwoot
from tools.login import Login
from tools.records import hubspot as hubspot_records
from tools.records.chatwoot import ChatwootPoller, ChatwootReader
from tools.records.guarded import Gate, GuardedPoller, GuardedReader
from tools.records.hubspot import HubSpotJournal, HubSpotReader
from tools.records.salesforce import Org as SalesforceOrg
from tools.records.salesforce import SalesforcePoller, SalesforceReader
from tools.sources import chatwoot, hubspot, salesforce
from tools.vendor import Api
from tools.waits import SharedWait

WAIT: int = 3 * SECOND
OURS: Mapping[str, frozenset[str]] = {"hubspot": frozenset({"77"})}
READS: Mapping[str, Any] = {"hubspot": hubspot, "salesforce": salesforce, "chatwoot": chatwoot}
LOCAL = "http://127.0.0.1:1"
LEADS = 10
"""Leads of a page of Salesforce."""
_T = TypeVar("_T")


def now(asked: Awaitable[_T]) -> _T:
    """The answer, from outside a loop."""

    async def ask() -> _T:
        return await asked

    return asyncio.run(ask())


@dataclass
class UpstreamWorld:
    """The home, its vendors, and what is asked of both."""

    home: Home
    clock: ReplayClock
    wires: Mapping[str, Wire]

    def vendor(self, name: str) -> Any:
        """The account."""
        return self.wires[name].fake

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(Instant(self.clock.now() + round(seconds * SECOND)))

    def tell(self, vendor: str, body: Any) -> Any:
        """The vendor's webhook arrives, as the route takes it once it is proven."""

        async def arrive() -> Any:
            delivery = Delivery({"content-type": "application/json"}, orjson.dumps(body))
            given = {"now": self.clock.now(), "actors": OURS.get(vendor, frozenset())}
            reading = READS[vendor].read(delivery, **given)
            await noted(self.home, reading.records)
            return await kept_of(self.home, reading.items)

        return now(arrive())

    def work(self) -> int:
        """A worker does what there is to do, vendors included; how many decisions that was."""
        before = self.decisions()
        now(Worker(self.home, deps_of(self.home)).drain())
        return self.decisions() - before

    def run_leads(self) -> int:
        """A worker that asks no vendor; how many decisions it made."""
        before = self.decisions()
        now(Worker(self.home, deps_of(self.home)).one_pass())
        return self.decisions() - before

    def decisions(self) -> int:
        """How many there are."""
        return now(self.home.reads.counts(self.home.tenant))["decisions"]

    def catch_up(self, home: Home | None = None) -> Any:
        """One turn of asking, by a process of its own."""
        return now(CatchingUp(home or self.home).turn())

    def signals(self, key: str) -> Sequence[Signal]:
        """What the lead with this key has, oldest first."""

        async def ask() -> Sequence[Signal]:
            reads, tenant = self.home.reads, self.home.tenant
            lead = await reads.find_lead(tenant, key)
            return [] if lead is None else list(reversed(await reads.signals(tenant, lead, limit=500)))

        return now(ask())

    def said(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        """(kind, payload) of them."""
        return [(one.kind.value, dict(one.payload)) for one in self.signals(key)]

    def facts(self, key: str) -> dict[str, Any]:
        """What is known of the lead from its signals."""
        return {name: value for one in self.signals(key) for name, value in one.payload.items()}

    def flags(self, key: str) -> list[str]:
        """Flags of the lead's latest decision."""

        async def ask() -> list[str]:
            reads, tenant = self.home.reads, self.home.tenant
            lead = await reads.find_lead(tenant, key)
            stored = await reads.latest_decision(tenant, lead) if lead else None
            return list(orjson.loads(stored.content)["flags"]) if stored else ["undecided"]

        return now(ask())

    def standing(self) -> dict[str, tuple[str | None, str]]:
        """Position and code of each poller."""
        assert self.home.upstream is not None
        rows = now(self.home.upstream.positions.standing(self.home.tenant))
        return {one.name: (one.position, one.code) for one in rows}


_numbers = itertools.count(1)


def asking(home: Home, *, polls: Sequence[str] = ()) -> UpstreamWorld:
    """A world of its own within `home`: a new tenant, new vendors, and a clock that stands at `NOW`."""
    clock, tenant = ReplayClock(Instant(NOW)), TenantId(f"t{next(_numbers)}")
    wires = {"hubspot": Wire(Portal()), "salesforce": Wire(Org()), "chatwoot": Wire(Inbox(talks={}))}
    readers, pollers = _vendors(wires, clock)
    waits = {name: SharedWait(home.limits, tenant, name, clock.now) for name in readers}
    gates = {
        name: Gate(name, home.limits, waits[name], clock.now, per_minute=6_000, burst=1_000)
        for name in readers
    }
    assert home.upstream is not None
    upstream = Upstream(
        home.upstream.todos, home.upstream.positions,
        {name: GuardedReader(reader, gates[name]) for name, reader in readers.items()},
        tuple(GuardedPoller(one, gates[one.vendor]) for one in pollers if one.vendor in polls), wait_us=WAIT,
    )  # fmt: skip
    return UpstreamWorld(replace(home, tenant=tenant, clock=clock, upstream=upstream), clock, wires)


def _vendors(wires: Mapping[str, Wire], clock: ReplayClock) -> tuple[dict[str, Reader], list[Poller]]:
    def api(vendor: str, manners: Any, renew: Any) -> Api:
        transport = wires[vendor].transport()
        return Api(manners, LOCAL, renew, clock, setting="crm_token", transport=transport, deadline_s=5.0)

    async def hubspot_token(_stale: str | None) -> str:
        return HUBSPOT_TOKEN

    async def chatwoot_token(_stale: str | None) -> str:
        return CHATWOOT_TOKEN

    portal = api("hubspot", hubspot_records.MANNERS, hubspot_token)
    files = api("hubspot", hubspot_records.FILES, hubspot_records.no_token)
    login = Login(LOCAL, CLIENT_ID, CLIENT_SECRET, wires["salesforce"].transport())
    org = SalesforceOrg(api("salesforce", crm_salesforce.MANNERS, login), login)
    desk = api("chatwoot", desk_chatwoot.MANNERS, chatwoot_token)
    readers: dict[str, Reader] = {
        "hubspot": HubSpotReader(portal, OURS["hubspot"]),
        "salesforce": SalesforceReader(org),
        "chatwoot": ChatwootReader(desk, 1),
    }
    pollers: list[Poller] = [
        HubSpotJournal(portal, files, "127.0.0.1"), SalesforcePoller(org, "Lead", LEADS), ChatwootPoller(desk, 1),
    ]  # fmt: skip
    return readers, pollers
