"""Older forms mean today what they meant then, and a sender hears of his own field names."""

from typing import Any

import pytest

from domain.contract import admit
from domain.errors import BadInput
from domain.signal import Consent, KeyKind, LeadKey
from domain.upcast import KEYS_1, TYPES_1, upcast
from tests.domain.items import DOOR, admitted, item


def old(**changes: Any) -> dict[str, Any]:
    """A good item of version 1, changed; a change to `...` leaves the field out."""
    good: dict[str, Any] = {
        "schema_version": 1,
        "id": "e-1",
        "source": "web",
        "type": "pageview",
        "lead_id": "L1",
        "timestamp": "2024-03-01T09:00:00Z",
        "data": {"url": "/pricing"},
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def test_an_old_item_says_the_same_as_its_new_form() -> None:
    was = admitted(
        old(timestamp=1_709_283_600, email="a@b.de", visitor="v", company="Acme.com", consent=True)
    )
    now = admitted(
        item(
            keys={"crm_id": "L1", "email": "a@b.de", "anonymous_id": "v"},
            account="acme.com",
            consent="granted",
        )
    )
    assert was.model_copy(update={"steps": now.steps}) == now
    assert was.steps == ("upcast:1>2", "hashed:email")


@pytest.mark.parametrize(("given", "meant"), [(True, "granted"), (False, "denied"), (None, "unknown")])
def test_consent_was_true_or_false(given: bool | None, meant: str) -> None:
    assert admitted(old(consent=given)).consent is Consent(meant)


@pytest.mark.parametrize("name", TYPES_1)
def test_every_old_type_is_admitted_with_all_its_fields(name: str) -> None:
    """Nothing that version 1 could say is lost on the way."""
    kind = TYPES_1[name]
    example = {"str": "a", "int": 3, "number": 2.5, "bool": True}
    data = {
        field: next(iter(sorted(moved.spec.values)), example[moved.spec.type])
        for field, moved in kind.fields.items()
    }
    signal, dropped = admit(old(type=name, data=data), DOOR)
    assert signal.kind is kind.kind
    assert dropped == ()
    expected = {moved.to: data[field] for field, moved in kind.fields.items()} | dict(kind.implied)
    assert dict(signal.payload) == expected


@pytest.mark.parametrize(("field", "kind"), KEYS_1.items())
def test_each_old_key_alone_is_enough(field: str, kind: str) -> None:
    signal = admitted(old(lead_id=...) | {field: "a@b.de"})
    assert [key.kind.value.removesuffix("_hash") for key in signal.keys] == [kind]


def test_what_version_1_never_had_is_dropped_even_under_a_name_of_version_2() -> None:
    signal, dropped = admit(
        old(data={"url": "/p", "page": "/admin", "section": "x"}, region="us", keys={"crm_id": "L9"}), DOOR
    )
    assert dict(signal.payload) == {"page": "/p"}
    assert (signal.region, signal.keys) == ("eu", (LeadKey(KeyKind.CRM_ID, "L1"),))
    assert {name for _, name in dropped} == {"item.v1.keys", "item.v1.region", "v1.page", "v1.section"}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown type": (old(type="click"), "type", "unknown_kind"),
    "no type": (old(type=...), "type", "unknown_kind"),
    "no key": (old(lead_id=...), "lead_id, email, visitor", "missing"),
    "broken address": (old(email="jane"), "email", "email"),
    "no time": (old(timestamp=...), "timestamp", "missing"),
    "milliseconds for seconds": (old(timestamp=1_709_283_600_000), "timestamp", "out_of_range"),
    "future": (old(timestamp="2025-01-01T00:00:00Z"), "timestamp", "future"),
    "consent as text": (old(consent="yes"), "consent", "wrong_type"),
    "data as a list": (old(data=[]), "data", "wrong_type"),
    "no url": (old(data={}), "data.url", "missing"),
    "long text": (old(type="chat", data={"body": "x" * 20_001, "by": "agent"}), "data.body", "too_long"),
    "role outside the list": (old(type="chat", data={"body": "x", "by": "ai"}), "data.by", "not_allowed"),
    "company of another type": (old(company={}), "company", "wrong_type"),
    "version 0": (old(schema_version=0), "schema_version", "unknown_version"),
    "version as a truth value": (old(schema_version=True), "schema_version", "unknown_version"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_sender_of_version_1_hears_of_his_own_fields(case: str) -> None:
    raw, field, code = BAD[case]
    with pytest.raises(BadInput) as caught:
        admit(raw, DOOR)
    assert (caught.value.field, caught.value.code) == (field, code)


def test_lifting_leaves_the_given_item_alone() -> None:
    raw = old(data={"url": "/p"})
    before = repr(raw)
    upcast(raw)
    assert repr(raw) == before
