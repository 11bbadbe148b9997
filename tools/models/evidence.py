"""What any scorer asks of signals: which are behind a reason, and how many are there?"""

from typing import Final

from domain.features import Catalogue
from domain.score import MAX_REFS
from domain.signal import FACT, Event

INTENT: Final = "intent."
_ACCOUNT: Final = "account."


def behind(
    feature: str, events: tuple[Event, ...], as_of: int, catalogue: Catalogue
) -> tuple[tuple[str, ...], int]:
    """Refs of the signals behind a feature or an intent as of `as_of`, at most `MAX_REFS`, and how many there are.

    Of account features none: they belong to other leads as well.
    """
    if feature.startswith(INTENT):
        return _behind_intent(feature.removeprefix(INTENT), events, as_of)
    if feature.startswith(_ACCOUNT):
        return (), 0
    return catalogue.lineage(feature, events, as_of, limit=MAX_REFS)


def signals_known(events: tuple[Event, ...], as_of: int) -> int:
    """How many signals, other than stated facts, there are as of `as_of`."""
    return len({event.ref for event in events if event.at <= as_of and event.kind != FACT})


def _behind_intent(name: str, events: tuple[Event, ...], as_of: int) -> tuple[tuple[str, ...], int]:
    """The newest signals that claim the intent, and how many there are."""
    tag, denial = f"{name}:", f"{name}:0"
    refs = [
        event.ref
        for event in reversed(events)
        if event.tags
        and event.at <= as_of
        and any([one.startswith(tag) and one != denial for one in event.tags])
    ]
    unique = tuple(dict.fromkeys(refs))
    return unique[:MAX_REFS], len(unique)
