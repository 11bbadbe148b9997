"""Rates that several workers share."""

from typing import Protocol


class Limits(Protocol):
    """Token buckets kept where all workers see them."""

    async def reserve(self, name: str, *, per_minute: int, burst: int, now: int) -> int:
        """Take one token of the bucket `name`; the answer is 0, or the microseconds until there is one (none taken).

        A bucket holds `burst` tokens at most and gains `per_minute` tokens a minute. A clock that runs backwards
        gains nothing.
        """
        ...
