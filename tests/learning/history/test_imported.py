"""A table becomes signals and outcomes through the contract of live signals, or says row by row why not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.attributes import attribute_features
from domain.errors import BadInput
from domain.features import Catalogue
from domain.instants import HOUR, instant
from learning.history.imported import imported
from learning.history.items import Item
from learning.offline import point_in_time
from learning.rows import Question, build_rows
from tests.domain.items import DOOR
from tests.learning.history.exports import WIDE, events_of, history, mapping, rows, written


def at(*parts: int) -> int:
    return instant(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type,misc]  # parts of a date


def reasons(folder: Path, *changed: dict[str, str]) -> dict[str, int]:
    return dict(history(folder, rows(*changed)).refused)


def test_a_row_gives_its_attributes_its_events_and_its_outcome(tmp_path: Path) -> None:
    found = history(tmp_path, rows({}))
    assert events_of(found, "L1") == [
        ("fact", "attr.plan", "team", 0),
        ("fact", "attr.seats", "5", 5_000_000),
        ("crm.activity", "demo", "", 0),
        ("crm.outcome", "won", "", 0),
    ]
    assert found.leads.rows() == [("L1", "acme.com", "eu", at(2023, 3, 1, 8))]
    assert (found.order, found.report["outcomes"]) == ("times", {"won": 1, "lost": 0, "open": 0})


def test_times_are_those_of_the_mappings_zone_and_known_after_its_delay(tmp_path: Path) -> None:
    """Nine in Berlin is eight in UTC in winter; in summer, after the change, twelve is ten."""
    found = history(tmp_path, rows({}))
    ended = found.events.filter(found.events["kind"] == "crm.outcome").row(0, named=True)
    assert (ended["at"], ended["known"] - ended["at"]) == (at(2023, 4, 1, 10), 2 * HOUR)
    assert found.last_seen == ended["known"]


def test_what_stands_for_nothing_is_nothing(tmp_path: Path) -> None:
    """A marker is no category: the feature is missing, and nothing is counted as stated."""
    found = history(tmp_path, rows({"Plan": "Select", "Seats": " select "}, {"Plan": ""}))
    assert [e for e in events_of(found, "L1") if e[0] == "fact"] == []
    assert [e[1] for e in events_of(found, "L2") if e[0] == "fact"] == ["attr.seats"]
    assert found.raw["Plan"].to_list() == [None, None]


def test_columns_that_must_not_be_used_are_nowhere(tmp_path: Path) -> None:
    found = history(tmp_path, rows({"Closing note": "s3cret"}))
    assert "s3cret" not in str(found.events.rows())
    assert found.raw.columns == ["lead_id", "Seats", "Plan"]
    assert found.report["columns"]["never"] == ["Closing note"]


def test_a_column_in_question_is_not_used_and_the_report_says_so(tmp_path: Path) -> None:
    asked = WIDE.replace("type: category}", "type: category, ask: 'was it known?'}")
    found = history(tmp_path, rows({}), asked)
    assert [one.name for one in found.attributes] == ["seats"]
    assert found.report["columns"]["asked"] == ["Plan"]
    assert any("carry a question" in warning for warning in found.report["warnings"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Seats": "many"}, "Seats: is not a number; mend the file or the mapping"),
        ({"Created": "yesterday"}, "Created: is not a time in the form iso; mend the file or the mapping"),
        ({"Created": ""}, "Created: is empty; every lead needs a time"),
        ({"Stage": "Maybe"}, "Stage: is none of the values of won, lost and open; add it to one of them"),
        ({"Closed": ""}, "Closed: is empty for a lead that was decided; say `hours_after` to assume a time"),
        ({"Id": ""}, "Id: is empty; every row names its lead"),
        ({"Plan": "x" * 300}, "payload.plan: is too long; at most 200 characters are taken"),
        ({"Closed": "2031-01-01"}, "occurred_at: lies in the future; check the sender's clock and zone"),
    ],
)
def test_a_bad_cell_refuses_its_whole_row_with_the_column_and_the_remedy(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    """Half of a lead would be worse than none. The reason quotes nothing of the cell."""
    found = history(tmp_path, rows(change, {}))
    assert dict(found.refused) == {reason: 1}
    assert found.refused_rows == {2}
    assert found.leads["lead_id"].to_list() == ["L2"]


def test_a_lead_named_twice_counts_once_if_all_is_equal_and_is_refused_otherwise(tmp_path: Path) -> None:
    found = history(tmp_path, rows({"Id": "A"}, {"Id": "A"}, {"Id": "A", "Seats": "9"}))
    assert found.report["duplicates"] == 3
    assert [why["reason"][:29] for why in found.report["refused"]] == ["Id: names the lead of line 2 w"[:29]]
    assert [e for e in events_of(found, "A") if e[1] == "attr.seats"] == [
        ("fact", "attr.seats", "5", 5_000_000)
    ]


def test_a_rows_ids_do_not_depend_on_its_place_in_the_file(tmp_path: Path) -> None:
    """So an export that grew, or was sorted otherwise, brings only what is new."""
    one = history(tmp_path, rows({}, {}, {}))
    other = history(tmp_path, rows({}, {}, {}, {"Id": "new"})[::-1])
    assert set(one.events["ref"]) <= set(other.events["ref"])
    changed = history(tmp_path, rows({"Stage": "Lost"}))
    assert not {r for r in one.events["ref"] if "L1:crm.outcome" in r} & set(changed.events["ref"])


def test_an_address_as_key_is_hashed_everywhere(tmp_path: Path) -> None:
    found = history(
        tmp_path, rows({"Id": "jane@acme.com"}), WIDE.replace("lead: Id", "lead: {column: Id, key: email}")
    )
    assert "jane" not in str(found.events.rows()) + str(found.leads.rows()) + str(found.raw.rows())
    assert found.raw["lead_id"].to_list() == found.leads["lead_id"].to_list()


def test_without_times_the_order_is_assumed_and_flagged(tmp_path: Path) -> None:
    text = WIDE.replace("created: Created", "order: {column: Seats, starts: 2020-01-01T00:00:00Z}")
    text = text.replace("at: Closed", "hours_after: 3")
    text = "\n".join(line for line in text.splitlines() if "First demo" not in line and line != "events:")
    text = text.replace("  seats: {column: Seats, type: number, unit: seats}\n", "")
    found = history(tmp_path, rows({"Seats": "10"}, {"Seats": "9"}), text)
    created = dict(found.leads.select("lead_id", "created").iter_rows())
    assert (found.order, created["L2"], created["L1"]) == (
        "assumed", at(2020, 1, 1), at(2020, 1, 1, 1),
    )  # fmt: skip
    assert any("no times" in warning for warning in found.report["warnings"])
    assert any("3 hours after" in warning for warning in found.report["warnings"])


EVENTS = """
layout: events
source: funnel
lead: case
at: when
id: [n]
rules:
  - when: {equals: {what: [gone, dead]}}
    kind: crm.outcome
    payload: {result: {value: lost}, reason: {column: what, values: {gone: left}}}
  - when: {starts: {what: call_}}
    kind: crm.activity
    payload: {type: what, direction: {column: who, values: {us: outbound}, otherwise: inbound}}
  - {when: {equals: {what: noise}}, drop: true}
