"""The compiled graph: its routes, its limit, and the picture of it in the README."""

import re
from pathlib import Path

from graph.build import LONGEST_PATH, build_graph, diagram

ROOT = Path(__file__).resolve().parents[2]


def test_the_diagram_in_the_readme_is_the_compiled_graph() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    drawn = re.search(r"```mermaid\n(.*?)\n```", readme, re.DOTALL)
    assert drawn is not None, "the README shows no graph"
    assert drawn.group(1).strip() == diagram()


def test_no_run_is_checkpointed_and_scoring_cannot_reach_actuation_without_policy() -> None:
    graph = build_graph()
    edges = {(edge.source, edge.target) for edge in graph.get_graph().edges}
    assert graph.checkpointer is None
    assert {source for source, target in edges if target == "actuation"} == {"policy"}
    assert {source for source, target in edges if target == "policy"} == {"scoring"}


def test_the_step_limit_is_the_longest_path_through_the_graph() -> None:
    edges = [(edge.source, edge.target) for edge in build_graph().get_graph().edges]

    def longest(node: str) -> int:
        return max((1 + longest(target) for source, target in edges if source == node), default=0)

    assert longest("__start__") == LONGEST_PATH
