"""A field that cannot hold what we write is named before the first write: by its type, length and list of values."""

from typing import Any

import pytest

from domain.intent import Intent
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET, FakeSalesforce
from tests.tools.desk.fake_zendesk import FakeZendesk
from tests.tools.setup.fresh import FreshHubSpot
from tests.tools.vendor_server import Asked, Said, Wire
from tools.mapping_fit import Field, unfit
from tools.settings import Settings
from tools.standing import standings

BANDS = frozenset({"hot", "warm", "cold"})


@pytest.mark.parametrize(
    ("ours", "field", "why"),
    [
        ("intent", Field("text"), ""),
        ("intent", Field("text", length=5), "holds 5 signs; 11 are needed"),
        ("intent", Field("number"), "is a number; make it a text"),
        ("intent", Field("list", values=frozenset(Intent)), ""),
        ("band", Field("list", values=BANDS | {"other"}), ""),
        ("band", Field("list", values=frozenset({"hot"})), "does not list cold, warm; add them, or make it a text"),
        ("band", Field("list", length=255), ""),
        ("points", Field("number", digits=3), ""),
        ("points", Field("number", digits=2), "holds no 100; give it three digits"),
        ("points", Field("list", values=frozenset({"1"})), "is a list of values; make it a text or a number"),
        ("next_step", Field("text", length=80), "holds 80 signs; 255 are needed"),
        ("next_step", Field("list", values=BANDS), "is a list of values; make it a text"),
        ("marks", Field("number"), "is a number; make it a text"),
    ],
)  # fmt: skip
def test_a_field_holds_all_that_we_write_or_it_is_said_why_not(ours: str, field: Field, why: str) -> None:
    assert unfit(ours, field) == why


def lacks(fake: Any, vendor: str, **settings: Any) -> list[str]:
    """What is said of fields, and of our role."""
    with Wire(fake).served() as url:
        family = "desk" if vendor == "zendesk" else "crm"
        given = {family: vendor, f"{family}_url": url, **settings}
        (found,) = standings(Settings(**given))
    return [
        line for line in found.lacks if line.split(":")[0] in ("contacts", "Lead", "ticket fields", "role")
    ]


def test_hubspots_properties_are_held_against_what_we_write() -> None:
    fake = FreshHubSpot()
    contacts = fake.inner.made["contacts"] = [
        row for row in type(fake.inner)().made["contacts"] if row["name"] != "leadgraph_fit"
    ]
    changes: dict[str, dict[str, Any]] = {
        "leadgraph_intent": {"type": "number"},
        "leadgraph_band": {"type": "enumeration", "options": [{"value": "NEW", "label": "New"}]},
        "leadgraph_points": {"type": "number"},
    }
    for row in contacts:
        row.update(changes.get(row["name"], {}))
    assert lacks(fake, "hubspot", crm_token=fake.token) == [
        "contacts: leadgraph_band does not list cold, hot, warm; add them, or make it a text",
        "contacts: leadgraph_intent is a number; make it a text",
        "contacts: create the property leadgraph_fit",
    ]


def test_salesforces_fields_are_held_against_what_we_write() -> None:
    fake = FakeSalesforce()
    fake.fields["Lead"] |= {"Leadgraph_Intent__c": "double", "Leadgraph_Band__c": "boolean"}
    fake.lengths["Leadgraph_Next_Step__c"] = 40
    login = {"crm_client_id": CLIENT_ID, "crm_client_secret": CLIENT_SECRET}
    assert lacks(fake, "salesforce", **login) == [
        "Lead: Leadgraph_Band__c is a boolean; make it a text",
        "Lead: Leadgraph_Intent__c is a number; make it a text",
        "Lead: Leadgraph_Next_Step__c holds 40 signs; 255 are needed",
    ]


class _Titled(FakeZendesk):
    """Has another sort of fields than we need, and of agent."""

    def handle(self, asked: Asked) -> Said:
        said = super().handle(asked)
        if asked.path.endswith("/ticket_fields"):
            kinds = {
                "leadgraph_marks": {"type": "tagger"},
                "leadgraph_queue": {"type": "text", "active": False},
            }
            for row in said.body["ticket_fields"]:
                row.update(kinds.get(row["title"], {}))
        if asked.path.endswith("/users/me"):
            said.body["user"] |= {"role_type": 1, "ticket_restriction": "assigned"}
        return said


def test_zendesks_ticket_fields_are_texts_and_active_and_our_agent_may_change_tickets() -> None:
    assert lacks(_Titled(), "zendesk", desk_token=FakeZendesk().token) == [
        "role: our user is a light agent, who may not change tickets",
        "role: our user sees only tickets of its own; let it see those of its groups, or all",
        "ticket fields: leadgraph_marks is a tagger; make it a text",
        "ticket fields: leadgraph_queue is not active",
    ]
