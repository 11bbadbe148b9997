"""Connecting a vendor: ask, look, make what is missing, let it call us, send a trial through, keep the answers.

Nothing is written at the vendor before a person has seen the exact requests and said yes. Nothing is kept here before
the vendor has accepted the credentials.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from domain.errors import BadInput, LeadgraphError, Refused
from domain.ports.receivers import Delivery
from domain.ports.setup import Account, Ask, Hook, Makeable, Setup

Tried = Mapping[str, Any]
"""What became of a trial: ``where``, ``ok``, ``words``."""


class House(Protocol):
    """Our own side: settings, and what is kept of the answers."""

    def known(self, of: Setup) -> Mapping[str, str]:
        """The settings that a person gave for this vendor, by name."""
        ...

    def check(self, of: Setup, secrets: Mapping[str, str], plain: Mapping[str, str]) -> None:
        """Whether the answers can be used, and would be. Raises: BadInput, ConfigError."""
        ...

    def keep(self, of: Setup, secrets: Mapping[str, str], plain: Mapping[str, str], us: str) -> Sequence[str]:
        """Keep the secrets, the other settings and who we are there; where each went. Raises: as `check`."""
        ...

    def lacks(self, of: Setup) -> Sequence[str]:
        """What is still lacking by what is kept, as it is told at any later time. It may block."""
        ...

    def attempt(self, of: Setup, url: str, delivery: Delivery) -> Tried:
        """Send the trial to our own door."""
        ...

    def now(self) -> int:
        """The time, as an Instant."""
        ...


class Person(Protocol):
    """Who answers."""

    def ask(self, ask: Ask, known: str) -> str:
        """The answer; empty keeps what is `known`."""
        ...

    def agree(self, question: str) -> bool:
        """Yes or no."""
        ...

    def tell(self, words: str) -> None:
        """Say a line."""
        ...


@dataclass(slots=True)
class Connected:
    """What came of it."""

    vendor: str
    who: str = ""
    made: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    """What is still to be done, at the vendor or in our tables: what is told of it at any later time."""
    webhook: str = ""
    """Where the vendor calls us."""
    hook: str = ""
    """What became of its webhook."""
    steps: list[str] = field(default_factory=list)
    trial: Tried = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """True if nothing is left to be done, and the trial came through."""
        return not self.lacks and bool(self.trial.get("ok", True))

    def document(self) -> dict[str, Any]:
        """The JSON form; it holds no secret."""
        return {
            "vendor": self.vendor,
            "ready": self.ready,
            "who": self.who,
            "made": self.made,
            "lacks": self.lacks,
            "webhook": self.webhook,
            "hook": self.hook,
            "steps": self.steps,
            "trial": dict(self.trial),
            "kept": self.kept,
        }


async def connect(setup: Setup, person: Person, house: House, *, to: str = "") -> Connected:
    """Go through it all; `to` is another address for the trial.

    Raises: BadInput, ConfigError for an answer that is missing or cannot be used; what the vendor raises.
    """
    found = Connected(setup.name)
    if setup.scopes:
        person.tell("It needs no more than: " + "; ".join(setup.scopes))
    values = _asked(setup, house.known(setup), person)
    house.check(setup, *_parted(setup, values))
    found.webhook = url = _url(setup, values)
    us = await _at_the_vendor(setup, values, url, person, found)
    if not found.hook:
        found.steps = list(setup.steps(url or f"https://YOUR-ADDRESS{setup.path}"))
    found.kept = list(house.keep(setup, *_parted(setup, values), us))
    found.lacks = list(await asyncio.to_thread(house.lacks, setup))
    secret = values.get(_secret_of(setup), "").partition(",")[0].strip()
    if found.hook and not secret:
        found.lacks.append(
            f"{_secret_of(setup)}: the vendor tells none, and without it all that comes is refused"
        )
    if setup.webhook and secret:
        found.trial = house.attempt(setup, to or url, setup.trial(secret, url, house.now()))
    return found


async def _at_the_vendor(
    setup: Setup, values: dict[str, str], url: str, person: Person, found: Connected
) -> str:
    """Make what is missing and let it call us; a secret that it tells goes into `values`. Who we are there."""
    opened = setup.account(values)
    if opened is None:
        return ""
    async with opened as account:
        found.who = await account.who()
        person.tell(f"reached: {found.who}")
        try:
            await _complete(account, person, found)
        except Refused:
            for line in (await account.standing("")).lacks:
                person.tell(line)
            raise
        hook = await _hooked(account, url, person, found) if url and setup.registers else None
        if hook is not None and hook.secret is not None:
            _with_old(values, _secret_of(setup), hook.secret)
        return await account.us()


async def _complete(account: Account, person: Person, found: Connected) -> None:
    """Make what is missing, once a person has seen the requests and said yes."""
    missing = await account.makeable()
    if not missing:
        return
    for one in missing:
        _shown(one, person)
    if not person.agree(f"Make {_things(missing)} there?"):
        return
    for one in missing:
        await account.make(one)
        found.made.append(one.words)


async def _hooked(account: Account, url: str, person: Person, found: Connected) -> Hook | None:
    """Let it call us, once a person has seen the request and said yes; where it does already nobody is asked."""
    try:
        wrong = await account.hookable(url)
        if wrong is not None:
            _shown(wrong, person)
            if not person.agree(f"Let it call {url}?"):
                return None
        hook = await account.hook(url)
    except LeadgraphError as error:
        person.tell(f"the webhook was not set up: {error}")
        return None
    found.hook = hook.words if hook is not None else ""
    return hook


def _shown(missing: Makeable, person: Person) -> None:
    person.tell(f"missing: {missing.words}")
    for request in missing.requests:
        person.tell(f"    {request}")


def _asked(setup: Setup, known: Mapping[str, str], person: Person) -> dict[str, str]:
    values = dict(known)
    for ask in setup.asks:
        there = known.get(ask.setting, "")
        needless = ask.rare or bool(values.get(ask.unless))
        given = person.ask(replace(ask, rare=needless), there).strip() or there
        if given and ask.number and not (given.isascii() and given.isdigit()):
            raise BadInput(ask.setting, "is no number", f"give {ask.words}")
        if ask.secret and ask.setting.startswith("webhook_") and given and given != there:
            _with_old(values, ask.setting, given)
        elif given:
            values[ask.setting] = given
    for ask in setup.asks:
        if ask.needed and not values.get(ask.setting) and not values.get(ask.unless):
            raise BadInput(ask.setting, "is needed", f"give {ask.words}", code="missing")
    return values


def _with_old(values: dict[str, str], name: str, secret: str) -> None:
    """Sign with `secret` from now on; the one before stays good until the next is given."""
    before = values.get(name, "").partition(",")[0].strip()
    values[name] = secret if before in ("", secret) or "," in secret else f"{secret},{before}"


def _url(setup: Setup, values: Mapping[str, str]) -> str:
    public = values.get("public_url", "").rstrip("/")
    return f"{public}{setup.path}" if public and setup.webhook else ""


def _secret_of(setup: Setup) -> str:
    return f"webhook_{setup.webhook}_secrets"


def _parted(setup: Setup, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Secrets and plain settings that belong to this vendor."""
    secret = {ask.setting for ask in setup.asks if ask.secret} | (
        {_secret_of(setup)} if setup.webhook else set()
    )
    named = {ask.setting for ask in setup.asks} | secret
    mine = {name: values[name] for name in named if values.get(name)}
    plain = {name: value for name, value in mine.items() if name not in secret}
    return {name: mine[name] for name in mine if name in secret}, plain | dict(setup.gives)


def _things(missing: Sequence[Makeable]) -> str:
    return f"these {len(missing)} things" if len(missing) > 1 else "it"
