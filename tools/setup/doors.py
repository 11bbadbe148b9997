"""What the command line needs to connect a vendor, as one value."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.ports.receivers import Delivery
from domain.ports.setup import Setup
from tools.clock import SystemClock
from tools.echoes import ids_of
from tools.receivers import usable
from tools.settings import Found, Settings, find_settings
from tools.setup import answers, door, setup
from tools.setup.keeping import keep, settings_file


class Connecting:
    """Over one set of settings. Satisfies `surfaces.connecting.House`."""

    def __init__(self, found: Found) -> None:
        """Nothing is read or written yet."""
        self._found = found

    def setup(self, name: str) -> Setup:
        """How `name` is set up. Raises: BadInput listing the names."""
        return setup(name)

    def now(self) -> int:
        """The time of this machine, as an Instant."""
        return SystemClock().now()

    def known(self, of: Setup) -> dict[str, str]:
        """The settings that a person gave for this vendor, and what all vendors need to know. Secrets in plain.

        What belongs to the vendor that is in use instead of it is not known, nor a secret that nobody could use.
        """
        origin, skip = self._found.origin, answers.foreign(self._found.settings, of)
        there = values_of(self._found.settings, of)
        return {
            name: value
            for name, value in there.items()
            if name in _PLACES or (origin[name] != "default" and name not in skip)
        }

    def check(self, of: Setup, secrets: Mapping[str, str], plain: Mapping[str, str]) -> None:
        """Whether the answers can be used, and would be. Nobody is asked. Raises: BadInput, ConfigError."""
        values = {**secrets, **plain}
        answers.sensible(values)
        answers.used(self._found, values)
        answers.left_over(self._found, of, values)

    def keep(self, of: Setup, secrets: Mapping[str, str], plain: Mapping[str, str], us: str) -> Sequence[str]:
        """Seal `secrets` in the home, write `plain` into the settings file; where each went.

        `us` is who we are there, for ``webhook_actors``. What is left of the vendor before goes. Raises: as `check`.
        """
        from tools.credentials import Credentials

        self.check(of, secrets, plain)
        file, settings = settings_file(), self._found.settings
        store = Credentials(settings.home, master=settings.master_key)
        gone = answers.left_over(self._found, of, {**secrets, **plain})
        tables = self._actors(of, us)
        for name in answers.foreign(
            settings, of
        ):  # first: whatever fails next, no vendor gets another's token
            store.forget(name)
        said = []
        if plain or tables or gone:
            keep(file, plain, without=gone, tables=tables)
            said.append(f"{', '.join(sorted([*plain, *tables]))} in {file}")
        if gone:
            said.append(f"taken out, as of the vendor before: {', '.join(gone)}")
        for name, value in sorted(secrets.items()):
            store.put(name, value)
        if secrets:
            said.append(f"{', '.join(sorted(secrets))}, sealed in {settings.home}")
        return said

    def lacks(self, of: Setup) -> Sequence[str]:
        """What ``leadgraph doctor`` will say of this vendor, with the settings as they are by now."""
        from tools.standing import standings

        return [line for one in standings(find_settings().settings, of.name) for line in one.lacks]

    def attempt(self, of: Setup, url: str, delivery: Delivery) -> Mapping[str, Any]:
        """Send a trial to `url`; without one, through the receiver here, with the settings as they are by now."""
        if url:
            return door.over_http(url, delivery)
        return door.here(find_settings().settings, of.webhook, delivery, self.now())

    def _actors(self, of: Setup, us: str) -> dict[str, dict[str, str]]:
        """Who we are, beside who else is there already; not where the environment says it."""
        ids = ids_of(self._found.settings.webhook_actors, of.webhook)
        fixed = self._found.origin["webhook_actors"].startswith("environment")
        if not us or fixed or ids & names_of(us):
            return {}
        return {"webhook_actors": {of.webhook: "|".join([*sorted(ids), us])}}


_PLACES = frozenset({"config", "home", "master_key", "programmes"})


def values_of(settings: Settings, of: Setup) -> dict[str, str]:
    """The settings that a vendor needs, and what all need to know, as texts. Secrets in plain."""
    secrets = f"webhook_{of.webhook}_secrets" if of.webhook else ""
    names = {ask.setting for ask in of.asks} | _PLACES | ({secrets} if secrets else set())
    found = {name: answers.text_of(getattr(settings, name)) for name in names}
    if secrets:
        found[secrets] = ",".join(one for one in found[secrets].split(",") if usable(secrets, one))
    return {name: value for name, value in found.items() if value}


def names_of(us: str) -> frozenset[str]:
    """The ways in which ``webhook_actors`` may name us: with what we are, or by the bare number."""
    return frozenset({us, us.rpartition(":")[2]})
