"""The header ``Retry-After``: how long a server asks us to stay away."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from domain.instants import SECOND, instant

LONGEST_S: Final = 3_600.0
"""No server keeps us away for longer than an hour at a time."""
USUAL_S: Final = 30.0
"""Where the header is missing or says nothing."""
_SECONDS: Final = re.compile(r"[+-]?[0-9]+")


def retry_after_s(header: str | None, *, now: int) -> float:
    """Seconds to wait, 0..3600, from whole seconds or an HTTP date; `now` is an Instant.

    >>> retry_after_s("120", now=0), retry_after_s("Thu, 01 Jan 1970 00:00:10 GMT", now=4_000_000)
    (120.0, 6.0)
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        seconds = LONGEST_S if len(text) > 9 and text[0] != "-" else float(text[:10])
    else:
        seconds = _until(text, now)
    return min(max(seconds, 0.0), LONGEST_S)


def _until(text: str, now: int) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return USUAL_S
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (instant(moment) - now) / SECOND
