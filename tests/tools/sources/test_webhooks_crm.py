"""What events of HubSpot and Salesforce become: deletions and merges followed, our own echoes left out."""

from typing import Any

import pytest

from domain.ports.receivers import Delivery
from tests.domain.items import NOW
from tests.surfaces.webhooks.sending import CHANGE, LEAD
from tests.tools.sources.webhook_cases import keys, read, short, signals
from tools.sources import hubspot, salesforce


@pytest.mark.parametrize(
    ("name", "value", "kind", "payload"),
    [
        ("jobtitle", "CTO", "identity.identify", {"job_title": "CTO"}),
        ("numemployees", "120", "identity.identify", {"employees": 120}),
        ("email", "ann@acme.example", "identity.identify", {}),
        (
            "lifecyclestage",
            "opportunity",
            "crm.stage_change",
            {"stage": "opportunity", "object": "lifecycle"},
        ),
        ("hubspot_owner_id", "9", "crm.owner_change", {"owner": "9"}),
        ("hs_email_optout", "true", "consent.changed", {"status": "withdrawn", "purpose": "marketing"}),
    ],
)
def test_a_property_of_hubspot_becomes_what_it_says(
    name: str, value: str, kind: str, payload: dict[str, Any]
) -> None:
    (signal,) = signals(hubspot, [{**CHANGE, "propertyName": name, "propertyValue": value}])
    assert short(signal) == (kind, payload)
    assert "hubspot:123" in keys(signal)
    assert len(signal.keys) == 1 + (name == "email")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"propertyName": "leadgraph_score", "propertyValue": "80"}, "echo"),
        ({"changeSource": "INTEGRATION", "sourceId": "app:77"}, "echo"),
        ({"changeSource": "INTEGRATION", "propertyName": "hubspot_owner_id"}, "echo"),
        ({"subscriptionType": "contact.creation", "changeSource": "INTEGRATION", "sourceId": "77"}, "echo"),
        ({"portalId": 63}, "account"),
        ({"propertyName": "favourite_colour"}, "unlisted"),
        ({"propertyName": "hs_email_optout", "propertyValue": "false"}, "unlisted"),
        ({"propertyValue": ""}, "empty"),
        ({"subscriptionType": "deal.propertyChange"}, "no_lead"),
        ({"subscriptionType": "contact.associationChange"}, "kind"),
        ({"subscriptionType": 5}, "kind"),
        ("no event", "account"),
    ],
)
def test_what_hubspot_tells_that_is_not_for_us_is_counted(event: Any, reason: str) -> None:
    body = [{**CHANGE, **event} if isinstance(event, dict) else event]
    found = read(hubspot, body, frozenset({"77"}), frozenset({"62"}))
    assert (found.items, dict(found.ignored)) == ((), {reason: 1})


def test_another_integrations_write_in_hubspot_is_no_echo() -> None:
    other = {**CHANGE, "changeSource": "INTEGRATION", "sourceId": "78", "propertyName": "hubspot_owner_id"}
    assert len(read(hubspot, [other], frozenset({"77"})).items) == 1


def test_hubspot_merges_and_deletions_are_followed() -> None:
    merge = {
        **CHANGE, "subscriptionType": "contact.merge", "primaryObjectId": 1, "mergedObjectIds": list(range(2, 22)),
        "newObjectId": 30,
    }  # fmt: skip
    found = signals(hubspot, [merge])
    assert [signal.kind for signal in found] == ["crm.merge", "crm.merge"]
    assert all("hubspot:1" in keys(signal) for signal in found)
    assert set.union(*map(keys, found)) == {f"hubspot:{n}" for n in (*range(1, 22), 30)}
    (gone,) = signals(hubspot, [{**CHANGE, "subscriptionType": "contact.privacyDeletion"}])
    assert short(gone) == ("crm.privacy_delete", {})
    (deleted,) = signals(hubspot, [{**CHANGE, "subscriptionType": "object.deletion", "objectTypeId": "0-1"}])
    assert short(deleted) == ("crm.stage_change", {"stage": "deleted", "object": "contact"})


def test_the_number_of_the_attempt_is_no_part_of_the_statement() -> None:
    first, again = (read(hubspot, [{**CHANGE, "attemptNumber": n}]).items for n in (0, 4))
    assert first == again
    other = read(hubspot, [{**CHANGE, "occurredAt": CHANGE["occurredAt"] + 1}]).items
    assert other != first


def test_a_value_that_is_not_told_is_thin() -> None:
    hidden = read(hubspot, [{**CHANGE, "propertyValue": "REDACTED", "isSensitive": True}])
    assert (hidden.thin, hidden.items[0]["payload"]) == (1, {})  # type: ignore[index,call-overload]  # an item is a dict


def test_a_change_in_salesforce_says_only_what_changed() -> None:
    facts, stage = signals(salesforce, {**LEAD, "Industry": "Retail"})
    assert short(facts) == ("identity.identify", {"job_title": "CTO"})
    assert short(stage) == ("crm.stage_change", {"stage": "Working", "object": "Lead"})
    wrapped = {
        "data": {"schema": "x", "payload": LEAD, "event": {"replayId": 5}},
        "channel": "/data/LeadChangeEvent",
    }
    assert read(salesforce, [wrapped, wrapped]).items[:2] == read(salesforce, LEAD).items


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ({"changeOrigin": "com/salesforce/api/rest/66.0;client=leadgraph/"}, "echo"),
        ({"commitUser": "005us"}, "echo"),
        ({"entityName": "Opportunity"}, "no_lead"),
        ({"recordIds": ["001*"]}, "wildcard"),
        ({"recordIds": ["000000000000000AAA"], "changeType": "GAP_OVERFLOW"}, "wildcard"),
        ({"changeType": "SOMETHING"}, "kind"),
        ({"changedFields": ["Address.Street"]}, "unlisted"),
    ],
)
def test_what_salesforce_tells_that_is_not_for_us_is_counted(head: dict[str, Any], reason: str) -> None:
    event = {**LEAD, "ChangeEventHeader": {**LEAD["ChangeEventHeader"], **head}}
    found = read(salesforce, event, frozenset({"005us"}))
    assert (found.items, dict(found.ignored)) == ((), {reason: 1})


