"""Support desks as they are read: a conversation as it stands there now."""

from typing import Protocol

from domain.handoff import Talk


class Conversations(Protocol):
    """One desk's conversations."""

    @property
    def name(self) -> str:
        """The vendor, as in the id of a conversation: ``<name>:<id>``."""
        ...

    async def talk(self, conversation: str) -> Talk | None:
        """The conversation called ``<name>:<id>``, whole; None if it is not there any more or holds no message.

        `status` is ``with_person`` where a person of the desk has it, ``closed`` where a person closed it. Private
        notes are left out; a person's public answers are ``agent``, our own and other bots' ``bot``; markup is
        taken off. `lead` is a key of the lead where the desk names one.
        Raises: Temporary, Throttled, Unauthorized, Refused.
        """
        ...
