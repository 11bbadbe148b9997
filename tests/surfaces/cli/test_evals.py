"""``leadgraph evals`` on runs that are stored: exit codes are a contract, and stdout is one document."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import app
from evals.cases import Case, save
from evals.runs import Run, save_run
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tests.evals.made_up import traces

ABOUT = {
    "split": "two thirds",
    "gates": {"margin": 0.02},
    "leaks": [],
    "source": "tests",
    "left_out": {},
    "notes": [],
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def evals(*words: str) -> int:
    quiet = Console(file=io.StringIO())
    return run(Cli(open=app.open_home, tools=app.Toolbox(), out=quiet, err=quiet), ["evals", *words])


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def stored(folder: Path, *, noise: float = 0.0, n: int = 1_200) -> str:
    made = Run(traces(noise, n=n), ABOUT)
    return str(save_run(folder, made, made.document(draws=100)))


def test_a_good_run_passes_a_bad_one_fails_and_a_small_one_cannot_be_told(tmp_path: Path) -> None:
    assert evals("gate", stored(tmp_path / "good"), "--draws", "200", "--json") == 0
    assert evals("gate", stored(tmp_path / "bad", noise=3.0), "--draws", "200", "--json") == 2
    assert evals("gate", stored(tmp_path / "small", n=90), "--draws", "200", "--json") == 3


def test_a_run_is_held_against_the_blessed_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = stored(tmp_path / "good"), stored(tmp_path / "bad", noise=3.0)
    assert evals("bless", good) == 0
    assert evals("gate", good, "--draws", "200", "--json") == 0
    names = {gate["name"]: gate["answer"] for gate in document(capsys)["gates"]}
    assert names["reference_auc_non_inferior"] == "pass"
    assert evals("gate", bad, "--draws", "200", "--json") == 2
    names = {gate["name"]: gate["answer"] for gate in document(capsys)["gates"]}
    assert names["reference_auc_non_inferior"] == "fail"


def test_scoring_again_says_what_the_run_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = stored(tmp_path / "out")
    assert evals("score", place, "--draws", "100", "--json") == 0
    again = document(capsys)
    kept = json.loads((Path(place) / "result.json").read_text())
    assert again["metrics"] == kept["metrics"]


def test_comparing_says_better_worse_or_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = stored(tmp_path / "good"), stored(tmp_path / "bad", noise=3.0)
    assert evals("compare", bad, good, "--draws", "200", "--json") == 0
    assert document(capsys)["differences"]["auc"]["words"] == "worse"


def test_a_report_is_written_of_several_runs(tmp_path: Path) -> None:
    assert evals("report", stored(tmp_path / "a"), stored(tmp_path / "b", noise=1.0), "--out", "made") == 0
    page = (tmp_path / "made" / "report.html").read_text()
    assert page.count("<h2>") == 2
    assert {f.name for f in (tmp_path / "made").iterdir()} == {"report.html", "report.md", "junit.xml"}


def test_power_is_taken_from_a_run_or_from_a_formula(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evals("power", "--json") == 0
    formula = document(capsys)
    assert formula["cases"]["two scores"] > 1_000
    assert evals("power", stored(tmp_path / "a"), "--difference", "0.02", "--json") == 0
    assert document(capsys)["cases"]["against naive_bayes"] > 10
    assert evals("power", "--base-rate", "2", "--json") == 1


def test_a_file_of_cases_is_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.jsonl"
    cases = [
        Case(id=f"c{i}", suite="scoring", dataset="mine", account=f"a{i}", target=i % 2) for i in range(4)
    ]
    save(file, cases)
    assert evals("dataset", "validate", str(file), "--json") == 0
    assert document(capsys)["won"] == 2
    save(file, [*cases, cases[0]])
    assert evals("dataset", "validate", str(file), "--json") == 1


def test_langsmith_is_offline_unless_asked_and_keyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = stored(tmp_path / "a", n=90)
    assert evals("langsmith", place, "--json") == 0
    assert document(capsys)["uploaded"] is False
    assert evals("langsmith", place, "--upload", "--json") == 1


def test_statistics_test_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    assert evals("selftest", "--pairs", "100", "--draws", "200", "--json") in (0, 2)
    found = document(capsys)
    assert found["pairs"] == 100
    assert 0 <= found["false_alarm_rate"] <= 0.15


@pytest.mark.parametrize(
    "words",
    [
        ("run", "nonsense"),
        ("run", "scoring", "--dataset", "nonsense"),
        ("run", "scoring", "--dataset", "x_education"),
        ("run", "policy", "--dataset", "x_education"),
        ("run", "dynamic", "--dataset", "x_education"),
        ("score", "not/there"),
    ],
)
def test_what_cannot_be_run_is_an_error_with_a_remedy(words: tuple[str, ...]) -> None:
    """The data sets are not there without their folder."""
    assert evals(*words) == 1


def test_a_gate_that_cannot_tell_is_no_success() -> None:
    from surfaces.cli.evals import exit_of

    assert exit_of(["pass", "not gated"]) == 0
    assert exit_of(["pass", "inconclusive"]) == 3
    assert exit_of(["inconclusive", "fail"]) == 2
