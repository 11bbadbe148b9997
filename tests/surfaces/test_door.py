"""The door takes a batch whole: each item is in, a duplicate, or put aside with place, bytes and reason."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Backpressure, BadInput
from domain.ids import Region
from domain.instants import DAY
from domain.parsing import MAX_BYTES
from domain.ports.sources import Bad
from domain.signal import Signal
from surfaces.door import KEPT_RAW, LIMIT, Item, checked, door_of, take
from tests.domain.items import NOW, item
from tests.domain.test_contract import BAD
from tests.surfaces.door_world import DoorWorld, opened
from tools.store import Config, open_store


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DoorWorld]:
    """An empty home."""
    with opened(tmp_path) as world:
        yield world


def as_bytes(**changes: Any) -> bytes:
    return json.dumps(item(**changes)).encode()


async def test_a_mixed_batch_is_taken_in_one_transaction_and_adds_up(world: DoorWorld) -> None:
    batch: list[Item] = [
        (11, as_bytes(id="a")),
        (12, as_bytes(id="b", payload={})),
        (13, b"{"),
        (14, item(id="c")),
        (15, as_bytes(id="a")),
        (16, Bad("web", b"x,y", "row", "has 2 cells", "compare it with the header", "bad_row")),
        (17, as_bytes(id="a", payload={"page": "/other"})),
    ]
    taken = await take(world.home, batch)
    assert (taken.accepted, taken.duplicates) == (2, 1)
    assert [position for position, _ in taken.quarantined] == [12, 13, 16, 17]
    assert taken.accepted + taken.duplicates + len(taken.quarantined) == len(batch)
    assert len(world.inbox.calls) == 1
    assert {signal.id for signal in await world.signals("L1")} == {"a", "c"}


async def test_what_is_put_aside_keeps_its_bytes_place_source_and_reason(world: DoorWorld) -> None:
    raw = b' {"source": "shop", "id": "\\u0061",  "kind": "web.click"} '
    await take(world.home, [(7, raw), (8, b"nonsense"), (9, item(source="No Name", id=""))])
    first, second, third = await world.held()
    assert (first.raw, first.position, first.source) == (raw, 7, "shop")
    assert (first.field, first.code) == ("kind", "unknown_kind")
    assert first.reason.startswith("kind: is not a kind of signal; ")
    assert (second.raw, second.source, second.code) == (b"nonsense", "unknown", "not_json")
    assert (third.source, json.loads(third.raw)["source"]) == ("unknown", "No Name")


async def test_every_kind_of_bad_input_is_put_aside_and_none_stops_the_rest(world: DoorWorld) -> None:
    bad: list[Item] = [(n, raw) for n, (raw, _, _) in enumerate(BAD.values())]
    taken = await take(world.home, [*bad, (999, as_bytes(id="good"))])
    assert taken.accepted == 1
    assert [position for position, _ in taken.quarantined] == list(range(len(BAD)))
    held = {one.position: (one.field, one.code) for one in await world.held()}
    assert held == {n: (field, code) for n, (_, field, code) in enumerate(BAD.values())}


async def test_of_an_item_too_large_ever_to_pass_only_the_beginning_is_kept(world: DoorWorld) -> None:
    whole = as_bytes(payload={}, note="x" * (MAX_BYTES - 1_000))
    await take(world.home, [(1, b"x" * 5_000_000), (2, whole)])
    large, small = await world.held()
    assert (len(large.raw), large.code) == (KEPT_RAW, "too_large")
    assert "only its first 64 KB are kept" in large.reason
    assert small.raw == whole


async def test_fields_left_out_are_counted_by_source_and_kind(world: DoorWorld) -> None:
    payload = {"page": "/", "utm_term": "x"}
    batch = [(n, item(id=n, source=source, payload=payload)) for n, source in enumerate(["a", "a", "b"])]
    await take(world.home, batch)
    assert world.inbox.dropped == [
        {("a", "web.page_view", "utm_term"): 2, ("b", "web.page_view", "utm_term"): 1}
    ]


async def test_history_is_known_since_it_occurred_and_may_be_old(world: DoorWorld) -> None:
    old = as_bytes(occurred_at="2005-01-01T00:00:00Z")
    assert len((await take(world.home, [(1, old)])).quarantined) == 1
    assert (await take(world.home, [(1, old)], imported=True, known_delay_us=DAY)).accepted == 1
    (signal,) = await world.signals("L1")
    assert (signal.imported, (signal.known_at - signal.occurred_at).days) == (True, 1)


async def test_tenant_and_region_are_the_homes(world: DoorWorld) -> None:
    await take(world.home, [(1, item(tenant="t2")), (2, item(id="e-2", region="us", keys={"crm_id": "L2"}))])
    assert {(s.tenant, s.region) for s in await world.signals("L1")} == {("t1", "eu")}
    assert {(s.tenant, s.region) for s in await world.signals("L2")} == {("t1", "us")}
    alone = replace(world.home, regions=frozenset(), region=Region("uk"))
    assert door_of(alone, world.clock.now()).regions == {"uk"}


async def test_more_than_a_batch_is_not_taken_at_all(world: DoorWorld) -> None:
    with pytest.raises(BadInput, match="more than 1,000"):
        await take(world.home, [(n, as_bytes(id=n)) for n in range(LIMIT + 1)])
    assert world.inbox.calls == []


async def test_when_too_much_waits_nothing_is_taken(tmp_path: Path) -> None:
    store = open_store(tmp_path / "small.db", Config(max_waiting=2))
    world = DoorWorld(store, tmp_path)
    await take(world.home, [(1, as_bytes(id="a"))])
    with pytest.raises(Backpressure):
        await take(world.home, [(n, as_bytes(id=n)) for n in range(3)])
    counts = await world.counts()
    store.close()
    assert (counts["signals"], counts["quarantined"]) == (1, 0)


LINES = st.lists(
    st.sampled_from(
        [as_bytes(id="a"), as_bytes(id="b"), as_bytes(id="a", payload={"page": "/x"}), b"{", b"[]"]
    ),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES)
async def test_the_counts_add_up_for_any_batch(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    with opened(tmp_path_factory.mktemp("door")) as world:
        taken = await take(world.home, enumerate(lines))
        counts = await world.counts()
    assert taken.accepted + taken.duplicates + len(taken.quarantined) == len(lines)
    assert counts["signals"] == len(lines)
    assert (counts["duplicates"], counts["quarantined"]) == (taken.duplicates, len(taken.quarantined))


def test_items_that_are_no_objects_are_refused_too(world: DoorWorld) -> None:
    """A surface may hand on whatever a JSON array held."""
    odd: list[Any] = [(0, 5), (1, None), (2, "text"), (3, [1]), (4, {"id": {1, 2}})]
    batch = checked(door_of(world.home, world.clock.now()), odd)
    assert [isinstance(one, Signal) for one in batch.items] == [False] * 5


def test_the_clock_of_the_home_decides_what_is_future(world: DoorWorld) -> None:
    later = item(occurred_at=(NOW + DAY) // 1_000)
    assert not isinstance(checked(door_of(world.home, world.clock.now()), [(1, later)]).items[0], Signal)
    world.clock.advance(world.clock.now() + DAY)  # type: ignore[arg-type]  # an Instant plus a duration
    assert isinstance(checked(door_of(world.home, world.clock.now()), [(1, later)]).items[0], Signal)
