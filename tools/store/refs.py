"""Sorting a batch: what is new, what was delivered before, and what contradicts an earlier delivery."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.ids import Region, TenantId
from domain.instants import instant
from domain.ports.inbox import Refused
from domain.signal import Signal
from tools.store.codec import differing, digest, signal_bytes, signal_from
from tools.store.components import as_json
from tools.store.engine import Tx

Place = tuple[TenantId, Region]
Origin = tuple[int, int]
"""Which call brought an item, and what that call names as its position."""


@dataclass(slots=True)
class Fresh:
    """A signal seen for the first time, with its reference, its time and the digest of its content."""

    signal: Signal
    ref: str
    at: int
    digest: bytes


@dataclass(slots=True)
class Sorted:
    """A batch sorted: `fresh` by tenant, `refused` in order, each with the number of its call.

    `given` and `duplicates` are counted by tenant and region, `repeated` counts the duplicates by call.
    """

    fresh: dict[TenantId, list[Fresh]] = field(default_factory=dict)
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    given: Counter[Place] = field(default_factory=Counter)
    duplicates: Counter[Place] = field(default_factory=Counter)
    repeated: Counter[int] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many signals are new."""
        return sum(map(len, self.fresh.values()))


def sort_out(tx: Tx, items: Iterable[tuple[Origin, Signal | Refused]]) -> Sorted:
    """Compare a batch of (origin, item) with what is stored and with itself, by (tenant, source, id)."""
    result = Sorted()
    by_tenant: dict[TenantId, list[tuple[Origin, Signal]]] = {}
    for origin, item in items:
        result.given[item.tenant, item.region] += 1
        if isinstance(item, Refused):
            result.refused.append((origin[0], item))
        else:
            by_tenant.setdefault(item.tenant, []).append((origin, item))
    for tenant, signals in by_tenant.items():
        result.fresh[tenant] = _new(tx, tenant, signals, result)
    result.refused.sort(key=lambda one: (one[0], one[1].position))
    return result


def _new(tx: Tx, tenant: TenantId, signals: Sequence[tuple[Origin, Signal]], result: Sorted) -> list[Fresh]:
    refs = [signal.signal_id for _, signal in signals]
    stored = tx.rows("known_refs", {"tenant": tenant, "refs": as_json(refs)})
    known: dict[str, bytes] = {row.ref: row.digest for row in stored}
    fresh: list[Fresh] = []
    here: dict[str, Signal] = {}
    for ref, ((call, position), signal) in zip(refs, signals, strict=True):
        at = instant(signal.occurred_at)
        found = digest(signal, at)
        before = known.get(ref)
        if before is None:
            known[ref], here[ref] = found, signal
            fresh.append(Fresh(signal, ref, at, found))
        elif before == found:
            result.duplicates[tenant, signal.region] += 1
            result.repeated[call] += 1
        else:
            first = here.get(ref) or _stored(tx, tenant, ref)
            result.refused.append((call, conflict(position, signal, first)))
    return fresh


def _stored(tx: Tx, tenant: TenantId, ref: str) -> Signal:
    return signal_from(tx.one("signal_body", {"tenant": tenant, "ref": ref}).body)


def conflict(position: int, signal: Signal, first: Signal) -> Refused:
    """What becomes of a signal whose id was used before for other content."""
    # Of what lies in another region no more is told than that.
    names = differing(first, signal) if first.region == signal.region else "region"
    return Refused(
        tenant=signal.tenant,
        region=signal.region,
        source=signal.source,
        raw=signal_bytes(signal),
        field=names,
        code="conflict",
        reason=f"{names}: differs from what was delivered before under this id; send what changed under a new id",
        position=position,
    )
