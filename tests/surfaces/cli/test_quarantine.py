"""``leadgraph quarantine``: nothing put aside is lost, nothing comes in twice, and a person is told."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from domain.instants import HOUR, Instant
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from surfaces.door import Item, take
from tests.domain.items import NOW, item
from tests.surfaces.door_world import DoorWorld, now, opened


class World:
    """A command line over a home in a temporary folder."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys
        self.err = io.StringIO()
        self.later = Instant(0)
        """How much later than the start the command is given."""

    @contextmanager
    def home(self, **_: object) -> Iterator[Home]:
        with opened(self.root) as world:
            world.clock.advance(Instant(NOW + self.later))
            yield world.home

    def took(self, *items: Item) -> None:
        """Send items through the door first."""
        with opened(self.root) as world:
            now(take(world.home, items))

    def asked(self, question: str) -> Any:
        """`held`, `counts`, or the signals of a lead."""
        with opened(self.root) as world:
            return now(_answer(world, question))

    def call(self, *words: str) -> tuple[int, str]:
        """Exit code and stdout of ``leadgraph quarantine WORDS``."""
        self._capsys.readouterr()
        cli = Cli(open=self.home, tools=None, out=Console(width=200), err=Console(file=self.err, width=200))
        code = run(cli, ["quarantine", *words])
        return code, self._capsys.readouterr().out

    def records(self, *words: str) -> list[dict[str, Any]]:
        """Lines of JSON."""
        _, out = self.call(*words, "--json")
        return [orjson.loads(line) for line in out.splitlines()]


async def _answer(world: DoorWorld, question: str) -> Any:
    if question == "held":
        return await world.held()
    return dict(await world.counts()) if question == "counts" else await world.signals(question)


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """An empty home."""
    return World(tmp_path, capsys)


WITHOUT_PAGE = item(id="bad", payload={})


def test_list_tells_place_field_and_reason(world: World) -> None:
    world.took((1, item()), (2, WITHOUT_PAGE), (3, b"{"))
    first, second = world.records("list")
    assert {name: first[name] for name in ("source", "position", "field", "code", "at")} == {
        "source": "web", "position": 2, "field": "payload.page", "code": "missing",
        "at": "2024-03-01T10:00:00.000Z",
    }  # fmt: skip
    assert second["code"] == "not_json"
    assert len(world.records("list", "--limit", "1")) == 1
    code, out = world.call("list")
    assert (code, "payload.page: is missing" in out) == (0, True)


def test_an_empty_quarantine_says_so(world: World) -> None:
    assert world.call("list") == (0, "nothing is in quarantine\n")
    assert world.records("list") == []


def test_show_gives_the_bytes_to_be_mended(world: World) -> None:
    world.took((1, b'{"id": "x"'))
    (held,) = world.records("list")
    assert world.call("show", held["id"]) == (0, '{"id": "x"\n')
    assert "is not JSON" in world.err.getvalue()


def test_a_mended_item_comes_in_and_leaves_quarantine_in_one_step(world: World, tmp_path: Path) -> None:
    world.took((2, WITHOUT_PAGE))
    (held,) = world.records("list")
    mended = tmp_path / "mended.json"
    mended.write_bytes(orjson.dumps(item(id="bad")))
    (done,) = world.records("release", held["id"], "--edit", str(mended))
    assert (done["outcome"], done["signal"]) == ("accepted", "web:bad")
    assert [signal.id for signal in world.asked("L1")] == ["bad"]
    counts = world.asked("counts")
    assert (counts["signals"], counts["quarantined"], counts["waiting"]) == (1, 0, 1)


def test_what_is_still_wrong_stays_as_it_was(world: World) -> None:
    world.took((2, WITHOUT_PAGE))
    (held,) = world.records("list")
    code, out = world.call("release", held["id"])
    assert code == Exit.ERROR
    assert "stays: payload.page: is missing" in out
    assert world.records("list") == [held]
    assert world.asked("counts")["quarantined"] == 1


def test_an_item_from_the_future_can_be_released_when_its_time_has_come(world: World) -> None:
    """Nothing was wrong with it but the clock."""
    world.took((1, item(occurred_at="2024-03-01T10:30:00Z")))
    world.later = Instant(HOUR)
    (done,) = world.records("release", "--all")
    assert done["outcome"] == "accepted"


def test_an_item_released_twice_comes_in_once(world: World) -> None:
    world.took((1, item()), (2, WITHOUT_PAGE))
    (held,) = world.records("list")
    mended = world.root / "mended.json"
    mended.write_bytes(orjson.dumps(item(id="bad")))
    assert world.call("release", held["id"], "--edit", str(mended))[0] == Exit.OK
    code, _ = world.call("release", held["id"], "--edit", str(mended))
    assert code == Exit.ERROR
    assert "is not open" in world.err.getvalue()
    assert len(world.asked("L1")) == 2


def test_an_item_that_came_in_meanwhile_is_a_duplicate(world: World) -> None:
    world.took((1, WITHOUT_PAGE), (2, item()))
    (held,) = world.records("list")
    mended = world.root / "mended.json"
    mended.write_bytes(orjson.dumps(item()))
    (done,) = world.records("release", held["id"], "--edit", str(mended))
    assert done["outcome"] == "duplicate"
    assert world.records("list") == []


def test_a_conflict_comes_in_under_an_id_of_its_own(world: World) -> None:
    world.took((1, item()), (2, item(payload={"page": "/other"})))
    (held,) = world.records("list")
    assert held["code"] == "conflict"
    (done,) = world.records("release", held["id"])
    assert done["outcome"] == "accepted"
    pages = {signal.id: signal.payload["page"] for signal in world.asked("L1")}
    assert pages == {"e-1": "/pricing", f"e-1~{held['id']}": "/other"}
    assert "released:conflict" in world.asked("L1")[0].steps + world.asked("L1")[1].steps


def test_release_all_lets_in_what_it_can_and_says_what_stays(world: World) -> None:
    world.took((1, item()), (2, item(payload={"page": "/other"})), (3, WITHOUT_PAGE), (4, b"{"))
    code, out = world.call("release", "--all")
    assert code == Exit.OK
    assert "1 let in, 2 still in quarantine" in out
    assert len(world.records("list")) == 2
    counts = world.asked("counts")
    assert counts["signals"] == 4
    assert counts["waiting"] + counts["quarantined"] + counts["duplicates"] == 4


def test_discarded_items_lose_their_content_and_stay_counted(world: World) -> None:
    world.took((1, WITHOUT_PAGE), (2, b"{"))
    first, second = world.records("list")
    assert world.records("discard", first["id"], second["id"], "--reason", "test data") == [
        {"id": first["id"], "outcome": "discarded"}, {"id": second["id"], "outcome": "discarded"},
    ]  # fmt: skip
    assert world.records("list") == []
    assert world.asked("counts")["quarantined"] == 2
    assert world.call("show", first["id"])[0] == Exit.ERROR
    assert world.call("release", first["id"])[0] == Exit.ERROR


@pytest.mark.parametrize(
    "words",
    [
        ["release"], ["release", "qn_1"], ["release", "qn_1", "--all"], ["release", "--all", "--edit", "x"],
        ["release", "qn_1", "qn_2", "--edit", "x"], ["release", "qn_1", "--edit", "no-such-file"],
        ["discard", "qn_1"], ["discard", "qn_1", "--reason", " "], ["discard", "--reason", "x"],
        ["show", "qn_1"], ["list", "--limit", "0"], ["bogus"],
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_an_error_and_no_traceback(world: World, words: list[str]) -> None:
    assert world.call(*words)[0] == Exit.ERROR
