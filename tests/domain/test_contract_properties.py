"""For any input: admitted, or refused with a field; what is admitted is valid and minimal."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.contract import KEY_KINDS, admit
from domain.errors import BadInput
from domain.instants import DAY
from domain.kinds import SPECS, Kind
from domain.parsing import parse
from domain.signal import Consent, Signal
from tests.domain.items import DOOR, NOW, admitted, item

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)
KEYED = st.dictionaries(st.sampled_from([*KEY_KINDS, "kind", "value", "x"]), SCALARS | st.just("a@b.de"))
NAMES = sorted({name for spec in SPECS.values() for name in spec.fields})
ANYTHING = st.fixed_dictionaries(
    {},
    optional={
        "schema_version": st.sampled_from([1, 2, 3]) | JSON,
        "id": st.text(min_size=1, max_size=5) | JSON,
        "source": st.just("web") | JSON,
        "kind": st.sampled_from([kind.value for kind in Kind]) | JSON,
        "type": st.sampled_from(["pageview", "chat", "won"]) | JSON,
        "keys": KEYED | st.lists(KEYED) | JSON,
        "lead_id": SCALARS,
        "timestamp": st.just(1_709_283_600) | JSON,
        "occurred_at": st.just("2024-03-01T09:00:00Z") | JSON,
        "payload": st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), SCALARS) | JSON,
        "data": st.dictionaries(st.sampled_from(["url", "body", "by"]), SCALARS) | JSON,
        "consent": st.sampled_from(["granted", "denied", "unknown"]) | JSON,
        "region": st.sampled_from(["eu", "us"]) | JSON,
        "account": JSON,
        "delivery_id": JSON,
        "extra": JSON,
    },
)


@given(ANYTHING | st.dictionaries(st.text(), JSON))
def test_whatever_comes_is_admitted_or_refused_with_a_field(raw: dict[str, Any]) -> None:
    refused, signal = None, None
    try:
        signal, _ = admit(raw, DOOR)
    except BadInput as error:
        refused = error
    assert signal is None or Signal.model_validate(signal.model_dump()) == signal
    assert refused is None or (refused.field and refused.code and refused.remedy)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_bytes_come_are_parsed_or_refused(raw: bytes) -> None:
    refused, parsed = None, None
    try:
        parsed = parse(raw)
    except BadInput as error:
        refused = error
    assert isinstance(parsed, dict) or (refused is not None and refused.field)


UNLISTED = st.sampled_from(["utm_term", "name", "x y", "", "e@f.gh", "ip"])


@st.composite
def good_items(draw: st.DrawFn) -> dict[str, Any]:
    """Items that keep to the contract, with unlisted fields among the listed ones."""
    kind = draw(st.sampled_from(Kind))
    values = {
        "str": st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40)
        | st.integers(0, 10**6),
        "int": st.integers(-1000, 10**6),
        "number": st.integers(-1000, 10**6) | st.floats(-1e6, 1e6),
        "bool": st.booleans(),
    }
    payload: dict[str, Any] = {}
    for name, spec in SPECS[kind].fields.items():
        if spec.required or draw(st.booleans()):
            payload[name] = draw(st.sampled_from(sorted(spec.values)) if spec.values else values[spec.type])
    payload |= draw(st.dictionaries(UNLISTED, SCALARS | st.lists(SCALARS, max_size=2), max_size=3))
    value = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20)
    keys = draw(st.dictionaries(st.sampled_from(["crm_id", "user_id", "anonymous_id"]), value, min_size=2))
    keys |= draw(st.sampled_from([{}, {"email": "a@b.de"}, {"phone": "+49170"}]))
    return item(
        id=draw(value | st.integers(0, 10**6)),
        kind=kind.value,
        keys=draw(st.sampled_from([keys, [{"kind": k, "value": v} for k, v in keys.items()]])),
        occurred_at=draw(st.integers(NOW - DAY, NOW)) // 1_000,
        payload=payload,
        consent=draw(st.sampled_from(["granted", "denied", "unknown", None])),
        account=draw(st.none() | value),
    )


@given(good_items())
def test_every_admitted_signal_is_valid_and_comes_back_equal_from_its_json(raw: dict[str, Any]) -> None:
    signal = admitted(raw)
    assert Signal.model_validate(signal.model_dump()) == signal
    assert Signal.model_validate_json(signal.model_dump_json()) == signal
    assert signal.consent in Consent


@given(good_items())
def test_minimisation_keeps_listed_fields_and_only_those(raw: dict[str, Any]) -> None:
    signal, dropped = admit(raw, DOOR)
    listed = SPECS[signal.kind].fields
    assert set(signal.payload) == {n for n, v in raw["payload"].items() if n in listed and v is not None}
    assert bool(dropped) == bool(raw["payload"].keys() - listed.keys())
