"""Deliveries as a test writes them, and the signals that they become."""

from typing import Any

from domain.contract import admit
from domain.ports.receivers import Delivery, Reading
from domain.signal import Signal
from tests.domain.items import DOOR, NOW
from tests.surfaces.webhooks.sending import as_json

NONE: frozenset[str] = frozenset()


def read(vendor: Any, body: Any, actors: frozenset[str] = NONE, accounts: frozenset[str] = NONE) -> Reading:
    found: Reading = vendor.read(Delivery({}, as_json(body)), now=NOW, actors=actors, accounts=accounts)
    return found


def signals(vendor: Any, body: Any, **how: Any) -> list[Signal]:
    """The signals that come out of the door; every item must pass it."""
    return [admit(item, DOOR)[0] for item in read(vendor, body, **how).items if isinstance(item, dict)]


def short(signal: Signal) -> tuple[str, dict[str, Any]]:
    return signal.kind.value, dict(signal.payload)


def keys(signal: Signal) -> set[str]:
    return {key.value for key in signal.keys}
