"""The door lets in what is stated well, and says of everything else which field is wrong and what to do."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.contract import admit, time_of
from domain.errors import BadInput
from domain.instants import DAY, MINUTE, instant
from domain.parsing import MAX_BYTES, decode, parse
from domain.signal import KeyKind, LeadKey
from tests.domain.items import DOOR, NOW, admitted, item, message, nested

SECRET = "4111-1111-1111-1111"

BAD: dict[str, tuple[bytes | dict[str, Any], str, str]] = {
    "malformed JSON": (b'{"id": "e-1",', "item", "not_json"),
    "two documents": (b"{} {}", "item", "not_json"),
    "no JSON at all": (b"hello", "item", "not_json"),
    "not UTF-8": (b'{"id": "\xff"}', "item", "not_utf8"),
    "a list": (b"[1]", "item", "not_object"),
    "NaN": (b'{"payload": {"page": "/p", "duration_s": NaN}}', "item", "not_finite"),
    "Infinity where nobody looks": (b'{"id": "e", "x": -Infinity}', "item", "not_finite"),
    "a number that overflows": (b'{"x": 1e999, "id": "1"}', "kind", "missing"),
    "an amount that overflows": (
        json.dumps(item(payload={"page": "/p", "duration_s": 7})).replace("7", "1e999").encode(),
        "payload.duration_s", "not_finite",
    ),
    "duplicate keys": (b'{"id": "a", "id": "b"}', "id", "duplicate_key"),
    "duplicate keys in the payload": (b'{"payload": {"page": "a", "page": "b"}}', "page", "duplicate_key"),
    "duplicate keys by escape": (b'{"id": "a", "\\u0069d": "b"}', "id", "duplicate_key"),
    "duplicate secret as key": (b'{"4111": 1, "4111": 2}', "item", "duplicate_key"),
    "a number of 5000 digits": (b'{"id": ' + b"9" * 5000 + b"}", "item", "not_json"),
    "deep nesting": (json.dumps(item(extra=nested(6))).encode(), "item", "too_deep"),
    "very deep nesting": (b'{"a":' * 40_000, "item", "too_deep"),
    "an item of 300 KB": (json.dumps(item(extra="x" * 300_000)).encode(), "item", "too_large"),
    "no id": (item(id=...), "id", "missing"),
    "null id": (item(id=None), "id", "missing"),
    "empty id": (item(id=""), "id", "empty"),
    "blank id": (item(id="  "), "id", "empty"),
    "long id": (item(id="x" * 201), "id", "too_long"),
    "id of another type": (item(id=1.5), "id", "wrong_type"),
    "id as a truth value": (item(id=True), "id", "wrong_type"),
    "id beyond 64 bits": (item(id=10**30), "id", "out_of_range"),
    "control character in an id": (item(id="e\x00"), "id", "control_character"),
    "line separator in an id": (item(id="e\u2028"), "id", "control_character"),
    "lone surrogate in an id": (item(id="e\ud800"), "id", "surrogate"),
    "no source": (item(source=...), "source", "missing"),
    "strange source": (item(source="Web Site"), "source", "bad_source"),
    "source with a line break": (item(source="web\n"), "source", "bad_source"),
    "source of another type": (item(source=["web"]), "source", "bad_source"),
    "no kind": (item(kind=...), "kind", "missing"),
    "unknown kind": (item(kind="web.click"), "kind", "unknown_kind"),
    "kind of another type": (item(kind={"a": 1}), "kind", "unknown_kind"),
    "no keys": (item(keys=...), "keys", "missing"),
    "empty keys": (item(keys=[]), "keys", "missing"),
    "keys of another type": (item(keys="L1"), "keys", "wrong_type"),
    "a key of another type": (item(keys=["L1"]), "keys[0]", "wrong_type"),
    "a key without a value": (item(keys=[{"kind": "email"}]), "keys[0].value", "missing"),
    "a key without a kind": (item(keys=[{"value": "x"}]), "keys[0].kind", "missing"),
    "a key of an unknown kind": (
        item(keys=[{"kind": "iban", "value": "x"}]), "keys[0].kind", "unknown_key_kind",
    ),
    "an unknown kind of key as a name": (item(keys={SECRET: "x"}), "keys.?", "unknown_key_kind"),
    "a key with an object as value": (item(keys={"crm_id": {}}), "keys.crm_id", "wrong_type"),
    "a broken address": (item(keys=[{"kind": "email", "value": "jane"}]), "keys[0].value", "email"),
    "17 keys": (item(keys=[{"kind": "crm_id", "value": str(n)} for n in range(17)]), "keys", "too_many"),
    "a merge of one": (item(kind="crm.merge", payload={}), "keys", "missing"),
    "a merge with itself": (
        item(kind="crm.merge", payload={}, keys=[{"kind": "crm_id", "value": "L1"}] * 2), "keys", "missing",
    ),
    "no time": (item(occurred_at=...), "occurred_at", "missing"),
    "time without a zone": (item(occurred_at="2024-03-01T09:00:00"), "occurred_at", "bad_time"),
    "day only": (item(occurred_at="2024-03-01"), "occurred_at", "bad_time"),
    "week of the year": (item(occurred_at="2024-W01-1T09:00:00Z"), "occurred_at", "bad_time"),
    "a day that is not": (item(occurred_at="2024-02-30T09:00:00Z"), "occurred_at", "bad_time"),
    "time as words": (item(occurred_at="yesterday"), "occurred_at", "bad_time"),
    "time as a fraction": (item(occurred_at=1709283600.5), "occurred_at", "wrong_type"),
    "time as a truth value": (item(occurred_at=True), "occurred_at", "wrong_type"),
    "a huge time": (item(occurred_at=10**25), "occurred_at", "out_of_range"),
    "seconds for milliseconds": (item(occurred_at=1_709_283_600), "occurred_at", "ancient"),
    "before our time": (item(occurred_at="0001-01-01T00:00:00+10:00"), "occurred_at", "bad_time"),
    "ancient": (item(occurred_at="1999-01-01T00:00:00Z"), "occurred_at", "ancient"),
    "future": (item(occurred_at="2024-03-01T10:10:01Z"), "occurred_at", "future"),
    "far future": (item(occurred_at="9999-12-31T23:59:59-10:00"), "occurred_at", "bad_time"),
    "payload of another type": (item(payload=[]), "payload", "wrong_type"),
    "a needed field left out": (item(payload={}), "payload.page", "missing"),
    "a needed field null": (item(payload={"page": None}), "payload.page", "missing"),
    "a needed field empty": (item(payload={"page": " "}), "payload.page", "empty"),
    "a field of another type": (item(payload={"page": ["/p"]}), "payload.page", "wrong_type"),
    "a control character in a field": (item(payload={"page": "/p\x1b"}), "payload.page", "control_character"),
    "a long field": (item(payload={"page": "x" * 201}), "payload.page", "too_long"),
    "a count as text": (
        item(kind="product.seat_added", payload={"seats": "5"}), "payload.seats", "wrong_type",
    ),
    "a count with a fraction": (
        item(kind="product.seat_added", payload={"seats": 5.5}), "payload.seats", "wrong_type",
    ),
    "a huge count": (
        item(kind="product.seat_added", payload={"seats": 10**18}), "payload.seats", "out_of_range",
    ),
    "an amount as text": (
        item(kind="crm.outcome", payload={"result": "won", "amount": "5"}), "payload.amount", "wrong_type",
    ),
    "a value outside a strict list": (
        item(kind="crm.outcome", payload={"result": "perhaps"}), "payload.result", "not_allowed",
    ),
    "a flag as text": (
        item(kind="marketing.webinar", payload={"attended": "yes"}), "payload.attended", "wrong_type",
    ),
    "5 MB of text": (message("x" * 5_000_000), "payload.text", "too_long"),
    "20,001 characters of text": (message("x" * 20_001), "payload.text", "too_long"),
    "a lone surrogate in text": (message("a\ud800b"), "payload.text", "surrogate"),
    "unknown consent": (item(consent="maybe"), "consent", "not_allowed"),
    "consent as a truth value": (item(consent=True), "consent", "not_allowed"),
    "unknown region": (item(region="mars"), "region", "unknown_region"),
    "region of another type": (item(region=["eu"]), "region", "unknown_region"),
    "unknown version": (item(schema_version=3), "schema_version", "unknown_version"),
    "version as text": (item(schema_version="2"), "schema_version", "unknown_version"),
    "account of another type": (item(account={}), "account", "wrong_type"),
    "delivery of another type": (item(delivery_id=[]), "delivery_id", "wrong_type"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_and_the_field_is_named(case: str) -> None:
    """Malformed, mistyped, out of range: each has its field and its code."""
    raw, field, code = BAD[case]
    with pytest.raises(BadInput) as caught:
        admit(parse(raw) if isinstance(raw, bytes) else raw, DOOR)
    assert (caught.value.field, caught.value.code) == (field, code)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "raw",
    [
        item(id=f"{SECRET}\x00"),
        item(kind=SECRET),
        item(source=SECRET),
        item(consent=SECRET),
        item(region=SECRET),
        item(occurred_at=SECRET),
        item(keys={SECRET: SECRET}),
        item(keys=[{"kind": SECRET, "value": SECRET}]),
        item(keys={"email": SECRET}),
        item(payload={"page": SECRET * 100}),
        item(kind="crm.outcome", payload={"result": SECRET}),
        item(schema_version=SECRET),
        item(**{SECRET: nested(8)}),
        item(payload={SECRET: nested(8)}),
    ],
)
def test_a_reason_never_quotes_a_value(raw: dict[str, Any]) -> None:
    """Reasons are stored in clear and shown."""
    with pytest.raises(BadInput) as caught:
        admit(raw, DOOR)
    assert SECRET not in str(caught.value)
    with pytest.raises(BadInput) as broken:
        decode(json.dumps(raw).encode()[:-1] + SECRET.encode())
    assert SECRET not in str(broken.value)


def test_fields_that_are_not_listed_are_dropped_counted_and_listed() -> None:
    signal, dropped = admit(
        item(payload={"page": "/p", "utm_term": "x", "visitor_name": "Jane"}, context={"ip": "10.0.0.1"}),
        DOOR,
    )
    assert dict(signal.payload) == {"page": "/p"}
    names = ("item.context", "utm_term", "visitor_name")
    assert dropped == tuple(("web.page_view", name) for name in names)
    assert signal.steps == tuple(f"dropped:{name}" for name in names)
    assert "10.0.0.1" not in signal.model_dump_json()
    assert "Jane" not in signal.model_dump_json()


def test_a_dropped_name_that_may_be_personal_is_not_kept() -> None:
    payload = {"page": "/p", "jane@example.com": 1, "0170 1234567": 2, "x" * 100: 3}
    signal, _ = admit(item(payload=payload), DOOR)
    assert signal.steps == ("dropped:other",)


def test_a_flood_of_unknown_fields_is_listed_within_bounds() -> None:
    signal, _ = admit(item(payload={"page": "/p"} | {f"f{n}": n for n in range(5_000)}), DOOR)
    assert len(signal.steps) <= 17
    assert "dropped:other" in signal.steps


def test_ids_given_as_numbers_become_text_and_a_step_says_so() -> None:
    signal = admitted(item(id=17, keys={"crm_id": 18}, delivery_id=19))
    assert (signal.id, signal.keys, signal.delivery_id) == ("17", (LeadKey(KeyKind.CRM_ID, "18"),), "19")
    assert signal.steps == ("text:id", "text:keys.crm_id", "text:delivery_id")


def test_control_characters_in_free_text_become_spaces_and_lines_stay() -> None:
    signal = admitted(message("one\r\ntwo\x00three \U0001f469\u200d\U0001f4bb"))
    assert signal.text == "one\r\ntwo three \U0001f469\u200d\U0001f4bb"
    assert signal.steps == ("cleaned:text",)


def test_both_forms_of_keys_mean_the_same() -> None:
    pairs = {
        "email": "Jane@Example.com",
        "crm_id": "L1",
        "phone": "+49 170",
        "anonymous_id": "a",
        "user_id": "u",
    }
    listed = [{"kind": kind, "value": value} for kind, value in reversed(pairs.items())]
    assert admitted(item(keys=pairs)).keys == admitted(item(keys=listed)).keys
    assert len(admitted(item(keys=pairs)).keys) == 5


def test_contact_data_leaves_only_as_a_hash() -> None:
    signal = admitted(item(keys={"email": "jane@example.com", "phone": "+49 170 1234567"}))
    text = signal.model_dump_json()
    assert "jane" not in text
    assert "1234567" not in text
    assert {key.kind for key in signal.keys} == {KeyKind.EMAIL, KeyKind.PHONE}
    assert signal.steps == ("hashed:email", "hashed:phone")


def test_a_role_address_is_a_key_of_its_own_kind() -> None:
    (key,) = admitted(item(keys={"email": "info@example.com"})).keys
    assert key.kind is KeyKind.ROLE


def test_equal_statements_give_equal_signals() -> None:
    """A repeated delivery may differ in the order of its fields, in the zone, and in repeated keys."""
    first = item(
        occurred_at="2024-03-01T10:00:00.5+01:00", keys={"crm_id": "L1", "user_id": "u"}, account="Acme.com "
    )
    again = item(
        occurred_at=1_709_283_600_500,
        keys=[{"value": v, "kind": k} for k, v in (("user_id", "u"), ("crm_id", "L1"), ("user_id", "u"))],
        account="acme.com",
        payload={"section": None, "page": "/pricing"},
        consent=None,
    )
    assert admitted(first).model_dump_json() == admitted(again).model_dump_json()


def test_the_case_of_an_id_of_a_company_stays() -> None:
    assert admitted(item(account="0015g00000AbCdE")).account == "0015g00000AbCdE"


def test_tenant_and_region_come_from_the_door() -> None:
    signal = admitted(item(tenant="t2"))
    assert (signal.tenant, signal.region) == ("t1", "eu")
    assert admitted(item(region="us")).region == "us"


def test_ten_minutes_of_clock_difference_are_let_in() -> None:
    assert admitted(item(occurred_at=(NOW + 10 * MINUTE) // 1_000)).received_at.hour == 10
    door = replace(DOOR, max_age_us=DAY)
    assert admitted(item(occurred_at=(NOW - DAY) // 1_000), door).occurred_at.day == 29
    with pytest.raises(BadInput, match="too far in the past"):
        admitted(item(occurred_at=(NOW - DAY) // 1_000 - 1), door)


def test_what_arrives_is_known_from_now_on_and_history_since_it_occurred() -> None:
    fresh = admitted(item())
    assert fresh.known_at == fresh.received_at
    old = admitted(item(), replace(DOOR, imported=True, known_delay_us=DAY))
    assert (old.imported, (old.known_at - old.occurred_at).days) == (True, 1)


def test_time_of_reads_every_form_and_nothing_else() -> None:
    at = instant(datetime(2024, 3, 1, 9, tzinfo=UTC))
    assert time_of({"occurred_at": "2024-03-01T09:00:00Z"}) == at
    assert time_of({"occurred_at": 1_709_283_600_000}) == at
    assert time_of({"schema_version": 1, "timestamp": 1_709_283_600}) == at
    assert [time_of({"occurred_at": x}) for x in (None, "soon", 1.5, True, 10**30)] == [None] * 5


def test_duplicate_names_in_a_large_object_are_found_quickly() -> None:
    """Not by comparing each name with each other: such an item would stop the door."""
    names = ",".join(f'"{n}":1' for n in range(20_000))
    with pytest.raises(BadInput, match="given twice"):
        parse(f'{{{names},"id":1,"id":2}}'.encode()[:MAX_BYTES])
