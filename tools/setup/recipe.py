"""What the vendors' set-ups have in common: one recipe a vendor, and the account that it opens."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from domain.errors import Refused
from domain.ports.receivers import Delivery
from domain.ports.setup import Account, Ask, Hook, Makeable
from tools.clock import SystemClock
from tools.receivers import PATH
from tools.vendor import Api, Call, Manners, Renew

Names = Mapping[str, Any]
NAME: Final = "Leadgraph"
"""What things that we make are called at a vendor."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something to be made: in words, and by which requests."""

    words: str
    calls: tuple[Call, ...]

    def shown(self) -> Makeable:
        """As a person reads it."""
        return Makeable(self.words, tuple(call.text() for call in self.calls))


@dataclass(frozen=True, slots=True)
class Opened:
    """An account: how it is asked, and how it is checked without a write."""

    api: Api
    values: Mapping[str, str]
    own: Mapping[str, str]
    """The vendor's fields that the connector keeps for itself, and those of the field map, by our name."""
    check: Callable[[], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Satisfies `domain.ports.setup.Setup`. Without `open` the vendor is never asked."""

    name: str
    asks: Sequence[Ask]
    scopes: Sequence[str] = ()
    webhook: str = ""
    path: str = ""
    """Where it is received, if not with the other webhooks."""
    gives: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[str], Sequence[str]] = lambda _: ()
    signed: Callable[[str, str, int], Delivery]
    open: Callable[[Mapping[str, str]], Any] | None = None
    """Gives an async context manager of an `Opened`."""
    who: Callable[[Opened], Awaitable[str]] | None = None
    missing: Callable[[Opened], Awaitable[Sequence[Missing]]] | None = None
    hooked: Callable[[Opened, str], Awaitable[Hook]] | None = None

    def __post_init__(self) -> None:
        """Webhooks have one place."""
        object.__setattr__(self, "path", self.path or f"{PATH}{self.webhook}")

    @property
    def registers(self) -> bool:
        """See the port."""
        return self.hooked is not None

    def steps(self, url: str) -> Sequence[str]:
        """See the port."""
        return self.told(url)

    def trial(self, secret: str, url: str, now: int) -> Delivery:
        """See the port."""
        return self.signed(secret, url, now)

    def account(self, values: Mapping[str, str]) -> Any:
        """See the port."""
        return None if self.open is None else self._opened(values)

    @asynccontextmanager
    async def _opened(self, values: Mapping[str, str]) -> AsyncIterator[Account]:
        if self.open is None:
            raise AssertionError("only asked where there is an account")
        async with self.open(values) as opened:
            yield _Account(self, opened)


@dataclass(slots=True)
class _Account:
    """Satisfies `domain.ports.setup.Account`."""

    recipe: Recipe
    opened: Opened
    _calls: dict[Makeable, tuple[Call, ...]] = field(default_factory=dict)

    async def who(self) -> str:
        return await self.recipe.who(self.opened) if self.recipe.who else self.recipe.name

    async def makeable(self) -> Sequence[Makeable]:
        found = await self.recipe.missing(self.opened) if self.recipe.missing else ()
        self._calls = {one.shown(): one.calls for one in found}
        return tuple(self._calls)

    async def make(self, what: Makeable) -> None:
        for call in self._calls[what]:
            try:
                await self.opened.api.write(call)
            except Refused as error:
                if error.code != "conflict":  # made by somebody else meanwhile
                    raise

    async def lacks(self) -> Sequence[str]:
        return await self.opened.check()

    async def hook(self, url: str) -> Hook | None:
        return await self.recipe.hooked(self.opened, url) if self.recipe.hooked else None


@asynccontextmanager
async def asking(manners: Manners, url: str, token: str | Renew, *, setting: str) -> AsyncIterator[Api]:
    """A vendor's API, asked with the token that a person gave, or that is got so; closed at the end.

    Raises: ConfigError.
    """

    async def renew(_: str | None) -> str:
        return str(token)

    login = renew if isinstance(token, str) else token
    api = Api(manners, url, login, SystemClock(), setting=setting)
    try:
        yield api
    finally:
        await api.aclose()


def rows(answer: Any, name: str = "") -> list[Mapping[str, Any]]:
    """The objects in a list that a vendor answered with, or in its member `name`."""
    found = answer.get(name) if name and isinstance(answer, Mapping) else answer
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
