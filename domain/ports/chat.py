"""Questions to people in a chat: shown as messages with two buttons, answered by pressing one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.approval import VoteKind
from domain.ports.receivers import Delivery


@dataclass(frozen=True, slots=True)
class Question:
    """An approval as a chat shows it. Texts may hold a customer's words: they are shown as plain text."""

    approval_id: str
    proposal_hash: str
    open: bool
    """Whether it can still be answered: only then it has buttons."""
    head: str
    standing: str
    """How far it is, or how it ended."""
    writes: Sequence[str] = ()
    """What would be written, a line each."""
    whole: bool = True
    """Whether `writes` tells all of it: who cannot see all of it here must not approve it here."""
    why: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that somebody pressed. `user` is the chat's id of that person."""

    approval_id: str
    proposal_hash: str
    kind: VoteKind
    user: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """The chat asks whether somebody listens: it wants the text back."""

    text: str


class Chat(Protocol):
    """One channel of a chat. Each method raises: Temporary, Throttled, Unauthorized, Refused, OutcomeUnknown."""

    async def show(self, question: Question) -> bool:
        """Post the question once, or bring its message up to date; one that has ended is never posted anew.

        False if it is not known yet whether its message is there: ask again later.
        """
        ...

    async def showing(self) -> Sequence[str]:
        """The ids of approvals whose messages still have buttons."""
        ...

    async def whisper(self, user: str, words: str) -> None:
        """Tell one person of the channel something that nobody else sees."""
        ...

    def person(self, user: str) -> str | None:
        """Our name of the person with that id in the chat, None for somebody whom we do not know."""
        ...

    def verify(self, delivery: Delivery, *, now: int) -> None:
        """Return if the delivery is proven to come from the chat at the Instant `now`. Raises: Unproven, NotSetUp."""
        ...

    def read(self, delivery: Delivery) -> Pressed | Challenge | None:
        """What a proven delivery says; None if it is nothing for us. Raises: BadInput."""
        ...
