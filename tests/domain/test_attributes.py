"""Attributes: only what the home declared is kept, and each is a feature."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from domain.attributes import Attribute, attribute_features, declared_fields, declared_with
from domain.contract import admit
from domain.errors import BadInput
from domain.features import Catalogue
from domain.instants import HOUR
from domain.signal import compact
from tests.domain.items import DOOR, NOW, admitted, item

SEATS = Attribute(name="seats", type="number", unit="seats", description="Seats in use.")
PLAN = Attribute(name="plan", type="category", unit="code", description="The plan.")
OPEN = replace(DOOR, declared=declared_fields((SEATS, PLAN)))


def stated(hour: int = 9, **payload: Any) -> dict[str, Any]:
    return item(
        kind="identity.attributes", id=f"a{hour}", occurred_at=f"2024-03-01T{hour:02}:00:00Z", payload=payload
    )


def test_a_field_that_the_home_has_not_declared_is_dropped_and_counted() -> None:
    signal, dropped = admit(stated(seats=5, plan="team", salary=90_000), OPEN)
    assert dict(signal.payload) == {"seats": 5, "plan": "team"}
    assert dropped == (("identity.attributes", "salary"),)
    assert dict(admitted(stated(seats=5)).payload) == {}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"seats": "5"}, "payload.seats"),
        ({"plan": 1.5}, "payload.plan"),
        ({"plan": "x" * 201}, "payload.plan"),
    ],
)
def test_a_field_of_the_wrong_type_or_length_is_refused(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        admit(stated(**payload), OPEN)
    assert refused.value.field == field


def test_an_attribute_is_a_feature_its_newest_value_zero_included() -> None:
    catalogue = Catalogue(attribute_features((SEATS, PLAN)))
    told = [stated(7, seats=2.5, plan="team"), stated(8, seats=0), stated(9, plan="large")]
    events = tuple(sorted(event for raw in told for event in compact(admit(raw, OPEN)[0])))
    nine = NOW - HOUR
    assert catalogue.evaluate(events, nine) == {"attr.seats": 0, "attr.plan": "large"}
    assert catalogue.evaluate(events, nine - 2 * HOUR) == {"attr.seats": 2_500_000, "attr.plan": "team"}
    assert catalogue.evaluate((), nine) == {"attr.seats": None, "attr.plan": None}
    assert catalogue.lineage("attr.seats", events, nine) == (("web:a8",), 1)


def test_an_attribute_never_meets_a_trait_of_its_name() -> None:
    """A company may call something `country` and mean another thing than the trait."""
    own = Attribute(name="country", type="category", unit="code", description="Country of the contract.")
    signal, _ = admit(stated(country="DE"), replace(DOOR, declared=declared_fields((own,))))
    assert [event.subject for event in compact(signal)] == ["attr.country"]


def test_what_is_declared_keeps_its_type_and_unit() -> None:
    """Past values have them. Wording may change."""
    reworded = SEATS.model_copy(update={"description": "Paid seats."})
    assert declared_with((SEATS,), (reworded, PLAN)) == (reworded, PLAN)
    with pytest.raises(
        ValueError, match="seats is already declared as a number in seats, not a category in code"
    ):
        declared_with((SEATS,), (PLAN.model_copy(update={"name": "seats"}),))
    many = [PLAN.model_copy(update={"name": f"a{i}"}) for i in range(65)]
    with pytest.raises(ValueError, match="at most 64"):
        declared_with((), many)


@pytest.mark.parametrize("name", ["Seats", "seats in use", "attr.seats", "", "1st", "x" * 61])
def test_a_name_that_could_be_anything_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Attribute(name=name, type="number", unit="seats", description="words")
