"""The drift report of a home: recent leads against what a package was trained on, and whether to train anew."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from domain.errors import BadInput, NotEnough
from domain.instants import DAY, Instant, iso
from domain.ports.home import Home
from domain.ports.models import Models, StoredPackage
from domain.rollout import EVERYWHERE
from learning.drift import FALSE_ALARMS, FEWEST, PSI_ALERT, Calibration, Moved, calibration_since, drifted
from learning.predict import probabilities
from learning.reference import REFERENCE, one_each, read_reference
from learning.rows import Question, unlabelled
from surfaces.training import Past, past_of, rows_of

NEW_LABELS: Final = 0.5
"""New labels since the training, as a share of those it was made of, from which a new training is worth it."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Whether to train anew, and why."""

    due: bool
    new_labels: int
    words: str
    drifted: bool = False

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {"due": self.due, "new_labels": self.new_labels, "words": self.words}


@dataclass(frozen=True, slots=True)
class Report:
    """What moved, of which leads (`recent` of them, decided in [since, until)), and what to do."""

    version: str
    since: int
    until: int
    recent: int
    moved: tuple[Moved, ...]
    calibration: Calibration
    trigger: Trigger

    @property
    def alerts(self) -> tuple[str, ...]:
        """Each in words."""
        found = [f"{one.name}: {one.words}" for one in self.moved if one.alert]
        return (*found, *([self.calibration.words] if self.calibration.alert else []))

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "version": self.version, "since": iso(Instant(self.since)), "until": iso(Instant(self.until)),
            "recent": self.recent, "alerts": list(self.alerts),
            "thresholds": {"psi": PSI_ALERT, "false_alarms": FALSE_ALARMS, "fewest": FEWEST},
            "moved": [one.document() for one in self.moved],
            "calibration": self.calibration.document(), "retrain": self.trigger.document(),
        }  # fmt: skip


async def drift_report(home: Home, models: Models, *, days: int, version: str | None = None) -> Report:
    """Leads that reached their decision age in the last `days`, against the training of a package.

    `version` defaults to the champion. Raises: BadInput if there is no package; NotEnough below `FEWEST` leads.
    """
    stored = package_of(models, version)
    return report_on(home, await past_of(home), stored, days=days)


def report_on(home: Home, past: Past, stored: StoredPackage, *, days: int) -> Report:
    """See `drift_report`."""
    package = stored.package
    question = Question(package.after_hours, package.horizon_days)
    until = past.last_seen
    since = until - days * DAY
    frame = unlabelled(home.catalogue, past.events, past.leads, question, since=since, until=until)
    recent = one_each(frame)
    if recent.height < FEWEST:
        raise NotEnough(have={"recent leads": recent.height}, need={"recent leads": FEWEST})
    scores = probabilities(package, stored.files, recent)
    moved = drifted(read_reference(stored.files[REFERENCE]), recent, scores)
    rows, _ = rows_of(home, past, question)
    later = one_each(rows.frame.filter(rows.frame["as_of"] >= package.trained_at).sort("as_of"))
    y = later["label"].to_numpy().astype(np.float64)
    calibration = calibration_since(y, probabilities(package, stored.files, later))
    new = int((rows.frame["label_known_at"] > package.trained_at).sum())
    alert = any(one.alert for one in moved) or calibration.alert
    return Report(
        stored.version,
        since,
        until,
        recent.height,
        moved,
        calibration,
        trigger_of(new, package.cases, alert=alert),
    )


def trigger_of(new: int, cases: int, *, alert: bool) -> Trigger:
    """A new training is due with enough new labels, or when something drifted and there are labels to learn it from.

    >>> trigger_of(500, 800, alert=False).due, trigger_of(10, 800, alert=False).due
    (True, False)
    """
    if new >= NEW_LABELS * cases:
        return Trigger(
            True, new, f"train anew: {new:,} labels since the training, which had {cases:,} cases", alert
        )
    if alert and new:
        return Trigger(
            True, new, f"train anew and compare: something drifted, and {new:,} labels are new", alert
        )
    if alert:
        return Trigger(False, new, "something drifted, but no label is new: look at the sources first", alert)
    return Trigger(
        False, new, f"not yet: {new:,} labels since the training, which had {cases:,} cases", alert
    )


def package_of(models: Models, version: str | None) -> StoredPackage:
    """A package that drift can be judged against; default: the champion. Raises: BadInput."""
    wanted = version or models.standing().lineup(EVERYWHERE).champion
    if not wanted:
        at_work = sorted(models.standing().at_work)
        wanted = at_work[0] if at_work else ""
    stored = models.stored(wanted) if wanted else None
    if stored is None:
        problem = f"there is no package {wanted}" if wanted else "no package is at work"
        raise BadInput("version", problem, "see: leadgraph models list", code="unknown")
    if REFERENCE not in stored.files:
        raise BadInput(
            "version", "was registered without a reference", "train it again: leadgraph models train"
        )
    return stored
