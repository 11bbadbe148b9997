"""Receivers of webhooks: what a vendor sends is proven to come from it, then read as raw items for the door."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from domain.errors import LeadgraphError
from domain.ports.sources import RawItem
from domain.ports.upstream import Record

JSON = "application/json"
SOURCES: Final = ("hubspot", "salesforce", "segment", "chatwoot", "intercom", "zendesk", "standard")
"""Who may send webhooks, as named in their address."""


class Unproven(LeadgraphError):
    """The request does not show that it comes from whom it says: answered with 401, and nothing is kept."""

    def __init__(self, code: str) -> None:
        """`code` is a stable word for counting: ``missing``, ``signature``, ``stale``, ``future``."""
        super().__init__(f"the request is not proven: {code}")
        self.code = code


class NotSetUp(LeadgraphError):
    """Nothing can be proven yet, as a setting is missing: everything is turned away until it is there."""

    def __init__(self, setting: str) -> None:
        """`setting` is the name of the setting."""
        super().__init__(f"the setting {setting} is missing")
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request. `headers` have lower-case names, `body` the bytes as they came, `token` the path's last part."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a delivery says: items for the door, and how many of its events were left out, by reason.

    `thin` are the items that say less than the vendor's record does: they name the lead, the rest is read there.
    """

    items: tuple[RawItem, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    """Reasons are codes: ``echo`` (our own write came back), ``kind``, ``unlisted``, ``no_lead``, ``unchanged`` ..."""
    thin: int = 0
    records: tuple[Record, ...] = ()
    """Records of the vendor that say more than was sent."""
    standing: Mapping[int, str] = field(default_factory=dict)
    """Places of items that say how a record stands now, whoever changed it, each with a reason.

    What the lead's signals say already is left out of them, and counted under the reason; under ``echo`` also all
    that a record says of which nobody has told.
    """


@dataclass(frozen=True, slots=True)
class Form:
    """How a vendor sends: media types, bytes that a body may have at most, packed with gzip or not.

    `answer` is what the vendor wants to hear once everything is stored, None for our usual JSON.
    """

    types: frozenset[str] = frozenset({JSON})
    limit: int = 1024 * 1024
    gzip: bool = False
    answer: tuple[str, bytes] | None = None
    """Media type and body."""


class Receiver(Protocol):
    """One vendor's webhook. Both steps are pure: the same delivery at the same time gives the same."""

    @property
    def name(self) -> str:
        """As in the address."""
        ...

    @property
    def form(self) -> Form:
        """How it sends."""
        ...

    def verify(self, delivery: Delivery, *, now: int) -> None:
        """Return if the delivery is proven at the Instant `now`. Raises: Unproven, NotSetUp."""
        ...

    def read(self, delivery: Delivery, *, now: int) -> Reading:
        """What it says; `now` stands in, by the hour, for a time that the vendor does not send.

        Only for a verified delivery, its body unpacked. Raises: BadInput if the body as a whole cannot be read.
        """
        ...


class Receivers(Protocol):
    """All receivers of a home."""

    def get(self, name: str) -> Receiver | None:
        """The one called `name`, None if there is none. Raises: ConfigError if a setting of it is wrong."""
        ...
