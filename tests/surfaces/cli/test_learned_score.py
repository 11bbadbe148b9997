"""A home with a model: the lead card, the JSON, and rescoring in bulk."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.model import Bands
from domain.model_shelf import Evidence
from learning.train import Trained, train
from surfaces.cli.context import Exit
from tests.crash.hot import raw
from tests.learning.market import market
from tests.surfaces.cli.acting_world import World, a_hot_lead

WHO: dict[str, Any] = {"who": "ann", "at": 5, "comment": "as agreed"}


@cache
def made() -> Trained:
    """A package of the made-up market."""
    return train(market(), families=("logistic",))


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """A home with one lead that asked for prices, before any model."""
    found = World(tmp_path, capsys)
    found.works(*a_hot_lead(5_000))
    return found


EAGER = Bands(enter_hot=2, leave_hot=1, enter_warm=1, leave_warm=1)
"""Everybody is hot."""


def promoted(world: World, bands: Bands | None = None) -> str:
    """A model becomes champion, with its own bands or others."""
    package = made().package if bands is None else made().package.model_copy(update={"bands": bands})
    with world.home() as home:
        assert home.models is not None
        pending = home.models.register(package, made().files, split="time", **WHO)
        assert pending is not None
        home.models.write(pending)
        version = pending.change.version
        home.models.write(home.models.promote(version, evidence=Evidence("pass"), **WHO))
    return version


def test_the_card_says_how_sure_it_is_and_what_would_change_the_band(world: World) -> None:
    promoted(world)
    code, out = world.call("score", "--lead", "lead-1")
    assert code == Exit.OK
    assert "% likely to convert" in out
    assert "past leads with about this score" in out
    assert "What would change the band" in out


def test_the_json_adds_up_on_both_scales_and_names_the_package(world: World) -> None:
    version = promoted(world)
    (record,) = world.records("score", "--lead", "lead-1")
    assert record["version"] == version
    assert record["unit"] == "probability"
    assert sum(micro for _, micro in record["ledger"]) == record["points"] * 1_000_000
    assert sum(odds for _, odds in record["ledger_log_odds"]) == record["log_odds"]
    low, high = record["interval"]
    assert 0 <= low <= high <= 1000
    assert set(record["moves"]) == {"up", "down"}


def test_without_a_model_the_answer_is_that_of_the_rules(world: World) -> None:
    (record,) = world.records("score", "--lead", "lead-1")
    assert record["unit"] == "points"
    assert "log_odds" not in record
    assert "moves" not in record


def test_a_bulk_rescoring_wakes_only_those_whose_band_would_change(world: World) -> None:
    world.works((90, raw("c1", "web.page_view", {"page": "careers"}, lead="lead-2", minute=20)))
    (before,) = world.records("score", "--bulk")
    assert before["leads"] == 2
    assert before["models"] == {"rules": 2}
    assert before["moves"] == before["woken"] == 0
    version = promoted(world, EAGER)
    (tried,) = world.records("score", "--bulk", "--dry-run")
    assert tried["models"] == {version: 2}
    assert tried["woken"] == 0
    (found,) = world.records("score", "--bulk")
    assert found["woken"] == found["moves"] == tried["moves"] > 0
    world.works()
    (after,) = world.records("score", "--bulk", "--dry-run")
    assert after["moves"] == 0
