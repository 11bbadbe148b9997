"""Chatwoot: the connector and the account behind it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.ids import TenantId
from tests.tools.crm.vendor_worlds import LOCAL, Account, Recorded
from tests.tools.crm.worlds import TENANT, FixedClock
from tests.tools.desk.fake_chatwoot import TOKEN, FakeChatwoot
from tests.tools.desk.fake_intercom import TOKEN as INTERCOM_TOKEN
from tests.tools.desk.fake_intercom import US, FakeIntercom
from tests.tools.desk.fake_zendesk import CUSTOMER, FakeZendesk
from tests.tools.desk.fake_zendesk import TOKEN as ZENDESK_TOKEN
from tests.tools.vendor_server import Wire
from tools.desk import chatwoot, intercom, zendesk
from tools.field_map import FieldMap
from tools.marked import MarkedTarget
from tools.sent import Sent
from tools.vendor import Api

MAP = FieldMap(
    fields={}, owner={}, own={"marks": "leadgraph_marks", "queue": "leadgraph_queue", "label": "sales-handoff"},
    people={"r1": "31", "r2": "32", "r3": "33"}, queues={"emea": "7", "apac": "8", "sales": "7"},
)  # fmt: skip
Open = Callable[..., Account]


async def fixed_intercom(_stale: str | None) -> str:
    """The token that never changes."""
    return INTERCOM_TOKEN


async def fixed(_stale: str | None) -> str:
    """The token that never changes."""
    return TOKEN


def chatwoot_account(folder: Path, wire: Wire | None = None, **choices: Any) -> Account:
    """Chatwoot with one conversation, number 42, in which a customer has asked."""
    if wire is None:
        fake = FakeChatwoot()
        fake.say(42, "What does it cost?", sender={"id": 1, "type": "contact"})
        wire = Wire(fake)
    clock, tenant = FixedClock(), choices.pop("tenant", TENANT)
    renew, transport = choices.pop("renew", fixed), wire.transport()
    api = Api(chatwoot.MANNERS, LOCAL, renew, clock, setting="desk_token", transport=transport, **choices)
    vendor = chatwoot.Chatwoot(api, MAP, account=1)
    target = MarkedTarget(vendor, api, Sent(folder / "chatwoot.db", clock), tenant=TenantId(tenant))
    return Account(Recorded(target), wire.fake, wire, clock, vendor.check)


def intercom_account(folder: Path, wire: Wire | None = None, **choices: Any) -> Account:
    """Intercom with one conversation, number 42, in which a customer has asked."""
    if wire is None:
        fake = FakeIntercom()
        fake.say("42", "What does it cost?", author={"type": "user", "id": "1"})
        wire = Wire(fake)
    clock, tenant = FixedClock(), choices.pop("tenant", TENANT)
    renew, transport = choices.pop("renew", fixed_intercom), wire.transport()
    api = Api(intercom.MANNERS, LOCAL, renew, clock, setting="desk_token", transport=transport, **choices)
    own = {name: f"leadgraph_{name}" for name in ("marks", "queue", "priority")} | {"tag": "66"}
    vendor = intercom.Intercom(api, replace(MAP, own=own), admin=int(US))
    target = MarkedTarget(vendor, api, Sent(folder / "intercom.db", clock), tenant=TenantId(tenant))
    return Account(Recorded(target), wire.fake, wire, clock, vendor.check)


async def fixed_zendesk(_stale: str | None) -> str:
    """The token that never changes."""
    return ZENDESK_TOKEN


def zendesk_account(folder: Path, wire: Wire | None = None, **choices: Any) -> Account:
    """Zendesk with one ticket, number 42, in which a customer has asked."""
    if wire is None:
        fake = FakeZendesk()
        fake.say(42, "What does it cost?", author=CUSTOMER)
        wire = Wire(fake)
    clock, tenant = FixedClock(), choices.pop("tenant", TENANT)
    renew, transport = choices.pop("renew", fixed_zendesk), wire.transport()
    api = Api(zendesk.MANNERS, LOCAL, renew, clock, setting="desk_token", transport=transport, **choices)
    fields = replace(
        MAP, own={"marks": "leadgraph_marks", "queue": "leadgraph_queue", "label": "sales_handoff"}
    )
    vendor = zendesk.Zendesk(api, zendesk.Tickets(api, fields), fields)
    target = MarkedTarget(vendor, api, Sent(folder / "zendesk.db", clock), tenant=TenantId(tenant))
    return Account(Recorded(target), wire.fake, wire, clock, vendor.check)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """In the end nothing was asked that Chatwoot does not allow."""
    account = chatwoot_account(tmp_path)
    yield account
    assert account.fake.broken == []
