"""``leadgraph memory`` over a home with the real engine."""

from pathlib import Path

import orjson
import pytest

from surfaces.cli.context import Exit
from tests.crash.hot import raw
from tests.surfaces.cli.acting_world import World


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("LEADGRAPH_MEMORY", "embedded")
    return World(tmp_path, capsys)


def _talk(world: World) -> None:
    said = {"role": "customer", "text": "Fifty seats?"}
    turns = [raw(f"m{n}", "support.message", said, lead=f"L{n}") for n in range(2)]
    world.works(*enumerate({**one, "region": place} for one, place in zip(turns, ("eu", "us"), strict=True)))


def test_a_broken_folder_is_told_of_and_made_anew(world: World) -> None:
    _talk(world)
    code, out = world.call("memory", "status", "--json")
    assert code == Exit.OK
    regions = {one["region"]: one for one in orjson.loads(out)["regions"]}
    assert {name: (one["texts"], one["vectors"], one["state"]) for name, one in regions.items()} == {
        "eu": (1, 1, "ok"),
        "us": (1, 1, "ok"),
    }
    for file in (world.root / "home" / "memory").rglob("*"):
        if file.is_file() and file.name != "lock":
            file.write_bytes(b"broken" * 1_000)
    code, out = world.call("memory", "status")
    assert code == Exit.ERROR
    assert "leadgraph memory rebuild" in out
    assert world.call("memory", "rebuild") == (Exit.OK, "remembered anew: 2 leads\n")
    code, out = world.call("memory", "status")
    assert (code, out.count("1 texts")) == (Exit.OK, 2)


def test_memory_that_is_off_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGRAPH_MEMORY", "off")
    assert world.call("memory", "status") == (Exit.OK, "memory off, read by nothing\n")
    assert world.call("memory", "rebuild")[0] == Exit.ERROR
    assert "memory is off" in world.err.getvalue()
    assert not (world.root / "home" / "memory").exists()
