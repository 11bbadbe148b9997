"""``leadgraph history``: a whole file or nothing, as often as wanted; and what comes later feeds the same features."""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import Toolbox, open_home
from domain.errors import Temporary
from domain.ids import TenantId
from domain.ports.home import Home
from domain.ports.inbox import Accepted, Refused
from domain.signal import Signal, compact
from learning.history.imported import open_history
from learning.history.mapping_file import load_mapping
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from surfaces.door import door_of, take
from surfaces.history import take_history
from surfaces.worker import Worker, deps_of
from tests.domain.items import NOW
from tests.learning.history.exports import WIDE, rows, written


class Desk:
    """A command line over a home in a folder."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys, self.err = root, capsys, io.StringIO()
        self.mapping = root / "m.yaml"
        self.mapping.write_text(WIDE, encoding="utf-8")

    def home(self, **more: Any) -> Any:
        return open_home(home=self.root / "home", **more)

    def call(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        cli = Cli(
            open=self.home, tools=Toolbox(), out=Console(width=200), err=Console(file=self.err, width=200)
        )
        code = run(cli, list(words))
        return code, self._capsys.readouterr().out

    def imports(self, table: Sequence[Mapping[str, str]], *more: str) -> tuple[int, Any]:
        """Import the rows: exit code and the document on stdout."""
        file = written(self.root, table)
        code, out = self.call("history", "import", str(file), "--mapping", str(self.mapping), "--json", *more)
        return code, orjson.loads(out) if out else None

    def ask(self, question: Callable[[Home], Any]) -> Any:
        with self.home(exclusive=False) as home:
            return asyncio.run(question(home))

    def counts(self) -> Mapping[str, int]:
        return dict(self.ask(lambda home: home.reads.counts(home.tenant)))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_history_is_taken_in_once_however_often_it_is_imported(desk: Desk) -> None:
    code, first = desk.imports(rows({}, {"Stage": "Open"}))
    assert (code, first["imported"]) == (Exit.OK, {"accepted": 5, "duplicates": 0, "quarantined": 0})
    code, again = desk.imports(rows({}, {"Stage": "Open"}, {"Id": "new"})[::-1])
    assert (code, again["imported"]) == (Exit.OK, {"accepted": 3, "duplicates": 5, "quarantined": 0})
    assert desk.counts()["leads"] == 3


def test_one_refused_row_keeps_the_whole_file_out(desk: Desk) -> None:
    """The good rows before it too: it is checked before the first write, and the report says what is wrong."""
    code, told = desk.imports(rows({}, {}, {"Seats": "many"}))
    assert code == Exit.ERROR
    assert told["imported"] is None
    assert told["refused"] == [
        {"reason": "Seats: is not a number; mend the file or the mapping", "rows": 1, "examples": [4]}
    ]
    assert (desk.counts()["signals"], desk.ask(_held)) == (0, 0)
    assert "nothing was imported" in desk.err.getvalue()


async def _held(home: Home) -> int:
    return len(await home.quarantine.open_items(home.tenant, limit=10))


def test_refused_rows_are_left_out_when_that_is_asked_for(desk: Desk) -> None:
    code, told = desk.imports(rows({}, {"Seats": "many"}), "--skip-refused")
    assert (code, told["imported"]["accepted"], told["refused"][0]["rows"]) == (Exit.OK, 3, 1)
    assert desk.counts()["leads"] == 1
    code, told = desk.imports(rows({}, {"Seats": "7"}))
    assert told["imported"] == {"accepted": 3, "duplicates": 3, "quarantined": 0}


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    code, told = desk.imports(rows({}, {}), "--dry-run")
    assert (code, told["imported"], told["leads"]) == (Exit.OK, None, 2)
    assert desk.counts()["signals"] == 0
    assert not (desk.root / "home" / "attributes.json").exists()


def test_the_report_reads_like_a_report(desk: Desk) -> None:
    file = written(desk.root, rows({}, {"Stage": "Lost"}))
    code, out = desk.call("history", "import", str(file), "--mapping", str(desk.mapping), "--dry-run")
    assert code == Exit.OK
    assert "2 rows, 2 leads: 1 won, 1 lost, 0 open; from 2023-03-01 to 2023-04-01" in out
    assert "columns never to be used: Closing note" in out


class Breaks:
    """An inbox that takes two batches and then dies."""

    def __init__(self, home: Home) -> None:
        self._inbox, self.left = home.inbox, 2

    async def accept(self, items: Sequence[Signal | Refused], **more: Any) -> Accepted:
        if not self.left:
            raise Temporary("the disk is full")
        self.left -= 1
        return await self._inbox.accept(items, **more)

    async def waiting(self) -> int:
        return await self._inbox.waiting()


def test_a_second_run_completes_what_a_crash_cut_short(desk: Desk) -> None:
    """What was taken before it is durable and comes again as duplicates."""
    table = rows(*[{} for _ in range(900)])
    plan = load_mapping(desk.mapping)
    with desk.home() as home:
        opened = open_history(
            plan, written(desk.root, table), door=door_of(home, home.clock.now(), imported=True)
        )
        broken = replace(home, inbox=Breaks(home), attributes=plan.attributes_declared)
        with pytest.raises(Temporary, match="disk is full"):
            asyncio.run(take_history(broken, opened, without=(), told=lambda _: None))
    taken = desk.counts()["signals"]
    assert 0 < taken < 2_700
    code, told = desk.imports(table)
    assert (code, told["imported"]) == (
        Exit.OK, {"accepted": 2_700 - taken, "duplicates": taken, "quarantined": 0},
    )  # fmt: skip


def test_live_attributes_feed_the_feature_that_history_feeds(desk: Desk) -> None:
    """Declared by the import, known to the home's catalogue from then on, and to the door."""
    desk.imports(rows({"Stage": "Open"}))
    live = {
        "id": "x1", "source": "billing", "kind": "identity.attributes", "keys": {"crm_id": "L1"},
        "occurred_at": "2024-03-01T09:00:00Z", "payload": {"seats": 9, "iban": "DE00"},
    }  # fmt: skip
    with desk.home() as home:
        taken = asyncio.run(take(home, [(0, live)]))
        assert (taken.accepted, taken.quarantined) == (1, ())
        signals = asyncio.run(_signals(home, "L1"))
        values = home.catalogue.evaluate(_events(signals), NOW, names=frozenset({"attr.seats", "attr.plan"}))
        before = home.catalogue.evaluate(_events(signals[1:]), NOW, names=frozenset({"attr.seats"}))
    assert values == {"attr.seats": 9_000_000, "attr.plan": "team"}
    assert before == {"attr.seats": 5_000_000}
    assert "DE00" not in str(signals)


