"""The attributes of a home on disk: the old or the new, never half."""

from pathlib import Path

import pytest

from domain.attributes import Attribute
from domain.errors import ConfigError, Temporary
from tools.attributes import FILE, load_attributes, save_attributes
from tools.catalogue import home_catalogue

SEATS = Attribute(name="seats", type="number", unit="seats", description="Seats in use.")
CONFIG = Path(__file__).parents[2] / "config"


def test_what_was_declared_comes_back_and_is_in_the_catalogue(tmp_path: Path) -> None:
    assert load_attributes(tmp_path) == ()
    save_attributes(tmp_path, (SEATS,))
    catalogue, attributes = home_catalogue(CONFIG, tmp_path)
    assert attributes == (SEATS,)
    assert catalogue.get("attr.seats").unit == "micro-seats"
    assert catalogue.version != home_catalogue(CONFIG, tmp_path / "other")[0].version


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[{", "the document"),
        ('[{"name": "seats", "type": "money", "unit": "x", "description": "x"}]', "0.type"),
        (
            '[{"name": "a", "type": "number", "unit": "x", "description": "x"},'
            ' {"name": "a", "type": "category", "unit": "x", "description": "x"}]',
            "already declared",
        ),
    ],
)
def test_a_broken_file_is_said_and_never_taken_for_none(tmp_path: Path, body: str, words: str) -> None:
    (tmp_path / FILE).write_text(body, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load_attributes(tmp_path)


def test_a_disk_that_takes_nothing_leaves_what_was(tmp_path: Path) -> None:
    save_attributes(tmp_path, (SEATS,))
    (tmp_path / f"{FILE}.tmp").mkdir()
    with pytest.raises(Temporary, match="nothing was changed"):
        save_attributes(tmp_path, ())
    assert load_attributes(tmp_path) == (SEATS,)
