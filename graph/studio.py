"""The graph as LangGraph Studio opens it (`langgraph.json`)."""

from graph.build import Graph, build_graph


def graph() -> Graph:
    """A fresh compiled graph; Studio shows its structure and routes."""
    return build_graph()
