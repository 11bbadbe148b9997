"""Times for people: on the clock of the place where the command runs, and how far away."""

from domain.instants import DAY, HOUR, MINUTE, SECOND, Instant, moment


def when(at: int, now: int) -> str:
    """Local time to the minute with its distance from `now`, such as ``2026-03-10 16:02 (in 5 min)``."""
    return f"{moment(Instant(at)).astimezone():%Y-%m-%d %H:%M} ({distance(at - now)})"


def distance(span: int) -> str:
    """A span in words, rounded down; negative: ago.

    >>> distance(90 * SECOND), distance(-3 * DAY), distance(500)
    ('in 1 min', '3 days ago', 'now')
    """
    size = abs(span)
    for unit, name, several in (
        (DAY, "day", "days"),
        (HOUR, "h", "h"),
        (MINUTE, "min", "min"),
        (SECOND, "s", "s"),
    ):
        if size >= unit:
            count = size // unit
            words = f"{count} {name if count == 1 else several}"
            return f"in {words}" if span > 0 else f"{words} ago"
    return "now"
