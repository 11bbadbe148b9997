"""What events of desks, trackers and others become: the right kinds and keys, our own echoes left out."""

from typing import Any

import pytest

from domain.contract import admit
from domain.errors import BadInput
from domain.ports.receivers import Delivery
from tests.domain.items import DOOR, NOW
from tests.surfaces.webhooks.sending import REPLY, TICKET, TRACK, VISIT, WORDS, as_json
from tests.tools.sources.webhook_cases import keys, read, short, signals
from tools.said import id_of, milliseconds, number, plain
from tools.sources import chatwoot, hubspot, intercom, salesforce, segment, standard, zendesk


@pytest.mark.parametrize(
    ("change", "role"),
    [
        ({}, "customer"),
        ({"message_type": 0}, "customer"),
        ({"message_type": "outgoing", "sender": {"id": 3, "type": "user"}}, "agent"),
        ({"message_type": "outgoing", "sender": {"id": 3, "type": "agent_bot"}}, "bot"),
        ({"message_type": "template"}, "bot"),
    ],
)
def test_a_message_of_chatwoot_is_told_by_who_wrote_it(change: dict[str, Any], role: str) -> None:
    (signal,) = signals(chatwoot, {**WORDS, **change})
    assert signal.payload["role"] == role
    assert {"chatwoot:7", "chatwoot:10"} < keys(signal)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"message_type": "outgoing", "sender": {"id": 5, "type": "agent_bot"}}, "echo"),
        ({"message_type": "outgoing", "private": True, "sender": {"id": 5, "type": "agent_bot"}}, "echo"),
        ({"message_type": "outgoing", "private": True, "sender": {"id": 4, "type": "user"}}, "private"),
        ({"message_type": 2}, "kind"),
        ({"message_type": ["incoming"]}, "kind"),
        ({"content": None}, "no_text"),
        ({"account": {"id": 2}}, "account"),
        ({"event": "message_updated"}, "kind"),
        ({"event": "conversation_updated", "changed_attributes": [{"custom_attributes": {
            "previous_value": {"plan": "a"}, "current_value": {"plan": "a", "leadgraph_marks": "x"}}}]}, "echo"),
        ({"event": "conversation_updated", "changed_attributes": [{"custom_attributes": {
            "previous_value": {"plan": "a"}, "current_value": {"plan": "b", "leadgraph_marks": "x"}}}]}, "unlisted"),
        ({"event": "contact_updated", "changed_attributes": [{"custom_attributes": {
            "previous_value": {}, "current_value": {"leadgraph_queue": "x"}}}]}, "echo"),
        ({"event": "conversation_status_changed", "status": "open"}, "unlisted"),
    ],
)  # fmt: skip
def test_what_chatwoot_tells_that_is_not_for_us_is_counted(change: dict[str, Any], reason: str) -> None:
    found = read(chatwoot, {**WORDS, **change}, frozenset({"agent_bot:5"}), frozenset({"1"}))
    assert (found.items, dict(found.ignored)) == ((), {reason: 1})


def test_a_visitor_with_the_number_of_our_bot_is_heard() -> None:
    """Contacts, users and bots are counted apart."""
    visitor = {**WORDS, "sender": {"id": 5, "type": "contact"}}
    assert len(read(chatwoot, visitor, frozenset({"5", "agent_bot:5"})).items) == 1


def test_an_identifier_that_the_site_has_not_signed_joins_nobody() -> None:
    """A visitor may call himself anything."""
    sender = {"id": 10, "identifier": "victim"}
    for proven in (False, True):
        talk = {"id": 7, "meta": {"sender": sender, "hmac_verified": proven}}
        (signal,) = signals(chatwoot, {**WORDS, "conversation": talk})
        assert ("victim" in keys(signal)) is proven


def test_chatwoot_sends_the_same_message_twice_and_it_is_one() -> None:
    first, again = (
        chatwoot.read(Delivery({"x-chatwoot-delivery": one}, as_json(WORDS)), now=NOW) for one in "ab"
    )
    assert first.items == again.items


def test_conversations_of_chatwoot_open_and_end() -> None:
    talk = {
        "id": 7,
        "status": "resolved",
        "updated_at": 1709286300.5,
        "created_at": 1709286000,
        "priority": "medium",
    }
    (opened,) = signals(chatwoot, {**talk, "event": "conversation_created"})
    (solved,) = signals(chatwoot, {**talk, "event": "conversation_status_changed"})
    assert short(opened) == ("support.ticket_opened", {"ticket_id": "chatwoot:7", "severity": "normal"})
    assert short(solved) == ("support.ticket_solved", {"ticket_id": "chatwoot:7"})


