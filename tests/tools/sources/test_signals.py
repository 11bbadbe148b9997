"""A file of signals means the same as lines, as an array and as a table; bad lines are put aside singly."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from domain.contract import admit
from domain.errors import BadInput
from domain.kinds import SPECS
from domain.ports.sources import Bad
from tests.domain.items import DOOR, admitted, item
from tests.domain.test_contract_properties import good_items
from tools.items import item_of_row, typed
from tools.sources import NAMES, source

SIGNALS = source("signals")
ITEMS = [
    item(id="1", keys={"crm_id": "L1", "email": "a@b.de"}, payload={"page": "/", "duration_s": 2.5}),
    item(id="2", kind="product.seat_added", payload={"seats": 5}, consent="granted", account="acme.com"),
    item(id="3", kind="marketing.webinar", payload={"attended": False, "webinar": "w"}, region="us"),
    item(id="4", kind="support.message", payload={"text": 'two\nlines, "quoted"', "role": "customer"}),
]


def as_table(items: list[dict[str, Any]]) -> bytes:
    """The items as CSV."""
    rows = []
    for one in items:
        flat = {name: value for name, value in one.items() if name not in ("keys", "payload")}
        keys = one["keys"] if isinstance(one["keys"], dict) else {k["kind"]: k["value"] for k in one["keys"]}
        rows.append(
            flat
            | {f"keys.{kind}": value for kind, value in keys.items()}
            | {f"payload.{name}": value for name, value in one["payload"].items()}
        )
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


FORMS = {
    "s.jsonl": "\n".join(map(json.dumps, ITEMS)).encode(),
    "s.ndjson": b"\xef\xbb\xbf" + "\r\n".join(map(json.dumps, ITEMS)).encode(),
    "s.json": json.dumps(ITEMS, indent=2).encode(),
    "lines.json": "\n".join(map(json.dumps, ITEMS)).encode(),
    "s.csv": as_table(ITEMS),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_gives_the_same_signals(tmp_path: Path, name: str, packed: bool) -> None:
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(FORMS[name]) if packed else FORMS[name])
    got = [admitted(raw) for _, raw in SIGNALS.read(path) if isinstance(raw, dict)]
    assert got == [admitted(one) for one in ITEMS]
    total = SIGNALS.total(path)
    assert total is None or len(ITEMS) <= total <= len(ITEMS) + 1, (
        "about as many: a cell may hold a line break"
    )


def test_one_object_alone_is_one_signal(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(ITEMS[0], indent=2), encoding="utf-8")
    assert list(SIGNALS.read(path)) == [(1, ITEMS[0])]


def test_bad_lines_are_put_aside_with_their_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [b'{"id": 1', b"", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[1]", b'{"a": "\xff"}']
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\n".join([*lines, json.dumps(ITEMS[0]).encode()]))
    found = dict(SIGNALS.read(path))
    assert {n: raw.code for n, raw in found.items() if isinstance(raw, Bad)} == {
        1: "not_json", 3: "not_finite", 4: "duplicate_key", 5: "not_object", 6: "not_utf8",
    }  # fmt: skip
    assert found[7] == ITEMS[0]
    first = found[1]
    assert isinstance(first, Bad)
    assert first.raw == lines[0]


def test_members_of_an_array_that_are_no_objects_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps([ITEMS[0], 5]), encoding="utf-8")
    (_, good), (place, bad) = SIGNALS.read(path)
    assert (good, place, isinstance(bad, Bad)) == (ITEMS[0], 2, True)


@pytest.mark.parametrize("content", [b"[{}, {", b"hello", b'[{"a": NaN}]', b"{\n", b"[" * 100_000])
def test_a_file_that_is_not_json_as_a_whole_is_refused_before_anything_is_taken(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        list(SIGNALS.read(path))
    assert caught.value.field == str(path)


def test_a_table_without_the_needed_columns_is_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"id,kind\n1,web.session\n")
    with pytest.raises(BadInput, match=r"source, occurred_at are missing; found: id, kind"):
        list(SIGNALS.read(path))


def test_a_name_that_does_not_say_what_it_is_is_refused(tmp_path: Path) -> None:
    for name in ("s.xlsx", "s", "s.gz"):
        with pytest.raises(BadInput, match=r"\.csv, \.json"):
            SIGNALS.total(tmp_path / name)


def test_an_unknown_source_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="signals, bpic2012, leadforge"):
        source("bpic2021")
    assert [source(name).name for name in NAMES] == list(NAMES)


@pytest.mark.parametrize(
    ("cell", "wanted", "value"),
    [
        ("5", "int", 5), ("5.5", "int", "5.5"), ("x", "int", "x"), ("-3", "number", -3),
        ("2.5", "number", 2.5), ("True", "bool", True), ("no", "bool", False), ("ja", "bool", "ja"),
        ("007", "str", "007"),
    ],
)  # fmt: skip
def test_cells_are_read_as_the_type_that_the_field_wants(cell: str, wanted: str, value: object) -> None:
    """What cannot be read stays text, so that the door names the field."""
    got = typed(cell, wanted)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("cell", "code"), [("many", "wrong_type"), ("nan", "not_finite"), ("1e400", "not_finite")]
)
def test_a_cell_of_the_wrong_type_is_refused_at_the_door_by_its_field(cell: str, code: str) -> None:
    row = {"id": "1", "source": "s", "kind": "crm.outcome", "payload.result": "won", "keys.crm_id": "L"}
    with pytest.raises(BadInput) as caught:
        admit(item_of_row(row | {"occurred_at": "1709283600000", "payload.amount": cell}), DOOR)
    assert (caught.value.field, caught.value.code) == ("payload.amount", code)


@given(good_items())
def test_a_table_says_what_its_items_said(raw: dict[str, Any]) -> None:
    """Whatever a payload may hold can be written in cells."""
    specs = SPECS[admitted(raw).kind].fields
    raw["payload"] = {n: v for n, v in raw["payload"].items() if n in specs}
    (row,) = csv.DictReader(io.StringIO(as_table([raw]).decode()))
    again = item_of_row({name: cell for name, cell in row.items() if cell})
    assert admitted(again).model_copy(update={"steps": ()}) == admitted(raw).model_copy(update={"steps": ()})
