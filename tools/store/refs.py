"""Sorting a batch: what is new, what was delivered before, and what contradicts an earlier delivery."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.ids import Region, TenantId
from domain.ports.inbox import Refused
from domain.signal import Signal
from tools.store.codec import differing, digest, signal_bytes, signal_from
from tools.store.components import as_json
from tools.store.engine import Tx

Place = tuple[TenantId, Region]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A signal seen for the first time, with the digest of its content."""

    signal: Signal
    digest: bytes


@dataclass(slots=True)
class Sorted:
    """A batch sorted: `fresh` by tenant, `refused` in order; `given` and `duplicates` counted by tenant and region."""

    fresh: dict[TenantId, list[Fresh]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    given: Counter[Place] = field(default_factory=Counter)
    duplicates: Counter[Place] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many signals are new."""
        return sum(map(len, self.fresh.values()))


def sort_out(tx: Tx, items: Iterable[tuple[int, Signal | Refused]]) -> Sorted:
    """Compare a batch of (position, item) with what is stored and with itself, by (tenant, source, id)."""
    result = Sorted()
    by_tenant: dict[TenantId, list[tuple[int, Signal]]] = {}
    for position, item in items:
        result.given[item.tenant, item.region] += 1
        if isinstance(item, Refused):
            result.refused.append(item)
        else:
            by_tenant.setdefault(item.tenant, []).append((position, item))
    for tenant, signals in by_tenant.items():
        result.fresh[tenant] = _new(tx, tenant, signals, result)
    result.refused.sort(key=lambda refused: refused.position)
    return result


def _new(tx: Tx, tenant: TenantId, signals: Sequence[tuple[int, Signal]], result: Sorted) -> list[Fresh]:
    refs = [signal.signal_id for _, signal in signals]
    stored = tx.rows("known_refs", {"tenant": tenant, "refs": as_json(refs)})
    known: dict[str, bytes] = {row.ref: row.digest for row in stored}
    fresh: list[Fresh] = []
    here: dict[str, Signal] = {}
    for position, signal in signals:
        ref, found = signal.signal_id, digest(signal)
        before = known.get(ref)
        if before is None:
            known[ref], here[ref] = found, signal
            fresh.append(Fresh(signal, found))
        elif before == found:
            result.duplicates[tenant, signal.region] += 1
        else:
            first = here.get(ref) or _stored(tx, tenant, ref)
            result.refused.append(conflict(position, signal, first))
    return fresh


def _stored(tx: Tx, tenant: TenantId, ref: str) -> Signal:
    return signal_from(tx.one("signal_body", {"tenant": tenant, "ref": ref}).body)


def conflict(position: int, signal: Signal, first: Signal) -> Refused:
    """What becomes of a signal whose id was used before for other content."""
    names = differing(first, signal)
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