"""
FUNNEL = ("case", "when", "n", "what", "who")


def funnel(*told: tuple[str, str, str]) -> list[dict[str, str]]:
    return [
        {"case": "C1", "when": f"2023-01-0{n}T10:00:00Z", "n": number, "what": what, "who": who}
        for n, (number, what, who) in enumerate(told, 1)
    ]


def test_the_first_rule_that_fits_says_what_a_row_is(tmp_path: Path) -> None:
    told = funnel(("1", "call_in", "them"), ("2", "call_back", "us"), ("3", "noise", ""), ("4", "gone", ""))
    found = history(tmp_path, told, EVENTS, header=FUNNEL)
    assert [event[:2] for event in events_of(found, "C1")] == [
        ("crm.activity", "call_in"), ("crm.activity", "call_back"), ("crm.outcome", "lost"),
    ]  # fmt: skip
    assert found.refused == {}
    assert found.raw.is_empty()


def test_a_row_that_no_rule_fits_is_refused_unless_told_otherwise(tmp_path: Path) -> None:
    told = funnel(("1", "call_in", ""), ("2", "other", ""))
    assert dict(history(tmp_path, told, EVENTS, header=FUNNEL).refused) == {
        "rules: none fits this row; add one, or say `rest: drop`": 1
    }
    assert history(tmp_path, told, EVENTS + "rest: drop\n", header=FUNNEL).refused == {}


def test_one_name_for_two_events_is_refused(tmp_path: Path) -> None:
    """The store would put the second aside as a conflict; here it is said beforehand."""
    told = funnel(("1", "call_in", ""), ("1", "call_in", ""))
    assert history(tmp_path, told, EVENTS, header=FUNNEL).report["refused"][0]["rows"] == 1


class Reader:
    """A reader of somebody else's files."""

    name = "theirs"

    def read(self, path: Path, **_options: object) -> Iterator[Item]:
        one = {
            "source": "theirs", "kind": "web.session", "occurred_at": "2023-01-01T00:00:00Z",
            "keys": {"crm_id": "S1", "anonymous_id": "a"},
        }  # fmt: skip
        yield 1, {**one, "id": "1", "payload": {"pages": 3}}
        yield 2, {**one, "id": "2", "kind": "odd"}

    def total(self, path: Path) -> int:
        return 2


