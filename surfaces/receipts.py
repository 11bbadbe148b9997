"""Our receipts beside a target's own ledger: what each says was done, key by key."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.effect import LEFT, StepState
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow

APPLIED = frozenset({StepState.DONE, StepState.UNDO_STARTED, StepState.UNDONE})
"""A step in one of these states was done once, whatever came of it later."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Steps by kind as the target's ledger has them, and the keys on which the two do not agree."""

    steps: Mapping[str, int]
    ours: int
    theirs: int
    only_ours: tuple[str, ...]
    only_theirs: tuple[str, ...]
    doubled: tuple[str, ...]
    """Keys that the target applied more than once."""

    @property
    def equal(self) -> bool:
        """Both sides say the same, and each thing once."""
        return not (self.only_ours or self.only_theirs or self.doubled)


def receipt_keys(rows: Iterable[OutboxRow]) -> set[str]:
    """Keys of every step that our records say was taken, undo steps included."""
    keys = set[str]()
    for one in (step for row in rows for step in row.steps):
        if one.receipt is not None and LEFT in one.receipt.before:
            continue
        if one.state in APPLIED:
            keys.add(one.key)
        if one.state is StepState.UNDONE:
            keys.add(f"{one.key}/undo")
    return keys


async def compared(home: Home, ledger: Sequence[tuple[str, str]]) -> Compared:
    """Compare with `ledger`: the target's (key, kind) of each request that it applied, as often as it did."""
    ours = receipt_keys(await home.outbox.rows(home.tenant, limit=1_000_000))
    times = Counter(key for key, _ in ledger)
    return Compared(
        steps=dict(sorted(Counter(kind for _, kind in ledger).items())),
        ours=len(ours),
        theirs=len(ledger),
        only_ours=tuple(sorted(ours - times.keys())),
        only_theirs=tuple(sorted(times.keys() - ours)),
        doubled=tuple(sorted(key for key, n in times.items() if n > 1)),
    )
