"""What behaviour suites run on: a home full of leads, the graph, and the way to ask about a lead as of a time."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from domain.decision import RunInput
from domain.instants import HOUR
from domain.kinds import Kind
from domain.lead import LeadState
from domain.ports.home import Home
from graph.build import Graph, build_graph
from graph.deps import Deps
from graph.record import plain
from graph.run import Ran, run_lead

Ask = Callable[[LeadState, int], Awaitable[RunInput]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A home and how to ask it. `rules` are all rows of the decision tables, as ``table:rule``."""

    name: str
    home: Home
    deps: Deps
    ask: Ask
    rules: frozenset[str] = frozenset()
    seed: int = 0
    graph: Graph = field(default_factory=build_graph)

    async def leads(self, most: int) -> Sequence[LeadState]:
        """At most `most` leads that have events, drawn by the seed; the same home gives the same ones."""
        found = [
            lead
            async for batch in self.home.reads.leads(self.home.tenant)
            for lead in batch
            if lead.events and not lead.suppressed
        ]
        dice = random.Random(self.seed)  # noqa: S311 - a sample, nothing secret
        return found if len(found) <= most else dice.sample(found, most)

    async def run(self, lead: LeadState, as_of: int) -> tuple[RunInput, Ran]:
        """One run about `lead` as of a time; nothing is stored."""
        given = await self.ask(lead, as_of)
        return given, await run_lead(self.graph, self.deps, given)


def moment_of(lead: LeadState) -> int:
    """When a sampled lead is asked about: an hour after the last thing known of it before it ended."""
    ended = min([event.at for event in lead.events if event.kind == Kind.OUTCOME.value], default=None)
    before = [event for event in lead.events if ended is None or event.at < ended] or [lead.events[0]]
    return max(max(event.at, event.known) for event in before) + HOUR


def digest(value: object) -> str:
    """Sixteen hex digits over the canonical JSON of a domain value."""
    return sha256(plain(value)).hexdigest()[:16]
