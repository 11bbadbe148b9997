"""What the command line needs to look after credentials, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import BadInput
from tools.clock import SystemClock
from tools.credentials import Credentials
from tools.refresh import PREFIX, SETTING
from tools.settings import LISTS, SECRETS, Settings, find_settings, settings_without_sealed


@dataclass(frozen=True, slots=True)
class Doors:
    """`kept` are the credentials; `now` is the real time, as an Instant."""

    kept: Credentials
    now: int
    origin: Mapping[str, str]
    """Where each setting comes from if nothing is sealed."""

    def forget(self, name: str) -> bool:
        """Keep it no more, nor what came of it; False if it was not kept. Raises: ConfigError, Temporary."""
        if name != SETTING or not self.kept.there():
            return self.kept.forget(name)
        with self.kept.turn("hubspot"):  # who renews meanwhile would keep what comes of it
            came = [one for one in self.kept.ages() if one.startswith(PREFIX)]
            return any([self.kept.forget(one) for one in (name, *came)])

    def put(self, name: str, value: str) -> None:
        """Keep a credential. Of the secrets of a webhook the one before stays good until the next.

        Raises: BadInput for a name that is none, or a value that is none or would not be used; ConfigError.
        """
        from tools.receivers import usable
        from tools.setup import answers

        if name not in SECRETS:
            raise BadInput(
                "NAME",
                f"{name!r} is no credential",
                f"there are {', '.join(sorted(SECRETS))}",
                code="unknown",
            )
        if not value:
            raise BadInput(name, "is empty", "write it at the prompt, or into the command's input")
        found = find_settings()
        if name in LISTS and "," not in value:
            before = answers.text_of(getattr(found.settings, name)).partition(",")[0]
            value = f"{value},{before}" if before != value and usable(name, before) else value
        answers.sensible({name: value})
        answers.used(found, {**answers.rivals(found.settings, name), name: value})
        self.kept.put(name, value)

    def used(self, name: str) -> str:
        """Whether the value under `name` is what is used, in words."""
        if name.startswith(PREFIX):
            return f"came of {SETTING}"
        if name not in self.origin:
            return "no setting of this version"
        origin = self.origin[name]
        return "in use" if origin == "default" else f"not in use: {origin} wins"


def doors() -> Doors:
    """By the settings, with everything sealed left closed. Raises: ConfigError."""
    found = settings_without_sealed()
    settings: Settings = found.settings
    clock = SystemClock()
    kept = Credentials(settings.home, master=settings.master_key, now=clock.now)
    return Doors(kept, clock.now(), found.origin)
