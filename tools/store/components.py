"""Resolving doubtful keys: their whole component is read and partitioned afresh."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from domain.identity import Link, Partition, resolve
from domain.signal import KeyKind, LeadKey
from tools.store.engine import Tx
from tools.store.placing import CROWDED, KeyRow, Placing

CROWD: Final = 64
"""A weak key seen with more strong keys than this is shared for good: a shop's tablet must not cost ever more."""


@dataclass(slots=True)
class Component:
    """Doubtful keys with every key that a link connects to them, under the partition that now holds."""

    rows: dict[LeadKey, KeyRow] = field(default_factory=dict)
    partition: Partition = field(default_factory=lambda: Partition((), frozenset()))
    shifted: list[KeyRow] = field(default_factory=list)
    """Keys that became shared, or ceased to be: the home of a signal may have moved without its lead changing."""


def components(tx: Tx, placing: Placing, tenant: str) -> list[Component]:
    """One component per region of the doubtful keys. The batch's own links must be stored by now."""
    regions = sorted({row.region for row in placing.doubtful})
    return [_resolved(tx, placing, tenant, region) for region in regions]


def learn(
    tx: Tx, placing: Placing, tenant: str, *, ids: Iterable[int] = (), values: Iterable[str] = ()
) -> None:
    """Read key rows by id or by value into `placing`."""
    ids, values = list(ids), list(values)
    if ids:
        placing.know(map(key_row, tx.rows("keys_by_id", {"tenant": tenant, "ids": as_json(ids)})))
    if values:
        placing.know(map(key_row, tx.rows("keys_by_value", {"tenant": tenant, "values": as_json(values)})))


def key_row(row: Any) -> KeyRow:
    """A stored row of ``lead_key``."""
    key = LeadKey(_KINDS[row.kind], row.value)
    return KeyRow(row.key_id, row.region, key, row.lead_id, row.born, row.shared, row.lead_id, row.shared > 0)


def as_json(values: Iterable[object]) -> str:
    """A list as one bound parameter: SQL takes it apart with json_each."""
    return orjson.dumps(list(values)).decode()


_KINDS: Final = {kind.value: kind for kind in KeyKind}


def _resolved(tx: Tx, placing: Placing, tenant: str, region: str) -> Component:
    known = {row.key_id: row for row in placing.rows.values() if row.region == region}
    links = dict[tuple[int, int, str], Any]()
    seen = set[int]()
    ahead = {row.key_id for row in placing.doubtful if row.region == region}
    while ahead:
        seen |= ahead
        follow = [key_id for key_id in ahead if known[key_id].shared < CROWDED]
        found = tx.rows("links_of_keys", {"tenant": tenant, "keys": as_json(follow)})
        links.update({(row.a, row.b, row.kind): row for row in found})
        near = {key_id for row in found for key_id in (row.a, row.b)} - seen
        learn(tx, placing, tenant, ids=near - known.keys())
        known = {row.key_id: row for row in placing.rows.values() if row.region == region}
        ahead = near
    rows = {known[key_id].key: known[key_id] for key_id in seen}
    _mark_crowded({key_id: known[key_id] for key_id in seen}, links)
    partition = resolve(rows, _as_links(known, links.values()))
    return Component(rows, partition, _mark_shared(rows.values(), partition.shared))


def _mark_crowded(rows: dict[int, KeyRow], links: Collection[tuple[int, int, str]]) -> None:
    strong = dict[int, set[int]]()
    for a, b, _ in links:
        for weak, other in ((a, b), (b, a)):
            if rows[other].key.kind.strong and not rows[weak].key.kind.strong:
                strong.setdefault(weak, set()).add(other)
    for key_id, others in strong.items():
        if len(others) > CROWD:
            row = rows[key_id]
            row.belong(row.lead_id, row.born, CROWDED)


def _as_links(rows: dict[int, KeyRow], stored: Iterable[Any]) -> list[Link]:
    """Both ends of each stored row as links, those of crowded keys left out."""
    links = []
    for row in stored:
        a, b = rows[row.a], rows[row.b]
        if CROWDED in (a.shared, b.shared):
            continue
        links.append(Link(row.first_at, row.first_ref, a.key, b.key, row.kind, row.first_known))
        if row.last_ref != row.first_ref:
            links.append(Link(row.last_at, row.last_ref, a.key, b.key, row.kind, row.last_known))
    return links


def _mark_shared(rows: Iterable[KeyRow], shared: frozenset[LeadKey]) -> list[KeyRow]:
    shifted = []
    for row in rows:
        now = CROWDED if row.shared == CROWDED else int(row.key in shared)
        if bool(now) != row.was_shared:
            shifted.append(row)
        row.belong(row.lead_id, row.born, now)
    return shifted
