"""From the settings to a model: none where none is named, and nothing that is wrong is found out late."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import ConfigError
from tests.tools.llm.asked import SECRET, Remembered, TestClock
from tools.fake_answers import MemorySpending
from tools.llm.opening import described, open_model, terms_of
from tools.settings import Settings, find_settings


def settings(tmp_path: Path, **env: str) -> Settings:
    """From an environment, without a file."""
    return find_settings({"LEADGRAPH_HOME": str(tmp_path), **env}).settings


def opened(found: Settings) -> object:
    """What is opened with `found`."""
    return open_model(found, SECRET, answers=Remembered(), spending=MemorySpending(), clock=TestClock())


def test_without_a_name_there_is_no_model(tmp_path: Path) -> None:
    """Whatever else is set: a key in the environment of another program asks nobody."""
    found = settings(tmp_path, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert opened(found) is None
    assert described(found) == "none configured: texts are read locally"


def test_the_usual_variables_are_taken_and_ours_win(tmp_path: Path) -> None:
    """Address and key come from where other programs have them, unless our own say otherwise."""
    usual = {"OPENAI_API_KEY": "sk-usual", "OPENAI_BASE_URL": "https://usual.example/v1"}
    found = settings(tmp_path, LEADGRAPH_MODEL="tiny", **usual)
    assert found.model_key is not None
    assert found.model_key.get_secret_value() == "sk-usual"
    terms = terms_of(found)
    assert terms is not None
    assert terms.url == "https://usual.example/v1"
    ours = settings(
        tmp_path, LEADGRAPH_MODEL_URL="http://127.0.0.1:1/v1", LEADGRAPH_MODEL_KEY="sk-ours", **usual
    )
    assert (ours.model_url, ours.model_key and ours.model_key.get_secret_value()) == (
        "http://127.0.0.1:1/v1",
        "sk-ours",
    )


def test_each_agent_may_have_a_model_of_its_own(tmp_path: Path) -> None:
    """Named in one variable; the rest asks the usual one."""
    found = settings(tmp_path, LEADGRAPH_MODEL="tiny", LEADGRAPH_MODEL_BY_AGENT="policy=big, actuation=small")
    model = open_model(found, SECRET, answers=Remembered(), spending=MemorySpending(), clock=TestClock())
    assert model is not None
    assert model.versions == {"intent": "tiny", "scoring": "tiny", "policy": "big", "actuation": "small"}


def test_what_is_configured_is_said_with_what_is_not_limited(tmp_path: Path) -> None:
    """A model without a price is named."""
    found = settings(tmp_path, LEADGRAPH_MODEL="gpt-4o-mini", LEADGRAPH_MODEL_BY_AGENT="policy=own")
    assert described(found) == (
        "gpt-4o-mini, own at https://api.openai.com/v1; no price of own: only calls and tokens are limited"
    )


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"LEADGRAPH_MODEL_URL": "http://models.example/v1"}, "https"),
        ({"LEADGRAPH_MODEL_URL": "https://me:pass@models.example/v1"}, "password"),
        ({"LEADGRAPH_MODEL_KEY": "sk-\u00fc"}, "model_key"),
        ({"LEADGRAPH_MODEL_BY_AGENT": "nobody=big"}, "nobody is no agent"),
        ({"LEADGRAPH_MODEL_PRICES": "/nowhere/prices.toml"}, "prices.toml"),
    ],
)
def test_a_wrong_setting_is_an_error_at_the_opening(env: dict[str, str], words: str, tmp_path: Path) -> None:
    """Not at the first question."""
    with pytest.raises(ConfigError, match=words):
        opened(settings(tmp_path, LEADGRAPH_MODEL="tiny", **env))


def test_plain_http_to_another_machine_is_only_for_those_who_say_so(tmp_path: Path) -> None:
    """In a network of one's own."""
    env = {"LEADGRAPH_MODEL": "tiny", "LEADGRAPH_MODEL_URL": "http://models.example:8000/v1"}
    terms = terms_of(settings(tmp_path, LEADGRAPH_MODEL_PLAIN_HTTP="true", **env))
    assert terms is not None
    assert terms.url == env["LEADGRAPH_MODEL_URL"]


def test_a_key_never_shows() -> None:
    """Not where settings are printed."""
    assert "sk-x" not in repr(find_settings({"OPENAI_API_KEY": "sk-x"}).settings)


def test_opening_loads_no_client_library() -> None:
    """It takes seconds; the first question pays for it."""
    code = (
        "import sys; from tools.llm import opening; "
        "print(sorted({'langchain_openai', 'openai', 'langsmith'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
