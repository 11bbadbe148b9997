"""Columns that know the end are flagged by their figures alone; what only a person can know is asked about."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.errors import BadInput
from learning.history.draft import document, draft
from learning.history.mapping import Wide
from learning.history.mapping_file import check_columns, parse_mapping
from learning.history.read import read_table
from learning.history.suggest import suggest
from tests.conftest import DataFile

ROWS = 2_000
Column = list[str]


def made(won: npt.NDArray[np.bool_], rng: np.random.Generator) -> dict[str, Column]:
    """Columns with nothing in their names: honest ones, leaks of each sort, and ones to ask about."""
    n = len(won)
    interest = np.where(rng.random(n) < 0.3, won, rng.random(n) < 0.4)
    typed = rng.random(n) < np.where(won, 0.7, 0.3)
    grade = np.where(rng.random(n) < 0.85, won, ~won)
    asked = rng.random(n) < np.where(interest, 0.8, 0.5)
    return {
        "k": [f"L{i:05}" for i in range(n)],
        "y": ["1" if one else "0" for one in won],
        "honest": [str(v) for v in rng.integers(0, 9, n)],
        "helps": ["a" if one else "b" for one in interest],
        "form": [rng.choice(["red", "blue"]) if one else "" for one in asked],
        "knows": ["x" if v else "z" for v in np.where(rng.random(n) < 0.95, won, ~won)],
        "grade": [("up" if v else "down") if one else "Select" for v, one in zip(grade, typed, strict=True)],
        "paper": [f"{rng.integers(1, 5)}" if w and rng.random() < 0.9 else "" for w in won],
        "same": ["1"] * n,
        "pair_1": [str(rng.integers(1, 4)) if i % 3 else "" for i in range(n)],
        "pair_2": [str(rng.integers(1, 4)) if i % 3 else "" for i in range(n)],
    }


def table(folder: Path, columns: Mapping[str, Column]) -> Path:
    """The columns as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    file = folder / "made.csv"
    file.write_text(out.getvalue(), encoding="utf-8")
    return file


@pytest.fixture
def columns() -> dict[str, Column]:
    rng = np.random.default_rng(7)
    return made(rng.random(ROWS) < 0.3, rng)


def reasons(found: Mapping[str, object], name: str) -> set[str]:
    listed = found["columns"]
    assert isinstance(listed, list)
    return {why["code"] for one in listed if one["name"] == name for why in one["reasons"]}


def test_leaks_are_flagged_by_figures_alone(tmp_path: Path, columns: dict[str, Column]) -> None:
    """By telling too well, by being filled for one result, by being typed in along the way: and no honest column is."""
    found = document(suggest(table(tmp_path, columns)), "made")
    assert found["leaks"] == ["knows", "grade", "paper"]
    assert "too_strong" in reasons(found, "knows")
    assert "filled_along_the_way" in reasons(found, "grade")
    assert "filled_for_result" in reasons(found, "paper")


def test_columns_filled_for_the_same_rows_are_asked_about(tmp_path: Path, columns: dict[str, Column]) -> None:
    found = document(suggest(table(tmp_path, columns)), "made")
    assert {"pair_1", "pair_2"} <= set(found["asked"])
    assert reasons(found, "pair_1") == {"filled_together"}


def test_what_is_filled_only_once_decided_is_flagged(tmp_path: Path, columns: dict[str, Column]) -> None:
    """Also where it says nothing of which way it went."""
    rng = np.random.default_rng(3)
    columns["y"] = [y if i % 4 else "" for i, y in enumerate(columns["y"])]
    columns["desk"] = [str(rng.choice(["n", "s"])) if i % 4 else "" for i in range(ROWS)]
    found = document(suggest(table(tmp_path, columns)), "made")
    assert "filled_when_decided" in reasons(found, "desk")


def test_names_that_speak_of_the_end_are_enough(tmp_path: Path, columns: dict[str, Column]) -> None:
    columns["dateClosed"] = columns["honest"]
    columns["Lead status"] = columns["honest"]
    found = document(suggest(table(tmp_path, columns), outcome="y"), "made")
    assert "dateClosed" in found["leaks"]
    assert "Lead status" in found["asked"]


def test_few_cases_give_no_figures(tmp_path: Path, columns: dict[str, Column]) -> None:
    """Below the floor nothing is flagged by its figures: a few rows prove nothing."""
    few = {name: cells[:120] for name, cells in columns.items()}
    found = document(suggest(table(tmp_path, few), outcome="y"), "made")
    assert found["leaks"] == []
    assert {one["auc"] for one in found["columns"]} == {None}


