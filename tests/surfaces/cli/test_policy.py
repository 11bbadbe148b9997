"""``leadgraph policy``: what people and programs see, and with which exit code."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from rich.console import Console

from domain.audit import AuditEntry
from domain.ids import Region, TenantId
from domain.lead import Band, BandState
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from surfaces.policy_diff import Recorded, in_words, simulate
from tests.agents.policy_leads import MONDAY_NIGHT, ORDINARY, Case
from tests.tools.policy.editing import SHIPPED, PolicyFolder
from tools.policy.load import check_policy, load_policy
from tools.policy.shelf import PolicyShelf
from tools.policy.tables import NEEDED

POLICY = load_policy(SHIPPED)
CASES = (
    Case(),
    Case({"deal.amount": 40_000 * 1_000_000}),
    Case({"deal.amount": 120_000 * 1_000_000}),
    Case(at=MONDAY_NIGHT),
    Case({"consent": "denied"}),
    Case(band=Band.COLD),
)


def recorded(case: Case, number: int) -> Recorded:
    """A decision as it was made under the shipped policy."""
    given = case.given()
    return Recorded(
        decision_id=f"dc_{number}",
        lead_id=f"ld_{number}",
        verdict=case.verdict(POLICY),
        given=given,
        features={**ORDINARY, **case.features},
        reading=case.reading(),
        score=case.score(),
        band=BandState(case.band, case.at, case.at - 86_400_000_000),
        previous=given.lead.band,
    )


async def stored(_: object, limit: int | None) -> AsyncIterator[Recorded]:
    """What a home has on record."""
    rows = [recorded(case, number) for number, case in enumerate(CASES)]
    for row in rows[:limit]:
        yield row


class Log:
    """Takes audit rows."""

    def __init__(self) -> None:
        self.rows: list[AuditEntry] = []

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them."""
        self.rows.extend(entries)


class World:
    """A command line over a home in a temporary folder."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.log, self._capsys = root, Log(), capsys
        self.shelf().open(SHIPPED, at=1, record=lambda _: None)
        tools = SimpleNamespace(
            check_policy=check_policy,
            policy_folder=SHIPPED,
            policy_shelf=lambda _: self.shelf(),
            user_name=lambda: "ann",
        )
        self.cli = Cli(
            open=self._open, tools=tools, out=Console(width=200), err=Console(stderr=True, width=200)
        )

    def shelf(self) -> PolicyShelf:
        """The home's shelf."""
        return PolicyShelf(self.root, tenant=TenantId("t"), region=Region("eu"))

    def __call__(self, *words: object) -> tuple[int, str, str]:
        """Run ``leadgraph policy ...``: exit code, stdout, stderr."""
        code = run(self.cli, ["policy", *map(str, words)])
        seen = self._capsys.readouterr()
        return code, seen.out, seen.err

    def json(self, *words: object, code: Exit = Exit.OK) -> Any:
        """The one JSON document on stdout."""
        got, out, _ = self(*words, "--json")
        assert got == code
        return orjson.loads(out)

    @contextmanager
    def _open(self, **_: object) -> Iterator[Home]:
        clock = SimpleNamespace(now=lambda: 1_700_000_000_000_000)
        home = SimpleNamespace(policy=self.shelf().active(), audit=self.log, clock=clock)
        yield cast("Home", home)


