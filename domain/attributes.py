"""Attributes: what a company knows of its leads and no kind of signal lists, declared by name, type and unit.

Minimisation stays by design: of an `identity.attributes` signal only the fields that the home has declared are
kept. Each attribute is also a feature, `attr.<name>`: its newest value.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.feature import Aggregate, FeatureDef
from domain.kinds import ATTRIBUTE_PREFIX, FieldSpec
from domain.signal import FACT

MOST: Final = 64
"""Attributes of one home."""
LONGEST: Final = 200
"""Characters of a category's text."""
_NUMBER: Final = FieldSpec("number")
_CATEGORY: Final = FieldSpec(max_length=LONGEST)


class Attribute(BaseModel):
    """One declared field of `identity.attributes`: a number in `unit`, or a category as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    type: Literal["number", "category"]
    unit: str = Field(min_length=1, max_length=40)
    description: str = Field(min_length=1, max_length=200)

    @property
    def feature(self) -> str:
        """The name of its feature."""
        return ATTRIBUTE_PREFIX + self.name


def attribute_features(attributes: Iterable[Attribute]) -> tuple[FeatureDef, ...]:
    """The feature of each attribute: its newest number in micro-units, or its newest text; None if never stated."""
    return tuple([
        FeatureDef(
            name=one.feature,
            version=1,
            aggregate=Aggregate.LAST_NUMBER if one.type == "number" else Aggregate.LAST,
            kinds=(FACT,),
            subjects=(one.feature,),
            unit=f"micro-{one.unit}" if one.type == "number" else one.unit,
            description=one.description,
        )
        for one in attributes
    ])  # fmt: skip


def declared_fields(attributes: Iterable[Attribute]) -> dict[str, FieldSpec]:
    """The allow-list of `identity.attributes`, by name."""
    return {one.name: _NUMBER if one.type == "number" else _CATEGORY for one in attributes}


def declared_with(known: Sequence[Attribute], new: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """`known` and what is new in `new`. Wording may change, a type or unit may not: past values have it.

    Raises: ValueError naming the attribute, or that they are more than `MOST`.
    """
    found: dict[str, Attribute] = {one.name: one for one in known}
    for one in new:
        before = found.get(one.name)
        if before is not None and (before.type, before.unit) != (one.type, one.unit):
            raise ValueError(
                f"attribute {one.name} is already declared as a {before.type} in {before.unit}, "
                f"not a {one.type} in {one.unit}; keep that, or take another name"
            )
        found[one.name] = one
    if len(found) > MOST:
        raise ValueError(f"these are {len(found)} attributes, at most {MOST} can be declared")
    return tuple(found.values())