def test_a_contact_without_a_time_is_stated_once_an_hour() -> None:
    """Chatwoot sends none: the same again in the hour is the same statement, later it is another, never a conflict."""
    body = as_json({"event": "contact_updated", "id": 10, "email": "ann@acme.example"})
    first, again, later = (
        chatwoot.read(Delivery({}, body), now=NOW + shift).items for shift in (0, 60_000_000, 3_600_000_000)
    )
    assert first == again
    assert first[0]["id"] != later[0]["id"]  # type: ignore[index,call-overload]  # an item is a dict


def test_a_reply_in_intercom_is_read_without_its_html() -> None:
    (signal,) = signals(intercom, REPLY)
    assert short(signal) == (
        "support.message", {"text": "Is there SSO?", "role": "customer", "conversation_id": "intercom:88"},
    )  # fmt: skip
    assert keys(signal) == {"intercom:88", "intercom:5ee3", "u-9"}


@pytest.mark.parametrize(
    ("topic", "author", "part", "reason"),
    [
        ("conversation.admin.replied", {"type": "admin", "id": "31"}, "comment", "echo"),
        ("conversation.admin.noted", {"type": "admin", "id": "31"}, "note", "echo"),
        ("conversation.admin.noted", {"type": "admin", "id": "32"}, "note", "private"),
        ("conversation.admin.replied", {"type": "ghost", "id": "32"}, "comment", "kind"),
        ("ping", {}, "comment", "ping"),
        ("conversation.deleted", {}, "comment", "kind"),
        ("contact.tag.created", {}, "comment", "kind"),
        ("company.created", {}, "comment", "kind"),
    ],
)
def test_what_intercom_tells_that_is_not_for_us_is_counted(
    topic: str, author: dict[str, str], part: str, reason: str
) -> None:
    item = {"id": "88", "conversation_parts": {"conversation_parts": [
        {"id": "1", "part_type": part, "body": "<p>x</p>", "author": author}]}}  # fmt: skip
    found = read(intercom, {**REPLY, "topic": topic, "data": {"item": item}}, frozenset({"31"}))
    assert dict(found.ignored) == {reason: 1}


def test_of_a_talk_with_several_customers_none_is_named() -> None:
    item = {**REPLY["data"]["item"], "contacts": {"contacts": [{"id": "a"}, {"id": "b"}]}}
    (signal,) = signals(intercom, {**REPLY, "data": {"item": item}})
    assert keys(signal) == {"intercom:88"}


@pytest.mark.parametrize(
    ("topic", "stage"),
    [
        ("contact.deleted", "deleted"),
        ("user.deleted", "deleted"),
        ("contact.user.deleted", "deleted"),
        ("contact.archive", "archived"),
        ("contact.archived", "archived"),
        ("contact.lead.archived", "archived"),
    ],
)
def test_contacts_of_intercom_go_by_whatever_name_its_version_has_for_it(topic: str, stage: str) -> None:
    body = {**REPLY, "data": {"item": {"id": "5ee3", "email": "ann@acme.example"}}}
    (gone,) = signals(intercom, {**body, "topic": topic})
    assert short(gone) == ("crm.stage_change", {"stage": stage, "object": "contact"})


@pytest.mark.parametrize(
    "topic", ["contact.merged", "contact.unarchived", "contact.lead.added_email", "contact.added_email"]
)
def test_a_contact_of_intercom_of_which_too_little_is_told_is_read(topic: str) -> None:
    found = read(intercom, {**REPLY, "topic": topic, "data": {"item": {"id": "5ee3"}}})
    assert (found.thin, [one.ref for one in found.records]) == (1, ["5ee3"])


def test_who_unsubscribes_in_intercom_is_heard_in_either_form() -> None:
    """Newer versions wrap the contact, beside the subscription."""
    contact = {"id": "5ee3", "email": "ann@acme.example"}
    for item in (contact, {"contact": contact, "subscription_types": {"data": []}}):
        (consent,) = signals(intercom, {**REPLY, "topic": "contact.unsubscribed", "data": {"item": item}})
        assert short(consent) == ("consent.changed", {"status": "withdrawn", "purpose": "marketing"})
        assert "intercom:5ee3" in keys(consent)


