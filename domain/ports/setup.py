"""Setting a vendor up: what a person is asked for, what the account lacks, and the webhook that it should call."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.ports.receivers import Delivery


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that a person is asked for. `words` say what it is and where the vendor shows it."""

    setting: str
    """Name of the setting that holds the answer."""
    words: str
    secret: bool = False
    needed: bool = True
    number: bool = False
    """Digits alone make sense."""
    rare: bool = False
    """Nobody is asked for it; whoever needs it gives it beforehand."""
    unless: str = ""
    """Name of another setting: where that is given, nobody is asked for this one, and it is not needed."""


@dataclass(frozen=True, slots=True)
class Makeable:
    """Something that the account lacks and that we can make there. `requests` are the exact ones, as a person reads."""

    words: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that the vendor has now. `secret` is what it signs with, None if the vendor does not tell."""

    words: str
    made: bool
    """False if it was there already."""
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account is, by reads alone, one line each."""

    lacks: Sequence[str] = ()
    """Rights that are missing, and what is wrong with the webhook."""
    untold: Sequence[str] = ()
    """What the vendor does not tell: a person sees to it."""


class Account(Protocol):
    """A vendor's account as its credentials open it. Each raises: Temporary, Throttled, Unauthorized, Refused."""

    async def who(self) -> str:
        """Whose account it is, by a read-only request: the credentials are right if this answers."""
        ...

    async def makeable(self) -> Sequence[Makeable]:
        """What is missing and can be made; nothing is changed."""
        ...

    async def make(self, what: Makeable) -> None:
        """Make it; what is there by now counts as made. Raises: OutcomeUnknown too."""
        ...

    async def us(self) -> str:
        """Who we are there, as a webhook of the vendor names whoever wrote; empty if the vendor does not tell."""
        ...

    async def standing(self, url: str) -> Standing:
        """Our rights there, and whether a webhook calls `url` for all that is needed; without a `url` rights alone."""
        ...

    async def hookable(self, url: str) -> Makeable | None:
        """What is to be made or put right so that the vendor calls `url` for all that is needed; nothing is changed.

        None where it does so, or where only a person can set that up.
        """
        ...

    async def hook(self, url: str) -> Hook | None:
        """Let the vendor call `url`, once however often it is asked for; None where only a person can set that up."""
        ...


class Setup(Protocol):
    """How one vendor is set up."""

    name: str
    asks: Sequence[Ask]
    scopes: Sequence[str]
    """The least rights that the credentials need, in the vendor's words."""
    webhook: str
    """Source name of its webhook, empty if it sends none."""
    path: str
    """Where at our address it is received."""
    gives: Mapping[str, str]
    """Settings that connecting sets by itself, such as ``crm = hubspot``."""

    @property
    def registers(self) -> bool:
        """True if the vendor's API lets us set the webhook up."""
        ...

    def steps(self, url: str) -> Sequence[str]:
        """What a person does at the vendor so that it calls `url`."""
        ...

    def account(self, values: Mapping[str, str]) -> AbstractAsyncContextManager[Account] | None:
        """The account that `values` (by setting) open, None for a vendor that is never asked. Raises: ConfigError."""
        ...

    def trial(self, secret: str, url: str, now: int) -> Delivery:
        """A request as the vendor would sign it, with an event that says nothing of a lead. `now` is an Instant."""
        ...
