"""What a customer is told when a talk goes to a person: fixed sentences by language, and by who is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from domain.instants import Instant, moment

PATHS: Final = ("now", "callback", "ticket")
"""Somebody is there; it is closed; all are busy."""
WHEN: Final = "{when}"
"""Stands for the next open hour, in the sentence of ``callback`` alone."""
LONGEST: Final = 390
"""Characters of a sentence with its hour: so it fits into a parameter of an action, behind what a note says of it."""
PLAIN: Final = {
    "now": "I am handing you over to a colleague now; you will not have to repeat yourself.",
    "callback": "Nobody is here right now. A colleague will get back to you at the next open hour.",
    "ticket": "Everybody is busy right now. I have opened a ticket, and a colleague will get back to you.",
}
"""Where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Language:
    """The sentences of one language by path; `hour` is how an hour is written (as for `strftime`)."""

    said: Mapping[str, str]
    hour: str = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class Sentences:
    """By language, in small letters such as ``de`` or ``pt-br``; `usual` is for all others."""

    usual: Language = field(default_factory=lambda: Language(PLAIN))
    others: Mapping[str, Language] = field(default_factory=dict)

    def of(self, language: str | None, opens_at: int | None, zone: tzinfo) -> Mapping[str, str]:
        """The sentences by path for a customer who writes `language`; an hour is one of `zone`.

        >>> from datetime import UTC
        >>> german = Language(PLAIN | {"callback": "Wir melden uns: {when}."}, "%d.%m. %H:%M")
        >>> Sentences(others={"de": german}).of("de-AT", 0, UTC)["callback"]
        'Wir melden uns: 01.01. 00:00.'
        """
        name = (language or "").replace("_", "-").lower()
        found = self.others.get(name) or self.others.get(name.partition("-")[0]) or self.usual
        if opens_at is None:
            return found.said
        hour = _written(moment(Instant(opens_at)).astimezone(zone), found.hour)
        return {path: text.replace(WHEN, hour) for path, text in found.said.items()}


def _written(at: datetime, pattern: str) -> str:
    return " ".join(at.strftime(pattern).split())
