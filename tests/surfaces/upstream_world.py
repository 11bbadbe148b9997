"""A whole home that asks vendors: real store, graph and worker; accounts in memory; a clock that the test sets."""

import asyncio
import itertools
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from domain.ids import TenantId
from domain.instants import SECOND, Instant
from domain.ports.home import Home
from domain.ports.receivers import Delivery
from domain.ports.upstream import Poller, Reader, Upstream
from domain.signal import Signal
from surfaces.catching_up import CatchingUp, noted
from surfaces.webhooks.repeated import without_repeated
from surfaces.webhooks.router import kept_of
from surfaces.worker import Worker, deps_of
from tests.domain.items import NOW
from tests.tools.crm.fake_hubspot import TOKEN as HUBSPOT_TOKEN
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET
from tests.tools.desk.fake_chatwoot import TOKEN as CHATWOOT_TOKEN
from tests.tools.records.vendors import Answers, Inbox, Org, Portal
from tests.tools.vendor_server import Wire
from tools.clock import ReplayClock
from tools.crm import hubspot as crm_hubspot
from tools.crm import salesforce as crm_salesforce
from tools.desk import chatwoot as desk_chatwoot
from tools.desk import intercom as desk_intercom
from tools.desk import zendesk as desk_zendesk
from tools.login import Login
from tools.records import hubspot as hubspot_records
from tools.records.chatwoot import ChatwootPoller, ChatwootReader
from tools.records.guarded import Gate, GuardedPoller, GuardedReader
from tools.records.hubspot import HubSpotJournal, HubSpotReader
from tools.records.intercom import IntercomReader
from tools.records.salesforce import Org as SalesforceOrg
from tools.records.salesforce import SalesforcePoller, SalesforceReader
from tools.records.zendesk import ZendeskReader
from tools.sources import chatwoot, hubspot, intercom, salesforce, zendesk
from tools.vendor import Api
from tools.waits import SharedWait

WAIT: int = 3 * SECOND
OURS: Mapping[str, Mapping[str, Any]] = {"hubspot": {"actors": frozenset({"77"})}}
"""By vendor, what is ours there as a reading is told."""
READS: Mapping[str, Any] = {
    one.NAME: one for one in (hubspot, salesforce, chatwoot, intercom, zendesk)
}  # fmt: skip
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
    ours: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: OURS, kw_only=True)

    def vendor(self, name: str) -> Any:
        """The account."""
        return self.wires[name].fake

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(Instant(self.clock.now() + round(seconds * SECOND)))

    def tell(self, vendor: str, body: Any) -> Any:
        """The vendor's webhook arrives, as the route takes it once it is proven; a text is XML."""

        async def arrive() -> Any:
            xml = isinstance(body, str)
            sent = body.encode() if isinstance(body, str) else orjson.dumps(body)
            delivery = Delivery({"content-type": "text/xml" if xml else "application/json"}, sent)
            reading = READS[vendor].read(delivery, now=self.clock.now(), **self.ours.get(vendor, {}))
            await noted(self.home, reading.records)
            reading = await without_repeated(self.home, reading)
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

    def lead(self, key: str) -> str | None:
        """Whose key it is."""
        return now(self.home.reads.find_lead(self.home.tenant, key))

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


def asking(
    home: Home, *, polls: Sequence[str] = (), ours: Mapping[str, Mapping[str, Any]] = OURS
) -> UpstreamWorld:
    """A world of its own within `home`: a new tenant, new vendors, and a clock that stands at `NOW`."""
    clock, tenant = ReplayClock(Instant(NOW)), TenantId(f"t{next(_numbers)}")
    wires = {
        "hubspot": Wire(Portal()), "salesforce": Wire(Org()), "chatwoot": Wire(Inbox(talks={})),
        "intercom": Wire(Answers()), "zendesk": Wire(Answers()),
    }  # fmt: skip
    readers, pollers = _vendors(wires, clock, ours)
    waits = {name: SharedWait(home.limits, tenant, name, clock.now) for name in readers}
    gates = {name: Gate(name, waits[name], clock.now) for name in readers}
    assert home.upstream is not None
    upstream = Upstream(
        home.upstream.todos, home.upstream.positions,
        {name: GuardedReader(reader, gates[name]) for name, reader in readers.items()},
        tuple(GuardedPoller(one, gates[one.vendor]) for one in pollers if one.vendor in polls), wait_us=WAIT,
    )  # fmt: skip
    return UpstreamWorld(
        replace(home, tenant=tenant, clock=clock, upstream=upstream), clock, wires, ours=ours
    )


def _vendors(
    wires: Mapping[str, Wire], clock: ReplayClock, ours: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Reader], list[Poller]]:
    def api(vendor: str, manners: Any, renew: Any) -> Api:
        transport = wires[vendor].transport()
        return Api(manners, LOCAL, renew, clock, setting="crm_token", transport=transport, deadline_s=5.0)

    async def hubspot_token(_stale: str | None) -> str:
        return HUBSPOT_TOKEN

    async def chatwoot_token(_stale: str | None) -> str:
        return CHATWOOT_TOKEN

    async def any_token(_stale: str | None) -> str:
        return "a-token"

    portal = api("hubspot", crm_hubspot.MANNERS, hubspot_token)
    files = api("hubspot", hubspot_records.FILES, hubspot_records.no_token)
    login = Login(LOCAL, CLIENT_ID, CLIENT_SECRET, wires["salesforce"].transport())
    org = SalesforceOrg(api("salesforce", crm_salesforce.MANNERS, login), login, **ours.get("salesforce", {}))
    desk = api("chatwoot", desk_chatwoot.MANNERS, chatwoot_token)
    readers: dict[str, Reader] = {
        "hubspot": HubSpotReader(portal, **ours.get("hubspot", {})),
        "salesforce": SalesforceReader(org),
        "chatwoot": ChatwootReader(desk, 1),
        "intercom": IntercomReader(api("intercom", desk_intercom.MANNERS, any_token)),
        "zendesk": ZendeskReader(api("zendesk", desk_zendesk.MANNERS, any_token)),
    }
    pollers: list[Poller] = [
        HubSpotJournal(portal, files, "127.0.0.1"), SalesforcePoller(org, "Lead", LEADS), ChatwootPoller(desk, 1),
    ]  # fmt: skip
    return readers, pollers
