"""What the demo learns first: last year's cohort of the same company, its package, and how it compares."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from domain.contract import history_door, time_of
from domain.errors import BadInput, NotEnough
from domain.instants import DAY, Instant
from domain.ports.home import Home
from domain.rollout import BASELINE, EVERYWHERE
from domain.signal import Signal, compact
from surfaces.door import Item, checked, door_of
from surfaces.model_moves import moved

YEAR: Final = 366 * DAY
AFTER_HOURS: Final = 14 * 24
HORIZON_DAYS: Final = 90
WHO: Final = "demo"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it: `version` of the package that scores now, None if the rule by hand stays."""

    version: str | None
    document: Mapping[str, Any]
    package: Any = None


def halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """(last year's, this year's): half of the accounts each, the former dated one year earlier."""
    past: list[Item] = []
    present: list[Item] = []
    for position, raw in items:
        if not isinstance(raw, Mapping):
            continue
        if hashlib.sha256(str(raw.get("account")).encode()).digest()[0] % 2:
            present.append((position, raw))
        else:
            past.append((position, {**raw, "occurred_at": raw["occurred_at"] - YEAR // 1_000}))
    return past, present


async def learn(home: Home, past: Sequence[Item]) -> Learnt:
    """Train on last year's cohort, judge the package by its gates against the rule, and let it score.

    A package that does not pass, or is too small a sample to tell, scores too, overruled and on record: this is a demo.
    """
    from learning.rows import Question
    from surfaces.training import compare, made_from

    models, now = home.models, _end_of(past)
    if models is None:
        raise BadInput("home", "has no registry of models", "open it with this software")
    seen = _past_of(home, past, now)
    try:
        made = made_from(home, seen, Question(AFTER_HOURS, HORIZON_DAYS), families=("logistic",), seed=0)
    except NotEnough as short:
        return Learnt(None, {"trained": False, "have": short.have, "need": short.need})
    pending = models.register(
        made.trained.package, made.trained.files, split=made.split, who=WHO, at=now, comment="last year"
    )
    if pending is not None:
        await moved(models, home.audit, pending)
    version = models.version_of(made.trained.package)
    judged = compare(home, models, seen, version, BASELINE)
    passed = judged.evidence.answer == "pass"
    comment = "last year's cohort" if passed else "the demo shows it although its gates did not pass"
    await moved(
        models,
        home.audit,
        models.promote(
            version,
            evidence=judged.evidence,
            who=WHO,
            at=now,
            comment=comment,
            regions=(EVERYWHERE,),
            force=not passed,
        ),
    )
    document = {"trained": True, "version": version, **made.document(), "compared": judged.document()}
    return Learnt(version, document, made.trained.package)


def _past_of(home: Home, past: Sequence[Item], now: Instant) -> Any:
    """Last year's signals as frames, through the same contract as live ones, without being stored."""
    from learning.rows import events_of
    from surfaces.training import Past

    batch = checked(history_door(door_of(home, now)), past)
    told: dict[str, list[Signal]] = {}
    for signal in batch.items:
        if isinstance(signal, Signal):
            told.setdefault(signal.keys[0].value, []).append(signal)
    events = [
        (lead, tuple(sorted(event for one in signals for event in compact(one))))
        for lead, signals in told.items()
    ]
    whose = [(lead, signals[0].account, signals[0].region) for lead, signals in told.items()]
    schema = {"lead_id": pl.String, "account": pl.String, "region": pl.String}
    return Past(events_of(events), pl.DataFrame(whose, schema=schema, orient="row"), now, 0)


def _end_of(past: Sequence[Item]) -> Instant:
    """The day after the last of last year's signals."""
    times = [time_of(raw) or 0 for _, raw in past if isinstance(raw, Mapping)]
    return Instant(max(times, default=0) + DAY)
