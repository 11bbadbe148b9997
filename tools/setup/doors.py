"""What the command line needs to connect a vendor, as one value."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.ports.receivers import Delivery
from domain.ports.setup import Setup
from tools.clock import SystemClock
from tools.settings import Found, find_settings
from tools.setup import door, setup
from tools.setup.keeping import keep, settings_file


class Connecting:
    """Over one set of settings."""

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
        """The settings that the vendor needs, as they stand, and where tables and keys lie. Secrets in plain."""
        settings = self._found.settings
        names = {ask.setting for ask in of.asks} | (
            {f"webhook_{of.webhook}_secrets"} if of.webhook else set()
        )
        found = {name: _text(getattr(settings, name)) for name in names}
        places = {"config": settings.config, "home": settings.home, "master_key": settings.master_key}
        return {name: value for name, value in found.items() if value} | {
            name: str(place) for name, place in places.items() if place is not None
        }

    def attempt(self, source: str, url: str, delivery: Delivery) -> Mapping[str, Any]:
        """Send a trial to `url`; without one, through the receiver here, with the settings as they are by now."""
        if url:
            return door.over_http(url, delivery)
        return door.here(find_settings().settings, source, delivery, self.now())

    def keep(self, secrets: Mapping[str, str], plain: Mapping[str, str]) -> Sequence[str]:
        """Seal `secrets` in the home, write `plain` into the settings file; where each went. Raises: ConfigError."""
        from tools.credentials import Credentials

        said = []
        if plain:
            file = settings_file()
            keep(file, plain)
            said.append(f"{', '.join(sorted(plain))} in {file}")
        if secrets:
            settings = self._found.settings
            store = Credentials(settings.home, master=settings.master_key)
            for name, value in sorted(secrets.items()):
                store.put(name, value)
            said.append(f"{', '.join(sorted(secrets))}, sealed in {self._found.settings.home}")
        return said


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(_text(one) for one in value)
    shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return "" if shown is None else str(shown)