def test_tickets_of_zendesk_open_speak_and_end() -> None:
    (opened,) = signals(zendesk, TICKET)
    assert short(opened) == (
        "support.ticket_opened", {"ticket_id": "zendesk:354", "severity": "high", "subject": "More seats"},
    )  # fmt: skip
    assert keys(opened) == {"zendesk:354", "zendesk:77"}
    solved = {
        **TICKET,
        "type": "zen:event-type:ticket.status_changed",
        "event": {"current": "SOLVED", "previous": "OPEN"},
    }
    assert short(signals(zendesk, solved)[0]) == ("support.ticket_solved", {"ticket_id": "zendesk:354"})
    for staff, role in ((True, "agent"), (False, "customer")):
        comment = {"body": "Hello", "is_public": True, "author": {"id": "9", "is_staff": staff}}
        said = {**TICKET, "type": "zen:event-type:ticket.comment_added", "event": {"comment": comment}}
        assert signals(zendesk, said)[0].payload["role"] == role


def user(what: str, **event: Any) -> dict[str, Any]:
    """An event of a user of Zendesk."""
    detail = {"id": "77", "email": "ann@acme.example", "role": "end-user"}
    return {
        **TICKET,
        "type": f"zen:event-type{what}",
        "subject": "zen:user:77",
        "detail": detail,
        "event": event,
    }


@pytest.mark.parametrize(
    ("event", "kind", "payload"),
    [
        (user(":user.merged", user={"id": "78"}), "crm.merge", {}),
        (user("/user.merged", user={"id": 78}), "crm.merge", {}),
        (user(":user.deleted"), "crm.stage_change", {"stage": "deleted", "object": "contact"}),
        (
            user(":user.active_changed", current=False, previous=True),
            "crm.stage_change",
            {"stage": "deleted", "object": "contact"},
        ),
        (user(":user.active_changed", current=True, previous=False), "identity.identify", {}),
    ],
)
def test_merges_and_deletions_of_users_in_zendesk_are_followed(
    event: dict[str, Any], kind: str, payload: dict[str, Any]
) -> None:
    (signal,) = signals(zendesk, event)
    assert short(signal) == (kind, payload)
    assert keys(signal) == {"zendesk:77"} | ({"zendesk:78"} if kind == "crm.merge" else set())


@pytest.mark.parametrize("event", [{}, {"user": {"id": "77"}}, {"user": "78"}])
def test_a_merge_of_zendesk_that_names_one_user_joins_nobody(event: dict[str, Any]) -> None:
    found = read(zendesk, user(":user.merged", **event))
    assert (found.items, dict(found.ignored)) == ((), {"no_lead": 1})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"detail": {**TICKET["detail"], "actor_id": "666"}}, "echo"),
        ({"event": {"comment": {"author": {"id": 666}}}}, "echo"),
        ({"event": {"current": "OPEN", "previous": "OPEN"}}, "unchanged"),
        (
            {"type": "zen:event-type:ticket.comment_added", "event": {"comment": {"is_public": False}}},
            "private",
        ),
        ({"type": "zen:event-type:ticket.tags_changed"}, "kind"),
        ({"account_id": 9}, "account"),
    ],
)
def test_what_zendesk_tells_that_is_not_for_us_is_counted(change: dict[str, Any], reason: str) -> None:
    found = read(zendesk, {**TICKET, **change}, frozenset({"666"}), frozenset({"8"}))
    assert (found.items, dict(found.ignored)) == ((), {reason: 1})


@pytest.mark.parametrize(
    ("change", "kind", "payload"),
    [
        ({"event": "Trial Started", "properties": {"plan": "pro"}}, "product.trial_started", {"plan": "pro"}),
        ({"event": "Unsubscribed"}, "consent.changed", {"status": "withdrawn", "purpose": "marketing"}),
        ({"type": "screen", "name": "Home"}, "web.page_view", {"page": "Home"}),
        ({"type": "page", "properties": {"path": "/a", "url": "https://x.example/a?email=b"}},
         "web.page_view", {"page": "/a"}),
        ({"type": "alias", "previousId": "anon"}, "identity.alias", {}),
        ({"type": "delete"}, "crm.privacy_delete", {}),
        ({"type": "group", "groupId": "g-1", "traits": {"industry": "Retail", "employees": 12, "email": "a@b.example"}},
         "identity.identify", {"industry": "Retail", "employees": 12}),
    ],
)  # fmt: skip
def test_calls_of_segment_become_what_they_say(
    change: dict[str, Any], kind: str, payload: dict[str, Any]
) -> None:
    (signal,) = signals(segment, {**TRACK, **change})
    assert short(signal) == (kind, payload)
    assert signal.id == "m-1"
    assert keys(signal) == {"u-9"} | ({"anon"} if kind == "identity.alias" else set())


