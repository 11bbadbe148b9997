"""One step of a rollout: what the canary has seen is gathered from the records, judged, and acted upon."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from domain.errors import ConfigError
from domain.instants import DAY
from domain.label import Label, LabelKind
from domain.model import probability_of
from domain.model_shelf import Change
from domain.ports.home import Home
from domain.ports.models import Models
from domain.rollout import EVERYWHERE, MILLE, Arm, Rollout
from learning.rollout import Drawn, Judged, Seen, Told, judge
from surfaces.decided import Decided, Ends, Whose, decided, ends, leads_now
from surfaces.model_moves import moved

WHO: Final = "leadgraph"
SLOW_US: Final = 100_000
"""Scoring a lead takes longer than this: it counts as slow."""
_TELLING: Final = (b'"step":"scoring"', b'"step":"run"')


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step found and did; `change` None if it waits."""

    judged: Judged
    seen: Seen
    change: Change | None

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        counts = {
            "accounts": len(self.seen.units),
            "outcomes": len(self.seen.outcomes),
            "hot": len(self.seen.hot),
            "errors": len(self.seen.errors),
        }
        return {
            **self.judged.document(),
            "seen": counts,
            "change": self.change.document() if self.change else None,
        }


async def look(home: Home, models: Models) -> tuple[Judged, Seen] | None:
    """How the rollout stands, without doing anything; None if none is under way."""
    running = models.standing().rollout
    if running is None:
        return None
    shares = Shares.of(models.history(), running)
    try:
        stored = models.stored(running.challenger)
    except ConfigError:
        stored = None
    if stored is None:
        return Judged("stop", (), f"package {running.challenger} cannot be read any more"), Seen()
    horizon = stored.package.horizon_days * DAY
    whose = await leads_now(home)
    made = [one async for one in decided(home, whose, since=running.started_at + 1)]
    trouble = _trouble(home, whose, running.started_at)
    seen = gathered(made, await ends(home), shares, trouble, now=home.clock.now(), horizon=horizon)
    return judge(running, seen, now=home.clock.now()), seen


async def step(home: Home, models: Models) -> Stepped | None:
    """Judge the rollout and act: stop and go back, go on a stage, or wait. None if none is under way.

    Raises: Temporary if the registry was changed meanwhile.
    """
    found = await look(home, models)
    if found is None:
        return None
    judged, seen = found
    told = {"evidence": judged.document()}
    change, now = None, home.clock.now()
    words = judged.words[:400]
    if judged.move == "stop":
        pending = models.stop(
            who=WHO, at=now, comment=f"guard broken: {words}" if judged.guards else words, detail=told
        )
        change = await moved(models, home.audit, pending)
    elif judged.move == "advance":
        change = await moved(models, home.audit, models.advance(who=WHO, at=now, comment=words, detail=told))
    return Stepped(judged, seen, change)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A run that failed (``error``), or whose scoring took too long (``slow``)."""

    what: str
    unit: str
    region: str
    at: int
    arm: Arm


@dataclass(frozen=True, slots=True)
class Shares:
    """Which share of the accounts the canary had, when and where: (Instant, regions, per mille), oldest first."""

    steps: tuple[tuple[int, tuple[str, ...], int], ...]

    @classmethod
    def of(cls, history: Iterable[Change], running: Rollout) -> "Shares":
        """Of the rollout that is under way."""
        steps = [(running.started_at, running.stages[0].regions, running.stages[0].share)]
        for change in history:
            if change.what == "advanced" and change.at >= running.started_at:
                stage = running.stages[change.detail["stage"]]
                steps.append((change.at, stage.regions, stage.share))
        return cls(tuple(steps))

    def at(self, at: int, region: str) -> float:
        """0..1; 0 where the canary was not. What was decided at the very instant of a step was decided before it."""
        stood = [one for one in self.steps if one[0] < at]
        if not stood or not {region, EVERYWHERE} & {*stood[-1][1]}:
            return 0.0
        return stood[-1][2] / MILLE

    def inside(self, one: "Decided | Trouble") -> bool:
        """Whether it happened where the canary was, to an account that could have been drawn into it."""
        return one.arm is not Arm.HOLDOUT and self.at(one.at, one.region) > 0


def gathered(
    made: Sequence[Decided],
    known: Ends,
    shares: Shares,
    trouble: Iterable[Trouble],
    *,
    now: int,
    horizon: int,
) -> Seen:
    """What the guards look at. The hold-out is no part of it, nor is anything where the canary was not."""
    kept = [one for one in made if shares.inside(one)]
    first: dict[str, Decided] = {}
    for one in kept:
        first.setdefault(one.unit, one)
    decisions = {one.decision_id: one for one in kept}
    troubles = [one for one in trouble if shares.inside(one)]
    return Seen(
        units=frozenset(one.unit for one in kept if one.arm is Arm.CHALLENGER),
        hot=[_drawn(one, shares) for one in first.values() if one.band == "hot"],
        rejected=[_drawn(decisions[one], shares) for one in _rejected(known.labels) if one in decisions],
        errors=[_drawn(one, shares) for one in troubles if one.what == "error"],
        slow=[_drawn(one, shares) for one in troubles if one.what == "slow"],
        outcomes=list(_outcomes(kept, known, now=now, horizon=horizon)),
    )


def _rejected(labels: Iterable[Label]) -> Iterator[str]:
    """Decisions whose proposal a person rejected."""
    for label in labels:
        if label.kind is LabelKind.APPROVAL and label.value == "rejected" and label.decision_id:
            yield label.decision_id


def _drawn(one: "Decided | Trouble", shares: Shares) -> Drawn:
    return Drawn(one.unit, one.at, one.arm is Arm.CHALLENGER, shares.at(one.at, one.region))


def _outcomes(made: Sequence[Decided], known: Ends, *, now: int, horizon: int) -> Iterator[Told]:
    """What the challenger said of each account first, once the whole window is over: early wins would look too good."""
    told: set[str] = set()
    for one in made:
        if one.arm is not Arm.CHALLENGER or one.log_odds is None or one.unit in told:
            continue
        told.add(one.unit)
        if one.at + horizon <= now and one.lead_id not in known.no_leads:
            won = known.won_by(one.lead_id, one.at, one.at + horizon) is not None
            yield Told(one.unit, one.at, probability_of(one.log_odds), won)


def _trouble(home: Home, whose: Mapping[str, Whose], since: int) -> Iterator[Trouble]:
    """Runs that failed and scores that took too long since the rollout began: from the audit log.

    A challenger that always fails makes no decision at all, so nothing is asked of decisions here.
    """
    for batch in home.audit.rows(home.tenant):
        for row in batch:
            if not any(mark in row.body for mark in _TELLING):
                continue
            told = orjson.loads(row.body)
            what, lead = _what(told), whose.get(told.get("lead_id") or "")
            if what is not None and lead is not None and told["at"] > since:
                yield Trouble(what, lead.unit, lead.region, told["at"], Arm(told["detail"]["arm"]))


def _what(told: dict[str, Any]) -> str | None:
    if "arm" not in told.get("detail", {}):
        return None
    if told["step"] == "run":
        return "error" if str(told["code"]).startswith("error") else None
    return "slow" if told["step"] == "scoring" and told.get("duration_us", 0) > SLOW_US else None
