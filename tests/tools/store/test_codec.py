"""What makes two deliveries the same signal."""

from datetime import timedelta, timezone

import pytest

from domain.kinds import SPECS, Kind
from domain.signal import Signal, compact
from tests.tools.contract.stores import ANON, EMAIL, key, signal
from tools.store.codec import NOT_CONTENT, differing, digest, event_count, signal_bytes, signal_from

BASE = signal(
    1, key(EMAIL, "ada"), key(ANON, "x"), payload={"page": "/", "section": "a"}, account="acme.test"
)


def changed(**fields: object) -> Signal:
    """`BASE` with other fields."""
    return BASE.model_copy(update=fields)


SAME = {
    "received_at": BASE.received_at + timedelta(days=1),
    "known_at": BASE.known_at + timedelta(days=1),
    "delivery_id": "other",
    "steps": ("upcast:1>2",),
}
OTHER = {
    "schema_version": 1,
    "region": "us",
    "kind": Kind.CONTENT,
    "keys": (key(EMAIL, "ada"),),
    "account": None,
    "occurred_at": BASE.occurred_at + timedelta(microseconds=1),
    "payload": {"page": "/", "section": "b"},
    "consent": "granted",
    "imported": True,
}


@pytest.mark.parametrize("name", sorted(SAME))
def test_circumstances_of_a_delivery_are_no_content(name: str) -> None:
    assert digest(changed(**{name: SAME[name]})) == digest(BASE)


@pytest.mark.parametrize("name", sorted(OTHER))
def test_every_other_field_is_content_and_is_named(name: str) -> None:
    other = changed(**{name: OTHER[name]})
    assert digest(other) != digest(BASE)
    assert differing(BASE, other) == ("payload.section" if name == "payload" else name)


def test_every_field_is_either_content_or_not() -> None:
    """A field added later must be put on one side."""
    key_of_a_signal = {"tenant", "source", "id"}
    assert set(SAME) == set(NOT_CONTENT)
    assert set(SAME) | set(OTHER) | key_of_a_signal == set(Signal.model_fields)


def test_the_order_of_keys_and_fields_and_the_zone_of_a_time_do_not_matter() -> None:
    zone = timezone(timedelta(hours=5))
    again = changed(
        keys=BASE.keys[::-1],
        payload={name: BASE.payload[name] for name in sorted(BASE.payload, reverse=True)},
        occurred_at=BASE.occurred_at.astimezone(zone),
    )
    assert digest(again) == digest(BASE)


def test_a_stored_signal_comes_back_equal() -> None:
    assert signal_from(signal_bytes(BASE)) == BASE


@pytest.mark.parametrize("kind", list(Kind))
def test_events_are_counted_without_making_them(kind: Kind) -> None:
    payload = {
        name: 1 if spec.type in ("int", "number") else "x" for name, spec in SPECS[kind].fields.items()
    }
    one = signal(1, kind=kind, payload=payload or ({"seats_used": 3} if SPECS[kind].declared else {}))
    assert event_count(one) == len(compact(one))
