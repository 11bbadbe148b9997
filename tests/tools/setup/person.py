"""A person in an empty folder, who connects vendors and asks the doctor."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

import app
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tools.diagnosis import Check, diagnose
from tools.settings import find_settings


@dataclass
class Desk:
    """Types commands."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    said: str = ""
    """What the last command told a person."""

    def connect(self, vendor: str, *words: str, **given: str) -> tuple[int, dict[str, Any]]:
        """`leadgraph connect VENDOR --json`, answering with `given`."""
        answers = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
        return self.run("connect", vendor, "--json", *words, *answers)

    def run(self, *line: str) -> tuple[int, dict[str, Any]]:
        """Any command that answers with one document."""
        self.capsys.readouterr()
        told = io.StringIO()
        quiet = Console(file=told, width=200)
        code = run(Cli(open=app.open_home, tools=app.Toolbox(), out=quiet, err=quiet), list(line))
        out, self.said = self.capsys.readouterr().out, told.getvalue()
        return code, orjson.loads(out) if out else {}

    def doctor(self, name: str) -> list[Check]:
        """What the doctor says of the things whose name begins so."""
        return [one for one in diagnose(find_settings().settings, str) if one.name.startswith(name)]

    @property
    def home(self) -> Path:
        return self.folder / ".leadgraph"

    @property
    def toml(self) -> Path:
        return self.folder / "leadgraph.toml"
