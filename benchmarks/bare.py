"""The anchor: five no-op async nodes of bare LangGraph, with a 3.6 KB input, no checkpointer."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph


class BareState(TypedDict, total=False):
    """One key per node, as in the real graph."""

    text: str
    a: int
    b: int
    c: int
    d: int
    e: int


async def node_a(state: BareState) -> BareState:
    """Nothing."""
    return {"a": 1}


async def node_b(state: BareState) -> BareState:
    """Nothing."""
    return {"b": 1}


async def node_c(state: BareState) -> BareState:
    """Nothing."""
    return {"c": 1}


async def node_d(state: BareState) -> BareState:
    """Nothing."""
    return {"d": 1}


async def node_e(state: BareState) -> BareState:
    """Nothing."""
    return {"e": 1}


def bare_graph(timeout: float | None = None) -> CompiledStateGraph[BareState, None, BareState, BareState]:
    """The compiled anchor; with LangGraph's own node deadlines if `timeout` (seconds) is given."""
    graph = StateGraph(BareState)
    names = ("node_a", "node_b", "node_c", "node_d", "node_e")
    for name, node in zip(names, (node_a, node_b, node_c, node_d, node_e), strict=True):
        graph.add_node(name, node, timeout=timeout)
    for before, after in zip((START, *names), (*names, END), strict=True):
        graph.add_edge(before, after)
    return graph.compile()


INPUT: BareState = {"text": "x" * 3_600}
