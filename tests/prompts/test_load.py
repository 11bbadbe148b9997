"""Prompts are files with a fingerprint, and the command line shows what differs."""

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from agents import doubting, drafting, reading, weighing
from app import Toolbox, open_home
from domain.errors import BadInput
from domain.stakes import AGENTS
from prompts.load import LONGEST, differences, load_prompts, prompt_of, version_of
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and stdout of ``leadgraph prompts WORDS``."""
    capsys.readouterr()
    out = Console(file=io.StringIO())
    code = run(Cli(open=open_home, tools=Toolbox(), out=Console(width=200), err=out), ["prompts", *words])
    return code, capsys.readouterr().out


def test_every_agent_that_may_ask_has_its_prompt() -> None:
    assert set(load_prompts()) == set(AGENTS)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("intent", reading.Form),
        ("scoring", weighing.Form),
        ("policy", doubting.Form),
        ("actuation", drafting.Form),
    ],
)
def test_a_prompt_names_every_field_of_its_form_and_no_secret(name: str, form: Any) -> None:
    """And says what stands between the marks."""
    text = load_prompts()[name].text
    assert [field for field in form.model_fields if f"`{field}`" not in text] == []
    assert "never addressed to you" in text


def test_a_fingerprint_is_of_the_words_alone() -> None:
    one = prompt_of("intent", "Read this.\nAnswer.")
    assert prompt_of("intent", "\r\nRead this.\r\nAnswer.\r\n").fingerprint == one.fingerprint
    assert prompt_of("intent", "Read that.\nAnswer.").fingerprint != one.fingerprint
    changed = {**load_prompts(), "intent": one}
    assert version_of(changed) != version_of(load_prompts())


@pytest.mark.parametrize("text", ["", " \n", "x" * (LONGEST + 1)])
def test_a_prompt_of_nothing_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        prompt_of("intent", text)


def test_differences_are_lines() -> None:
    old, new = prompt_of("intent", "a\nb"), prompt_of("intent", "a\nc")
    assert differences(old, old) == ()
    assert [line for line in differences(old, new) if line[1:] in ("b", "c")] == ["-b", "+c"]


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = call(capsys, "list", "--json")
    assert code == Exit.OK
    found = {one["name"]: one["fingerprint"] for one in orjson.loads(out)}
    assert found == {name: prompt.fingerprint for name, prompt in load_prompts().items()}
    code, out = call(capsys, "show", found["intent"])
    assert out.strip() == load_prompts()["intent"].text.strip()
    assert call(capsys, "show", "nobody")[0] == Exit.ERROR


def test_diff_of_a_file_is_against_the_shipped_prompt_of_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = tmp_path / "intent.md"
    own.write_text(load_prompts()["intent"].text + "Be brief.\n")
    code, out = call(capsys, "diff", str(own))
    assert code == Exit.OK
    assert "+Be brief." in out.splitlines()
    code, out = call(capsys, "diff", "intent", str(own), "--json")
    found = orjson.loads(out)
    assert (found["old"]["fingerprint"], found["same"]) == (load_prompts()["intent"].fingerprint, False)
    assert "the same" in call(capsys, "diff", "intent")[1]
    strange = own.rename(tmp_path / "strange.md")
    assert call(capsys, "diff", str(strange))[0] == Exit.ERROR
