"""A market that is known: leads look at prices, and the more they look the likelier they buy."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path
from typing import Any

import orjson

from app import open_home
from domain.instants import DAY, HOUR, Instant, instant
from domain.model import MICRO_LOGIT, Additive, Bands, Curve, FeatureUse, Package, digest_of
from domain.model_shelf import Change, Evidence
from domain.ports.home import Home
from domain.ports.models import Models
from domain.rollout import Stage
from surfaces.door import take
from surfaces.model_moves import moved
from surfaces.worker import Worker, deps_of

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VIEWS = "count.page.pricing.30d"
HORIZON_DAYS = 7
BASE, EACH = -3.0, 0.7
"""Log-odds of a sale without a look at prices, and for each look."""
MOST = 8
PASSED = Evidence("pass", ({"name": "made_up", "answer": "pass"},))
FAILED = Evidence("fail", ({"name": "made_up", "answer": "fail"},))
STAGES = (Stage(300, units=40, days=3), Stage(600, units=100, days=5, outcomes=40))


def chance(views: int) -> float:
    """How likely a lead with so many looks at prices buys."""
    return 1 / (1 + exp(-(BASE + EACH * views)))


def package(home: Home, *, each: float = EACH, base: float = BASE, note: str = "") -> Package:
    """A package that says `base` and `each`; with the market's own figures it is right."""
    definition = next(d for d in home.catalogue.definitions if d.name == VIEWS)
    values = tuple(round(each * n * MICRO_LOGIT) for n in range(MOST + 1))
    wide = 12 * MICRO_LOGIT
    return Package(
        family="logistic",
        model=Additive(
            intercept=round(base * MICRO_LOGIT),
            curves=(Curve(name=VIEWS, knots=tuple(range(MOST + 1)), values=values),),
        ),
        calibration=Curve(name="calibration", knots=(-wide, wide), values=(-wide, wide)),
        features=(FeatureUse(name=VIEWS, version=definition.version, digest=digest_of(definition)),),
        bands=Bands(enter_hot=50, leave_hot=45, enter_warm=20, leave_warm=15),
        horizon_days=HORIZON_DAYS,
        after_hours=1,
        trained_at=instant(START),
        cases=1_000,
        won=200,
        data_digest="0" * 64,
        notes=(note,) if note else (),
    )


@dataclass
class Market:
    """Days of a home: leads come, are decided, and buy or do not."""

    home: Home
    seed: int = 0
    leads_a_day: int = 20
    day: int = 0
    looks: tuple[int, int] = (0, MOST)
    """Least and most looks at prices of the leads that come."""
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Lead -> (day on which it is settled, looks at prices)."""

    @property
    def models(self) -> Models:
        """The registry."""
        assert self.home.models is not None
        return self.home.models

    def register(self, made: Package, files: Mapping[str, bytes] | None = None) -> str:
        """Keep a package; its version."""
        pending = self.models.register(
            made, files or {}, split="time", who="ann", at=self.home.clock.now(), comment="made up"
        )
        assert pending is not None
        return self.write(pending).version

    def write(self, pending: Any) -> Change:
        """A change on record and in force."""
        return asyncio.run(moved(self.models, self.home.audit, pending))

    def told(self, comment: str = "because") -> dict[str, Any]:
        """Who, when, why."""
        return {"who": "ann", "at": self.home.clock.now(), "comment": comment}

    def promote(self, version: str) -> Change:
        """Make a package champion."""
        return self.write(self.models.promote(version, evidence=PASSED, **self.told()))

    def start(self, version: str, stages: Sequence[Stage] = STAGES) -> Change:
        """Begin a rollout."""
        return self.write(self.models.start(version, stages, evidence=PASSED, **self.told()))

    def live(self, days: int, *, idle: bool = False) -> None:
        """So many days go by. `idle` takes signals in only: one run a lead, later on, instead of one a day."""
        for _ in range(days):
            items = [*self._settled(), *self._arrivals()]
            self.day += 1
            clock: Any = self.home.clock
            clock.advance(Instant(instant(START) + self.day * DAY))
            asyncio.run(self._work(items, idle=idle))

    async def _work(self, items: list[dict[str, Any]], *, idle: bool) -> None:
        await take(self.home, list(enumerate(items, 1)))
        if not idle:
            await Worker(self.home, deps_of(self.home)).drain()

    def _arrivals(self) -> Iterator[dict[str, Any]]:
        for number in range(self.leads_a_day):
            lead = f"l{self.day}-{number}"
            views = random.Random(f"{self.seed}/{lead}").randint(*self.looks)
            self.open[lead] = (self.day + HORIZON_DAYS - 1, views)
            came = 20 * number
            yield self._signal(lead, "identity.identify", {"seniority": "vp"}, came)
            for look in range(views):
                yield self._signal(lead, "web.page_view", {"page": "/pricing"}, came + 1 + look)

    def _settled(self) -> Iterator[dict[str, Any]]:
        for lead in [lead for lead, (day, _) in self.open.items() if day <= self.day]:
            _, views = self.open.pop(lead)
            won = random.Random(f"{self.seed}/{lead}/end").random() < chance(views)
            yield self._signal(lead, "crm.outcome", {"result": "won" if won else "lost"}, 900)

    def _signal(self, lead: str, kind: str, payload: dict[str, Any], minute: int) -> dict[str, Any]:
        at = START + timedelta(days=self.day, minutes=minute)
        return {
            "id": f"{lead}-{kind}-{minute}", "source": "web", "kind": kind, "region": "us", "consent": "granted",
            "keys": [{"kind": "crm_id", "value": lead}], "occurred_at": at.isoformat(), "payload": payload,
            "account": f"account-{lead}",
        }  # fmt: skip

    def decisions(self) -> list[dict[str, Any]]:
        """Every decision's content, oldest first."""

        async def read() -> list[dict[str, Any]]:
            found = []
            async for batch in self.home.reads.decisions(self.home.tenant):
                found += [orjson.loads(one.content) for one in batch]
            return found

        return asyncio.run(read())


@contextmanager
def market(folder: Path, *, seed: int = 0, leads_a_day: int = 20) -> Iterator[Market]:
    """A market over a real home on stream time, whose secret is known: who draws which arm is the same each time."""
    keys = folder / "home" / "keys"
    keys.mkdir(mode=0o700, parents=True)
    secret = keys / "install.secret"
    secret.write_bytes(f"{seed:032}".encode())
    secret.chmod(0o600)
    with open_home(virtual_clock=True, home=folder / "home") as home:
        clock: Any = home.clock
        clock.advance(Instant(instant(START) + HOUR))
        yield Market(home, seed, leads_a_day)
