"""Outgoing events: the feed of what happened, who is told of it, and the way there."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.happening import EventType, Happening
from domain.ids import Region, TenantId


class Feed(Protocol):
    """What was committed, one row a decision or question, in the order of commit."""

    async def since(
        self, tenant: TenantId, region: Region, position: int, *, limit: int
    ) -> Sequence[Happening]:
        """Rows that may give events after `position`, at most `limit`, the oldest first."""
        ...

    async def end(self, tenant: TenantId, region: Region) -> int:
        """The last position that there is now; 0 in an empty home."""
        ...


class SubscriptionState(StrEnum):
    """`PAUSED` after days without an answer, until a person resumes it; `ENDED` for good."""

    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of what. `position` is that of the last event that arrived; times are Instants."""

    subscription_id: str
    tenant: TenantId
    region: Region
    url: str
    types: frozenset[EventType]
    state: SubscriptionState
    position: int
    made_at: int
    reason: str = ""
    """Code of the last failure, or of the end."""
    generation: int = 0
    """Of the signing secret."""
    rotated_at: int = 0
    tries: int = 0
    """Failures since something arrived."""
    failing_since: int | None = None
    next_try: int = 0
    token: int = 0
    """Of the last take; what was taken under an older one is over."""


class Subscriptions(Protocol):
    """Every method is limited to one tenant; each change is durable when it returns."""

    async def make(
        self,
        tenant: TenantId,
        region: Region,
        *,
        url: str,
        types: frozenset[EventType],
        position: int,
        now: int,
    ) -> Subscription:
        """A new one, told of what comes after `position`."""
        ...

    async def all(self, tenant: TenantId) -> Sequence[Subscription]:
        """Every one, also those that ended."""
        ...

    async def take(self, tenant: TenantId, *, now: int, lease_us: int, limit: int) -> Sequence[Subscription]:
        """Take those that are due and that have something before them, the longest waiting first.

        Nobody else has them until the lease ends.
        """
        ...

    async def advance(self, taken: Subscription, position: int, *, arrived: bool, until: int) -> bool:
        """Everything up to `position` is settled; the lease now runs to `until`. False: it is not ours any more.

        `arrived`: the receiver has answered, so an earlier failure is over.
        """
        ...

    async def fail(
        self, taken: Subscription, reason: str, *, state: SubscriptionState, next_try: int, now: int
    ) -> None:
        """Note a failure and give it back; nothing if it is not ours any more."""
        ...

    async def release(self, taken: Subscription, *, now: int) -> None:
        """Give it back: it waits from now on, behind those that have waited longer."""
        ...

    async def restart(self, tenant: TenantId, subscription_id: str, position: int) -> Subscription:
        """Tell again of what comes after `position`, also where it was paused. Raises: BadInput (``unknown``)."""
        ...

    async def rotate(self, tenant: TenantId, subscription_id: str, *, now: int) -> Subscription:
        """Give it another secret; the one before still signs too for a day. Raises: BadInput (``unknown``)."""
        ...

    async def end(self, tenant: TenantId, subscription_id: str, reason: str) -> Subscription:
        """End it for good. Raises: BadInput (``unknown``)."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said. `code` is ``ok``, ``gone``, or of a failure; after that wait `retry_after_s` at least."""

    code: str
    retry_after_s: float = 0.0


class Callbacks(Protocol):
    """Messages to addresses that others gave us."""

    async def checked(self, url: str) -> str:
        """`url`, if we may send there. Raises: BadInput (``url``)."""
        ...

    def secret(self, subscription: Subscription) -> str:
        """Its signing secret, ``whsec_…``."""
        ...

    async def post(self, subscription: Subscription, message_id: str, body: bytes) -> Answer:
        """Send one message, signed; the same id again is the same message. Never raises for what is outside."""
        ...


@dataclass(frozen=True, slots=True)
class Events:
    """All of it, as a home carries it."""

    feed: Feed
    subscriptions: Subscriptions
    callbacks: Callbacks
