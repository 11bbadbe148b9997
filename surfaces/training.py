"""Training and comparing on what a home has seen: events, outcomes and what people said of its leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from domain.errors import BadInput
from domain.model import Package
from domain.model_shelf import split_of
from domain.ports.home import Home
from domain.ports.models import Models
from domain.ports.scorer import Scorer
from domain.rollout import BASELINE, EVERYWHERE
from learning.families import Family
from learning.leak_check import Leak, leak_check
from learning.predict import probabilities
from learning.promotion import HELD_OUT, Compared, Judge, Split, compared, judge_of
from learning.reference import REFERENCE, reference_of
from learning.rows import ASIDE, INTENT, LeftOut, Question, Rows, build_rows, events_of, later
from learning.train import Trained, train
from surfaces.decided import ends


@dataclass(frozen=True, slots=True)
class Past:
    """What a home has seen, as frames."""

    events: pl.DataFrame
    leads: pl.DataFrame
    last_seen: int
    no_leads: int
    """Left out, as sales said that they are no leads: what they did says nothing of buyers."""


@dataclass(frozen=True, slots=True)
class Made:
    """A training: the package, the rows behind it, and how the held-out leads are told from the others."""

    trained: Trained
    rows: Rows
    left_out: LeftOut
    split: Split
    leaks: tuple[Leak, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form, without the package."""
        return {
            "rows": self.rows.frame.height, "won": self.rows.won, "held_out_by": self.split,
            "left_out": {name: getattr(self.left_out, name) for name in LeftOut.__dataclass_fields__},
            "leaks": [{"name": one.name, "hard": one.hard, "why": one.why} for one in self.leaks],
        }  # fmt: skip


async def past_of(home: Home) -> Past:
    """Every lead that may be processed, with its events."""
    told, whose = [], []
    no_leads = (await ends(home)).no_leads
    left = 0
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            if lead.suppressed:
                continue
            if lead.lead_id in no_leads:
                left += 1
                continue
            told.append((lead.lead_id, lead.events))
            whose.append((lead.lead_id, lead.account, lead.region))
    leads = pl.DataFrame(
        whose, schema={"lead_id": pl.String, "account": pl.String, "region": pl.String}, orient="row"
    )
    return Past(events_of(told), leads, home.clock.now(), left)


def rows_of(home: Home, past: Past, question: Question) -> tuple[Rows, LeftOut]:
    """The labelled rows of the past."""
    return build_rows(home.catalogue, past.events, past.leads, question, last_seen=past.last_seen)


def made_from(home: Home, past: Past, question: Question, *, families: tuple[Family, ...], seed: int) -> Made:
    """Train on all but the newest leads, which stay for the gates.

    Raises: NotEnough below the floor; BadInput if a feature knows the answer.
    """
    rows, left_out = rows_of(home, past, question)
    leaks = leak_check(rows, past.events) if rows.frame.height else ()
    hard = [leak for leak in leaks if leak.hard]
    if hard:
        named = "; ".join(f"{leak.name} {leak.why}" for leak in hard)
        raise BadInput(
            "features", f"know the answer: {named}", "leave them out of the catalogue", code="leak"
        )
    known, _, timed = later(rows, HELD_OUT, ASIDE)
    trained = train(known, seed=seed, families=families, rule=lambda frame: _points(home.scorer, frame))
    said = probabilities(trained.package, trained.files, known.frame)
    files = {**trained.files, REFERENCE: reference_of(known, said).content()}
    whole = Trained(trained.package, files, trained.report)
    return Made(whole, rows, left_out, "time" if timed else "account", leaks)


def judge_for(home: Home, models: Models, version: str) -> Judge:
    """A registered package, or the baseline. Raises: BadInput if there is no such package."""
    if version in (BASELINE, "baseline"):
        return Judge("baseline", lambda frame: _points(home.scorer, frame).astype(np.float64))
    stored = models.stored(version)
    if stored is None:
        raise BadInput(
            "version", f"there is no package {version}", "see: leadgraph models list", code="unknown"
        )
    split: Any = split_of(models.history(), version)
    return judge_of(version, stored.package, stored.files, split)


def compare(
    home: Home, models: Models, past: Past, one: str, other: str, *, regions: Sequence[str] = (EVERYWHERE,)
) -> Compared:
    """`one` against `other` on the leads of `regions` that neither was made of, for the question that `one` answers.

    Raises: BadInput for an unknown package, or for one that answers another question.
    """
    challenger, champion = judge_for(home, models, one), judge_for(home, models, other)
    if challenger.package is None:
        raise BadInput("version", "is no package", "name a model package first")
    question = question_of(challenger.package)
    if champion.package is not None and question_of(champion.package) != question:
        raise BadInput(
            "version",
            "the two answer different questions",
            "train one with the other's --after and --horizon",
        )
    rows, _ = rows_of(home, past, question)
    leaks = leak_check(rows, past.events) if rows.frame.height else ()
    return compared(_within(rows, regions), challenger, champion, leaks)


def _within(rows: Rows, regions: Sequence[str]) -> Rows:
    if EVERYWHERE in regions:
        return rows
    return rows.only(rows.frame.filter(pl.col("region").is_in(list(regions))))


def question_of(package: Package) -> Question:
    """What a package answers."""
    return Question(package.after_hours, package.horizon_days)


def _points(scorer: Scorer, frame: pl.DataFrame) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Points of the rule for each row."""
    names = [name for name in frame.columns if name in scorer.uses]
    said = [name for name in frame.columns if name.startswith(INTENT)]
    found = [
        scorer.points({n: row[n] for n in names}, {n.removeprefix(INTENT): row[n] or 0 for n in said})
        for row in frame.select(*names, *said).iter_rows(named=True)
    ]
    return np.array(found, dtype=np.int64)