def test_pure_noise_is_never_flagged(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise: dict[str, Column] = {"y": [str(v) for v in rng.integers(0, 2, 400)]}
    for i in range(40):
        empty = rng.random(400) < 0.4
        noise[f"n{i}"] = ["" if e else str(v) for e, v in zip(empty, rng.integers(0, 30, 400), strict=True)]
    assert document(suggest(table(tmp_path, noise), outcome="y"), "made")["leaks"] == []


def test_the_draft_loads_as_it_stands_and_uses_nothing_in_question(
    tmp_path: Path, columns: dict[str, Column]
) -> None:
    file = table(tmp_path, columns)
    plan = parse_mapping(draft(suggest(file), "My leads.csv").encode(), "draft")
    check_columns(plan, read_table(file).frame.columns, "draft")
    assert isinstance(plan, Wide)
    assert plan.source == "my_leads"
    assert set(plan.never) == {"knows", "grade", "paper", "same"}
    assert {one.column for one in plan.attributes_used.values()} >= {"honest", "helps", "form"} - {
        one.column for one in plan.attributes.values() if one.ask
    }
    assert plan.missing == ("Select",)


def test_stages_tell_the_outcome_by_their_words(tmp_path: Path, columns: dict[str, Column]) -> None:
    words = {"1": "Closed Won", "0": "Closed Lost"}
    columns["c9"] = [words[y] if i % 5 else "Negotiation" for i, y in enumerate(columns.pop("y"))]
    ending = document(suggest(table(tmp_path, columns)), "made")["outcome"]
    assert (ending["column"], ending["won"], ending["lost"], ending["open"]) == (
        "c9", ["Closed Won"], ["Closed Lost"], ["Negotiation"],
    )  # fmt: skip


def test_times_are_found_and_an_ambiguous_form_is_said(tmp_path: Path, columns: dict[str, Column]) -> None:
    columns["Created"] = [f"{1 + i % 12:02}/{1 + i % 11:02}/2023" for i in range(ROWS)]
    columns["Closed on"] = [f"2023-{1 + i % 12:02}-17" for i in range(ROWS)]
    text = draft(suggest(table(tmp_path, columns)), "made")
    assert 'created: {column: "Created", formats: ["%d/%m/%Y"]}   # or %m/%d/%Y: no value tells' in text
    assert '  at: "Closed on"' in text
    assert "zone: UTC   # the times name no zone" in text
    parse_mapping(text.encode(), "draft")


def test_an_outcome_that_is_not_there_is_said(tmp_path: Path, columns: dict[str, Column]) -> None:
    file = table(tmp_path, columns)
    with pytest.raises(BadInput, match="is no column of the file"):
        suggest(file, outcome="won")
    with pytest.raises(BadInput, match="has not two results"):
        suggest(file, outcome="honest")


LEAKS = {"Tags", "Lead Quality", "Lead Profile"}
"""What the people who described the set call typed in during or after the sale."""
ASKED = {
    "Last Activity", "Last Notable Activity", "Asymmetrique Activity Index", "Asymmetrique Profile Index",
    "Asymmetrique Activity Score", "Asymmetrique Profile Score", "TotalVisits", "Total Time Spent on Website",
    "Page Views Per Visit",
}  # fmt: skip
"""What they say is, or may be, as of the export."""


def named(folder: Path, file: Path) -> tuple[Path, Callable[[str], str]]:
    """A copy with columns called c1, c2 ..., and the way back."""
    frame = read_table(file).frame
    back = {f"c{i}": name for i, name in enumerate(frame.columns, 1)}
    copy = folder / "renamed.csv"
    frame.rename({name: new for new, name in back.items()}).write_csv(copy)
    return copy, lambda new: back[new]


@pytest.mark.parametrize("renamed", [False, True])
def test_the_leaks_of_a_real_export_are_found_with_and_without_names(
    tmp_path: Path, data_file: DataFile, renamed: bool
) -> None:
    """No false flag; two honest columns are asked about as well."""
    file = data_file("x_education_leads", "Leads.csv.gz")
    copy, back = named(tmp_path, file) if renamed else (file, str)
    found = document(suggest(copy), "leads")
    assert back(found["outcome"]["column"]) == "Converted"
    assert {back(name) for name in found["leaks"]} == LEAKS
    assert {back(name) for name in found["asked"]} - ASKED == {
        "What is your current occupation", "What matters most to you in choosing a course",
    }  # fmt: skip
    assert {back(name) for name in found["asked"]} >= ASKED


@pytest.mark.parametrize("renamed", [False, True])
def test_the_leaks_of_real_web_sessions_are_found(tmp_path: Path, data_file: DataFile, renamed: bool) -> None:
    file = data_file("online_shoppers", "online_shoppers_intention.csv.gz")
    copy, back = named(tmp_path, file) if renamed else (file, str)
    found = document(suggest(copy), "sessions")
    assert back(found["outcome"]["column"]) == "Revenue"
    assert [back(name) for name in found["leaks"]] == ["PageValues"]
    assert {"BounceRates", "ExitRates"} <= {back(name) for name in found["asked"]}