def test_a_call_without_an_id_is_known_by_what_it_says() -> None:
    """And not by when it was passed on."""
    bare = {name: value for name, value in TRACK.items() if name != "messageId"}
    first, again, other = (
        read(segment, {**bare, **more}).items
        for more in ({"sentAt": "a"}, {"sentAt": "b"}, {"event": "Something Else"})
    )
    assert first == again != other


def test_a_sender_of_our_own_contract_stays_under_its_own_name() -> None:
    """It cannot speak as another source, and its message's id stands in for one that it does not give."""
    bare = {name: value for name, value in VISIT.items() if name != "id"}
    for body, source, name in (
        ({**VISIT, "source": "hubspot"}, "standard.hubspot", "v-1"), (bare, "standard", "msg_1"),
        ({"specversion": "1.0", "type": VISIT["kind"], "id": "c-1", "time": VISIT["occurred_at"], "source": "x",
          "data": {"keys": VISIT["keys"], "payload": VISIT["payload"]}}, "standard", "c-1"),
    ):  # fmt: skip
        (item,) = standard.read(Delivery({"webhook-id": "msg_1"}, as_json(body)), now=NOW).items
        assert isinstance(item, dict)
        signal = admit(item, DOOR)[0]
        assert (signal.source, signal.id) == (source, name)


@pytest.mark.parametrize("vendor", [hubspot, salesforce, segment, chatwoot, intercom, zendesk, standard])
@pytest.mark.parametrize(
    "body",
    [
        1, "x", None, True, [], {}, [1], [None], [[]], {"data": 5, "event": [], "detail": "x"},
        {"message": {"data": 7}}, {"topic": {}, "data": {"item": [1]}},
    ],
)  # fmt: skip
def test_a_body_of_any_shape_is_read_or_refused_and_nothing_else(vendor: Any, body: Any) -> None:
    try:
        found = read(vendor, body)
    except BadInput:
        return
    assert all(isinstance(item, dict) for item in found.items)


def test_numbers_and_texts_that_no_encoder_takes_are_still_told_apart() -> None:
    """Of any size, and halves of characters: they are data of others."""
    bare = {"type": "track", "event": "x", "userId": "u", "timestamp": "2024-03-01T09:45:00Z"}
    bodies = [b'{"n":%d}' % 10**40, b'{"n":"\\ud800"}', b'{"n":1e999}']
    ids = set()
    for body in bodies:
        sent = as_json(bare)[:-1] + b',"properties":' + body + b"}"
        (item,) = segment.read(Delivery({}, sent), now=NOW).items
        assert isinstance(item, dict)
        ids.add(item["id"])
    assert len(ids) == len(bodies)
    assert len(id_of(["\ud800" * 300])) < 100


def test_small_readers_take_what_is_there() -> None:
    assert (number("12"), number("1.5"), number(True), number(3)) == (12, None, None, 3)
    assert (milliseconds(1.5), milliseconds("1"), milliseconds(float("nan")), milliseconds(True)) == (
        1500,
        None,
        None,
        None,
    )
    assert plain("<script>x</script>&lt;b&gt; a<br/>b") == "x<b> a\nb"
    assert plain("<p> </p>") is None
    assert len(id_of(["x" * 300])) < 100


@pytest.mark.parametrize(("part", "known"), [(True, "author"), (False, "statistics")])
def test_a_closing_in_intercom_is_an_echo_if_we_closed(part: bool, known: str) -> None:
    """The closing's own part says who; a conversation that is read back may only hold the figure."""
    parts = [
        {"part_type": "close", "author": {"id": "5"}}, {"part_type": "close", "author": {"id": "7"}},
        {"part_type": "comment", "author": {"id": "5"}},
    ]  # fmt: skip
    item = {
        "id": "42", "updated_at": 1709286300, "contacts": {"contacts": [{"id": "1"}]},
        "conversation_parts": {"conversation_parts": parts if part else []},
        "statistics": {"last_closed_by_id": "5" if part else 7},
    }  # fmt: skip
    body = {"topic": "conversation.admin.closed", "data": {"item": item}}
    assert read(intercom, body, frozenset({"7"})).ignored == {"echo": 1}, known
    (solved,) = signals(intercom, body, actors=frozenset({"5"}))
    assert short(solved) == ("support.ticket_solved", {"ticket_id": "intercom:42"})
