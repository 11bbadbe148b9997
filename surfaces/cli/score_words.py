"""A learned score in words: how sure it is, what became of leads like it, and what would change the band."""

from collections.abc import Iterator

from domain.band_moves import Change, Moves
from domain.feature import FeatureDef
from domain.features import Catalogue
from domain.score import Score
from domain.signal import MICRO

_DAY = 24


def certainty_of(score: Score) -> Iterator[str]:
    """What stands beside the number."""
    if score.similar is not None and score.interval is not None:
        (cases, won), (low, high) = score.similar, score.interval
        share = won / cases if cases else 0.0
        yield (
            f"of {cases:,} past leads with about this score {won:,} were won: {share:.0%} "
            f"({low / 10:.0f} to {high / 10:.0f} %)"
        )
    yield from score.remarks


def moves_in_words(found: Moves, catalogue: Catalogue) -> Iterator[str]:
    """One line per change, nearest first; a line as well where nothing alone would do it."""
    for lead_in, changes in (("up", found.up), ("down", found.down)):
        for change in changes:
            yield f"{lead_in} to {change.band.value} ({change.points} %): {_changed(change, catalogue)}"
    if not found.up and not found.down:
        yield "nothing that it does or leaves undone would alone change the band, as far as past leads show"


def _changed(change: Change, catalogue: Catalogue) -> str:
    definition = catalogue.get(change.feature)
    said = definition.description.rstrip(".")
    return f"{said}: {_amount(change.to, definition)} instead of {_amount(change.value, definition)}"


def _amount(value: int | None, definition: FeatureDef) -> str:
    if value is None:
        return "never"
    if definition.unit.startswith("micro-"):
        return f"{value / MICRO:,.2f}".rstrip("0").rstrip(".")
    if definition.unit == "hours" and value >= 2 * _DAY:
        return f"{value // _DAY:,} days"
    return f"{value:,}" + (" hours" if definition.unit == "hours" else "")
