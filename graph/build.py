"""The whole pipeline on one screen."""

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph.deps import RunContext
from graph.nodes import BODIES, audited
from graph.routes import after_ingestion, after_policy
from graph.state import GraphInput, RunState

Graph = CompiledStateGraph[RunState, RunContext, GraphInput, RunState]
LONGEST_PATH = 6
"""Supersteps of the longest route, plus one for LangGraph's own end check."""


def build_graph() -> Graph:
    """Compile the state machine. No checkpointer: a run ends in one commit, and is redone if it does not get there."""
    graph = StateGraph(RunState, context_schema=RunContext, input_schema=GraphInput)
    for name, body in BODIES.items():
        graph.add_node(name, audited(name, body))
    graph.add_edge(START, "ingestion")
    graph.add_conditional_edges("ingestion", after_ingestion, {"intent": "intent", "stop": END})
    graph.add_edge("intent", "scoring")
    graph.add_edge("scoring", "policy")
    graph.add_conditional_edges(
        "policy", after_policy, {"act": "actuation", "ask": "actuation", "hold": END, "nothing": END}
    )
    graph.add_edge("actuation", END)
    return graph.compile(name="leadgraph")


def diagram() -> str:
    """The compiled graph as Mermaid text: what the README shows."""
    return build_graph().get_graph().draw_mermaid(with_styles=False).strip()
