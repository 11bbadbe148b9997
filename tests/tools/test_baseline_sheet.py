"""The score sheet is read strictly: whatever is wrong is named with its place."""

from functools import cache
from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.features import Catalogue
from tools.catalogue import load_catalogue
from tools.models.sheet import load_sheet

CONFIG = Path(__file__).resolve().parents[2] / "config"
GOOD = (CONFIG / "scoring.toml").read_text(encoding="utf-8")


@cache
def catalogue() -> Catalogue:
    return load_catalogue(CONFIG / "features.toml")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("prior = 12", "prior = 'x'", "prior must be points between -100 and 100"),
        ("prior = 12", "prior = 1000", "prior must be points"),
        ("prior = 12", "prior = 0.1234567", "prior has more than six decimal places"),
        ("prior = 12", "prior = nan", "prior must be points"),
        ("prior = 12", "", "the file: prior is missing"),
        ("prior = 12", "prior = 12\npriot = 1", "'priot' means nothing here"),
        ("enter_hot = 62", "enter_hot = 20", r"\[bands\] bands need"),
        ('"decayed.web.form"', '"decayed.web.from"', "'decayed.web.from' is no lead feature"),
        ('"decayed.web.form"', '"stage"', "needs a feature that is a number, stage is not"),
        ('"fact.seniority"', '"fact.employees"', "needs a feature that is a code"),
        ("points = 9, cap = 16", "points = 9, cap = -16", "must both be above 0, or both below"),
        ("Sent a form {count}", "Sent a form {name}", "may name {count} and {value} only"),
        ("Sent a form {count}", "Sent a form {count", "words:"),
        ("purchase = {", "purchaze = {", "'purchaze' means nothing here"),
        ('name = "fit.seniority"', 'name = "seniority"', "must begin with fit. or against."),
        ('name = "account.won"', 'name = "won"', "must begin with account."),
        ('"account.members.won"', '"count.any.7d"', "is no account feature"),
        ("21 = -3", "soon = -3", "must be a table of days"),
        ("prior = 12", "prior = ", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in GOOD
    file = tmp_path / "scoring.toml"
    file.write_text(GOOD.replace(before, after), encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        load_sheet(file, catalogue())
    assert str(file) in str(caught.value)


def test_a_missing_or_unreadable_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check the path"):
        load_sheet(tmp_path / "none.toml", catalogue())
    (tmp_path / "latin.toml").write_bytes(b"prior = '\xff'")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_sheet(tmp_path / "latin.toml", catalogue())
