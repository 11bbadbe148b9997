"""The data sets, each made into a table for one question: how read, what is asked, how split."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl

from domain.attributes import attribute_features
from domain.contract import Door
from domain.errors import BadInput
from domain.features import Catalogue
from domain.instants import HOUR, Instant
from domain.ports.scorer import Scorer
from domain.ports.sources import Source
from evals.planted_leaks import leak_columns, planted_leaks
from evals.tables import KEYS, Fold, Table, raw_of_events, slices_of_events
from learning.history.imported import History, imported
from learning.history.mapping_file import load_mapping
from learning.leak_check import leak_check
from learning.rows import (
    TESTED,
    Question,
    Rows,
    build_rows,
    lead_hash,
    split_by_account,
    split_in_time,
    trainable,
)

MAPPINGS: Final = Path(__file__).parent / "mappings"
FILES: Final[Mapping[str, str]] = {
    "x_education": "x_education_leads/Leads.csv.gz",
    "online_shoppers": "online_shoppers/online_shoppers_intention.csv.gz",
    "bpic2012": "bpic2012/events_before_2012-01-16.csv.gz",
}
"""Below the folder that the setting `data` names."""
AGES: Final[Mapping[str, int]] = {"creation": 0, "1 day": 24, "3 days": 72, "7 days": 168, "14 days": 336}
FOLDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a data set is made from; handed in, because files, readers and the company's maker are outside."""

    catalogue: Catalogue
    scorer: Scorer
    door: Door
    reader: Callable[[str], Source]
    make_company: Callable[..., None]
    data: Path | None = None
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    leads: int = 3_000
    """Of each made-up company."""


@dataclass(frozen=True, slots=True)
class Told:
    """A history with the catalogue that knows its attributes; `planted` are columns that are known to leak."""

    history: History
    catalogue: Catalogue
    planted: pl.DataFrame | None = None

    def rows(self, ground: Ground, question: Question) -> tuple[Rows, Mapping[str, int]]:
        """Rows with all that may be learnt from and, beside it, what the rule reads; and what was left out."""
        names = frozenset(d.name for d in trainable(self.catalogue)) | only_of_the_rule(
            ground, self.catalogue
        )
        rows, left_out = build_rows(
            self.catalogue, self.history.events, self.history.leads, question,
            last_seen=self.history.last_seen, names=names, order=self.history.order,
        )  # fmt: skip
        counts = {name: getattr(left_out, name) for name in left_out.__dataclass_fields__}
        return rows, {**counts, "rows_refused": sum(self.history.refused.values())}


def only_of_the_rule(ground: Ground, catalogue: Catalogue) -> frozenset[str]:
    """Lead features that the rule reads and no model may learn from, such as the outcome so far."""
    of_leads = {d.name for d in catalogue.definitions if d.scope == "lead"}
    return (ground.scorer.uses & of_leads) - {d.name for d in trainable(catalogue)}


def file_of(ground: Ground, name: str) -> Path:
    """The file of a data set. Raises: BadInput saying what is missing."""
    if ground.data is None:
        raise BadInput(name, "needs the data sets", "set LEADGRAPH_DATA to their folder", code="no_data")
    file = ground.data / FILES[name]
    if not file.exists():
        raise BadInput(
            name, f"is not there: {file}", "set LEADGRAPH_DATA to the folder that holds it", code="no_data"
        )
    return file


def read(ground: Ground, name: str) -> Told:
    """A file through its mapping and the contract. Raises: BadInput, ConfigError."""
    history = imported(load_mapping(MAPPINGS / f"{name}.yaml"), file_of(ground, name), door=ground.door)
    return Told(history, _with(ground.catalogue, history))


def _with(catalogue: Catalogue, history: History) -> Catalogue:
    added = attribute_features(history.attributes)
    return Catalogue((*catalogue.definitions, *added), cap=catalogue.cap) if added else catalogue


