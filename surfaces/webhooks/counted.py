"""How many events came from each source, and what became of them."""

from functools import cache
from typing import Final

from prometheus_client import Counter

EVENTS: Final = Counter(
    "leadgraph_webhook_events_total",
    "Events of webhooks: accepted, duplicate, quarantined, thin, ignored:<why>, unproven:<why>, not_set_up",
    ("source", "what"),
)


def count(source: str, what: str, number: int = 1) -> None:
    """Count `number` events; both labels are words of ours, so there are few."""
    if number:
        _place(source, what).inc(number)


@cache
def _place(source: str, what: str) -> Counter:
    return EVENTS.labels(source, what)
