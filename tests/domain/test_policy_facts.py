"""Facts for the decision tables: codes, whole numbers and yes/no, as the columns declare them."""

import pytest
from hypothesis import given

from domain.policy_facts import facts_of, segment_of
from tests.agents.policy_leads import ORDINARY, Case, any_case
from tests.tools.policy.editing import SHIPPED
from tools.policy.load import load_policy

POLICY = load_policy(SHIPPED)
HOT = Case()


@given(case=any_case)
def test_facts_are_the_declared_columns_and_nothing_else(case: Case) -> None:
    """Codes, whole numbers, yes/no; every column the tables may use before routing has its fact."""
    asked = facts_of(
        case.given(),
        features={**ORDINARY, **case.features},
        reading=case.reading(),
        score=case.score(),
        band=case.given().lead.band,
        previous=case.given().lead.band,
        closed=False,
        quiet=False,
    )
    declared = {name for name, column in POLICY.columns.facts.items() if not column.after_routing}
    assert asked.keys() == declared
    types = {"code": str | None, "number": int | None, "flag": bool}
    for name, value in asked.items():
        assert isinstance(value, types[POLICY.columns.facts[name].type]), (name, value)


def test_free_text_in_a_trait_reaches_no_verdict() -> None:
    """Somebody's name in the industry field is neither matched nor shown."""
    verdict = HOT.but(features={"fact.industry": "Jane Doe", "fact.seniority": "Jane Doe"}).verdict(POLICY)
    assert "jane" not in repr(verdict).lower()


@pytest.mark.parametrize(
    ("employees", "band", "segment"),
    [
        (49, None, "small"),
        (50, None, "mid"),
        (999, "1-10", "mid"),
        (1_000, None, "large"),
        (None, "200-499", "mid"),
        (None, "2000+", "large"),
        (None, "1,000-4,999", "large"),
        (None, "<10", "small"),
        (None, "many", None),
        (None, None, None),
    ],
)
def test_segment_follows_the_number_of_employees(
    employees: int | None, band: str | None, segment: str | None
) -> None:
    """A stated number before a stated band."""
    assert segment_of(employees, band) == segment
