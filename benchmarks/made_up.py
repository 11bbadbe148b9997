"""Made-up signals for measuring: seeded, in the external form."""

import random
from collections.abc import Iterator

from domain.instants import HOUR, SECOND, Instant, iso

START = Instant(1_700_000_000 * SECOND)
_SHAPES: tuple[tuple[str, dict[str, object]], ...] = (
    ("web.page_view", {"page": "pricing", "section": "plans", "duration_s": 31}),
    ("web.session", {"type": "website", "pages": 5, "pricing_pages": 1, "duration_s": 240}),
    ("product.feature_used", {"feature": "export", "count": 3}),
    ("marketing.email_clicked", {"campaign": "spring", "link": "case-study"}),
    ("marketing.content", {"content": "buyers-guide"}),
    (
        "support.message",
        {"role": "customer", "text": "How does pricing work if we need 40 more seats next month?"},
    ),
    (
        "crm.activity",
        {"type": "call", "direction": "outbound", "outcome": "connected", "actor": "rep_000001"},
    ),
    ("identity.identify", {"industry": "logistics", "seniority": "director", "employee_band": "500-999"}),
)


def signals(
    leads: int, each: int, *, seed: int = 1, start: Instant = START, first: int = 0
) -> Iterator[dict[str, object]]:
    """`leads` x `each` signals, one hour apart per round; ids depend on lead and round only."""
    dice = random.Random(seed)
    for turn in range(each):
        for lead in range(first, first + leads):
            kind, payload = _SHAPES[(turn + lead) % len(_SHAPES)]
            at = Instant(start + turn * HOUR + dice.randrange(HOUR))
            yield one(lead, f"{lead}-{turn}", kind, payload, at)


def one(lead: int, number: str, kind: str, payload: dict[str, object], at: Instant) -> dict[str, object]:
    """One signal of one lead."""
    return {
        "schema_version": 2, "id": number, "source": "bench", "kind": kind, "occurred_at": iso(at),
        "keys": [{"kind": "crm_id", "value": f"c{lead}"}], "payload": payload, "consent": "granted",
    }  # fmt: skip


def fresh(lead: int, number: int, at: Instant) -> dict[str, object]:
    """A new page view, for loads with one new signal each."""
    return one(lead, f"live-{number}", *_SHAPES[number % 5], at)