def company(ground: Ground, *, seeds: Sequence[int], leads: int) -> Told:
    """Made-up companies, one a seed, pooled: ids carry the seed, so that no account is in two of them."""
    mapping, parts, planted = load_mapping(MAPPINGS / "leadforge.yaml"), [], []
    for seed in seeds:
        with TemporaryDirectory(prefix="leadgraph-company-") as scratch:
            folder = Path(scratch) / "company"
            ground.make_company(folder, leads=leads, seed=seed)
            history = imported(mapping, folder, door=ground.door, reader=ground.reader("leadforge"))
            planted.append(_prefixed(leak_columns(folder), seed, ("lead_id",)))
        parts.append((seed, history))
    events = pl.concat([_prefixed(h.events, seed, ("lead_id", "ref")) for seed, h in parts])
    people = pl.concat([_prefixed(h.leads, seed, ("lead_id", "account")) for seed, h in parts])
    last_seen = Instant(min(h.last_seen for _, h in parts))
    pooled = replace(parts[0][1], events=events, leads=people, last_seen=last_seen)
    return Told(pooled, ground.catalogue, pl.concat(planted))


def _prefixed(frame: pl.DataFrame, seed: int, names: tuple[str, ...]) -> pl.DataFrame:
    return frame.with_columns(
        [pl.concat_str(pl.lit(f"s{seed}:"), pl.col(name)).alias(name) for name in names]
    )


def x_education(ground: Ground) -> Table:
    """Lead records with a running number for an order: oldest 70 % to learn from, newest 30 % to judge by."""
    told = read(ground, "x_education")
    rows, left_out = told.rows(ground, Question(0, 30))
    split = "oldest 70 % by Lead Number, an assumed order, to newest 30 %; leak-prone columns out"
    made = _table(ground, told, rows, name="x_education", split=split, folds=(split_in_time(rows),))
    return replace(made, left_out=left_out, raw=_raw(told, rows), gates={"margin": 0.005, "ece": 0.025})


def online_shoppers(ground: Ground) -> Table:
    """Sessions without a time: five folds, each judged by what was learnt of the other four."""
    told = read(ground, "online_shoppers")
    rows, left_out = told.rows(ground, Question(0, 30))
    split = f"{FOLDS} folds by the hash of the row; leak-prone columns out"
    made = _table(ground, told, rows, name="online_shoppers", split=split, folds=tuple(_folds(rows)))
    return replace(made, left_out=left_out, raw=_raw(told, rows), gates={"margin": 0.005, "ece": 0.02})


def _raw(told: Told, rows: Rows) -> pl.DataFrame:
    """The columns of a wide file, for baselines that know nothing of features."""
    return rows.frame.select(KEYS).join(told.history.raw, on="lead_id", how="left", maintain_order="left")


def _folds(rows: Rows) -> Iterator[Fold]:
    place = pl.Series([lead_hash(lead) % FOLDS for lead in rows.frame["lead_id"]])
    for fold in range(FOLDS):
        yield rows.only(rows.frame.filter(place != fold)), rows.only(rows.frame.filter(place == fold))


