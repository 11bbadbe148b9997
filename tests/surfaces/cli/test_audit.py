"""``leadgraph audit`` on a real home: what people and programs see, and with which exit code."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import open_home
from domain.audit import AuditEntry
from domain.ids import LeadId, Region, RunId, TenantId
from domain.ports.home import Home
from domain.ports.reads import StoredDecision
from domain.verification import Problem, Verification
from surfaces.audit_story import in_words
from surfaces.cli.audit_card import show_verification
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from surfaces.cli.talk_card import clean
from surfaces.door import take
from surfaces.worker import Worker, deps_of
from tests.domain.items import NOW, item
from tools.audit import doors

LEADS = 4
Run = Callable[..., tuple[int, str, str]]


def items() -> list[dict[str, Any]]:
    """Some page views of each lead, and a message."""
    found = []
    for lead in range(LEADS):
        keys = [{"kind": "email", "value": f"anna{lead}@example.com"}]
        for hour in range(4):
            at = f"2024-03-01T0{hour}:00:00Z"
            found.append(item(id=f"{lead}-{hour}", keys=keys, occurred_at=at))
        said = {"text": "What does it cost for 50 seats? We want to buy.", "role": "customer"}
        found.append(item(id=f"m{lead}", source="chat", kind="support.message", keys=keys, payload=said))
    return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home in which every lead was decided on, its roots signed into an anchor beside it."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch, patch.context():
        patch.setenv("LEADGRAPH_ANCHOR", str(folder / "anchor.jsonl"))
        with open_home(home=folder / "home", virtual_clock=True) as home:
            asyncio.run(work(home))
    return folder


async def work(home: Home) -> None:
    """Everything through the door and the graph."""
    home.clock.advance(NOW)  # type: ignore[attr-defined]  # opened with a virtual clock
    await take(home, list(enumerate(items())))
    await Worker(home, deps_of(home)).drain()
    await home.audit.sign_roots(now=home.clock.now())


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may ruin."""
    shutil.copytree(made, tmp_path / "w")
    monkeypatch.setenv("LEADGRAPH_ANCHOR", str(tmp_path / "w" / "anchor.jsonl"))
    return tmp_path / "w"


