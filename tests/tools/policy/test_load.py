"""Loading is strict: each kind of mistake is found, named with its place, and given a remedy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import ConfigError
from tests.tools.policy.editing import SHIPPED, PolicyFolder
from tools.policy.load import check_policy, load_policy

Spoil = Callable[[PolicyFolder], object]


def remove_row(file: str, rule: str) -> Spoil:
    """Take one row out."""
    return lambda folder: folder.write(file, [row for row in folder.rows(file) if row.get("rule") != rule])


def cell(file: str, rule: str, /, **cells: str) -> Spoil:
    """Write other text into cells of one row."""
    return lambda folder: folder.set(file, rule, **cells)


def text(file: str, old: str, new: str) -> Spoil:
    """Edit the file as text."""
    return lambda folder: folder.edit(file, old, new)


def add_row(file: str, **cells: str) -> Spoil:
    """Put a row at the top."""
    row = {name.replace("__", ":"): value for name, value in cells.items()}
    return lambda folder: folder.write(
        file, [{**dict.fromkeys(folder.rows(file)[0], ""), **row}, *folder.rows(file)]
    )


MISTAKES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    # name: (what is done, words that the message must have: file, row, column, cell or remedy)
    "misspelt value": (
        cell("routing.csv", "warm", when__band="wram"),
        ("routing.csv", "row warm", "when:band", "'wram'", "did you mean 'warm'"),
    ),
    "value of another column": (
        cell("routing.csv", "hot", when__band="pricing"),
        ("row hot", "when:band", "'pricing'", "hot, warm"),
    ),
    "misspelt column": (
        text("routing.csv", "when:band,", "when:bandd,"),
        ("routing.csv", "when:bandd", "no declared column", "did you mean 'band'"),
    ),
    "column without when or then": (
        text("routing.csv", "when:band,", "band,"),
        ("routing.csv", "column band", "when:<column>"),
    ),
    "column known too late": (
        text("routing.csv", "when:segment", "when:priority"),
        ("routing.csv", "when:priority", "after routing"),
    ),
    "quotes in a cell": (
        cell("routing.csv", "warm", when__band="'warm'"),
        ("row warm", "when:band", "without quotes"),
    ),
    "words where a number belongs": (
        cell("approval.csv", "large_deal", when__deal_amount="a lot"),
        ("approval.csv", "row large_deal", "when:deal_amount", "'a lot'", "whole number"),
    ),
    "separator in a number": (
        cell("approval.csv", "large_deal", when__deal_amount=">= 50,000"),
        ("row large_deal", "without separators", "50000"),
    ),
    "range from high to low": (
        cell("approval.csv", "weak_intent", when__intent_confidence="499..1"),
        ("row weak_intent", "high to low", "1..499"),
    ),
    "neither yes nor no": (
        cell("timing.csv", "quiet_hours", when__quiet="TRUE"),
        ("timing.csv", "row quiet_hours", "when:quiet", "write yes or no"),
    ),
    "a yes/no that is empty": (
        cell("timing.csv", "quiet_hours", when__quiet="is empty"),
        ("row quiet_hours", "never empty"),
    ),
    "a not inside a list": (
        cell("do_not_act.csv", "customer", when__top_intent="expansion, not renewal"),
        ("row customer", "when:top_intent", "before the whole list"),
    ),
    "an extra comma": (
        cell("do_not_act.csv", "opt_out", when__consent="denied,"),
        ("row opt_out", "empty alternative"),
    ),
    "a condition that can never hold": (
        cell("routing.csv", "warm", when__band="not hot, warm, cold, is empty"),
        ("row warm", "can never match"),
    ),
    "a condition that always holds": (
        cell("routing.csv", "warm", when__band="is known, is empty"),
        ("row warm", "accepts everything"),
    ),
    "no last row for all": (
        remove_row("routing.csv", "otherwise"),
        ("routing.csv", "row cold_changed", "does not fit every lead", "when: cells are all empty"),
    ),
    "row id twice": (
        cell("routing.csv", "warm_former", rule="warm"),
        ("routing.csv", "row warm", "stands twice", "id of its own"),
    ),
    "no row id": (cell("routing.csv", "warm_former", rule=""), ("column rule", "no rule id")),
    "row id with spaces": (
        cell("routing.csv", "warm_former", rule="Warm former"),
        ("no rule id", "underscores"),
    ),
    "row never reached": (
        add_row("routing.csv", rule="early", why="All.", then__owner="none", then__next_step="Wait"),
        ("routing.csv", "row hot", "can never fire", "early"),
    ),
    "row repeated": (
        cell("do_not_act.csv", "vendor", when__relationship="student"),
        ("do_not_act.csv", "row vendor", "same conditions", "student"),
    ),
    "do-not-act row without condition": (
        cell("do_not_act.csv", "suppressed", when__suppressed=""),
        ("row suppressed", "fits every lead"),
    ),
    "no sentence": (cell("routing.csv", "warm", why=""), ("row warm", "column why", "one sentence")),
    "misspelt action": (
        cell("routing.csv", "hot_buying", then__actions="upsert_score, creat_task"),
        ("row hot_buying", "then:actions", "creat_task", "did you mean 'create_task'"),
    ),
    "unknown queue": (
        cell("routing.csv", "hot_buying", then__queue="salez"),
        ("row hot_buying", "then:queue", "did you mean 'sales'"),
    ),
    "output missing": (
        cell("approval.csv", "silent", then__decision=""),
        ("approval.csv", "row silent", "then:decision", "is empty"),
    ),
    "unknown output": (
        text("timing.csv", "then:effect", "then:efect"),
        ("timing.csv", "then:efect", "did you mean 'effect'"),
    ),
    "unknown placeholder": (
        cell("routing.csv", "hot", then__next_step="Call {name}"),
        ("row hot", "then:next_step", "{name}", "it can be"),
    ),
    "brace without its partner": (
        cell("routing.csv", "hot", then__next_step="Call {intent"),
        ("row hot", "then:next_step", "brace"),
    ),
    "task without a queue": (
        cell("routing.csv", "hot_buying", then__queue=""),
        ("row hot_buying", "create_task needs then:queue"),
    ),
    "owner assigned by nobody": (
        cell("routing.csv", "hot_buying", then__owner="none"),
        ("row hot_buying", "then:owner", "assigns an owner"),
    ),
    "added but not allowed": (
        cell("do_not_act.csv", "opt_out", then__allow="upsert_score"),
        ("row opt_out", "then:add", "does not allow"),
    ),
    "hold without an end": (
        cell("do_not_act.csv", "open_incident", then__hold_hours=""),
        ("row open_incident", "then:hold_hours", "number of hours"),
    ),
    "three people": (
        cell("approval.csv", "large_deal", then__people="3"),
        ("row large_deal", "then:people", "two-person rule"),
    ),
    "asked though it goes": (
        cell("approval.csv", "otherwise", then__hours="5"),
        ("row otherwise", "then:decision", "leave then:people and then:hours empty"),
    ),
    "comma not in quotes": (
        text("approval.csv", "weak_intent,", "weak_intent, oh,"),
        ("approval.csv", "cells, the header has", "double quotes"),
    ),
    "quote not closed": (
        text("approval.csv", "silent,", 'silent,"'),
        ("approval.csv", "not readable as CSV", "quotes"),
    ),
    "column twice": (
        text("approval.csv", "when:quality", "when:degraded"),
        ("approval.csv", "when:degraded", "twice"),
    ),
    "empty file": (
        lambda folder: (folder.path / "timing.csv").write_text(""),
        ("timing.csv", "is empty"),
    ),
    "missing file": (lambda folder: (folder.path / "timing.csv").unlink(), ("timing.csv", "cannot be read")),
    "not utf-8": (
        lambda folder: (folder.path / "timing.csv").write_bytes("rule;wöhy\n".encode("cp1252")),
        ("timing.csv", "not UTF-8", "CSV UTF-8"),
    ),
    "stray table": (
        lambda folder: (folder.path / "routing_old.csv").write_text("rule\n"),
        ("routing_old.csv", "no table is read", "did you mean 'routing.csv'"),
    ),
    "examples missing": (
        lambda folder: (folder.path / "routing.cases.csv").unlink(),
        ("routing.cases.csv", "cannot be read"),
    ),
    "example fails": (
        cell("approval.csv", "large_deal", when__deal_amount=">= 150000"),
        ("approval.cases.csv", "row deal at the limit", "expected large_deal, the table gives otherwise"),
    ),
    "example expects another output": (
        cell("routing.csv", "hot_buying", then__team="enterprise"),
        ("routing.cases.csv", "then:team", "expected sales", "enterprise"),
    ),
    "example of a rule that is not there": (
        cell("timing.cases.csv", "at night", expect="quiet_hour"),
        ("timing.cases.csv", "row at night", "did you mean 'quiet_hours'"),
    ),
    "example with a misspelt fact": (
        cell("timing.cases.csv", "at night", when__band="hott"),
        ("timing.cases.csv", "row at night", "when:band", "did you mean 'hot'"),
    ),
    "broken toml": (
        text("calendar.toml", "[regions.eu]", "[regions.eu"),
        ("calendar.toml", "not valid TOML"),
    ),
    "unknown zone": (
        text("calendar.toml", 'Europe/Berlin"\nquiet', 'Europe/Berlinn"\nquiet'),
        ("calendar.toml", "regions.eu.zone", "Europe/Berlinn"),
    ),
    "quiet hours that are none": (
        text("calendar.toml", '\nquiet = "20:00-08:00"', '\nquiet = "20-8"'),
        ("calendar.toml", "quiet"),
    ),
    "unknown country": (text("calendar.toml", '"GB-ENG"', '"XX"'), ("calendar.toml", "'XX'", "ISO code")),
    "freeze that ends before it begins": (
        text("calendar.toml", "to = 2027-01-01", "to = 2026-01-01"),
        ("calendar.toml", "ends before it begins"),
    ),
    "calendar of a region that is not declared": (
        text("calendar.toml", "[regions.uk]", "[regions.ukk]"),
        ("calendar.toml", "regions.ukk", "did you mean 'uk'"),
    ),
    "no default calendar": (
        text("calendar.toml", "[regions.default]\n", "[regions.other]\n"),
        ("regions.default",),
    ),
    "column type that is none": (
        text("columns.toml", 'type = "flag"', 'type = "boolean"'),
        ("columns.toml", "columns.suppressed.type"),
    ),
    "usual value outside its codes": (
        text("columns.toml", 'usual = "granted"', 'usual = "given"'),
        ("columns.toml", "columns.consent", "usual does not fit"),
    ),
}


def spoilt(name: str, folder: PolicyFolder) -> str:
    """The message for a folder spoilt by the mistake called `name`."""
    MISTAKES[name][0](folder)
    with pytest.raises(ConfigError) as caught:
        load_policy(folder.path)
    return str(caught.value)


def test_shipped_policy_loads_without_a_mistake() -> None:
    """And every rule has an example that makes it fire."""
    report = check_policy(SHIPPED, SHIPPED.parent / "reps.csv")
    assert report.problems == ()
    assert {one.table: one.uncovered for one in report.tables} == {
        "model": (), "do_not_act": (), "routing": (), "approval": (), "timing": ()
    }  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_refused_and_explained(name: str, folder: PolicyFolder) -> None:
    """The error names file, row, column and cell, and says what to do."""
    message = spoilt(name, folder)
    missing = [words for words in MISTAKES[name][1] if words not in message]
    assert not missing, message


def test_misspelt_value_cannot_load_silently(folder: PolicyFolder) -> None:
    """The engine alone would take `hott` for an unknown variable that never matches."""
    assert "'hott'" in spoilt("example with a misspelt fact", folder)
    folder.set("timing.cases.csv", "at night", when__band="hot")
    folder.set("timing.csv", "hot_recheck", when__band="hott")
    with pytest.raises(ConfigError, match="row hot_recheck, column when:band: 'hott'"):
        load_policy(folder.path)


def test_all_mistakes_are_found_at_once(folder: PolicyFolder) -> None:
    """Not only the first one."""
    for name in ("misspelt value", "words where a number belongs", "neither yes nor no", "unknown zone"):
        MISTAKES[name][0](folder)
    problems = check_policy(folder.path).problems
    assert {problem.file for problem in problems} == {
        "routing.csv",
        "approval.csv",
        "timing.csv",
        "calendar.toml",
    }
    assert len(problems) == 4


def test_a_folder_that_is_none_is_a_problem(tmp_path: Path) -> None:
    """And not a traceback."""
    assert check_policy(tmp_path / "nowhere").problems[0].problem == "is no folder"


def test_rules_without_example_are_reported(folder: PolicyFolder) -> None:
    """Coverage is a remark, not a mistake."""
    cases = [row for row in folder.rows("timing.cases.csv") if row["expect"] != "nobody_free"]
    folder.write("timing.cases.csv", cases)
    report = check_policy(folder.path)
    assert report.problems == ()
    assert report.tables[-1].uncovered == ("nobody_free",)


def test_version_is_the_content(folder: PolicyFolder, tmp_path: Path) -> None:
    """Same content, same version, wherever it lies and however it was written; other content, another."""
    version = load_policy(SHIPPED).version
    assert len(version) == 12
    assert int(version, 16) >= 0
    other = tmp_path / "other"
    other.mkdir()
    for file in sorted(folder.path.iterdir(), reverse=True):
        shutil.copy(file, other)
    assert load_policy(other).version == version
    (other / "timing.csv").write_text((other / "timing.csv").read_text().replace(",72", ",71"))
    folder.edit("routing.csv", "A hot lead clearly wants to buy.", "A hot lead clearly wants to buy now.")
    with pytest.raises(ConfigError, match="expected 72"):
        load_policy(other)
    assert load_policy(folder.path).version != version


def test_a_spreadsheet_may_save_it_its_own_way(folder: PolicyFolder) -> None:
    """Byte mark, semicolons, CRLF, trailing empty columns and capitals change nothing that is decided."""
    rows = folder.rows("timing.csv")
    rows[3]["when:band"] = "Hot"
    header = list(rows[0])
    quoted = [";".join(f'"{row[name]}"' for name in header) + ";;" for row in rows]
    content = "\r\n".join([";".join(header) + ";;", *quoted, ";" * (len(header) + 1)]) + "\r\n"
    (folder.path / "timing.csv").write_bytes(b"\xef\xbb\xbf" + content.encode())
    tables = load_policy(folder.path).tables
    assert [row.fired for row in tables[-1].rows] == [
        row.fired for row in load_policy(SHIPPED).tables[-1].rows
    ]


def test_line_ends_and_byte_mark_do_not_make_a_version(folder: PolicyFolder) -> None:
    """Saving without a change is no change."""
    file = folder.path / "routing.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_policy(folder.path).version == load_policy(SHIPPED).version
