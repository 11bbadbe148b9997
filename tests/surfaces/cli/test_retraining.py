"""Judging by a region's own leads, and being told when a champion should be trained anew."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.model import Package
from learning.predict import probabilities
from learning.reference import REFERENCE, reference_of
from surfaces.cli.context import Exit
from surfaces.training import past_of, question_of, rows_of
from tests.rollout.market import PASSED, Market, market, package
from tests.surfaces.cli.test_models import Line


def divided(signal: Any) -> Any:
    """The signals of a market, of which every sixth lead lives elsewhere."""

    def told(lead: str, *rest: Any) -> dict[str, Any]:
        return {**signal(lead, *rest), "region": "eu" if lead.endswith(("-0", "-6")) else "us"}

    return told


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Twelve days of a market in two regions, the older leads won or lost."""
    with market(tmp_path_factory.mktemp("divided"), leads_a_day=12) as made:
        made._signal = divided(made._signal)  # type: ignore[method-assign]  # that market has one region
        made.live(11, idle=True)
        made.live(1)
        yield made


@pytest.fixture
def line(world: Market, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(world, capsys)


def with_reference(world: Market, made: Package) -> Mapping[str, bytes]:
    """The files of a package, the leads so far being those it was trained on."""
    rows, _ = rows_of(world.home, asyncio.run(past_of(world.home)), question_of(made))
    return {REFERENCE: reference_of(rows, probabilities(made, {}, rows.frame)).content()}


def test_a_region_is_judged_by_its_own_leads(line: Line) -> None:
    version = line.world.register(package(line.world.home))
    counts = {}
    for region in ("us", "eu", "*"):
        _, found = line.told("models", "compare", version, "baseline", "--region", region)
        counts[region] = found["n"]
    _, everywhere = line.told("models", "compare", version, "baseline")
    assert 0 < counts["eu"] < counts["us"]
    assert counts["us"] + counts["eu"] == counts["*"] == everywhere["n"]


def test_too_few_leads_of_a_region_are_insufficient_data_and_promote_nothing(line: Line) -> None:
    version = line.world.register(package(line.world.home, note="few"))
    for words in (
        ("compare", version, "baseline"),
        ("promote", version, "--comment", "x"),
        ("rollout", "start", version, "--comment", "x", "--stage", "100:eu"),
    ):
        code, out = line("models", *words, *(() if "--stage" in words else ("--region", "eu")))
        assert code == Exit.NOT_ENOUGH_DATA, line.err.getvalue()
        if words[0] == "compare":
            assert "insufficient data" in out
    assert line.world.models.standing().at_work == frozenset()


def test_regions_with_different_champions_are_not_judged_as_one(line: Line) -> None:
    world = line.world
    other = world.register(package(world.home, note="other"))
    version = world.register(package(world.home, note="of the eu"))
    world.write(world.models.promote(version, evidence=PASSED, regions=("eu",), **world.told()))
    try:
        code, _ = line("models", "compare", other, "--region", "eu", "--region", "us")
    finally:
        world.write(world.models.rollback(**world.told()))
    assert code == Exit.ERROR
    assert "one region at a time" in line.err.getvalue()


@pytest.mark.parametrize(("cases", "due", "words"), [(20, True, "train anew"), (100_000, False, "not yet")])
def test_the_doctor_says_when_a_champion_should_be_trained_anew_and_how(
    line: Line, monkeypatch: pytest.MonkeyPatch, cases: int, due: bool, words: str
) -> None:
    world = line.world
    monkeypatch.setenv("LEADGRAPH_HOME", str(world.home.root))
    made = package(world.home).model_copy(update={"cases": cases})
    world.promote(world.register(made, with_reference(world, made)))
    try:
        code, found = line.told("doctor")
        _, text = line("doctor")
    finally:
        world.write(world.models.rollback(**world.told()))
    assert code == Exit.OK, found
    (advice,) = found["models"]
    assert (advice["due"], words in advice["words"]) == (due, True)
    assert ("leadgraph models train --after 1 --horizon 7" in advice["remedy"]) is due
    assert ("leadgraph models train" in text, advice["words"] in text) == (due, True)


def test_the_doctor_leaves_a_home_without_packages_alone(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "none"))
    code, found = line.told("doctor")
    assert (code, found["models"]) == (Exit.OK, [])
    assert not (tmp_path / "none").exists()
