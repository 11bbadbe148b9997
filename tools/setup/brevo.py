"""Setting Brevo up: an API key, and which list is which programme."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from domain.ports.setup import Ask
from tools.programmes.brevo import MANNERS, URL
from tools.setup.recipe import Opened, Recipe, asking, settings_of
from tools.vendor import Call
from tools.vendors import token_of


@asynccontextmanager
async def opened(values: Mapping[str, str]) -> AsyncIterator[Opened]:
    """The account of a key. Raises: ConfigError."""
    settings, url = settings_of(values), values.get("programmes_url") or URL
    login = token_of("programmes", settings.programmes_token, settings.programmes_token_file)
    async with asking(MANNERS, url, login) as api:
        yield Opened(api, values, {})


async def who(account: Opened) -> str:
    """The company whose account it is."""
    found = await account.api.read(Call("GET", "/v3/account"))
    company = found.get("companyName") if isinstance(found, Mapping) else None
    return f"Brevo account of {company}"


def steps(_url: str) -> Sequence[str]:
    """By hand."""
    return ("Contacts, Lists: put the number of each list into [programmes] of config/fields/brevo.toml",)


RECIPE: Final = Recipe(
    name="brevo",
    asks=(
        Ask("programmes_url", "address of Brevo's API, if it is not the usual one", needed=False, rare=True),
        Ask(
            "programmes_token",
            "API key (SMTP & API, API keys)",
            secret=True,
            unless="programmes_token_file",
        ),
        Ask("programmes_token_file", "file of that key", needed=False, rare=True),
    ),
    scopes=("an API key; Brevo's keys have no scopes: whoever has one may do everything",),
    gives={"programmes": "brevo"},
    told=steps,
    open=opened,
    who=who,
)
"""Brevo's. It calls nobody."""