def test_a_reader_of_ours_takes_the_place_of_a_table(tmp_path: Path) -> None:
    plan = mapping("layout: source\nsource: theirs\nreader: theirs\n")
    found = imported(plan, tmp_path, door=DOOR, reader=Reader())
    assert found.leads["lead_id"].to_list() == ["S1"]
    assert list(found.refused) == ["kind: is not a kind of signal; see docs/signals.md for the kinds"]
    with pytest.raises(BadInput, match="needs its reader"):
        imported(plan, tmp_path, door=DOOR)


def test_features_and_labels_can_be_made_of_what_was_imported(tmp_path: Path) -> None:
    """The same definitions online and offline; the label is won within the horizon, learnt when known."""
    found = history(tmp_path, rows({}, {"Seats": "0", "Stage": "Lost"}, {"Stage": "Open"}))
    catalogue = Catalogue(attribute_features(found.attributes))
    asks = found.leads.select("lead_id", as_of="created")
    values = point_in_time(catalogue, found.events, asks)
    assert values["attr.seats"].to_list() == [5_000_000, 0, 5_000_000]
    built, _ = build_rows(catalogue, found.events, found.leads, Question(24, 20), last_seen=at(2023, 6, 1))
    assert built.frame.sort("lead_id")["attr.plan"].to_list() == ["team"] * 3
    assert built.frame["label"].sum() == 0
    later, _ = build_rows(catalogue, found.events, found.leads, Question(24, 40), last_seen=at(2023, 6, 1))
    assert dict(later.frame.select("lead_id", "label").iter_rows()) == {"L1": 1, "L2": 0, "L3": 0}


def test_a_file_says_the_same_in_every_form(tmp_path: Path) -> None:
    """Semicolons, a mark at the start, gzip and a trailing empty column change nothing."""
    plain = imported(mapping(), written(tmp_path, rows({}, {})), door=DOOR)
    for more in ({"delimiter": ";"}, {"encoding": "utf-8-sig"}, {"name": "e.csv.gz"}, {"encoding": "utf-16"}):
        assert imported(mapping(), written(tmp_path, rows({}, {}), **more), door=DOOR).events.equals(
            plain.events
        )