def bpic2012(ground: Ground, *, after_hours: int = 24) -> Table:
    """Applications still open some time after they were made, won within 30 days of that; oldest to newest."""
    told = read(ground, "bpic2012")
    rows, left_out = told.rows(ground, Question(after_hours, 30 - after_hours // 24))
    train, test = split_in_time(rows)
    split = (
        f"open at +{after_hours} h; oldest 70 % to newest 30 % by time of application, with embargo: "
        f"{train.frame.height:,} cases to learn from ({train.won:,} won), {test.frame.height:,} to judge by"
    )
    made = _table(ground, told, rows, name=f"bpic2012+{after_hours}h", split=split, folds=((train, test),))
    return replace(made, left_out=left_out)


def leadforge(ground: Ground, *, after_hours: int = 336) -> Table:
    """Made-up companies, each one cohort, so split by account, not by time; pooled over seeds."""
    told = company(ground, seeds=ground.seeds, leads=ground.leads)
    rows, left_out = told.rows(ground, Question(after_hours, 90 - after_hours // 24))
    split = (
        f"seeds {', '.join(map(str, ground.seeds))} with {ground.leads:,} leads each, pooled; each is one cohort "
        f"created within a month, so 70/30 by account; decided {after_hours // 24} days after creation, won by day 90"
    )
    made = _table(
        ground, told, rows, name="leadforge", split=split, folds=(split_by_account(rows, 0.7, TESTED),)
    )
    planted = planted_leaks(told.history.events, rows, told.planted)
    return replace(made, left_out=left_out, gates={"beats_rule": 0.0}, leaks=(*made.leaks, *planted))


def _table(
    ground: Ground, told: Told, rows: Rows, *, name: str, split: str, folds: tuple[Fold, ...]
) -> Table:
    """With the raw columns of a stream, which those of a wide file replace."""
    events = told.history.events
    return Table(
        name=name, source=FILES.get(name.split("+")[0], "made by leadforge"), split=split, folds=folds,
        raw=raw_of_events(events, rows.frame.select(KEYS)), slices=slices_of_events(events, rows),
        leaks=_leaks(ground, told, rows), only_of_rules=only_of_the_rule(ground, told.catalogue),
    )  # fmt: skip


def _leaks(ground: Ground, told: Told, rows: Rows) -> tuple[Mapping[str, object], ...]:
    """What the leak check says of the columns to learn from; one that is hard stops everything."""
    learnt = rows.without(only_of_the_rule(ground, told.catalogue))
    found = leak_check(learnt, told.history.events)
    if any(leak.hard for leak in found):
        names = ", ".join(leak.name for leak in found if leak.hard)
        raise BadInput("features", f"look ahead: {names}", "see the definition of each", code="leak")
    return tuple(
        {"name": leak.name, "hard": leak.hard, "why": leak.why, "value": leak.value} for leak in found
    )


def aged(ground: Ground, name: str) -> Iterator[tuple[str, Table]]:
    """The same leads at several ages with one and the same end: who is open at 14 days, won by a fixed time after.

    Every lead is in the same part at every age, so the figures differ by what was known only.
    """
    told, end_days = _aged_source(ground, name)
    last = max(AGES.values())
    oldest, _ = told.rows(ground, Question(last, end_days - last // 24))
    train, test = (
        split_by_account(oldest, 0.7, TESTED)
        if name == "leadforge"
        else _apart(*split_in_time(oldest), last * HOUR)
    )
    for words, hours in AGES.items():
        rows, left_out = told.rows(ground, Question(hours, end_days - hours // 24))
        fold = (_those(rows, train), _those(rows, test))
        split = f"open at 14 days, won by day {end_days}; the same leads in the same part at every age"
        made = _table(ground, told, rows, name=f"{name}, {words}", split=split, folds=(fold,))
        yield words, replace(made, left_out=left_out)


def _apart(train: Rows, test: Rows, longest: int) -> Fold:
    """Without what was not known yet when the first lead to judge by was made, `longest` before its last age."""
    first = test.frame["as_of"].min()
    if not isinstance(first, int):
        return train, test
    return train.only(train.frame.filter(pl.col("label_known_at") <= first - longest)), test


def _aged_source(ground: Ground, name: str) -> tuple[Told, int]:
    if name == "leadforge":
        return company(ground, seeds=ground.seeds, leads=ground.leads), 90
    if name == "bpic2012":
        return read(ground, name), 30
    raise BadInput("--dataset", f"{name} has no times to grow by", "one of: bpic2012, leadforge")


def _those(rows: Rows, part: Rows) -> Rows:
    return rows.only(rows.frame.join(part.frame.select("lead_id").unique(), on="lead_id", how="semi"))


DATASETS: Final[Mapping[str, Callable[[Ground], tuple[Table, ...]]]] = {
    "x_education": lambda ground: (x_education(ground),),
    "online_shoppers": lambda ground: (online_shoppers(ground),),
    "bpic2012": lambda ground: tuple(bpic2012(ground, after_hours=hours) for hours in (24, 72)),
    "leadforge": lambda ground: (leadforge(ground),),
}


def tables(ground: Ground, name: str) -> tuple[Table, ...]:
    """The tables of a data set. Raises: BadInput naming those there are, or what is missing."""
    if name not in DATASETS:
        raise BadInput("--dataset", f"{name} is none", f"one of: {', '.join(DATASETS)}")
    return DATASETS[name](ground)
