"""Finding who is who by key lookup, and resolving a component only where that cannot tell."""

import pytest

from domain.signal import LeadKey, Signal
from tests.tools.contract.stores import ANON, CHAT, EMAIL, NOW, ROLE, USER, alias, by_keys, drain, key, signal
from tools.store import Store, components
from tools.store.components import CROWD

ADA, BOB = key(EMAIL, "ada"), key(EMAIL, "bob")
USES, DEVICE, INFO, SESSION = key(USER, "u1"), key(ANON, "d1"), key(ROLE, "info"), key(CHAT, "c1")


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the components that were resolved."""
    sizes: list[int] = []
    whole = components._resolved

    def counted(*arguments: object) -> components.Component:
        found = whole(*arguments)  # type: ignore[arg-type]  # passed on as they came
        sizes.append(len(found.rows))
        return found

    monkeypatch.setattr(components, "_resolved", counted)
    return sizes


QUICK: list[tuple[str, list[list[LeadKey]]]] = [
    ("one key, again and again", [[ADA], [ADA]]),
    ("new keys together", [[DEVICE, SESSION], [DEVICE, SESSION]]),
    ("a new key beside a person's", [[ADA], [ADA, USES], [ADA, DEVICE], [DEVICE, USES]]),
    ("a role address", [[INFO], [ADA, INFO], [BOB, INFO]]),
]
SLOW: list[tuple[str, list[list[LeadKey]]]] = [
    ("two persons at once", [[ADA], [BOB], [ADA, BOB]]),
    ("a visitor who becomes known", [[DEVICE], [DEVICE, ADA]]),
    ("a device of a second person", [[DEVICE, ADA], [DEVICE, BOB]]),
]


@pytest.mark.parametrize(("case", "batches"), QUICK, ids=[case for case, _ in QUICK])
async def test_a_signal_that_changes_nobody_is_placed_by_lookup(
    store: Store, resolved: list[int], case: str, batches: list[list[LeadKey]]
) -> None:
    """No component is read."""
    for number, keys in enumerate(batches):
        await store.inbox.accept([signal(number, *keys)], now=NOW)
    assert resolved == []


@pytest.mark.parametrize(("case", "batches"), SLOW, ids=[case for case, _ in SLOW])
async def test_a_signal_that_may_change_somebody_is_looked_at(
    store: Store, resolved: list[int], case: str, batches: list[list[LeadKey]]
) -> None:
    """Once, and only its own component."""
    await store.inbox.accept(
        [signal(900 + n, key(EMAIL, f"e{n}"), key(USER, f"u{n}")) for n in range(9)], now=NOW
    )
    for number, keys in enumerate(batches):
        await store.inbox.accept([signal(number, *keys)], now=NOW)
    assert resolved == [len({one for keys in batches for one in keys})]


async def test_a_crowded_device_costs_no_more_with_each_visitor(store: Store, resolved: list[int]) -> None:
    """Seen with more people than the bound it is shared for good, and is not followed any more."""
    tablet = key(ANON, "tablet")

    def visit(number: int) -> list[Signal]:
        person = key(EMAIL, f"p{number}")
        return [signal(3 * number, person), signal(3 * number + 1, person, tablet)]

    for number in range(CROWD + 5):
        await store.inbox.accept(visit(number), now=NOW + number)
    await store.inbox.accept([alias(9_000, key(EMAIL, "p0"), key(EMAIL, "p1"))], now=NOW + 999)
    assert max(resolved) > CROWD
    resolved.clear()
    await store.inbox.accept([alias(9_001, key(EMAIL, "p2"), key(EMAIL, "p3"))], now=NOW + 999)
    await store.inbox.accept([signal(9_002, key(EMAIL, "p9"), tablet), signal(9_003, tablet)], now=NOW + 999)
    assert max(resolved) < 5
    await drain(store, NOW + 999)
    leads = await by_keys(store)
    assert [event.ref for event in leads[frozenset({tablet})].events] == ["web:9003"]
    assert len(leads) == CROWD + 5 - 2 + 1
