"""How often a key may ask: a bucket for each that fills up evenly. Of one process: several servers count apart."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from domain.errors import Throttled
from surfaces.api.problems import KEY_RATE

_MINUTE: Final = 60
MOST: Final = 65_536
"""Buckets that are kept, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How a key stands: `left` of `limit` requests, all of them again in `reset_s` seconds."""

    limit: int
    left: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """As they stand in an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset_s),
        }


class Rates:
    """Buckets by key: `burst` requests at once, refilled by `per_minute`. Of more than `most` the stalest goes."""

    def __init__(
        self, per_minute: int, burst: int, *, most: int = MOST, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`now` in seconds; the numbers are at least 1."""
        self._per_s, self._burst, self._most, self._now = per_minute / _MINUTE, burst, most, now
        self._kept: dict[str, tuple[float, float]] = {}

    def take(self, key: str, *, code: str = KEY_RATE) -> Rate:
        """Take one request out of a bucket. Raises: Throttled (`code`) if it is empty."""
        now = self._now()
        has = self._has(key, now)
        self._kept.pop(key, None)
        if has < 1:
            self._kept[key] = has, now
            raise Throttled("the rate of this key is used up", (1 - has) / self._per_s, code=code)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = has - 1, now
        return Rate(self._burst, int(has - 1), ceil((self._burst - has + 1) / self._per_s))

    def wait_s(self, key: str) -> float:
        """Seconds until one can be taken; 0 if one can be now."""
        return max(0.0, 1 - self._has(key, self._now())) / self._per_s

    def _has(self, key: str, now: float) -> float:
        had, at = self._kept.get(key, (float(self._burst), now))
        return min(float(self._burst), had + (now - at) * self._per_s)


def rates_of(per_minute: int, burst: int) -> Rates | None:
    """The rates of a server by its settings; None where a key may ask as often as it likes (`per_minute` is 0)."""
    return Rates(per_minute, burst) if per_minute else None
