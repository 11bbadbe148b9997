"""The catalogue's file is read strictly, and says where it is wrong and what to do."""

from pathlib import Path

import pytest

from domain.errors import ConfigError
from domain.feature import Aggregate
from domain.kinds import Channel, Kind
from tools.catalogue import load_catalogue

SHIPPED = Path("config/features.toml")
GOOD = """
[groups]
web = ["web.page_view", "web.form"]
both = ["@web", "crm.activity"]

[[feature]]
name = "count.web.{window}"
version = 2
aggregate = "count"
kinds = ["@web"]
window = "{window}"
unit = "events"
description = "Events in the last {window}."
for_each = { window = ["6h", "7d"] }

[[feature]]
name = "old"
version = 1
aggregate = "decayed"
kinds = ["@both"]
half_life = "14d"
unit = "micro-events"
description = "Old."
deprecated = "since 2026-01-15; use count.web.7d"
"""


def load(folder: Path, text: str) -> list[str]:
    """The names in a file that says `text`."""
    file = folder / "features.toml"
    file.write_text(text, encoding="utf-8")
    return [definition.name for definition in load_catalogue(file).definitions]


def test_an_entry_is_written_out_for_each_value_and_groups_are_filled_in(tmp_path: Path) -> None:
    """Windows and half-lives become hours, groups their kinds, placeholders their text."""
    assert load(tmp_path, GOOD) == ["count.web.6h", "count.web.7d", "old"]
    catalogue = load_catalogue(tmp_path / "features.toml")
    six, week, old = catalogue.definitions
    assert (six.window_hours, week.window_hours, old.half_life_hours) == (6, 168, 336)
    assert week.kinds == ("web.page_view", "web.form")
    assert old.kinds == ("web.page_view", "web.form", "crm.activity")
    assert week.description == "Events in the last 7d."
    assert week.version == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'version = 2\naggregate = "count"',
            "version = 2",
            r"feature 1 \(count\.web\.6h\): aggregate: Field required",
        ),
        (
            'aggregate = "count"',
            'aggregate = "counts"',
            r"count\.web\.6h\): aggregate: Input should be 'count'",
        ),
        ('kinds = ["@web"]', 'kinds = ["@wob"]', r"no group @wob above; there is @web, @both"),
        (
            'kinds = ["@web"]',
            'kinds = ["web.pageview"]',
            r"'web\.pageview' is no kind of event; use one of consent",
        ),
        ('kinds = ["@web"]', 'kinds = ["@web", "web.form"]', r"a kind or subject is named twice"),
        ('kinds = ["@web"]', "kinds = []", r"kinds must be a list of texts, and not empty"),
        (
            'window = "{window}"',
            'window = "{windw}"',
            r"'\{windw\}' has a placeholder that for_each does not list",
        ),
        (
            '["6h", "7d"]',
            '["6h", "a week"]',
            r"window must be hours or days such as \"6h\" or \"7d\", not 'a week'",
        ),
        ('["6h", "7d"]', '["6h", "9999d"]', r"count\.web\.9999d\): window_hours: Input should be less than"),
        ('["6h", "7d"]', '["6h", "6h"]', r"two features are called count\.web\.6h; rename or remove one"),
        ("version = 2", "version = 0", r"version: Input should be greater than or equal to 1"),
        ("version = 2", "versoin = 2", r"'versoin' means nothing here; allowed are aggregate, deprecated"),
        ('half_life = "14d"', "", r"feature 2 \(old\): a decayed feature needs a half-life"),
        ("use count.web.7d", "use count.web.7", r"feature old: deprecated must read .*not deprecated itself"),
        ("use count.web.7d", "use old", r"feature old: deprecated must read"),
        ("since 2026-01-15; ", "", r"feature old: deprecated must read \"since YYYY-MM-DD; use NAME\""),
        ('name = "old"', 'nam = "old"', r"feature 2 \(None\): needs a name"),
        ('name = "old"', 'name = "Old"', r"feature 2 \(Old\): name: String should match"),
        ("[groups]", "[group]", r"\[group\] means nothing here; write \[groups\] and \[\[feature\]\]"),
        ('web = ["web.page_view"', 'web = ["fax.sent"', r"\[groups\] web: 'fax\.sent' is no kind of event"),
        ('"@web", "crm.activity"', '"@both"', r"\[groups\] both: no group @both above; there is @web"),
        ("version = 2", "version = 2\nversion = 3", r"is not TOML: .*line 9"),
        ('"6h", "7d"', "", r"for_each\.window must be a list of texts, and not empty"),
    ],
)
def test_a_mistake_is_named_with_its_file_its_entry_and_a_remedy(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Nothing is guessed, nothing is skipped."""
    assert old in GOOD
    with pytest.raises(ConfigError, match=said) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert str(tmp_path / "features.toml") in str(error.value)


def test_a_misspelt_trait_is_named(tmp_path: Path) -> None:
    """A fact that nobody can state would be empty for ever."""
    text = GOOD.replace('kinds = ["@web"]', 'kinds = ["fact"]\nsubjects = ["industri"]')
    with pytest.raises(ConfigError, match="'industri' is no trait; use one of amount_requested, buyer_role"):
        load(tmp_path, text)


@pytest.mark.parametrize("text", ["", "[groups]\n", "feature = []\n", "feature = 3\n"])
def test_a_catalogue_without_features_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file would score every lead alike, and silently."""
    with pytest.raises(ConfigError, match=r"no \[\[feature\]\] entry; add at least one"):
        load(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or not text."""
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read .*; check the path"):
        load_catalogue(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_catalogue(tmp_path / "bytes.toml")


def test_the_shipped_catalogue_covers_what_is_asked_of_it() -> None:
    """Every channel over every window, every behaviour decayed, each aggregate used, one deprecation."""
    catalogue = load_catalogue(SHIPPED)
    names = {definition.name for definition in catalogue.definitions}
    channels = {channel.value for channel in Channel} - {"identity", "consent"}
    assert {
        f"count.{channel}.{window}" for channel in channels for window in ("1h", "1d", "7d", "30d")
    } <= names
    behaviours = {kind.value for kind in Kind if kind.channel.value in channels - {"crm"}}
    assert {f"decayed.{kind}" for kind in behaviours} <= names
    used = {definition.aggregate for definition in catalogue.definitions}
    assert set(Aggregate) - used == {Aggregate.LAST_NUMBER}  # for attributes, which a home declares
    assert [definition.name for definition in catalogue.definitions if definition.deprecated] == [
        "count.email.30d"
    ]


def test_a_lowered_cap_reaches_the_catalogue() -> None:
    """And is part of its version."""
    assert load_catalogue(SHIPPED, cap=5).cap == 5
    assert load_catalogue(SHIPPED, cap=5).version != load_catalogue(SHIPPED).version
