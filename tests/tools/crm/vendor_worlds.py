"""Vendors' CRMs as worlds of the contract: the connector, the fake account, and the way between them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.effect import Step, StepKind, StepReceipt
from domain.ids import TenantId
from domain.ports.target import Change, Seen, Subject
from tests.tools.crm.fake_hubspot import TOKEN, FakeHubSpot
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET, FakeSalesforce
from tests.tools.crm.worlds import ROOT, TENANT, CrmWorld, FixedClock
from tests.tools.vendor_server import Wire
from tools.crm import hubspot, salesforce
from tools.field_map import FieldMap, field_map
from tools.login import Login
from tools.marked import MarkedTarget
from tools.sent import Sent, mark_of
from tools.vendor import Api

PEOPLE = {
    "hubspot": {f"r{number}": f"90{number}" for number in range(10)},
    "salesforce": {f"r{number}": f"005000000000{number:03d}AAA" for number in range(10)},
}
LOCAL = "http://127.0.0.1:1"


class Recorded:
    """A target that remembers the keys it was given, so that marks in the vendor's ledger can be told."""

    def __init__(self, target: MarkedTarget) -> None:
        self._target, self.marks = target, dict[str, str]()
        self.name, self.delivery, self.takes = target.name, target.delivery, target.takes

    async def look(self, subject: Subject) -> Seen:
        return await self._target.look(subject)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        self.marks[mark_of(key)] = key
        return await self._target.send(step, subject, key=key)

    async def find(self, key: str) -> StepReceipt | None:
        return await self._target.find(key)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        return await self._target.preview(steps, subject)


@dataclass
class Account:
    """A connector with the account behind it."""

    target: Recorded
    fake: Any
    wire: Wire
    clock: FixedClock
    check: Callable[[], Awaitable[list[str]]]

    def ledger(self) -> list[tuple[str, StepKind]]:
        """What the account applied, by our keys."""
        return [(self.target.marks.get(mark, mark), kind) for mark, kind in self.fake.ledger]

    def world(self) -> CrmWorld:
        """As the contract sees it."""
        return CrmWorld(self.target, self.fake, self.ledger, self.fake.counts)


def mapped(vendor: str, own: Sequence[str]) -> FieldMap:
    """The shipped map with our people in it."""
    shipped = field_map(ROOT / "config", vendor, own=own)
    return FieldMap(shipped.fields, shipped.owner, shipped.own, PEOPLE[vendor], shipped.queues)


async def fixed(_stale: str | None) -> str:
    """The token that never changes."""
    return TOKEN


def hubspot_account(folder: Path, wire: Wire | None = None, **choices: Any) -> Account:
    """HubSpot with an empty account."""
    wire = wire or Wire(FakeHubSpot())
    clock = FixedClock()
    renew, url = choices.pop("renew", fixed), choices.pop("url", LOCAL)
    create, tenant = choices.pop("create", True), choices.pop("tenant", TENANT)
    transport = choices.pop("transport", wire.transport())
    api = Api(hubspot.MANNERS, url, renew, clock, setting="crm_token", transport=transport, **choices)
    sent = Sent(folder / "hubspot.db", clock)
    vendor = hubspot.HubSpot(api, mapped("hubspot", hubspot.OWN), sent, clock, create=create)
    target = MarkedTarget(vendor, api, sent, tenant=TenantId(tenant))
    return Account(Recorded(target), wire.fake, wire, clock, vendor.check)


def salesforce_account(folder: Path, wire: Wire | None = None, **choices: Any) -> Account:
    """Salesforce with an empty org."""
    wire = wire or Wire(FakeSalesforce())
    clock, url = FixedClock(), choices.pop("url", LOCAL)
    transport = choices.pop("transport", wire.transport())
    create, tenant = choices.pop("create", True), choices.pop("tenant", TENANT)
    login = Login(url, CLIENT_ID, choices.pop("secret", CLIENT_SECRET), transport)
    renew = choices.pop("renew", login)
    api = Api(
        salesforce.MANNERS, url, renew, clock, setting="crm_client_secret", transport=transport, **choices
    )
    sent = Sent(folder / "salesforce.db", clock)
    vendor = salesforce.Salesforce(api, mapped("salesforce", salesforce.OWN), sent, login, create=create)
    target = MarkedTarget(vendor, api, sent, tenant=TenantId(tenant))
    return Account(Recorded(target), wire.fake, wire, clock, vendor.check)


VENDORS: dict[str, Callable[..., Account]] = {"hubspot": hubspot_account, "salesforce": salesforce_account}
"""Each vendor's world."""
