"""Reading a whole talk."""

from collections.abc import Sequence
from typing import Protocol

from domain.handoff import Heard, Message


class Listener(Protocol):
    """Hears what the customer is after."""

    async def hear(self, messages: Sequence[Message]) -> Heard:
        """What the customer's turns in `messages`, oldest first, say; agents and bots are never read for it.

        Raises: Temporary (an outage), Permanent (it cannot read at all).
        """
        ...
