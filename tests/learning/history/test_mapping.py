"""A mapping says exactly what it says: every mistake is named with its line, its place and what to do."""

import re
from pathlib import Path

import pytest

from domain.errors import ConfigError
from learning.history.mapping import FromSource, Wide
from learning.history.mapping_file import check_columns, load_mapping, parse_mapping
from tests.learning.history.exports import HEADER, WIDE, mapping

SHIPPED = sorted((Path(__file__).parents[3] / "evals" / "mappings").glob("*.yaml"))


def said(text: str) -> str:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        parse_mapping(text.encode(), "m.yaml")
    return str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("layout: wide", "layout: broad", "m.yaml: layout: must be one of wide, events, source"),
        ("lead: Id", "lead: {key: crm_id}", "line 4: lead: name the column of the lead's key, or say row: true"),
        ("lead: Id", "lead: {column: Id, key: name}", "line 4: lead.key: 'name' is no kind of key; use one of crm_id"),
        ("zone: Europe/Berlin", "zone: Berlin", "line 7: zone: 'Berlin' is no time zone; write a name such as"),
        ("created: Created", "created: {column: Created, formats: [dmy]}", "created.formats.0: 'dmy' is no form"),
        ("created: Created", "", "name the column `created`, or an assumed `order`"),
        ("created: Created", "order: {random: true, column: Id, starts: 2020-01-01T00:00:00Z}", "is random, so no"),
        ("type: number", "type: numbr", "line 12: attributes.seats.type: Input should be 'number' or 'category'"),
        ("  plan:", "  Our plan:", "attribute 'Our plan'"),
        ("kind: crm.activity", "kind: crm.call", "line 15: events.0.kind: Input should be"),
        ("type: {value: demo}", "typ: {value: demo}", "crm.activity has no field typ; it takes type, direction"),
        ("type: {value: demo}", "note: Plan", "crm.activity needs the field type"),
        ("lost: [Lost]", "lost: [Lost, Won]", "Won stands under two results; leave it under one"),
        (", at: Closed", "", "say when: `at` names the column of its time, `hours_after` assumes one"),
        ("accounts", "accounts", "line 5: acount: means nothing here; take it out, or look for a misspelling"),
        ("never: {", "never: {Plan: typed later, ", "attributes.plan: 'Plan' also stands under never"),
        ("source: crm_export", "source: My CRM", "line 3: source: use lower-case letters"),
        ("lead: Id", "lead: Id\nlead: Key", "line 5: 'lead' is given twice; keep one"),
        ("lead: Id", "lead: &a Id\naccount: *a", "refers to another place or is too large; write it out"),
        ("lead: Id", "lead: [", "is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_remedy(old: str, new: str, words: str) -> None:
    text = WIDE.replace("account:", "acount:") if old == "accounts" else WIDE.replace(old, new, 1)
    assert words in said(text)


def test_all_mistakes_are_told_at_once() -> None:
    told = said(WIDE.replace("type: number", "type: numbr").replace("zone: Europe/Berlin", "zone: Berlin"))
    assert len(told.splitlines()) == 2


def test_columns_that_the_file_has_not_are_named_with_what_was_meant() -> None:
    with pytest.raises(ConfigError) as refused:
        check_columns(mapping(), [*HEADER[:3], "seats", *HEADER[4:]], "m.yaml")
    assert "attributes.seats: the file has no column 'Seats'; did you mean 'seats'?" in str(refused.value)
    check_columns(mapping(), HEADER, "m.yaml")


def test_what_looks_like_something_else_stays_text() -> None:
    """No `no` becomes false, no 007 becomes seven."""
    plan = mapping(WIDE.replace("[Won]", "[yes, 007]").replace("[Lost]", "[no, 1e3]"))
    assert isinstance(plan, Wide)
    assert plan.outcome is not None
    assert (plan.outcome.won, plan.outcome.lost) == (("yes", "007"), ("no", "1e3"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_mappings_load(file: Path) -> None:
    plan = load_mapping(file)
    assert plan.source == file.stem
    assert isinstance(plan, FromSource) == (file.stem == "leadforge")


def test_the_mappings_of_the_guide_load() -> None:
    text = (Path(__file__).parents[3] / "docs" / "history.md").read_text(encoding="utf-8")
    shown = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "layout:" in block]
    assert [parse_mapping(block.encode(), "guide").layout for block in shown] == ["wide", "events", "source"]


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_mapping(Path("nowhere.yaml"))
