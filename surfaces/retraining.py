"""Whether the champions of a home should be trained anew: by the labels since their training, and by what drifted."""

from dataclasses import dataclass
from typing import Any, Final

from domain.errors import BadInput, NotEnough
from domain.ports.home import Home
from domain.ports.models import Models, StoredPackage
from domain.rollout import BASELINE
from surfaces.drift import Trigger, package_of, report_on, trigger_of
from surfaces.training import Past, past_of, question_of, rows_of

DAYS: Final = 14
"""Leads that came to their decision age in so many days are looked at for drift."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Of one champion: whether a training is due, why, and what to do; an empty `remedy` asks for nothing."""

    version: str
    due: bool
    words: str
    remedy: str = ""

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {"version": self.version, "due": self.due, "words": self.words, "remedy": self.remedy}


async def retraining(home: Home) -> list[Advice]:
    """One advice a champion, in the order of their versions; none where the rules are champion everywhere."""
    models = home.models
    champions = sorted({*models.standing().champions.values()} - {BASELINE}) if models is not None else []
    if models is None or not champions:
        return []
    past = await past_of(home)
    return [_advice(home, models, past, version) for version in champions]


def _advice(home: Home, models: Models, past: Past, version: str) -> Advice:
    try:
        stored = package_of(models, version)
    except BadInput as error:
        return Advice(version, due=False, words=error.problem, remedy=error.remedy)
    trigger, seen = _judged(home, past, stored)
    package = stored.package
    again = f"leadgraph models train --after {package.after_hours} --horizon {package.horizon_days}"
    look = f"leadgraph drift report --days {DAYS}"
    if trigger.due:
        remedy = f"{again}, then leadgraph models compare"
    else:
        remedy = look if trigger.drifted else ""
    return Advice(version, trigger.due, trigger.words + seen, remedy)


def _judged(home: Home, past: Past, stored: StoredPackage) -> tuple[Trigger, str]:
    """What drift and labels say; labels alone where too few leads came lately to see a drift."""
    try:
        return report_on(home, past, stored, days=DAYS).trigger, ""
    except NotEnough as short:
        rows, _ = rows_of(home, past, question_of(stored.package))
        new = int((rows.frame["label_known_at"] > stored.package.trained_at).sum())
        few = f"; {short.have['recent leads']:,} leads in {DAYS} days are too few to see a drift"
        return trigger_of(new, stored.package.cases, alert=False), few