@pytest.fixture
def leadgraph(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> World:
    """The command under test, over a home with six decisions on record."""
    monkeypatch.setattr("surfaces.cli.policy.recorded", stored)
    return World(tmp_path / "home", capsys)


@pytest.fixture
def folder(tmp_path: Path) -> PolicyFolder:
    """A copy of the shipped policy to change."""
    return PolicyFolder(tmp_path / "mine")


@pytest.fixture
def stricter(folder: PolicyFolder) -> Path:
    """A policy that asks a person from 30,000 on."""
    folder.set("approval.csv", "large_deal", when__deal_amount=">= 30000")
    folder.set("approval.cases.csv", "deal at the limit", when__deal_amount="30000")
    folder.set("approval.cases.csv", "deal below the limit", when__deal_amount="29999")
    return folder.path


def test_check_of_the_configured_policy_is_well(leadgraph: World) -> None:
    """Version, counts, coverage."""
    found = leadgraph.json("check")
    assert found["ok"] is True
    assert found["version"] == POLICY.version
    assert [one["table"] for one in found["tables"]] == ["model", *NEEDED]
    assert all(one["uncovered"] == [] and one["rows"] and one["cases"] for one in found["tables"])
    code, out, _ = leadgraph("check")
    assert code == Exit.OK
    assert "every rule has an example" in out


def test_check_names_all_mistakes_and_leaves_with_two(leadgraph: World, folder: PolicyFolder) -> None:
    """As text with place and remedy, and as JSON."""
    folder.set("routing.csv", "warm", when__band="wram")
    folder.set("timing.csv", "quiet_hours", when__quiet="TRUE")
    code, out, err = leadgraph("check", folder.path)
    assert (code, out) == (Exit.GATE_FAILED, "")
    assert (
        "routing.csv, row warm, column when:band: 'wram' is not a value of this column; did you mean 'warm'?"
        in err
    )
    assert "timing.csv, row quiet_hours, column when:quiet: 'TRUE' is not yes or no" in err
    found = leadgraph.json("check", folder.path, code=Exit.GATE_FAILED)
    assert found["ok"] is False
    assert found["version"] is None
    assert {(one["file"], one["row"], one["column"], one["cell"]) for one in found["problems"]} == {
        ("routing.csv", "warm", "when:band", "wram"),
        ("timing.csv", "quiet_hours", "when:quiet", "TRUE"),
    }


def test_simulate_under_the_same_tables_changes_nothing(leadgraph: World) -> None:
    """The recorded verdicts are what the recorded inputs give."""
    found = leadgraph.json("simulate", SHIPPED)
    assert (found["decisions"], found["unchanged"], found["changed"], found["reworded"]) == (6, 6, 0, 0)
    assert found["active"] == found["policy"] == POLICY.version


def test_simulate_says_which_verdicts_would_change_from_what_to_what(
    leadgraph: World, stricter: Path
) -> None:
    """One deal lies between the old limit and the new one."""
    found = leadgraph.json("simulate", stricter)
    assert (found["decisions"], found["changed"], found["unchanged"]) == (6, 1, 5)
    (group,) = found["groups"]
    assert group["from"] == "act: upsert_score, create_task, assign_owner"
    assert group["to"] == "ask: upsert_score, create_task, assign_owner"
    assert (group["count"], group["parts"]) == (1, ["kind"])
    (example,) = group["examples"]
    assert (example["decision"], example["lead"]) == ("dc_1", "ld_1")
    assert example["rules_before"][1:2] == ["approval:otherwise"]
    assert example["rules_after"][1:2] == ["approval:large_deal"]
    code, out, _ = leadgraph("simulate", stricter)
    assert code == Exit.OK
    assert "1 × act: upsert_score, create_task, assign_owner  ->  ask:" in out
    assert leadgraph.shelf().active_version() == POLICY.version
    assert leadgraph.log.rows == []


def test_simulate_looks_at_so_many_only_if_asked(leadgraph: World, stricter: Path) -> None:
    """Six decisions on record, two asked for."""
    assert leadgraph.json("simulate", stricter, "--limit", "2")["decisions"] == 2


def test_simulate_tells_other_words_from_another_verdict(leadgraph: World, folder: PolicyFolder) -> None:
    """A reworded row changes no verdict."""
    folder.edit("routing.csv", "Call about {intent}; {reason}", "Ring about {intent}; {reason}")
    found = leadgraph.json("simulate", folder.path)
    assert found["changed"] == 0
    assert found["reworded"] + found["unchanged"] == 6


def test_simulate_of_tables_with_mistakes_leaves_with_two(leadgraph: World, folder: PolicyFolder) -> None:
    """And says which."""
    folder.set("routing.csv", "warm", when__band="wram")
    assert leadgraph.json("simulate", folder.path, code=Exit.GATE_FAILED)["ok"] is False


def test_promote_rollback_history(leadgraph: World, stricter: Path) -> None:
    """Each change is active at once, is in the history, and has an audit row."""
    made = leadgraph.json("promote", stricter, "--comment", "ask earlier")
    assert made["previous"] == POLICY.version
    assert leadgraph.shelf().active_version() == made["version"] != POLICY.version
    assert made["who"] == "ann"
    back = leadgraph.json("rollback", "--by", "bob")
    assert back["version"] == POLICY.version
    told = leadgraph.json("history")
    assert told["active"] == POLICY.version
    assert [(one["what"], one["who"], one["comment"]) for one in told["changes"]] == [
        ("rolled_back", "bob", "rolled back"),
        ("promoted", "ann", "ask earlier"),
        ("promoted", "leadgraph", "shipped with the software"),
    ]
    assert [row.code for row in leadgraph.log.rows] == ["promoted", "rolled_back"]
    code, out, _ = leadgraph("history")
    assert code == Exit.OK
    assert "rolled back" in out


def test_rollback_beyond_the_first_version_is_an_error(leadgraph: World) -> None:
    """Not a gate: there is nothing to go back to."""
    code, out, err = leadgraph("rollback")
    assert (code, out) == (Exit.ERROR, "")
    assert "no earlier version" in err


def test_promote_needs_a_comment_and_good_tables(leadgraph: World, folder: PolicyFolder) -> None:
    """Wrong usage is 1, tables with mistakes are 2; nothing is promoted."""
    assert leadgraph("promote", folder.path)[0] == Exit.ERROR
    folder.set("routing.csv", "warm", when__band="wram")
    assert leadgraph("promote", folder.path, "--comment", "x")[0] == Exit.GATE_FAILED
    assert leadgraph.shelf().active_version() == POLICY.version


US_HOURS = 'zone = "America/New_York"\nquiet = "20:00-08:00"'


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda folder: folder.set("routing.csv", "hot_buying", then__queue="solutions"), "details"),
        (lambda folder: folder.edit("calendar.toml", US_HOURS, US_HOURS.replace("08:00", "09:00")), "due"),
    ],
    ids=["queue", "quiet hours"],
)
async def test_differences_are_named_by_part(
    change: Callable[[PolicyFolder], None], part: str, folder: PolicyFolder
) -> None:
    """Another queue is another detail; another hour is another due time."""
    change(folder)
    result = await simulate(stored(None, None), load_policy(folder.path))
    assert {name for group in result.ordered() for name in group.parts} == {part}
    assert result.changed + result.reworded + result.unchanged == result.decisions == 6


def test_a_verdict_in_words_says_what_it_waits_for() -> None:
    """One line."""
    assert in_words(Case(at=MONDAY_NIGHT).verdict(POLICY)) == "act until quiet_over: upsert_score"
    assert in_words(Case({"consent": "denied"}).verdict(POLICY)) == "nothing"
