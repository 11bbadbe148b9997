"""A made-up market in rows: features of the shipped catalogue, and a chance of a sale that is known."""

import random
from pathlib import Path

import numpy as np
import polars as pl

from domain.features import Catalogue
from domain.instants import DAY, HOUR
from domain.signal import Event
from learning.rows import INTENT, Column, Question, Rows, trainable
from tools.catalogue import load_catalogue

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "config" / "features.toml")
START = 20_000 * DAY
QUESTION = Question(after_hours=24, horizon_days=10)
NUMBERS = ("decayed.web.form", "count.page.pricing.30d", "recency.web", "deal.amount")
CODES = ("fact.seniority", "fact.lead_source")
LEVELS = ("director", "manager", "vp")
SOURCES = ("ads", "fair", "referral", "web")


def market(n: int = 1_200, *, seed: int = 0, days: int = 120, base: float = -1.2, drift: float = 0.0) -> Rows:
    """`n` leads over `days`: forms and prices help, silence hurts, a directors buys, one region sells worse."""
    dice = np.random.default_rng(seed)
    forms = (dice.exponential(0.6, n) * 1_000_000).astype(np.int64) * dice.integers(0, 2, n)
    prices, silence = dice.poisson(0.8, n), dice.integers(0, 300, n)
    amount, level, source = dice.integers(1, 900, n) * 10**6, dice.integers(0, 4, n), dice.integers(0, 4, n)
    region, account = dice.integers(0, 2, n), dice.integers(0, n // 3, n)
    pricing = dice.integers(0, 2, n) * dice.integers(300, 1_000, n)
    as_of = np.sort(START + dice.integers(0, days * DAY, n))
    odds = (
        base + 0.9 * np.minimum(forms / 1e6, 2) + 0.5 * prices - 0.006 * silence + 0.8 * (level == 1)
        - 0.7 * region + 0.001 * pricing + drift * np.linspace(-1, 1, n)
    )  # fmt: skip
    won = dice.random(n) < 1 / (1 + np.exp(-odds))
    blank = dice.random(n) < 0.15
    frame = pl.DataFrame(
        {
            "lead_id": [f"l{i}" for i in range(n)],
            "account": [f"a{i}" for i in account],
            "region": [("eu", "us")[i] for i in region],
            "segment": pl.Series([None] * n, dtype=pl.String),
            "as_of": as_of,
            "known_at": as_of,
            "label": won.astype(np.int8),
            "label_known_at": as_of + np.where(won, dice.integers(1, 10 * 24, n) * HOUR, 10 * DAY),
            "decayed.web.form": forms,
            "count.page.pricing.30d": prices,
            "recency.web": pl.Series(
                [None if b else int(s) for b, s in zip(blank, silence, strict=True)], dtype=pl.Int64
            ),
            "deal.amount": amount,
            "fact.seniority": pl.Series([(None, *LEVELS)[i] for i in level], dtype=pl.String),
            "fact.lead_source": [SOURCES[i] for i in source],
            f"{INTENT}pricing": pricing,
        }
    )
    return Rows(frame, columns(), QUESTION)


def columns() -> tuple[Column, ...]:
    """Those of `market`."""
    by_name = {d.name: d for d in trainable(CATALOGUE)}
    told = [Column(name, "number", definition=by_name[name]) for name in NUMBERS]
    told += [Column(name, "category", definition=by_name[name]) for name in CODES]
    return (*told, Column(f"{INTENT}pricing", "number", 1))


def lead_events(seed: int, n: int = 40) -> dict[str, tuple[Event, ...]]:
    """Some leads of the shipped catalogue's kinds, some events tagged, some learnt late; sorted and unique."""
    dice = random.Random(seed)
    kinds = sorted({kind for d in trainable(CATALOGUE) for kind in d.kinds})
    leads = {}
    for lead in range(n):
        events = []
        for number in range(dice.randint(1, 25)):
            at = START + dice.randint(0, 60 * 24) * HOUR // 2
            kind = dice.choice(kinds)
            subject = dice.choice(("pricing", "demo", "customer", "director", "seniority", "employees", "t1"))
            tags = (f"{dice.choice(('pricing', 'demo', 'support', 'not_a_buyer'))}:{dice.randint(0, 999)}",)
            known = at + dice.choice((0, 0, 0, 30 * HOUR))
            value = dice.choice(("director", "200", "denied"))
            tagged = tags if dice.random() < 0.3 else ()
            events.append(
                Event(at, f"s:{number}", subject, kind, value, dice.randint(0, 10**9), known, tagged)
            )
        leads[f"l{lead}"] = tuple(sorted(events))
    return leads


def fresh_catalogue() -> Catalogue:
    """The shipped catalogue, without what other tests have it remember."""
    return Catalogue(CATALOGUE.definitions)
