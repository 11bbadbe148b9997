"""Talks on the command line: a chat that shows what would be done, decisions that are recorded and replayed."""

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from app import Toolbox, open_home
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from tests.agents.test_handoff import BUYS, talk

Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command over one home and gives what it wrote to stdout."""
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))

    def ran(*words: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        out = io.StringIO()
        cli = Cli(open_home, Toolbox(), Console(file=out, width=200), Console(file=io.StringIO()))
        assert run(cli, list(words)) == Exit.OK
        return out.getvalue() + capsys.readouterr().out

    return ran


def test_a_chat_shows_what_was_heard_and_what_would_be_done_and_sends_nothing(
    command: Command, tmp_path: Path
) -> None:
    said = command("chat", typed=f"{BUYS}\nHello?\n/agent I am Ann\n/close\nThank you.\n")
    turns = [line.split()[0] for line in said.splitlines() if "), buying interest" in line]
    assert turns == ["handoff", "stay", "stay"]
    for words in (
        f"evidence [m1] “{BUYS}”",
        "known: seats 50 “50 seats” [m1]",
        "mood: neutral (",
        "urgency normal (unsaid)",
        "would handoff",
        "hand_over:",
        "to sales",
    ):
        assert words in said
    assert not (tmp_path / "home").exists()


def test_the_chat_in_the_readme_is_what_a_chat_shows(command: Command) -> None:
    """Line by line up to an ellipsis; how sure the reader is may change with it."""
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text("utf-8")
    typed, *shown = readme.partition("$ leadgraph chat\n")[2].partition("```")[0].splitlines()
    said = [_unsure(line) for line in command("chat", typed=f"{typed}\n").splitlines()]
    assert len(said) == len(shown)
    for line, expected in zip(said, shown, strict=True):
        assert line.startswith(_unsure(expected).partition("…")[0])


def _unsure(line: str) -> str:
    """Without figures of the reader; of the intents their number and order may change too."""
    return "  intents" if line.startswith("  intents") else re.sub(r"[0-9.]+ %", "%", line)


def test_talks_of_a_file_are_decided_recorded_and_replayed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text(talk(("customer", BUYS)).model_dump_json() + "\n", "utf-8")
    (answer,) = [orjson.loads(line) for line in command("handoff", str(file), "--json").splitlines()]
    assert (answer["decision"], answer["conversation_id"]) == ("handoff", "c1")
    replayed = orjson.loads(command("audit", "replay", "--all", "--json"))
    assert (replayed["identical"], replayed["different"], replayed["unreplayable"]) == (1, 0, {})