async def _signals(home: Home, key: str) -> Sequence[Signal]:
    lead = await home.reads.find_lead(home.tenant, key)
    assert lead is not None
    return await home.reads.signals(home.tenant, lead)


def _events(signals: Sequence[Signal]) -> Any:
    return tuple(sorted(event for signal in signals for event in compact(signal)))


def test_an_imported_lead_is_decided_on_like_any_other(desk: Desk) -> None:
    desk.imports(rows({}, {"Stage": "Open"}))
    with desk.home() as home:
        asyncio.run(Worker(home, deps_of(home)).drain())
    counts = desk.counts()
    assert (counts["waiting"], counts["applied"] + counts["superseded"]) == (0, 5)


def test_an_attribute_cannot_change_its_type_behind_the_models_back(desk: Desk) -> None:
    desk.imports(rows({}))
    desk.mapping.write_text(WIDE.replace("type: number, unit: seats", "type: category"), encoding="utf-8")
    code, told = desk.imports(rows({"Id": "L2"}))
    assert (code, told) == (Exit.ERROR, None)
    assert "already declared as a number in seats" in desk.err.getvalue()
    assert desk.counts()["leads"] == 1


def test_a_draft_is_written_once_and_can_be_imported(desk: Desk) -> None:
    """A person's edits are never overwritten."""
    table = rows(*[{"Stage": "Won" if i % 3 else "Lost"} for i in range(60)])
    file, out = written(desk.root, table), desk.root / "draft.yaml"
    code, said = desk.call("history", "suggest", str(file), "--out", str(out), "--json")
    assert (code, orjson.loads(said)["outcome"]["column"]) == (Exit.OK, "Stage")
    code, said = desk.call("history", "import", str(file), "--mapping", str(out), "--dry-run", "--json")
    assert (code, orjson.loads(said)["outcomes"]) == (Exit.OK, {"won": 40, "lost": 20, "open": 0})
    assert desk.call("history", "suggest", str(file), "--out", str(out))[0] == Exit.ERROR


def test_the_tenant_of_an_import_is_the_homes(desk: Desk) -> None:
    desk.imports(rows({}))
    signals = desk.ask(lambda home: _signals(home, "L1"))
    assert {(signal.tenant, signal.imported, signal.known_at - signal.occurred_at) for signal in signals} == {
        (TenantId("default"), True, signals[0].known_at - signals[0].occurred_at)
    }
