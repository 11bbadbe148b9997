"""The whole pipeline on one screen."""

from collections.abc import Callable

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graph.deps import RunContext
from graph.nodes import BODIES, Node, audited
from graph.routes import after_ingestion, after_policy
from graph.state import GraphInput, RunState

Graph = CompiledStateGraph[RunState, RunContext, GraphInput, RunState]
LONGEST_PATH = 6
"""Supersteps of the longest route, plus one for LangGraph's own end check."""


def build_graph() -> Graph:
    """Compile the state machine. No checkpointer: a run ends in one commit, and is redone if it does not get there."""
    graph = StateGraph(RunState, context_schema=RunContext, input_schema=GraphInput)
    nodes = {name: audited(name, body) for name, body in BODIES.items()}
    graph.add_edge(START, "ingestion")
    graph.add_node(
        "ingestion",
        routed(nodes["ingestion"], after_ingestion),
        destinations={"intent": "go on", END: "stop"},
    )
    graph.add_node("intent", nodes["intent"])
    graph.add_edge("intent", "scoring")
    graph.add_node("scoring", nodes["scoring"])
    graph.add_edge("scoring", "policy")
    graph.add_node(
        "policy",
        routed(nodes["policy"], after_policy),
        destinations={"actuation": "act, ask", END: "hold, nothing"},
    )
    graph.add_node("actuation", nodes["actuation"])
    graph.add_edge("actuation", END)
    return graph.compile(name="leadgraph")


def routed(node: Node, after: Callable[[RunState], str]) -> Callable[..., object]:
    """`node`, which also says where the run goes next: `after` of the state with its update.

    A conditional edge would read the whole state once more in a step of its own (decision 0011).
    """

    async def step(state: RunState, *, runtime: Runtime[RunContext]) -> Command[str]:
        update = await node(state, runtime=runtime)
        return Command(update=update, goto=after({**state, **update}))

    return step


def diagram() -> str:
    """The compiled graph as Mermaid text: what the README shows."""
    return build_graph().get_graph().draw_mermaid(with_styles=False).strip()
