"""Desks read back, and what stands before each vendor: the requests made, and what the answers say."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from domain.errors import Temporary, Throttled
from domain.ids import TenantId
from domain.instants import SECOND
from domain.ports.upstream import Page, Record, Told
from tests.tools.records.vendors import Answers
from tests.tools.vendor_server import Wire, token
from tools.clock import ReplayClock
from tools.desk import intercom, zendesk
from tools.fakes import open_memory
from tools.records.guarded import Gate, GuardedReader
from tools.records.hubspot import FILES, HubSpotJournal, no_token
from tools.records.intercom import IntercomReader
from tools.records.zendesk import ZendeskReader
from tools.store import Config
from tools.vendor import Api, Manners
from tools.waits import SharedWait

AT = 1_709_286_300 * SECOND


def api(manners: Manners, wire: Wire, renew: Callable[..., Any] = token) -> Api:
    clock = ReplayClock(AT)  # type: ignore[arg-type]  # an instant
    return Api(manners, "http://127.0.0.1:1", renew, clock, setting="desk_token", transport=wire.transport())


def kinds(told: Told) -> list[tuple[str, Any]]:
    items: Sequence[Any] = told.items
    return [(one["kind"], one["payload"].get("text") or one["payload"].get("stage")) for one in items]


async def test_intercom_tells_contacts_and_conversations_as_its_webhooks_do() -> None:
    person = {"type": "user", "id": "5ee3"}
    talk = {
        "id": "88", "state": "closed", "updated_at": 1709286400, "created_at": 1709286300,
        "contacts": {"contacts": [{"id": "5ee3"}]}, "source": {"id": "600", "body": "<p>Hello</p>", "author": person},
        "conversation_parts": {"conversation_parts": [
            {"id": "601", "part_type": "comment", "body": "Price?", "created_at": 1709286350, "author": person},
            {"id": "602", "part_type": "note", "body": "ours", "author": {"type": "admin", "id": "9"}},
        ]},
    }  # fmt: skip
    contact = {"id": "5ee3", "email": "ann@acme.example", "updated_at": 1709286300, "custom_attributes": {}}
    wire = Wire(Answers(**{"/conversations/88": talk, "/contacts/5ee3": contact}))
    asked = ("conversation", "88"), ("contact", "5ee3"), ("contact", "gone"), ("contact", "../admins")
    records = [Record("intercom", kind, ref, AT) for kind, ref in asked]
    told = await IntercomReader(api(intercom.MANNERS, wire)).read(records, now=AT)
    assert kinds(told[records[0]]) == [
        ("support.message", "Hello"), ("support.message", "Price?"), ("support.ticket_solved", None),
    ]  # fmt: skip
    assert kinds(told[records[1]]) == [("identity.identify", None)]
    assert (kinds(told[records[2]]), told[records[2]].code) == ([("crm.stage_change", "deleted")], "gone")
    assert told[records[3]].code == "unknown"
    assert len(wire.log) == 3, "what is no id is not asked for"


async def test_zendesk_tells_who_asked_only_where_the_address_is_verified() -> None:
    tickets = {"tickets": [{"id": 1, "requester_id": 10, "created_at": "2024-03-01T09:45:00Z"},
                           {"id": 2, "requester_id": 11, "created_at": "2024-03-01T09:45:00Z"}]}  # fmt: skip
    users = {
        "users": [
            {"id": 10, "email": "ann@acme.example", "verified": True},
            {"id": 11, "email": "x@acme.example"},
        ]
    }
    wire = Wire(Answers(**{
        "/api/v2/tickets/show_many.json?ids=1,2,3": tickets, "/api/v2/users/show_many.json?ids=10,11": users,
    }))  # fmt: skip
    records = [Record("zendesk", "ticket", str(ref), AT) for ref in (1, 2, 3)]
    told = await ZendeskReader(api(zendesk.MANNERS, wire)).read(records, now=AT)
    emails = [
        [key["value"] for item in told[one].items for key in item["keys"] if key["kind"] == "email"]  # type: ignore[index,call-overload]  # an item is a dict
        for one in records
    ]
    assert emails == [["ann@acme.example"], [], []]
    assert told[records[2]].code == "gone"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "https://10.0.0.1/x",
        "https://evil.example/amazonaws.com",
        "ftp://api.hubapi.com/x",
        "7",
    ],
)
async def test_a_file_of_the_journal_is_fetched_from_hubspot_alone(url: str) -> None:
    wire = Wire(
        Answers(**{"/webhooks-journal/journal/2026-03/earliest": {"url": url, "currentOffset": "o-1"}})
    )
    journal = HubSpotJournal(api(FILES, wire), api(FILES, wire, no_token), "api.hubapi.com")
    with pytest.raises(Temporary, match="keeps none"):
        await journal.page("", now=AT)
    assert len(wire.log) == 1


class Broken:
    """A reader whose vendor is down."""

    vendor, most, asked, error = "hubspot", 1, 0, Temporary("down")

    async def read(self, records: Sequence[Record], *, now: int) -> Any:
        self.asked += 1
        raise self.error

    async def page(self, position: str, *, now: int) -> Page:
        raise Temporary("down")


async def test_a_vendor_in_trouble_is_left_alone_and_our_own_rate_is_no_trouble() -> None:
    broken, clock = Broken(), ReplayClock(AT)  # type: ignore[arg-type]  # an instant

    def guarded() -> GuardedReader:
        wait = SharedWait(open_memory(Config()).limits, TenantId("t"), "hubspot", clock.now)
        return GuardedReader(broken, Gate("hubspot", wait, clock.now))

    reader = guarded()
    for _ in range(20):
        with pytest.raises(Temporary):
            await reader.read([], now=AT)
    assert broken.asked == 5, "the breaker is open"
    broken.error, reader = Throttled("asked enough", 7.0, code="own_rate"), guarded()
    for _ in range(20):
        with pytest.raises(Throttled):
            await reader.read([], now=AT)
    assert broken.asked == 25
