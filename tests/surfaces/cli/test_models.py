"""``leadgraph models`` and ``leadgraph drift`` over a home in which a made-up market has lived."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import Toolbox
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit
from surfaces.cli.models_rollout import stage_from
from surfaces.cli.root import run
from tests.rollout.market import EACH, HORIZON_DAYS, MOST, Market, market, package

ASKED = ("--after", "26", "--horizon", str(HORIZON_DAYS))


class Line:
    """A command line over the home of a market."""

    def __init__(self, world: Market, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self._capsys, self.err = world, capsys, io.StringIO()

    @contextmanager
    def _open(self, **_: Any) -> Iterator[Home]:
        yield self.world.home

    def __call__(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        err = Console(file=self.err, width=200)
        code = run(Cli(open=self._open, tools=Toolbox(), out=Console(width=200), err=err), list(words))
        return code, self._capsys.readouterr().out

    def told(self, *words: str) -> tuple[int, dict[str, Any]]:
        code, out = self(*words, "--json")
        document: dict[str, Any] = orjson.loads(out)
        return code, document


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path, leads_a_day=12) as made:
        yield made


@pytest.fixture
def line(world: Market, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(world, capsys)


def test_too_short_a_history_trains_nothing_and_says_that_the_baseline_stays(line: Line) -> None:
    line.world.live(2)
    code, found = line.told("models", "train", *ASKED)
    assert code == Exit.NOT_ENOUGH_DATA
    assert (found["code"], found["stays"], found["need"]["leads"]) == ("not_enough", "baseline", 200)
    assert "baseline" in line.err.getvalue()
    assert line.told("models", "list") == (Exit.OK, {"champions": {"*": "baseline"}, "packages": []})


def test_a_package_without_evidence_is_not_promoted_but_by_force_on_record(line: Line) -> None:
    version = line.world.register(package(line.world.home))
    code, found = line.told("models", "promote", version, "--comment", "it is new")
    assert (code, found["answer"], found["promoted"]) == (Exit.NOT_ENOUGH_DATA, "inconclusive", False)
    code, _ = line("models", "rollout", "start", version, "--comment", "it is new")
    assert code == Exit.NOT_ENOUGH_DATA
    assert line.world.models.standing().at_work == frozenset()
    code, found = line.told(
        "models", "promote", version, "--comment", "no data yet", "--force", "--by", "bea"
    )
    assert (code, found["what"], found["detail"]["forced"]) == (Exit.OK, "promoted", True)
    code, out = line("models", "history")
    assert code == Exit.OK
    assert "promoted by force" in out
    code, found = line.told("models", "rollback")
    assert (code, found["version"]) == (Exit.OK, "")


def test_an_unknown_package_is_refused_by_every_command(line: Line) -> None:
    for words in (
        ("show",),
        ("compare",),
        ("promote", "--comment", "x"),
        ("rollout", "start", "--comment", "x"),
    ):
        code, _ = line("models", *words, "f" * 12)
        assert code == Exit.ERROR
    assert line.err.getvalue().count("no package ffffffffffff") == 4


def test_a_rollout_is_started_watched_and_stopped(line: Line) -> None:
    version = line.world.register(package(line.world.home))
    assert line.told("models", "rollout", "status")[1]["move"] == "none"
    code, _ = line(
        "models",
        "rollout",
        "start",
        version,
        "--comment",
        "try",
        "--force",
        "--stage",
        "100:us:5:1",
        "--stage",
        "500",
    )
    assert code == Exit.OK
    code, found = line.told("models", "rollout", "status")
    assert (code, found["challenger"], found["stage"], found["move"]) == (Exit.OK, version, 1, "wait")
    assert {guard["name"] for guard in found["guards"]} == {
        "calibration",
        "hot",
        "rejected",
        "errors",
        "slow",
    }
    assert line.told("models", "rollout", "step")[1]["change"] is None
    code, found = line.told("models", "rollout", "stop", "--comment", "enough")
    assert (code, found["what"]) == (Exit.OK, "stopped")


def test_a_stage_is_read_as_it_is_written() -> None:
    stage = stage_from("50:eu+uk:100:3:20")
    assert (stage.share, stage.regions, stage.units, stage.days, stage.outcomes) == (
        50,
        ("eu", "uk"),
        100,
        3,
        20,
    )
    assert stage_from("50").regions == ("*",)


def test_without_the_extra_mlflow_says_what_to_install(line: Line) -> None:
    version = line.world.register(package(line.world.home))
    code, _ = line("models", "push", version, "--server", "http://127.0.0.1:9")
    assert code == Exit.ERROR
    assert "leadgraph[mlflow]" in line.err.getvalue()


@pytest.mark.slow
def test_a_home_learns_from_its_own_past_and_notices_when_the_world_moves(line: Line, tmp_path: Path) -> None:
    """Train, judge against the baseline on leads held out, promote; no alert while nothing moves; one when it does."""
    world = line.world
    world.live(61, idle=True)
    world.live(1)
    code, made = line.told("models", "train", *ASKED, "--family", "logistic")
    assert code == Exit.OK, line.err.getvalue()
    assert made["held_out_by"] == "time"
    assert not any(leak["hard"] for leak in made["leaks"])
    version = made["version"]
    assert line.told("models", "train", *ASKED, "--family", "logistic")[1]["new"] is False
    code, judged = line.told("models", "compare", version, "baseline")
    assert judged["n"] >= 100
    assert judged["differences"]["auc"]["value"] > -0.05
    assert code in {Exit.OK, Exit.NOT_ENOUGH_DATA}, judged
    assert line("models", "promote", version, "--comment", "first", "--force")[0] == Exit.OK
    flipped = world.register(package(world.home, each=-EACH, base=MOST * EACH - 3))
    assert line("models", "rollout", "start", flipped, "--comment", "try")[0] != Exit.OK

    page = tmp_path / "drift.html"
    code, calm = line.told("drift", "report", "--html", str(page))
    assert (code, calm["alerts"], calm["version"]) == (Exit.OK, [], version)
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert "<script" not in text
    assert "http" not in text
    world.looks = (5, MOST)
    moved: dict[str, Any] = {}
    for _ in range(7):
        world.live(1)
        code, moved = line.told("drift", "report", "--days", "7")
        if code == Exit.GATE_FAILED:
            break
    assert code == Exit.GATE_FAILED
    assert any("pricing" in words for words in moved["alerts"]), moved["alerts"]
    code, business = line.told("models", "outcomes", "--horizon", str(HORIZON_DAYS))
    assert (code, business["uplift"]["uplift"]) == (Exit.OK, "not identified")
    assert business["cost_per_qualified_lead"] == "not stated"
    assert {group["version"] for group in business["by_version_and_band"]} >= {version}
