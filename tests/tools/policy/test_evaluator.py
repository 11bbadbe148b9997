"""Evaluation: tables decide as the engine's own decision graph would, and never on missing facts."""

import json
import re
from typing import Any

import pytest
import zen
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigError
from domain.policy import Fact
from domain.ports.policy import Policy
from tests.tools.policy.editing import SHIPPED
from tools.policy.cells import Cell
from tools.policy.columns import Column
from tools.policy.evaluator import TablePolicy
from tools.policy.load import load_policy
from tools.policy.tables import Table

LOADED = load_policy(SHIPPED)


def fact(column: Column) -> st.SearchStrategy[Fact]:
    """Any value that a column can have."""
    if column.type == "flag":
        return st.booleans()
    if column.type == "code":
        return st.none() | st.sampled_from(column.codes)
    return st.none() | st.sampled_from(
        [0, 1, 23, 24, 299, 300, 499, 500, 599, 600, 700, 2159, 2160, 49_999, 50_000]
    )


any_facts = st.fixed_dictionaries({name: fact(column) for name, column in LOADED.columns.facts.items()})


def graph(tables: tuple[Table, ...]) -> Any:
    """All tables as one decision graph of the engine, in its own format."""
    nodes: list[dict[str, Any]] = [{"id": "in", "type": "inputNode", "name": "in", "content": {}}]
    edges, before = [], "in"
    for table in tables:
        nodes.append(
            {"id": table.name, "type": "decisionTableNode", "name": table.name, "content": content(table)}
        )
        edges.append({"id": f"to_{table.name}", "sourceId": before, "targetId": table.name, "type": "edge"})
        before = table.name
    nodes.append({"id": "out", "type": "outputNode", "name": "out", "content": {}})
    edges.append({"id": "to_out", "sourceId": before, "targetId": "out", "type": "edge"})
    return zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))


def content(table: Table) -> dict[str, Any]:
    """One table in the engine's format: a column of whole conditions; every row gives its id."""
    rules = [
        {
            "_id": row.rule,
            "rule": f"'{row.rule}'",
            "condition": " and ".join(f"({over(cell)})" for cell in row.cells),
        }
        for row in table.rows
    ]
    return {
        "hitPolicy": "first" if table.first else "collect",
        "inputs": [{"id": "condition", "name": "condition"}],
        "outputs": [{"id": "rule", "name": "rule", "field": f"fired_{table.name}"}],
        "rules": rules,
        "passThrough": True,
        "outputPath": None if table.first else f"fired_{table.name}",
    }


def over(cell: Cell) -> str:
    """A cell's expression over the column's name instead of `v`."""
    return re.sub(r"\bv\b(?=[ ])", cell.column, cell.expression)


GRAPH = graph(LOADED.tables)


@given(facts=any_facts)
def test_rows_fire_as_in_the_engines_own_decision_graph(facts: dict[str, Fact]) -> None:
    """Row by row over compiled cells is only a faster way to ask the same tables."""
    fired = [(row.table, row.rule) for row in LOADED.evaluate(facts)]
    result = GRAPH.evaluate(facts)["result"]
    expected = [("do_not_act", one["fired_do_not_act"]) for one in result["fired_do_not_act"]]
    expected += [(table, result[f"fired_{table}"]) for table in ("routing", "approval", "timing")]
    assert fired == expected


@given(facts=any_facts)
def test_every_first_hit_table_answers_for_every_lead(facts: dict[str, Fact]) -> None:
    """The last row catches all; rows come in table order; the same facts give the same rows."""
    fired = LOADED.evaluate(facts)
    assert [row.table for row in fired if row.table != "do_not_act"] == ["routing", "approval", "timing"]
    assert fired == LOADED.evaluate(facts)
    halves = LOADED.evaluate(facts, ("do_not_act", "routing")) + LOADED.evaluate(
        facts, ("approval", "timing")
    )
    assert halves == fired


def test_it_is_a_policy(policy: TablePolicy) -> None:
    """The port is satisfied, checked by the type checker."""
    port: Policy = policy
    assert port.version == policy.version


def test_missing_fact_is_an_error_and_not_a_silent_no(policy: TablePolicy) -> None:
    """A column that the code gives no facts for would otherwise never match."""
    facts = policy.columns.usual()
    del facts["open_tickets"]
    with pytest.raises(ConfigError, match=r"do_not_act\.csv reads open_tickets"):
        policy.evaluate(facts)


def test_fact_of_another_type_is_an_error(policy: TablePolicy) -> None:
    """A text where a number belongs is a defect of the code, and named."""
    with pytest.raises(ConfigError, match="the fact open_tickets is a str, its column is a number"):
        policy.evaluate({**policy.columns.usual(), "open_tickets": "two"})


def test_unknown_code_counts_as_other_or_as_missing(policy: TablePolicy) -> None:
    """Free text that got into a trait matches no row but the one for `other`."""
    facts = {**policy.columns.usual(), "band": "hot", "region": "atlantis", "segment": "gigantic"}
    assert [row.rule for row in policy.evaluate(facts, ("routing",))] == ["hot_elsewhere"]
