"""The shipped mappings take the sets that they are for, whole."""

import gzip
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from domain.instants import Instant, moment
from domain.signal import compact
from learning.history.imported import imported
from learning.history.mapping_file import load_mapping
from learning.offline import EVENTS
from tests.conftest import DataFile
from tests.domain.items import DOOR, admitted
from tools.sources import source

MAPPINGS = Path(__file__).parents[3] / "evals" / "mappings"


def test_x_education_is_taken_whole(data_file: DataFile) -> None:
    plan = load_mapping(MAPPINGS / "x_education.yaml")
    found = imported(plan, data_file("x_education_leads", "Leads.csv.gz"), door=DOOR)
    assert (found.refused, found.report["outcomes"]) == ({}, {"won": 3_561, "lost": 5_679, "open": 0})
    assert (found.order, found.report["columns"]["unmapped"]) == ("assumed", [])
    used = found.report["columns"]["used"]
    assert found.raw.columns[1:] == [c for c in used if c not in ("Prospect ID", "Lead Number", "Converted")]
    assert "Select" not in set(found.events["value"])


def test_online_shoppers_are_taken_whole(data_file: DataFile) -> None:
    """Equal rows are different sessions."""
    plan = load_mapping(MAPPINGS / "online_shoppers.yaml")
    found = imported(plan, data_file("online_shoppers", "online_shoppers_intention.csv.gz"), door=DOOR)
    assert (found.refused, found.report["outcomes"]) == ({}, {"won": 1_908, "lost": 10_422, "open": 0})
    assert (found.leads.height, found.report["duplicates"], found.order) == (12_330, 0, "random")


def eighth(log: Path, to: Path) -> Path:
    """The header, and the lines of applications whose number is a multiple of eight."""
    with gzip.open(log, "rt") as lines, gzip.open(to, "wt") as out:
        out.writelines(
            line for line in lines if not line[:1].isdigit() or int(line.split(",", 2)[1]) % 8 == 0
        )
    return to


@pytest.mark.slow
def test_rules_say_the_same_of_the_loan_log_as_its_reader(data_file: DataFile, tmp_path: Path) -> None:
    """Every event of every eighth application, but for what they are called."""
    file = eighth(data_file("bpic2012", "events_before_2012-01-16.csv.gz"), tmp_path / "log.csv.gz")
    door = replace(DOOR, max_age_us=2**60)
    found = imported(load_mapping(MAPPINGS / "bpic2012.yaml"), file, door=door)
    read = [
        (signal.keys[0].value, *event[:7])
        for _, item in source("bpic2012").read(file)
        for signal in [admitted(item, replace(door, imported=True))]  # type: ignore[arg-type]  # the log is whole
        for event in compact(signal)
    ]
    theirs = pl.DataFrame(read, schema=dict(EVENTS), orient="row")
    what = [name for name in EVENTS if name != "ref"]
    assert found.refused == {}
    assert found.events.select(what).sort(what).equals(theirs.select(what).sort(what))
    assert found.report["outcomes"] == {"won": 154, "lost": 818, "open": 111}
    assert moment(Instant(found.last_seen)).isoformat() == "2012-01-16T00:00:00+00:00"
