"""The data sets as they are judged, on slices of the real files: who learns from what, and what nobody sees."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from domain.errors import BadInput
from domain.instants import DAY, instant
from evals.datasets import AGES, FILES, FOLDS, Ground, aged, bpic2012, tables
from evals.tables import Table
from tests.conftest import DataFile
from tests.domain.items import DOOR
from tools.catalogue import load_catalogue
from tools.company import make_company
from tools.models.baseline import baseline
from tools.sources import source

CONFIG = Path(__file__).parents[2] / "config"
LATER = instant(datetime(2050, 1, 1, tzinfo=UTC))
REGIONS = frozenset({"eu", "us", "uk"})
SLICES: dict[str, Callable[[int, str], bool]] = {
    "x_education": lambda number, _: number % 20 == 0,
    "online_shoppers": lambda number, _: number % 20 == 0,
    "bpic2012": lambda _, line: int(line.split(",", 2)[1]) % 24 == 0,
}
"""Which lines of each file are taken; of the loan log whole applications."""


@pytest.fixture(scope="module")
def ground(data_file: DataFile, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The shipped catalogue and rules over slices of the files."""
    data = tmp_path_factory.mktemp("data")
    for name, wanted in SLICES.items():
        folder, file = FILES[name].split("/")
        (data / folder).mkdir()
        with gzip.open(data_file(folder, file), "rt") as lines, gzip.open(data / folder / file, "wt") as out:
            out.writelines(islice(lines, 1))
            out.writelines(line for number, line in enumerate(lines) if wanted(number, line))
    return without_data(data)


def without_data(data: Path | None = None) -> Ground:
    catalogue = load_catalogue(CONFIG / "features.toml")
    return Ground(
        catalogue=catalogue,
        scorer=baseline(CONFIG, catalogue),
        door=replace(DOOR, regions=REGIONS, now=LATER, max_age_us=2**60),
        reader=source,
        make_company=make_company,
        data=data,
    )


def whole(table: Table) -> None:
    """What holds of every table: nobody on both sides, nothing refused, raw columns for each row."""
    for train, test in table.folds:
        assert train.won
        assert test.won
        for key in ("lead_id", "account"):
            names = [set(part.frame[key].drop_nulls()) for part in (train, test)]
            assert not names[0] & names[1]
        assert table.raw_of(test).height == table.slices_of(test).height == test.frame.height
    assert table.left_out["rows_refused"] == 0


def columns(table: Table) -> set[str]:
    """All that a score or a baseline may look at."""
    return {column.name for column in table.folds[0][0].columns} | set(table.raw.columns)


def test_x_education_learns_from_the_oldest_and_sees_no_leak(ground: Ground) -> None:
    (table,) = tables(ground, "x_education")
    whole(table)
    ((train, test),) = table.folds
    assert train.frame["as_of"].to_numpy().max() <= test.frame["as_of"].to_numpy().min()
    assert train.frame.height / (train.frame.height + test.frame.height) == pytest.approx(0.7, abs=0.01)
    told = " ".join(sorted(columns(table))).lower().replace("_", " ")
    for leak in ("tags", "lead quality", "lead profile", "last activity", "last notable", "converted"):
        assert leak not in told


def test_online_shoppers_are_each_judged_once_by_the_other_folds(ground: Ground) -> None:
    (table,) = tables(ground, "online_shoppers")
    whole(table)
    judged = [lead for _, test in table.folds for lead in test.frame["lead_id"]]
    assert len(table.folds) == FOLDS
    assert len(judged) == len(set(judged)) == table.raw.height
    told = " ".join(sorted(columns(table))).lower()
    for leak in ("pagevalues", "page_values", "bouncerates", "bounce", "exit"):
        assert leak not in told


def test_the_loan_log_is_judged_on_open_cases_and_learnt_from_decided_ones(ground: Ground) -> None:
    table = bpic2012(ground, after_hours=24)
    whole(table)
    ((train, test),) = table.folds
    first = test.frame["as_of"].to_numpy().min()
    assert train.frame["label_known_at"].to_numpy().max() <= first
    assert train.frame["as_of"].to_numpy().max() + 29 * DAY <= first
    for part in (train, test):
        assert (part.frame["label_known_at"] > part.frame["as_of"]).all()
    assert f"{train.frame.height:,} cases to learn from ({train.won:,} won)" in table.split
    assert f"{test.frame.height:,} to judge by" in table.split
    assert not [name for name in columns(table) if "outcome" in name and name not in table.only_of_rules]


def test_at_every_age_the_same_leads_are_in_the_same_part(ground: Ground) -> None:
    found = dict(aged(ground, "bpic2012"))
    assert list(found) == list(AGES)
    parts = {age: [set(part.frame["lead_id"]) for part in table.folds[0]] for age, table in found.items()}
    assert all(one == parts["14 days"] for one in parts.values())
    oldest, youngest = found["14 days"].folds[0][0], found["creation"].folds[0][1]
    assert oldest.frame["label_known_at"].to_numpy().max() <= youngest.frame["as_of"].to_numpy().min()
    labels = {
        age: dict(table.folds[0][1].frame.select("lead_id", "label").rows()) for age, table in found.items()
    }
    assert all(one == labels["creation"] for one in labels.values())


def test_made_up_companies_share_no_account_and_their_planted_leaks_are_refused() -> None:
    ground = replace(without_data(), seeds=(1, 2), leads=250)
    (table,) = tables(ground, "leadforge")
    whole(table)
    ((train, test),) = table.folds
    seeds = {lead.split(":")[0] for part in (train, test) for lead in part.frame["lead_id"]}
    assert seeds == {"s1", "s2"}
    planted = {leak["name"]: leak["hard"] for leak in table.leaks if leak["hard"]}
    assert {"total_touches_all", "current_stage", "is_sql"} <= set(planted)
    assert not set(planted) & columns(table)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for data, words in ((None, "LEADGRAPH_DATA"), (tmp_path, "Leads.csv.gz")):
        with pytest.raises(BadInput, match=words) as refused:
            tables(without_data(data), "x_education")
        assert refused.value.code == "no_data"
    with pytest.raises(BadInput, match="one of: x_education"):
        tables(without_data(), "nothing")
    with pytest.raises(BadInput, match="no times to grow by"):
        next(iter(aged(without_data(), "x_education")))
