"""The README's walk over HTTP, run as it stands there: a new user's first ten minutes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.crm.embedded import Reports
from tools.crm.embedded.file import CrmFile

ROOT = Path(__file__).resolve().parents[3]
WALK = re.compile(r"^## Over HTTP, step by step$.*?^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_S = 300


def commands(port: int) -> str:
    """The commands of the README, on a port that is free here."""
    found = WALK.search((ROOT / "README.md").read_text("utf-8"))
    assert found, "the README has no walk over HTTP any more"
    return found[1].replace("8080", str(port))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a shell finds ``leadgraph``."""
    command = tmp_path / "bin" / "leadgraph"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m app "$@"\n', "utf-8")
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"  # noqa: TID251 - handed on to the shell under test


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")), reason="the walk needs curl and bash: install them"
)
def test_the_walk_of_the_readme_ends_with_the_write_in_the_crm_and_a_log_that_verifies(
    tmp_path: Path, path: str
) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    script = f"set -eu\ntrap 'kill %1 2>/dev/null; wait' EXIT\n{commands(free_port())}"
    walk = subprocess.Popen(
        [shutil.which("bash") or "bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path), "LEADGRAPH_MEMORY": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = walk.communicate(timeout=MOST_S)
    except subprocess.TimeoutExpired:
        os.killpg(walk.pid, signal.SIGKILL)
        out, err = walk.communicate()
    assert walk.returncode == 0, f"{out[-3_000:]}\n{err[-3_000:]}"
    assert '{"accepted":4,"duplicates":0,"quarantined":[]}' in out
    assert "crm: owner rep_" in out
    assert '"sound":true' in out
    crm = Reports(CrmFile(tmp_path / ".leadgraph-walk" / "crm.db"))
    steps = [line.kind.value for line in crm.ledger()]
    assert (steps.count("set_owner"), steps.count("create_task")) == (1, 1)
    assert crm.doubled() == []
