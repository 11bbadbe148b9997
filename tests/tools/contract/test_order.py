"""I4: any order, batching and repetition of one set of signals gives the same leads with the same events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.identity import LinkKind, home_key, links_of, resolve
from domain.instants import instant
from domain.kinds import Kind
from domain.lead import absorb
from domain.signal import Event, KeyKind, LeadKey, Signal, compact
from tests.tools.contract.stores import (
    ANON,
    CHAT,
    CRM,
    EMAIL,
    NOW,
    ROLE,
    AnyStore,
    OpenStore,
    balanced,
    by_keys,
    drain,
    key,
    signal,
)

KEYS = [
    *(key(EMAIL, name) for name in ("ada", "bob", "cid")),
    *(key(CRM, name) for name in ("1", "2")),
    *(key(ANON, name) for name in ("x", "y")),
    key(CHAT, "c"),
    key(ROLE, "info"),
]
SUITS = [Kind.PAGE_VIEW] * 4 + [Kind.ALIAS] * 2 + [Kind.MERGE, Kind.PRIVACY_DELETE]

Lead = tuple[bool, str | None, int, tuple[Event, ...]]
"""Suppressed, account, dropped, events."""


@dataclass(frozen=True)
class Telling:
    """One way of telling a set of signals: which comes when (repetitions included), and after how many to work."""

    order: tuple[int, ...]
    sizes: tuple[int, ...]
    works: tuple[bool, ...]


@st.composite
def stories(draw: st.DrawFn) -> list[Signal]:
    """Up to 14 signals over few keys; times collide."""
    story = []
    for number in range(draw(st.integers(1, 14))):
        keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
        kind = draw(st.sampled_from(SUITS))
        undo = kind in (Kind.ALIAS, Kind.MERGE) and draw(st.booleans())
        payload = {"page": "/"} if kind is Kind.PAGE_VIEW else {"undo": True} if undo else {}
        account = draw(st.sampled_from([None, None, "acme.test", "bolt.test"]))
        at = NOW - draw(st.integers(0, 6))
        story.append(signal(number, *keys, kind=kind, payload=payload, at=at, account=account))
    return story


@st.composite
def tellings(draw: st.DrawFn, count: int) -> Telling:
    """A permutation with some repeated, cut into batches, with work in between."""
    order = draw(st.permutations(range(count)))
    again = draw(st.lists(st.sampled_from(order), max_size=4))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    return Telling(
        (*order, *again), tuple(sizes), tuple(draw(st.lists(st.booleans(), min_size=1, max_size=5)))
    )


async def tell(store: AnyStore, story: Sequence[Signal], telling: Telling) -> dict[frozenset[LeadKey], Lead]:
    """Tell the story that way, work everything off, and read the leads."""
    at, step = 0, 0
    while at < len(telling.order):
        size = telling.sizes[step % len(telling.sizes)]
        await store.inbox.accept([story[n] for n in telling.order[at : at + size]], now=NOW + step)
        await balanced(store)
        if telling.works[step % len(telling.works)]:
            await drain(store, NOW + step)
        at, step = at + size, step + 1
    await drain(store, NOW + step)
    counts = await balanced(store)
    assert counts["waiting"] == await store.inbox.waiting() == 0
    assert counts["signals"] == len(telling.order)
    found = await by_keys(store)
    return {names: (s.suppressed, s.account, s.dropped, s.events) for names, s in found.items()}


def expected(story: Sequence[Signal]) -> dict[frozenset[LeadKey], Lead]:
    """The same, straight from the rules: links, partition, homes, events."""
    keys = {name for one in story for name in one.keys}
    partition = resolve(keys, [link for one in story for link in links_of(one.keys, *_when(one), _kind(one))])
    homes: dict[frozenset[LeadKey], list[Signal]] = {}
    for one in story:
        home = home_key(one.keys, partition.shared)
        homes.setdefault(next(group for group in partition.groups if home in group), []).append(one)
    return {names: _lead(signals) for names, signals in homes.items()}


def _when(one: Signal) -> tuple[int, int, str]:
    return instant(one.occurred_at), instant(one.known_at), one.signal_id


def _kind(one: Signal) -> LinkKind:
    if one.kind not in (Kind.ALIAS, Kind.MERGE):
        return "seen"
    return "undone" if one.payload.get("undo") else "declared"


def _lead(signals: Sequence[Signal]) -> Lead:
    suppressed = any(one.kind is Kind.PRIVACY_DELETE for one in signals)
    newest = max(((s.occurred_at, s.signal_id, s.account) for s in signals if s.account), default=None)
    events, dropped = absorb((), () if suppressed else [event for one in signals for event in compact(one)])
    return suppressed, newest[2] if newest else None, dropped, events


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_order_batches_and_repetition_do_not_matter(open_any: OpenStore, data: st.DataObject) -> None:
    """Merges, undone merges, shared devices, role addresses and forgetting included."""
    story = data.draw(stories())
    telling = data.draw(tellings(len(story)))
    store = open_any()
    try:
        assert asyncio.run(tell(store, story, telling)) == expected(story)
    finally:
        store.close()


def test_the_pool_of_keys_holds_every_sort() -> None:
    """Strong, weak and role."""
    assert {one.kind for one in KEYS} == set(KeyKind) - {KeyKind.USER_ID, KeyKind.PHONE}
