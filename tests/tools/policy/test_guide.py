"""The guide for people says what the code does."""

from pathlib import Path

import pytest

from domain.action import ActionKind
from domain.intent import Intent
from domain.next_step import INTENT_WORDS, PLACEHOLDERS
from tests.tools.policy.editing import SHIPPED
from tools.policy.evaluator import TablePolicy
from tools.policy.load import FILES

GUIDE = (SHIPPED.parents[1] / "docs" / "policies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ActionKind)
def test_guide_explains_every_action(kind: ActionKind) -> None:
    """By its code."""
    assert f"`{kind.value}`" in GUIDE


@pytest.mark.parametrize("name", sorted(PLACEHOLDERS))
def test_guide_and_columns_name_every_placeholder(name: str, policy: TablePolicy) -> None:
    """As it is written in a template."""
    assert f"`{{{name}}}`" in GUIDE
    assert f"{{{name}}}" in policy.columns.outputs["routing"]["next_step"].words


def test_guide_names_every_file() -> None:
    """Tables, examples, columns, calendar."""
    tables = [Path(name).name for name in FILES if not name.endswith(".cases.csv")]
    assert [name for name in tables if f"`{name}`" not in GUIDE] == []


def test_tables_know_every_action_band_and_intent_of_the_code(policy: TablePolicy) -> None:
    """A new one in the code must be usable in the tables."""
    kinds = {kind.value for kind in ActionKind}
    assert set(policy.columns.outputs["routing"]["actions"].codes) == kinds
    assert set(policy.columns.facts["top_intent"].codes) == {intent.value for intent in Intent}
    assert set(INTENT_WORDS) == set(Intent)
