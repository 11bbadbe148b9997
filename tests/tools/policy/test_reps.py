"""The list of people: read strictly, and held against the tables."""

from pathlib import Path

import pytest

from domain.errors import ConfigError
from tests.tools.policy.editing import SHIPPED
from tools.policy.evaluator import TablePolicy
from tools.policy.load import check_policy
from tools.policy.reps import check_reps, load_reps


def write(place: Path, *rows: str) -> Path:
    """A list of people."""
    file = place / "reps.csv"
    file.write_text("\n".join(["rep_id,team,regions,segments,capacity", *rows]) + "\n", encoding="utf-8")
    return file


def test_shipped_people_fit_the_shipped_tables(policy: TablePolicy) -> None:
    """Every team has somebody; nobody has a load before the store adds it."""
    reps = load_reps(SHIPPED.parent / "reps.csv")
    assert check_reps(reps, policy.columns) == ()
    assert len(reps) == 10
    assert {(rep.load, rep.last_assigned) for rep in reps} == {(0, 0)}
    assert reps[4].segments == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("r1,sales,eu,small,many", "column capacity: 'many' is no whole number"),
        ("r1,sales,eu,small,-1", "column capacity"),
        ("r 1,sales,eu,small,1", "column rep_id"),
        ("r1,Sales Team,eu,small,1", "column team"),
        ('r1,sales,"eu,,uk",small,1', "column regions"),
        ("r1,sales,eu,small,1\nr1,sales,eu,small,1", "row r1, column rep_id: stands twice"),
    ],
)
def test_mistake_in_the_list_is_explained(tmp_path: Path, row: str, words: str) -> None:
    """With the row and the column."""
    with pytest.raises(ConfigError, match="problem") as caught:
        load_reps(write(tmp_path, row))
    assert words in str(caught.value)


def test_unknown_words_and_empty_teams_are_found(tmp_path: Path) -> None:
    """A misspelt team would leave its leads waiting for ever."""
    file = write(tmp_path, "r1,sales,eu,any,1", "r2,enterprize,eu,large,1")
    found = [str(problem) for problem in check_policy(SHIPPED, file).problems]
    assert any(
        "row r2, column team: 'enterprize' is not known; did you mean 'enterprise'" in one for one in found
    )
    assert any("nobody is in team account_management" in one for one in found)


def test_missing_header_and_missing_file_are_explained(tmp_path: Path) -> None:
    """Never a traceback."""
    (tmp_path / "reps.csv").write_text("rep_id,team\nr1,sales\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="column regions: is missing from the header"):
        load_reps(tmp_path / "reps.csv")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_reps(tmp_path / "nobody.csv")
