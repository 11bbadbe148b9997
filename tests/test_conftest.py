"""The rules of conftest.py, seen from outside: pytest run on a small test file."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
NEEDY = """
import socket
import pytest

def test_folder(data_dir): ...

def test_file(data_file): data_file("set", "rows.csv")

@pytest.mark.data
def test_marked(): pytest.skip("no reason at all")

def test_other(): pytest.skip("not about data")

def test_calls_out(): socket.socket().connect(("example.invalid", 9))
"""


def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    """What pytest prints for NEEDY under these variables."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "test_needy.py").write_text(NEEDY, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-ra",
        "-q",
        "-n",
        "0",
        "-c",
        "none.ini",
    ]
    (tmp_path / "none.ini").write_text("[pytest]\nmarkers = data\n", encoding="utf-8")
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout


def test_without_data_a_test_skips_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is unset, and a test that calls out fails whatever the data."""
    said = outcome(tmp_path, monkeypatch)
    assert "1 failed, 4 skipped" in said
    assert "LEADGRAPH_DATA is not set" in said
    assert "reached for the network" in said


def test_where_data_must_be_there_a_skip_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only for tests about data: another test may still skip."""
    said = outcome(tmp_path, monkeypatch, LEADGRAPH_DATA=str(tmp_path), LEADGRAPH_REQUIRE_DATA="1")
    assert "3 failed, 1 passed, 1 skipped" in said
    assert "LEADGRAPH_DATA has no set/rows.csv" in said
    assert "no reason at all" in said
