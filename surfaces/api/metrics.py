"""``GET /metrics``: figures for Prometheus. No label holds what anybody sent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import Metric

from domain.ports.home import Home
from graph.run import Ran
from surfaces.api.crowd import LET_GO
from surfaces.api.families import Labelled, counter, family
from surfaces.api.health import breakers
from surfaces.api.upstream_figures import of_upstream
from surfaces.supervising import Crew
from surfaces.webhooks.counted import EVENTS

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"
_MS: Final = 1_000
_MISSING: Final = "degraded:"
_DAY_US: Final = 86_400_000_000
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """The figures of one process and of its home."""

    def __init__(self, home: Home, crew: Crew | None = None) -> None:
        """Nothing is counted yet. `crew` keeps going what works beside the answering."""
        self._home, self._crew, self._kept = home, crew, CollectorRegistry()
        self._requests = Counter(
            "leadgraph_http_requests_total",
            "Requests by route and status",
            ("method", "route", "status"),
            registry=self._kept,
        )
        self._seconds = Histogram(
            "leadgraph_http_request_seconds",
            "How long answers took",
            ("route",),
            buckets=_BUCKETS,
            registry=self._kept,
        )
        self._verdicts = Counter(
            "leadgraph_verdicts_total",
            "Decisions of this process's worker",
            ("verdict",),
            registry=self._kept,
        )
        self._degraded = Counter(
            "leadgraph_degraded_total",
            "Decisions of this process's worker that something was missing for",
            ("what",),
            registry=self._kept,
        )
        self._places: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._kept.register(EVENTS)
        self._kept.register(LET_GO)

    def note(self, line: Mapping[str, Any]) -> None:
        """Count one request: see `surfaces.api.requests.Told`."""
        place = line["method"], line["route"], line["status"]
        if place not in self._places:
            method, route, status = place
            self._places[place] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(route),
            )
        requests, seconds = self._places[place]
        requests.inc()
        seconds.observe(line["ms"] / _MS)

    def decided(self, ran: Ran) -> None:
        """Count one committed run; also from another thread."""
        decision = ran.decision
        kind = decision.verdict.kind.value if decision.verdict is not None else "none"
        self._verdicts.labels(kind).inc()
        for flag in decision.flags:
            if flag.startswith(_MISSING):
                self._degraded.labels(flag.removeprefix(_MISSING)).inc()

    async def text(self) -> bytes:
        """All figures as of now. Raises: Temporary."""
        home = self._home
        counts = await home.reads.counts(home.tenant)
        standing = await home.reads.standing(home.tenant)
        spent, asked = await _spent(home), await of_upstream(home)
        now = CollectorRegistry(auto_describe=False)
        now.register(
            _Families(
                [*_of_store(counts, standing), *_of_process(home, spent), *asked, *_of_crew(self._crew)]
            )
        )
        return bytes(generate_latest(self._kept) + generate_latest(now))


class _Families:
    """A collector of figures that were read before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def _spent(home: Home) -> Mapping[str, float]:
    if home.model is None or home.spending is None:
        return {}
    day = home.clock.now() // _DAY_US
    spent = await home.spending.spent(home.tenant, None, day=day)
    return {"calls": spent.calls, "tokens": spent.tokens, "money_micro": spent.micro}


def _of_store(counts: Mapping[str, int], standing: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    yield family(
        "leadgraph_signals",
        "Signals given, by where they are now",
        ("state",),
        {
            (name,): counts[name]
            for name in ("applied", "superseded", "duplicates", "quarantined", "parked", "waiting")
        },
    )
    for name, words in _SINGLE.items():
        yield family(f"leadgraph_{name}", words, (), {(): counts[name]})
    for what, (name, words) in _GROUPED.items():
        rows: Labelled = {(state,): n for (group, state), n in standing.items() if group == what}
        yield family(f"leadgraph_{name}_by_state", words, ("state",), rows)


_SINGLE: Final = {
    "leads": "Leads",
    "runs": "Runs of the graph",
    "decisions": "Decisions",
    "actions": "Actions",
}
_GROUPED: Final = {
    "outbox": ("actions", "Actions by state"),
    "approval": ("approvals", "Questions to people by state"),
}


def _of_process(home: Home, spent: Mapping[str, float]) -> Iterator[Metric]:
    states: Labelled = {(name, state): 1.0 for name, state in breakers(home).items()}
    yield family("leadgraph_breaker", "State of each breaker", ("of", "state"), states)
    words = "Asked of the language model today (UTC)"
    yield family("leadgraph_model_today", words, ("what",), {(name,): n for name, n in spent.items()})


def _of_crew(crew: Crew | None) -> Iterator[Metric]:
    if crew is None:
        return
    failures, standing = dict(crew.failures), crew.standing()
    words = "Unasked ends, and defects got over, of what works beside the answering"
    yield counter(
        "leadgraph_part_failures", words, ("part",), {(name,): float(n) for name, n in failures.items()}
    )
    up: Labelled = {(name,): float(standing.get(name) != "ended") for name in failures}
    yield family("leadgraph_part_up", "1 while it works, 0 while it waits to be begun again", ("part",), up)
