"""Who may be on a home at the same time."""

import multiprocessing
import signal
from pathlib import Path

import pytest

from domain.errors import ConfigError, Temporary
from tools import home
from tools.home import Hold, held, opening


def test_a_home_held_alone_lets_nobody_else_write(tmp_path: Path) -> None:
    with held(tmp_path, Hold.ALONE, writer="w1"):
        with pytest.raises(Temporary, match="in use by another"), held(tmp_path, Hold.ALONE, writer="w1"):
            pass
        with pytest.raises(Temporary, match="LEADGRAPH_BESIDE=1"), held(tmp_path, Hold.BESIDE, writer="w2"):
            pass
        with held(tmp_path, Hold.READING, writer="w1"):
            pass


def test_several_work_beside_each_other_and_nobody_alone_beside_them(tmp_path: Path) -> None:
    with (
        held(tmp_path, Hold.BESIDE, writer="w1"),
        held(tmp_path, Hold.BESIDE, writer="w2"),
        pytest.raises(Temporary, match="in use by another"),
        held(tmp_path, Hold.ALONE, writer="w3"),
    ):
        pass
    with held(tmp_path, Hold.ALONE, writer="w3"):
        pass


def test_two_processes_cannot_have_one_name(tmp_path: Path) -> None:
    """Each name is an audit chain, which has one writer. The name is free again when its process has ended."""
    with (
        held(tmp_path, Hold.BESIDE, writer="w1"),
        pytest.raises(ConfigError, match="is w1 already; set LEADGRAPH_WRITER"),
        held(tmp_path, Hold.BESIDE, writer="w1"),
    ):
        pass
    with held(tmp_path, Hold.BESIDE, writer="w1"):
        pass


def _hold_until_killed(folder: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with held(folder, Hold.BESIDE, writer="w1"):
        ready.set()
        signal.pause()


def test_a_killed_process_leaves_its_name_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_until_killed, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(60)
    with pytest.raises(ConfigError, match="LEADGRAPH_WRITER"), held(tmp_path, Hold.BESIDE, writer="w1"):
        pass
    process.kill()
    process.join(60)
    with held(tmp_path, Hold.BESIDE, writer="w1"):
        pass


def test_one_process_at_a_time_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for its turn in vain is told to come again."""
    monkeypatch.setattr(home, "OPENING_S", 0.0)
    with opening(tmp_path), pytest.raises(Temporary, match="being opened by another"), opening(tmp_path):
        pass
    with opening(tmp_path):
        pass


def test_a_place_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"), held(tmp_path / "file", Hold.ALONE, writer="w1"):
        pass
