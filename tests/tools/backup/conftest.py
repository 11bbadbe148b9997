"""The world of the backups."""

from pathlib import Path

import pytest

from tests.tools.backup.backup_world import Backed


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Backed:
    """A home whose settings the command line finds."""
    monkeypatch.setenv("LEADGRAPH_HOME", str(tmp_path / "home"))
    return Backed(tmp_path, capsys)
