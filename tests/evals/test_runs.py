"""A run as a folder: scored again it says the same, blessed it is what later runs are held against."""

import json
from pathlib import Path

import pytest

from domain.errors import BadInput
from evals.cases import Case, Trace
from evals.runs import RESULT, TRACES, Run, bless, load_result, load_run, reference_of, save_run
from tests.evals.made_up import traces

ABOUT = {
    "split": "two thirds",
    "gates": {"margin": 0.02},
    "leaks": [],
    "source": "tests",
    "left_out": {},
    "notes": [],
}
RUN = Run(traces(n=600), ABOUT)


def test_stored_traces_scored_again_give_the_same_result(tmp_path: Path) -> None:
    document = RUN.document(draws=200)
    place = save_run(tmp_path, RUN, document)
    again = load_run(place).document(draws=200)
    again.pop("card")
    assert again == json.loads(json.dumps(document))
    assert load_result(place) == json.loads(json.dumps(document))


def test_a_run_has_its_reports_and_a_card_beside_it(tmp_path: Path) -> None:
    place = save_run(tmp_path, RUN, RUN.document(draws=200))
    assert place.name == "scoring-made-up"
    assert {"report.html", "report.md", "junit.xml", TRACES, RESULT, "about.json"} == {
        f.name for f in place.iterdir()
    }
    card = json.loads((place / "about.json").read_text())["card"]
    assert card["cases"] == 201
    assert len(card["sha256"]) == 64


def test_running_again_replaces_the_folder_whole(tmp_path: Path) -> None:
    place = save_run(tmp_path, RUN, RUN.document(draws=200))
    (place / "old.txt").write_text("x")
    assert not (save_run(tmp_path, RUN, RUN.document(draws=200)) / "old.txt").exists()
    assert [f.name for f in tmp_path.iterdir()] == [place.name]


def test_traces_changed_by_hand_are_refused(tmp_path: Path) -> None:
    """Figures made of something else than what was run would pass for the run's."""
    place = save_run(tmp_path, RUN, RUN.document(draws=200))
    lines = (place / TRACES).read_text().splitlines(keepends=True)
    (place / TRACES).write_text("".join(lines[:-1]))
    with pytest.raises(BadInput, match="not what the run wrote"):
        load_run(place)


def test_a_blessed_run_is_the_reference_of_its_suite_and_data_set(tmp_path: Path) -> None:
    place = save_run(tmp_path / "out", RUN, RUN.document(draws=200))
    target = bless(place, tmp_path / "home")
    assert target == reference_of(tmp_path / "home", RUN)
    assert load_run(target).traces == RUN.traces
    bless(place, tmp_path / "home")
    assert [f.name for f in target.parent.iterdir()] == [target.name]


def test_nothing_is_scored_or_blessed_of_no_traces(tmp_path: Path) -> None:
    (tmp_path / TRACES).write_text("")
    with pytest.raises(BadInput, match="there are none"):
        load_run(tmp_path).document()
    with pytest.raises(BadInput, match="holds no traces"):
        bless(tmp_path, tmp_path / "home")


def test_a_folder_name_is_made_of_letters_digits_and_dashes() -> None:
    made = Run((Trace(case=Case(id="a", suite="parity", dataset="../x y+24h, 3 days"), output={}),), {})
    assert made.name == "parity-x-y-24h-3-days"


@pytest.mark.parametrize("text", ["[]", "no json", ""])
def test_a_result_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / RESULT).write_text(text)
    with pytest.raises(BadInput):
        load_result(tmp_path)