@pytest.mark.parametrize(
    ("kind", "thin"), [("DELETE", 0), ("UNDELETE", 2), ("GAP_UPDATE", 2), ("GAP_DELETE", 0)]
)
def test_a_change_of_several_records_is_one_of_each(kind: str, thin: int) -> None:
    head = {**LEAD["ChangeEventHeader"], "recordIds": ["00Q1", "00Q2"], "changeType": kind}
    found = read(salesforce, {"ChangeEventHeader": head})
    assert found.thin == thin
    assert [signal.keys[0].value for signal in signals(salesforce, {"ChangeEventHeader": head})] == [
        "salesforce:00Q1", "salesforce:00Q2",
    ]  # fmt: skip


def test_a_converted_lead_is_one_with_its_contact() -> None:
    head = {**LEAD["ChangeEventHeader"], "changedFields": ["ConvertedContactId"]}
    (merged,) = signals(salesforce, {"ChangeEventHeader": head, "ConvertedContactId": "0031"})
    assert (merged.kind, keys(merged)) == ("crm.merge", {"salesforce:00Q1", "salesforce:0031"})


def test_a_flow_and_a_platform_event_say_how_a_record_is() -> None:
    flow = {
        "object": "Lead",
        "id": "00Q1",
        "SystemModstamp": "2024-03-01T09:00:00Z",
        "fields": {"Title": "CTO"},
    }
    (facts,) = signals(salesforce, flow)
    assert (short(facts), keys(facts)) == (("identity.identify", {"job_title": "CTO"}), {"salesforce:00Q1"})
    payload = {"CreatedDate": "2024-03-01T09:00:00Z", "EventUuid": "e-1", "Object__c": "Lead", "RecordId__c": "00Q1",
               "HasOptedOutOfEmail__c": True}  # fmt: skip
    facts, consent = signals(salesforce, {"data": {"payload": payload, "event": {"replayId": 3}}})
    assert short(consent) == ("consent.changed", {"status": "withdrawn", "purpose": "marketing"})


def test_an_id_of_salesforce_means_the_same_with_15_and_with_18_signs() -> None:
    """Flows and formulas give 15, interfaces 18, whose last three are a check."""
    short_one, long_one = "001D000000IqhSL", "001D000000IqhSLIAZ"
    both = [{"object": "Lead", "id": one, "fields": {"Title": "CTO"}} for one in (short_one, long_one)]
    assert {key for one in both for signal in signals(salesforce, one) for key in keys(signal)} == {
        f"salesforce:{long_one}"
    }
    event = {**LEAD, "ChangeEventHeader": {**LEAD["ChangeEventHeader"], "commitUser": long_one}}
    for named in (short_one, long_one, long_one[:-3] + "XXX"):
        assert dict(read(salesforce, event, frozenset({named})).ignored) == {"echo": 1}
    assert read(salesforce, event, frozenset({short_one[:-1]})).items


@pytest.mark.parametrize("sent", ["00D000000000001", "00D000000000001EAA"])
@pytest.mark.parametrize("named", ["00D000000000001", "00D000000000001EAA"])
def test_a_message_of_an_organisation_that_is_named_is_taken(sent: str, named: str) -> None:
    message = outbound_message(sent)
    assert salesforce.read(message, now=NOW, accounts=frozenset({named})).items
    assert salesforce.read(message, now=NOW, accounts=frozenset({"00D000000000002"})).ignored == {
        "account": 1
    }


def outbound_message(organisation: str) -> Delivery:
    lead = "<Id>04l1</Id><sObject xsi:type='sf:Lead'><sf:Id>00Q1</sf:Id><sf:Title>CTO</sf:Title></sObject>"
    body = f"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:sobject"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>
        <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
        <OrganizationId>{organisation}</OrganizationId><Notification>{lead}</Notification></notifications>
        </e:Body></e:Envelope>"""
    return Delivery({"content-type": "text/xml"}, body.encode())


@pytest.mark.parametrize("bits", ["0x400800", "4-0x03", "0X0"])
def test_changed_fields_as_a_map_of_bits_are_read_back(bits: str) -> None:
    head = {**LEAD["ChangeEventHeader"], "changedFields": [bits]}
    found = read(salesforce, {**LEAD, "ChangeEventHeader": head})
    told = bits != "0X0"
    assert (found.thin, [record.ref for record in found.records]) == ((1, ["00Q1"]) if told else (0, []))


def test_a_deleted_record_of_salesforce_is_read_as_it_may_have_been_merged() -> None:
    head = {**LEAD["ChangeEventHeader"], "changeType": "DELETE"}
    found = read(salesforce, {"ChangeEventHeader": head})
    assert [record.ref for record in found.records] == ["00Q1"]
    assert len(found.items) == 1
