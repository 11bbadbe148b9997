"""The judge of requests to vendors refuses what their published files do not allow."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tools.desk.fake_chatwoot import TOKEN, FakeChatwoot
from tests.tools.openapi import REPAIRS, Published, Sent, published
from tests.tools.vendor_server import Wire

pytestmark = pytest.mark.data
TALK = "/api/v1/accounts/1/conversations/42"
V59 = "/services/data/v59.0/composite/sobjects"
KEYS: Mapping[str, Mapping[str, str]] = {
    "chatwoot": {"api_access_token": "x"},
    "intercom": {"authorization": "Bearer x", "intercom-version": "2.15"},
}
"""Where the file says what a key is."""
ASKS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "chatwoot": ("POST", f"{TALK}/messages", {"content": "hello", "message_type": "outgoing", "private": True}),
    "intercom": ("POST", "/conversations/42/reply",
                 {"message_type": "note", "type": "admin", "admin_id": "900", "body": "hello"}),
    "slack": ("POST", "/api/chat.postMessage", {"channel": "C1", "text": "hello", "blocks": []}),
    "zendesk": ("PUT", "/api/v2/tickets/42", {"ticket": {"comment": {"html_body": "hello", "public": False}}}),
    "hubspot": ("POST", "/crm/v3/objects/notes", {"properties": {"hs_note_body": "hello"}, "associations": [
        {"to": {"id": "1"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]}]}),
    "salesforce": ("PATCH", V59, {"allOrNone": True, "records": [
        {"attributes": {"type": "Lead"}, "id": "00Q000000000001AAA", "Leadgraph_Points__c": 1.0}]}),
    "brevo": ("POST", "/v3/contacts/lists/11/contacts/add", {"ids": [501]}),
}  # fmt: skip
READS = {
    "chatwoot": TALK, "intercom": "/conversations/42", "slack": "/api/conversations.history",
    "zendesk": "/api/v2/tickets/42", "hubspot": "/crm/v3/owners/1",
    "salesforce": "/services/data/v59.0/sobjects/Lead/describe", "brevo": "/v3/contacts/lists/11",
}  # fmt: skip
LONG: Mapping[str, Mapping[str, Any]] = {
    "zendesk": {"ticket": {"comment": {"html_body": "x" * 65_537, "public": False}}},
    "hubspot": {"properties": {"hs_note_body": "x" * 65_537}},
    "salesforce": {"allOrNone": True, "records": [
        {"attributes": {"type": "Lead"}, "id": "00Q000000000001AAA", "Leadgraph_Intent__c": "x" * 256}]},
    "brevo": {"ids": [501] * 151},
}  # fmt: skip
"""What is longer than is taken. The published files say of no text how long it may be."""


def sent(vendor: str, **changed: Any) -> Sent:
    """A request that is allowed, but for what is `changed`."""
    method, target, body = ASKS[vendor]
    given = changed.get("body", body)
    kept = {**KEYS.get(vendor, {}), "content-type": "application/json", **changed.get("headers", {})}
    return Sent(
        changed.get("method", method), changed.get("target", target),
        tuple(sorted((name, value) for name, value in kept.items() if value)),
        b"" if given is None else json.dumps(given).encode(),
    )  # fmt: skip


@pytest.fixture(params=list(ASKS))
def vendor(request: pytest.FixtureRequest, judged: None) -> str:
    return str(request.param)


def of(vendor: str) -> Published:
    found = published(vendor)
    assert found is not None
    return found


def test_what_the_file_does_not_allow_is_refused(vendor: str) -> None:
    judge, (_, target, body) = of(vendor), ASKS[vendor]
    assert judge.wrong(sent(vendor)) == ""
    first = next(iter(body))
    without = {name: one for name, one in body.items() if name != first}
    bad: dict[str, Sent] = {
        "a name it does not know": sent(vendor, body={**body, "colour": "red"}),
        "a wrong type": sent(vendor, body={**body, first: 7}),
        "a needed name missing": sent(vendor, body=without),
        "no body": sent(vendor, body=None),
        "a body that is no object": sent(vendor, body=[body]),
        "another type of content": sent(vendor, headers={"content-type": "text/plain"}),
        "no such path": sent(vendor, target="/nowhere"),
        "no such operation": sent(vendor, method="TRACE"),
        "no such parameter": sent(vendor, target=f"{target}?colour=red"),
        "a body where none is taken": sent(vendor, method="GET", target=READS[vendor]),
    }
    if vendor == "intercom":
        del bad["no body"]  # its file says of no body that it is needed
    if vendor in KEYS:
        bad["no key"] = sent(vendor, headers={next(iter(KEYS[vendor])): ""})
    if vendor in LONG:
        bad["something too long"] = sent(vendor, body=LONG[vendor])
    assert [name for name, one in bad.items() if not judge.wrong(one)] == []


def test_an_answer_that_the_file_does_not_know_is_refused(judged: None) -> None:
    asked = sent("chatwoot", method="GET", target=TALK, body=None)
    judge = of("chatwoot")
    assert judge.wrong_answer(asked, 200, {"id": 42, "status": "open", "labels": []}) == ""
    assert judge.wrong_answer(asked, 200, {"id": "42"})
    assert judge.wrong_answer(asked, 200, {"id": 42, "labels": ["a", 1]})
    assert judge.wrong_answer(asked, 299, {})


def test_each_repair_of_a_file_is_needed(judged: None) -> None:
    part = {"id": "1", "part_type": "note", "body": "hello", "assigned_to": None}
    needed: list[tuple[str, str, Any, Any]] = [
        ("POST", f"{TALK}/assignments", {"team_id": 0}, None),
        ("GET", TALK, None, {"id": 42, "status": "snoozed"}),
        ("GET", "/api/v1/accounts/1/webhooks", None, {"payload": {"webhooks": []}}),
        (
            "GET",
            "/conversations/42",
            None,
            {"id": "42", "conversation_parts": {"conversation_parts": [part]}},
        ),
    ]
    bare = {vendor: Published.read(vendor, ()) for vendor in KEYS}
    for repair, (method, target, body, answer) in zip(REPAIRS, needed, strict=True):
        one = sent(repair.vendor, method=method, target=target, body=body)
        assert of(repair.vendor).wrong_answer(one, 200, answer) == "", repair.reason
        assert bare[repair.vendor].wrong_answer(one, 200, answer), repair.reason


def test_a_fake_refuses_loudly_and_what_it_answers_is_judged_too(judged: None) -> None:
    fake = FakeChatwoot()
    wire, key = Wire(fake), {"api_access_token": TOKEN, "content-type": "application/json"}
    with pytest.raises(AssertionError, match="colour"):
        wire.pass_on("POST", f"http://x{TALK}/labels", key, b'{"labels": [], "colour": 1}')
    fake.talks[42].status = "asleep"
    with pytest.raises(AssertionError, match="asleep"):
        wire.pass_on("GET", f"http://x{TALK}", key, b"")
    assert len(fake.broken) == 2
