"""What the vendors' set-ups have in common: one recipe a vendor, and the account that it opens."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from domain.errors import ConfigError, Refused, Unauthorized
from domain.ports.receivers import Delivery
from domain.ports.setup import Account, Ask, Hook, Makeable, Standing
from tools.clock import SystemClock
from tools.receivers import PATH
from tools.settings import Settings, parsed
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
    """An account: how it is asked, by what settings."""

    api: Api
    values: Mapping[str, str]
    own: Mapping[str, str]
    """The vendor's fields that the connector keeps for itself, and those of the field map, by our name."""
    login: Renew | None = None
    """How its token is got, where something is asked about the token itself."""


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
    signed: Callable[[str, str, int], Delivery] | None = None
    open: Callable[[Mapping[str, str]], Any] | None = None
    """Gives an async context manager of an `Opened`."""
    who: Callable[[Opened], Awaitable[str]] | None = None
    us: Callable[[Opened], Awaitable[str]] | None = None
    rights: Callable[[Opened], Awaitable[Standing]] | None = None
    missing: Callable[[Opened], Awaitable[Sequence[Missing]]] | None = None
    hooked: Callable[[Opened, str], Awaitable[Hook]] | None = None
    unhooked: Callable[[Opened, str], Awaitable[Missing | None]] | None = None
    """What `hooked` would make or put right."""
    untold: Sequence[str] = ()
    """What the vendor never tells."""

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
        if self.signed is None:
            raise AssertionError("only asked where there is a webhook")
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
            except Unauthorized:
                raise self._forbidden(f"make the {what.words}") from None
            except Refused as error:
                if error.code != "conflict":  # made by somebody else meanwhile
                    raise

    async def us(self) -> str:
        return await self.recipe.us(self.opened) if self.recipe.us else ""

    async def standing(self, url: str) -> Standing:
        recipe, untold = self.recipe, list(self.recipe.untold)
        rights = await recipe.rights(self.opened) if recipe.rights else Standing()
        lacks = list(rights.lacks)
        if url and recipe.unhooked:
            try:
                wrong = await recipe.unhooked(self.opened, url)
                lacks += [wrong.words] if wrong else []
            except (Refused, Unauthorized):
                untold.append("only an administrator's token is told whether its webhook is set up")
        return Standing(lacks, [*rights.untold, *untold])

    async def hookable(self, url: str) -> Makeable | None:
        try:
            wrong = await self.recipe.unhooked(self.opened, url) if self.recipe.unhooked else None
        except Unauthorized:
            raise self._forbidden("see webhooks") from None
        return wrong.shown() if wrong else None

    def _forbidden(self, what: str) -> Refused:
        """Of a token that was accepted a moment ago."""
        return Refused(
            f"{self.recipe.name}: our token may not {what}; connect with an administrator's", "forbidden"
        )

    async def hook(self, url: str) -> Hook | None:
        return await self.recipe.hooked(self.opened, url) if self.recipe.hooked else None


def settings_of(values: Mapping[str, str], **more: Any) -> Settings:
    """The settings that `values` (by name) make, for whoever opens by settings. Raises: ConfigError."""
    given = {name: parsed(name, value) for name, value in values.items() if value}
    try:
        return Settings(**{**given, **more})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"setting {first['loc'][0]}: {first['msg']}") from None


@asynccontextmanager
async def asking(manners: Manners, url: str, login: tuple[str, Renew]) -> AsyncIterator[Api]:
    """A vendor's API, closed at the end. `login` is where a person renews the token, and how it is got.

    Raises: ConfigError.
    """
    setting, renew = login
    api = Api(manners, url, renew, SystemClock(), setting=setting)
    try:
        yield api
    finally:
        await api.aclose()


def known(vendor: str, number: Any) -> str:
    """The number by which the vendor names an account or user. Raises: Refused if an answer holds none."""
    if not number or not isinstance(number, int | str):
        raise Refused(f"{vendor}: the answer names no account; is its address right?", "moved")
    return str(number)


def subscribed(hook: Mapping[str, Any]) -> list[str]:
    """The events that a vendor's webhook tells of."""
    found = hook.get("subscriptions")
    return [str(one) for one in found] if isinstance(found, list) else []


def left_out(hook: Mapping[str, Any], events: Sequence[str]) -> list[str]:
    """Which of `events` it does not tell of."""
    return [one for one in events if one not in subscribed(hook)]


def rows(answer: Any, name: str = "") -> list[Mapping[str, Any]]:
    """The objects in a list that a vendor answered with, or in its member `name`."""
    found = answer.get(name) if name and isinstance(answer, Mapping) else answer
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
