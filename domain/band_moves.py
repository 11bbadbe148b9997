"""What would change the band: the smallest change of what a lead does that lifts it, or lets it drop.

Only behaviour counts, not what the lead is; only within the range that was seen in training; and only in a direction
in which the world can move: counts rise when a lead acts, hours since something fall to 0 when it happens again, and
both go the other way while it is silent. One thing is changed at a time; if none is enough, no answer is given.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from domain.band import Thresholds, step
from domain.feature import Aggregate, FeatureDef
from domain.lead import Band
from domain.model import FeatureUse
from domain.signal import FACT

Direction = Literal["up", "down"]
PointsAt = Callable[[str, int], int]
"""Points of the lead if one feature had another value and all else stayed."""
MOST: Final = 3
"""Changes that are named for each direction."""
RISES: Final = frozenset(
    {
        Aggregate.COUNT,
        Aggregate.DISTINCT,
        Aggregate.SUM,
        Aggregate.DECAYED,
        Aggregate.ACTIVE_DAYS,
        Aggregate.VELOCITY,
    }
)
_FULL: Final = 1_000


@dataclass(frozen=True, slots=True)
class Change:
    """If `feature` went from `value` to `to`, the lead would have `points` and be in `band`.

    `share` is how much of the range seen in training lies between, per mille of its cases, about.
    """

    feature: str
    value: int | None
    to: int
    points: int
    band: Band
    share: int


@dataclass(frozen=True, slots=True)
class Moves:
    """The smallest changes first: those that lift the lead into a better band, and those that let it drop."""

    up: tuple[Change, ...] = ()
    down: tuple[Change, ...] = ()


def actionable(definition: FeatureDef) -> bool:
    """Whether a lead changes this by what it does or leaves undone: no trait, no stage, no text."""
    return (
        definition.scope == "lead"
        and FACT not in definition.kinds
        and (definition.aggregate in RISES or definition.aggregate is Aggregate.RECENCY)
    )


def moves(
    band: Band,
    values: Mapping[str, int | str | None],
    uses: Sequence[tuple[FeatureUse, FeatureDef]],
    *,
    points_at: PointsAt,
    thresholds: Thresholds,
) -> Moves:
    """The changes that would move a lead out of `band`; `values` are its features as they are."""
    found: dict[Direction, list[Change]] = {"up": [], "down": []}
    for use, definition in uses:
        now = values.get(use.name)
        if not actionable(definition) or len(use.seen) < 2 or isinstance(now, str):
            continue
        for path in _paths(now, use.seen, definition.aggregate):
            change = _first(band, use, now, path, points_at=points_at, thresholds=thresholds)
            if change is not None:
                found["up" if _RANK[change.band] > _RANK[band] else "down"].append(change)
    ordered = {
        way: tuple(sorted(all_, key=lambda c: (c.share, c.feature))[:MOST]) for way, all_ in found.items()
    }
    return Moves(ordered["up"], ordered["down"])


_RANK: Final = {Band.COLD: 0, Band.WARM: 1, Band.HOT: 2}


def _paths(now: int | None, seen: Sequence[int], aggregate: Aggregate) -> list[list[int]]:
    """The values to try, from the nearest: one list up, one down. What never happened can only happen."""
    if now is None:
        return [[seen[0]]] if aggregate is Aggregate.RECENCY else []
    above, below = [one for one in seen if one > now], [one for one in reversed(seen) if one < now]
    return [path for path in (above, below) if path]


def _first(
    band: Band,
    use: FeatureUse,
    now: int | None,
    path: list[int],
    *,
    points_at: PointsAt,
    thresholds: Thresholds,
) -> Change | None:
    """The change nearest to `now` along `path` with which the band is left."""

    def band_at(value: int) -> Band:
        return step(band, points_at(use.name, value), thresholds)

    near = now
    for far in path:
        reached = band_at(far)
        if reached is band:
            near = far
            continue
        to = far if near is None else _between(near, far, partial(_moved, band_at, reached))
        share = _share(use.seen, now, to)
        return Change(use.name, now, to, points_at(use.name, to), reached, share)
    return None


def _moved(band_at: Callable[[int], Band], reached: Band, value: int) -> bool:
    return band_at(value) is reached


def _between(near: int, far: int, moved: Callable[[int], bool]) -> int:
    """The whole number nearest to `near` from which on, towards `far`, the band is left, if it is left once."""
    low, high = 0, abs(far - near)
    sign = 1 if far > near else -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if moved(near + sign * middle) else (middle, high)
    return near + sign * high


def _share(seen: Sequence[int], now: int | None, to: int) -> int:
    """Per mille of the training cases between two values, by the quantiles in `seen`; of none, all."""
    if now is None:
        return _FULL
    return abs(_place(seen, now) - _place(seen, to)) // (len(seen) - 1)


def _place(seen: Sequence[int], value: int) -> int:
    """Where `value` lies among the quantiles, in thousandths of a gap."""
    right = bisect_left(seen, value)
    if right == 0:
        return 0
    if right == len(seen):
        return _FULL * (len(seen) - 1)
    left, end = seen[right - 1], seen[right]
    return _FULL * (right - 1) + _FULL * (value - left) // (end - left)
