"""Reading text."""

from collections.abc import Sequence
from typing import Protocol

from domain.intent import Reading
from domain.signal import Signal


class Reasoner(Protocol):
    """Reads intents and slots in signals."""

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:
        """Claims and slots of each signal in `new`; `recent` is context only and gives no claims.

        The local reasoner is a pure function of each signal alone. Raises: Temporary.
        """
        ...
