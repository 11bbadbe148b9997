"""What the doctor says of a language model: what is configured, and nobody is asked."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.diagnosis import Check, diagnose
from tools.settings import find_settings


def model_check(tmp_path: Path, env: Mapping[str, str]) -> Check:
    """The finding on the model."""
    settings = find_settings({"LEADGRAPH_HOME": str(tmp_path / "home"), **env}).settings
    (found,) = [check for check in diagnose(settings, lambda: "tables") if check.name == "model"]
    return found


@pytest.mark.parametrize(
    ("env", "ok", "words"),
    [
        ({}, True, "none configured"),
        (
            {"LEADGRAPH_MODEL": "gpt-4o", "OPENAI_API_KEY": "sk-x"},
            True,
            "gpt-4o at https://api.openai.com/v1",
        ),
        ({"LEADGRAPH_MODEL": "own", "LEADGRAPH_MODEL_URL": "http://127.0.0.1:9/v1"}, True, "no price of own"),
        ({"LEADGRAPH_MODEL": "own", "LEADGRAPH_MODEL_URL": "ftp://x"}, False, "https"),
    ],
)
def test_the_doctor_says_what_model_is_configured(
    env: Mapping[str, str], ok: bool, words: str, tmp_path: Path
) -> None:
    """With what is not limited, and what is wrong; the key does not show."""
    found = model_check(tmp_path, env)
    assert found.ok is ok
    assert words in found.detail
    assert "sk-x" not in found.detail


def test_the_doctor_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is opened for it."""

    def no_socket(*_: object, **__: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(socket, "socket", no_socket)
    assert model_check(tmp_path, {"LEADGRAPH_MODEL": "gpt-4o"}).ok
