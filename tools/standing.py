"""How each vendor in use is, by reads alone: what its account, our rights there and our settings lack."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from domain.errors import LeadgraphError, Refused
from domain.ports.setup import Setup
from domain.ports.setup import Standing as Rights
from tools.clock import SystemClock
from tools.echoes import actors_of
from tools.policy.reps import load_reps
from tools.settings import Settings
from tools.setup import NAMES, setup
from tools.setup.doors import names_of, values_of
from tools.vendors import Opened, open_contacts, open_crm, open_desk, open_programmes

FOLLOWED: Final = ("sales", "support")
"""The queues to which a conversation that is followed goes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One vendor: what is lacking, one line each, and what it does not tell."""

    name: str
    lacks: Sequence[str]
    untold: Sequence[str] = ()


def standings(settings: Settings, only: str = "") -> Iterator[Standing]:
    """Each vendor in use, or `only` this one. Vendors are only read; what cannot be asked is lacking."""
    for name, looks in _used(settings).items():
        vendor = name.removesuffix("_lists")
        if only in ("", vendor):
            yield _standing(settings, name, looks)


def _standing(settings: Settings, name: str, looks: Callable[[], Sequence[str]]) -> Standing:
    lacks: list[str] = []
    rights = Rights()
    try:
        if name in NAMES or name == "brevo_lists":
            recipe = setup(name.removesuffix("_lists"))
            rights, ours = asyncio.run(_asked(settings, recipe))
            lacks += [*rights.lacks, *ours]
    except Refused as error:  # one thing may be refused, and the others be told
        lacks.append(str(error))
    except LeadgraphError as error:
        return Standing(name, [str(error)])
    try:
        lacks += looks()
    except LeadgraphError as error:
        lacks.append(str(error))
    return Standing(name, list(dict.fromkeys(lacks)), rights.untold)


def _used(settings: Settings) -> dict[str, Callable[[], Sequence[str]]]:
    """What is to be looked at, by name."""
    found: dict[str, Callable[[], Sequence[str]]] = {}
    if settings.crm != "embedded":
        found[settings.crm] = lambda: _connector(settings, settings.crm, open_crm)
    if settings.desk != "off":
        found[settings.desk] = lambda: _connector(settings, settings.desk, open_desk)
    if settings.programmes != "embedded":
        found[f"{settings.programmes}_lists"] = lambda: _connector(settings, "", open_programmes)
    if settings.slack_channel:
        from tools.chat.opening import lacking

        found["slack"] = lambda: lacking(settings)
    return found


def _connector(settings: Settings, name: str, opener: Callable[..., Opened]) -> list[str]:
    """What the account lacks for the field map, and the field map for us. Without a `name` people do not matter."""
    with ExitStack() as later:
        opened = opener(settings, settings.home, SystemClock(), later)
        problems = asyncio.run(opened.check())
    problems += _strangers(settings, name, opened) if name else []
    if name == settings.desk:
        problems += [*_unnamed(settings, name, opened), *_echoing(settings, name), *_contacts(settings)]
    return problems


def _contacts(settings: Settings) -> list[str]:
    """What the desk lacks as the place of scores."""
    with ExitStack() as later:
        opened = open_contacts(settings, settings.home, SystemClock(), later)
        return [] if opened is None else asyncio.run(opened.check())


async def _asked(settings: Settings, recipe: Setup) -> tuple[Rights, list[str]]:
    """Our rights and the webhook; and whether our own writes are known when they come back."""
    account = recipe.account(values_of(settings, recipe))
    if account is None:
        return Rights(), []
    receives = bool(getattr(settings, f"webhook_{recipe.webhook}_secrets", ()))
    public = (settings.public_url or "").rstrip("/")
    async with account as opened:
        rights = await opened.standing(f"{public}{recipe.path}" if public and receives else "")
        us = await opened.us() if receives else ""
    if not us or names_of(us) & actors_of(settings, recipe.webhook):
        return rights, []
    return rights, [f"webhook_actors: add {recipe.webhook}={us}, or what we write there is heard as news"]


def _strangers(settings: Settings, name: str, opened: Opened) -> list[str]:
    """The reps of ours that the field map does not name: what is given to them would be refused."""
    missing = [
        rep.rep_id for rep in load_reps(settings.config / "reps.csv") if rep.rep_id not in opened.people
    ]
    some = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
    return [f"people: add {some} to config/fields/{name}.toml"] if missing else []


def _echoing(settings: Settings, name: str) -> list[str]:
    """Where we speak to customers, our own words must be known when they come back, be it by a webhook or not."""
    receives = bool(getattr(settings, f"webhook_{name}_secrets"))
    if receives or not settings.desk_tell_customer or actors_of(settings, name):
        return []
    return [f"webhook_actors: add {name}=ID of our own user, or what customers are told is heard as news"]


def _unnamed(settings: Settings, name: str, opened: Opened) -> list[str]:
    """The queues that a desk's conversations go to and that the field map does not name."""
    missing = [queue for queue in FOLLOWED if queue not in opened.queues and settings.desk_handoff != "off"]
    words = " and ".join(missing)
    return [f"queues: add {words} to [queues] of config/fields/{name}.toml"] if missing else []