@pytest.fixture
def leadgraph(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; (exit code, stdout, stderr)."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        consoles = {"out": Console(width=200), "err": Console(width=200, stderr=True)}
        code = run(
            Cli(open=partial(open_home, home=place / "home"), tools=doors, **consoles), [*map(str, words)]
        )
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def stored(place: Path) -> StoredDecision:
    """The first decision of the home."""

    async def first(home: Home) -> StoredDecision:
        async for batch in home.reads.decisions(home.tenant):
            return batch[0]
        raise AssertionError("no decision")

    with open_home(home=place / "home", exclusive=False) as home:
        return asyncio.run(first(home))


def change(place: Path, statement: str) -> None:
    """Do to the database what its owner could do."""
    with closing(sqlite3.connect(place / "home" / "leadgraph.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def document(said: str) -> dict[str, Any]:
    """The one JSON document on stdout."""
    found: dict[str, Any] = orjson.loads(said)
    return found


def test_verify_says_what_is_anchored(leadgraph: Run) -> None:
    """As JSON with exactly the promised names, and in words."""
    code, out, _ = leadgraph("audit", "verify", "--json")
    found = document(out)
    promised = {
        "ok",
        "rows",
        "chains",
        "anchored_to",
        "unanchored",
        "restored",
        "rows_per_second",
        "problems",
    }
    assert (code, set(found)) == (Exit.OK, promised)
    assert found["rows"] >= LEADS * 6
    assert (found["ok"], found["chains"], found["problems"]) == (True, 1, [])
    assert found["anchored_to"] == {"default/w1": found["rows"]}
    assert found["unanchored"] == {"default/w1": 0}
    code, out, _ = leadgraph("audit", "verify")
    assert code == Exit.OK
    assert "sound: nothing before the anchored rows was changed" in out


def test_verify_finds_a_changed_row_and_leaves_with_2(leadgraph: Run, place: Path) -> None:
    """The place is named."""
    change(place, "UPDATE audit SET body = replace(body, 'policy', 'polizy') WHERE seq = 5")
    code, out, _ = leadgraph("audit", "verify")
    assert code == Exit.GATE_FAILED
    assert "default/w1 row 5" in out
    assert "was changed or is damaged" in out
    code, out, _ = leadgraph("audit", "verify", "--json")
    assert (code, document(out)["ok"]) == (Exit.GATE_FAILED, False)
    assert document(out)["problems"][0]["seq"] == 5


def test_an_export_is_verified_without_the_home(leadgraph: Run, place: Path, tmp_path: Path) -> None:
    """With the anchor and the public key alone; without the anchor it is only consistent in itself."""
    file, key = tmp_path / "log.jsonl.gz", tmp_path / "signing.pub"
    code, out, _ = leadgraph("audit", "export", file, "--json")
    assert (code, document(out)["seals"]) == (Exit.OK, LEADS)
    shutil.copy(place / "home" / "keys" / "signing.pub", key)
    shutil.rmtree(place / "home")
    code, out, _ = leadgraph("audit", "verify", file, "--anchor", place / "anchor.jsonl", "--key", key)
    assert code == Exit.OK
    assert "sound" in out
    code, out, _ = leadgraph("audit", "verify", file)
    assert code == Exit.OK
    assert "internally consistent; without an anchor" in out
    code, out, _ = leadgraph(
        "audit", "verify", file, "--until", "2024-02-01", "--anchor", place / "anchor.jsonl"
    )
    assert "no row is anchored" in out
    assert not (place / "home").exists()


def test_an_export_leaves_existing_files_alone(leadgraph: Run, tmp_path: Path) -> None:
    """A sentence, not a traceback."""
    (tmp_path / "log").write_text("mine")
    code, out, err = leadgraph("audit", "export", tmp_path / "log")
    assert (code, out, (tmp_path / "log").read_text()) == (Exit.ERROR, "", "mine")
    assert "there already" in err


@pytest.mark.parametrize(("words", "told"), [
    (["nowhere.jsonl"], "cannot be read"),
    (["--anchor", "nowhere"], "anchor cannot be read"),
    (["--key", "nowhere"], "no public key"),
    (["--until", "yesterday"], "--until"),
])  # fmt: skip
def test_a_typing_mistake_is_an_error_and_not_a_verdict(leadgraph: Run, words: list[str], told: str) -> None:
    """Exit code 1, and nothing on stdout."""
    code, out, err = leadgraph("audit", "verify", *words)
    assert (code, out) == (Exit.ERROR, "")
    assert told in err


def test_anchor_signs_what_is_new(leadgraph: Run, place: Path) -> None:
    """After more rows; and says where to."""
    before = (place / "anchor.jsonl").read_bytes()
    leadgraph("audit", "anchor")
    assert (place / "anchor.jsonl").read_bytes() == before
    with open_home(home=place / "home") as home:
        asyncio.run(take(home, [(1, item(id="new", keys=[{"kind": "email", "value": "new@example.com"}]))]))
        asyncio.run(Worker(home, deps_of(home)).drain())
    rest = document(leadgraph("audit", "verify", "--json")[1])["unanchored"]["default/w1"]
    assert rest > 0
    code, out, _ = leadgraph("audit", "anchor", "--json")
    assert (code, document(out)["anchor"]) == (Exit.OK, str(place / "anchor.jsonl"))
    assert document(leadgraph("audit", "verify", "--json")[1])["unanchored"] == {"default/w1": 0}


def test_a_decision_is_told_by_any_of_its_names(leadgraph: Run, place: Path) -> None:
    """Run, decision, lead, and the address that only the hash of is kept."""
    known = stored(place)
    stories = [
        document(leadgraph("audit", "show", name, "--json")[1])
        for name in (known.run_id, known.decision_id, known.lead_id)
    ]
    assert stories[0] == stories[1] == stories[2]
    assert (stories[0]["lead"], stories[0]["decision"]["id"]) == (known.lead_id, known.decision_id)
    told = [document(leadgraph("audit", "show", f"anna{n}@example.com", "--json")[1]) for n in range(LEADS)]
    assert known.lead_id in {story["lead"] for story in told}


def test_the_story_has_every_transition_and_the_whole_why(leadgraph: Run, place: Path) -> None:
    """In the order in which it happened; the ledger adds up."""
    story = document(leadgraph("audit", "show", stored(place).decision_id, "--json")[1])
    steps = [transition["step"] for transition in story["transitions"]]
    assert steps == ["ingestion", "intent", "scoring", "policy", "actuation", "run"]
    assert all(transition["evidence"] for transition in story["transitions"])
    assert {"graph", "policy", "features", "code"} <= set(story["versions"])
    decision = story["decision"]
    assert (
        sum(part["micro"] for part in decision["score"]["ledger"]) == decision["score"]["points"] * 1_000_000
    )
    assert decision["intents"][0][0] in {"purchase", "pricing"}
    assert all(rule["why"] for rule in decision["rules"])
    assert (story["seal"], bool(story["rationale"])) == ("open", True)


def test_the_story_is_told_in_words(leadgraph: Run, place: Path) -> None:
    """Codes, figures and reasons as sentences."""
    code, out, _ = leadgraph("audit", "show", stored(place).lead_id)
    assert code == Exit.OK
    for words in (
        "new signals",
        "reasoner local",
        "of 100, fit",
        "decided",
        "Why",
        "Rules that fired",
        "total",
    ):
        assert words in out


def test_an_erased_record_leaves_its_transitions(leadgraph: Run, place: Path) -> None:
    """The story is shorter and says so; the log still verifies."""
    known = stored(place)
    change(place, "DELETE FROM sealed")
    code, out, _ = leadgraph("audit", "show", known.run_id)
    assert code == Exit.OK
    assert "was erased" in out
    assert "ingestion" in out
    assert document(leadgraph("audit", "show", known.run_id, "--json")[1])["decision"] is None
    assert leadgraph("audit", "verify")[0] == Exit.OK


def test_a_record_whose_key_is_gone_says_so(leadgraph: Run, place: Path) -> None:
    """There, but not to be opened by anybody."""
    change(place, "DELETE FROM subject_keys")
    story = document(leadgraph("audit", "show", stored(place).run_id, "--json")[1])
    assert (story["seal"], story["decision"], len(story["transitions"])) == ("locked", None, 6)


@pytest.mark.parametrize(
    "name", ["rn_nothing", "dc_nothing", "ld_nothing", "nobody", "nobody@example.com", "@", ""]
)
def test_an_unknown_name_is_an_error(leadgraph: Run, name: str) -> None:
    """Without quoting what may be an address."""
    code, out, err = leadgraph("audit", "show", name)
    assert (code, out) == (Exit.ERROR, "")
    assert "nothing is on record" in err
    assert "nobody" not in err


def test_a_failed_attempt_is_told_too(leadgraph: Run, place: Path) -> None:
    """A run that ended in an error has rows and no record."""
    failed = AuditEntry(
        tenant=TenantId("default"), region=Region("eu"), step="run", code="error:temporary", at=NOW,
        run_id=RunId("rn_failed"), lead_id=LeadId("ld_1"), detail={"attempt": 1, "reason": "signals"},
    )  # fmt: skip
    with open_home(home=place / "home") as home:
        asyncio.run(home.audit.append([failed]))
    code, out, _ = leadgraph("audit", "show", "rn_failed")
    assert code == Exit.OK
    assert "something outside was down" in out
    assert "no sealed record" in out


@pytest.mark.parametrize(("step", "code", "detail", "words"), [
    ("intent", "degraded:reasoner_timeout", {}, "answered without reasoner timeout; to be redone"),
    ("scoring", "error:deadline", {}, "gave up: it took too long; the lead is tried again"),
    ("policy", "error:bug:KeyError", {}, "failed by a defect (KeyError)"),
    ("run", "error:temporary", {"attempt": 2, "reason": "redo"},
     "failed for now: something outside was down; the lead is tried again (attempt 2, woken by redo)"),
    ("identity", "merge", {"other": "ld_2"}, "merge: other ld_2"),
    ("park", "released", {}, "released"),
    ("policy", "promoted", {"number": 1, "previous": None}, "promoted: number 1"),
    ("ingestion", "suppressed", {"new": 1}, "stopped: the lead must not be processed (new 1)"),
    ("scoring", "ok", {"points": 71, "fit": 40, "engagement": 55, "band": "hot", "cold_start": True},
     "done: 71 of 100, fit 40, engagement 55, hot, cold start"),
])  # fmt: skip
def test_every_code_has_words(step: str, code: str, detail: dict[str, Any], words: str) -> None:
    """Also codes of steps that are not part of the graph, and rows of other versions."""
    assert in_words(step, code, detail) == words


def test_what_does_not_print_is_replaced() -> None:
    """Escape sequences, line breaks and signs that turn the direction of writing."""
    assert clean("a\x1b[2Jb\nc\u202ed") == "a·[2Jb·c·d"


def test_many_problems_are_not_all_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A page, and where the rest is."""
    problems = [Problem("altered", "a/w", n, "words") for n in range(100)]
    found = Verification(
        ok=False,
        rows=9,
        chains=1,
        anchored_to={},
        unanchored={"a/w": 9},
        rows_per_second=1,
        problems=problems,
    )
    show_verification(Console(width=100), found)
    out = capsys.readouterr().out
    assert out.count("altered") == 20
    assert "and 80 more: see --json" in out


def test_help_names_all_five(leadgraph: Run) -> None:
    """Show, verify, export, anchor, replay."""
    out = leadgraph("audit", "--help")[1]
    assert all(name in out for name in ("show", "verify", "export", "anchor", "replay"))
