"""Support desks as they are read: a conversation as it stands there now, and which are to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.handoff import Talk
from domain.ids import TenantId


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


@dataclass(frozen=True, slots=True)
class DueTalk:
    """A conversation that was taken to be looked at. `mark` tells if something happened in it meanwhile."""

    conversation: str
    mark: int
    attempt: int


class DueTalks(Protocol):
    """Conversations in which a customer wrote, or which were closed, since they were last looked at.

    The inbox puts them on the list in the transaction that takes the signal in, so none is forgotten.
    """

    async def take(self, tenant: TenantId, *, limit: int, now: int, lease_us: int) -> Sequence[DueTalk]:
        """Up to `limit` that are due, the oldest first; whoever dies over them lets them fall due again."""
        ...

    async def settle(self, tenant: TenantId, one: DueTalk, *, now: int) -> None:
        """It was looked at. Where something happened in it meanwhile it is due at once."""
        ...

    async def put_off(self, tenant: TenantId, one: DueTalk, *, until: int, code: str) -> None:
        """It could not be looked at now, because of `code`."""
        ...

    async def waiting(self, tenant: TenantId) -> int:
        """How many are on the list."""
        ...


@dataclass(frozen=True, slots=True)
class Desks:
    """The desk whose conversations are followed.

    `dry`: what would be done is only put on record. `tells`: the customer is told who comes, in the conversation.
    """

    conversations: Conversations
    due: DueTalks
    dry: bool = False
    tells: bool = False
