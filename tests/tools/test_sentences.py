"""The sentences for customers: the shipped file, what stands for what is missing, and mistakes by name."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.errors import ConfigError
from domain.instants import HOUR
from domain.sentences import PATHS, PLAIN
from tools.sentences import FILE, load_sentences
from tools.settings import SHIPPED

USUAL = """
[usual]
now = "One moment."
callback = "We call you back {when}."
ticket = "We write to you."
hour = "%H:%M"
"""


def written(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, "utf-8")
    return folder


def test_every_shipped_language_names_the_hour_in_the_zone_of_the_region() -> None:
    sentences = load_sentences(SHIPPED)
    assert "de" in sentences.others
    for language in (None, *sentences.others):
        said = sentences.of(language, 0, ZoneInfo("Asia/Tokyo"))
        assert said.keys() == set(PATHS)
        assert "09:00" in said["callback"]
        assert all("{" not in text for text in said.values())


def test_without_a_file_the_built_in_sentences_stand(tmp_path: Path) -> None:
    assert load_sentences(tmp_path).of("de", None, UTC) == PLAIN


def test_a_region_of_a_language_falls_back_to_the_language_and_an_unknown_one_to_the_usual(
    tmp_path: Path,
) -> None:
    text = USUAL + USUAL.replace("[usual]", "[pt]").replace("One moment.", "Um momento.")
    sentences = load_sentences(written(tmp_path, text))
    assert [sentences.of(name, None, UTC)["now"] for name in ("pt_BR", "PT", "fi", None)] == [
        *["Um momento."] * 2,
        *["One moment."] * 2,
    ]
    assert sentences.of(None, 3 * HOUR, UTC)["callback"] == "We call you back 03:00."


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (USUAL.replace("[usual]", "[en]"), r"\[usual\] is missing"),
        (USUAL.replace("now =", "nou ="), r"\[usual\] holds now"),
        (USUAL.replace("One moment.", "Until {when}."), r"\[usual\] now: \{when\}"),
        (USUAL.replace("One moment.", "x" * 391), r"\[usual\] now: write a text"),
        (USUAL.replace('"%H:%M"', '"%A%A%A%A%A%A%A%A%A%A%A"'), r"\[usual\] hour: writes more"),
        (USUAL.replace('"One moment."', "7"), r"\[usual\] now: write a text"),
        (USUAL.replace("back {when}", "{when} to {when}"), r"\[usual\] callback: write \{when\} once"),
        (
            USUAL.replace("We call", "x" * 340).replace("%H:%M", "%A, %d %B %Y, %H:%M:%S %Z"),
            r"\[usual\] callback: with its",
        ),
        ("[usual", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_sentences(written(tmp_path, text))
