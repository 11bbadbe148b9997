"""Connecting a vendor: ask, look, make what is missing, let it call us, send a trial through, keep the answers.

Nothing is written at the vendor before a person has seen the exact requests and said yes. Nothing is kept here before
the vendor has accepted the credentials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from domain.errors import BadInput, LeadgraphError
from domain.ports.receivers import Delivery
from domain.ports.setup import Account, Ask, Hook, Makeable, Setup

Tried = Mapping[str, Any]
Try = Callable[[Setup, str, Delivery], Tried]
"""Sends the trial to our own door: ``where``, ``ok``, ``words``."""
Keep = Callable[[Mapping[str, str], Mapping[str, str]], Sequence[str]]
"""Keeps the secret and the other settings; says where each went."""


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
    """What a person still has to do at the vendor."""
    webhook: str = ""
    """Where the vendor calls us."""
    hook: str = ""
    """What became of its webhook."""
    steps: list[str] = field(default_factory=list)
    trial: Tried = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """True if nothing is left to be done at the vendor, and the trial came through."""
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


async def connect(
    setup: Setup, known: Mapping[str, str], person: Person, *, attempt: Try, keep: Keep, now: int
) -> Connected:
    """Go through it all. `known` are the settings as they stand, by name; `now` is an Instant.

    Raises: BadInput for an answer that is missing or makes no sense; what the vendor raises for credentials.
    """
    found = Connected(setup.name)
    if setup.scopes:
        person.tell("It needs no more than: " + "; ".join(setup.scopes))
    values = _asked(setup, known, person)
    opened = setup.account(values)
    url = _url(setup, values)
    found.webhook = url
    if opened is not None:
        async with opened as account:
            found.who = await account.who()
            person.tell(f"reached: {found.who}")
            await _complete(account, person, found)
            found.lacks = list(await account.lacks())
            hook = await _hooked(account, url, person, found) if url and setup.registers else None
            if hook is not None and hook.secret is not None:
                _with_old(values, _secret_of(setup), hook.secret)
    if not found.hook:
        found.steps = list(setup.steps(url or f"https://YOUR-ADDRESS{setup.path}"))
    found.kept = list(keep(*_parted(setup, values)))
    secret = values.get(_secret_of(setup), "").partition(",")[0].strip()
    if setup.webhook and secret:
        found.trial = attempt(setup, url, setup.trial(secret, url, now))
    return found


async def _complete(account: Account, person: Person, found: Connected) -> None:
    """Make what is missing, once a person has seen the requests and said yes."""
    missing = await account.makeable()
    if not missing:
        return
    for one in missing:
        person.tell(f"missing: {one.words}")
        for request in one.requests:
            person.tell(f"    {request}")
    if not person.agree(f"Make {_things(missing)} there?"):
        return
    for one in missing:
        await account.make(one)
        found.made.append(one.words)


async def _hooked(account: Account, url: str, person: Person, found: Connected) -> Hook | None:
    if not person.agree(f"Let it call {url}?"):
        return None
    try:
        hook = await account.hook(url)
    except LeadgraphError as error:
        person.tell(f"the webhook was not set up: {error}")
        return None
    found.hook = hook.words if hook is not None else ""
    return hook


def _asked(setup: Setup, known: Mapping[str, str], person: Person) -> dict[str, str]:
    values = dict(known)
    for ask in setup.asks:
        there = known.get(ask.setting, "")
        needless = ask.rare or bool(values.get(ask.unless))
        given = person.ask(replace(ask, rare=needless), there).strip() or there
        if ask.needed and not given:
            raise BadInput(ask.setting, "is needed", f"give {ask.words}", code="missing")
        if ask.number and not (given.isascii() and given.isdigit()):
            raise BadInput(ask.setting, "is no number", f"give {ask.words}")
        if ask.setting == _secret_of(setup) and given and given != there:
            _with_old(values, ask.setting, given)
        elif given:
            values[ask.setting] = given
    return values


def _with_old(values: dict[str, str], name: str, secret: str) -> None:
    """Sign with `secret` from now on; the one before stays good until the next is given."""
    before = values.get(name, "").partition(",")[0].strip()
    values[name] = secret if before in ("", secret) else f"{secret},{before}"


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
