"""The published schemas are what the door does, and a change that breaks senders is found."""

import copy
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from domain.contract import admit
from domain.errors import BadInput
from domain.kinds import SPECS, Kind
from domain.parsing import FIELDS
from domain.schema import VERSIONS, field_schema, incompatibilities, lifted, published
from domain.upcast import KEYS_1, TYPES_1, upcast
from tests.domain.items import DOOR, item
from tests.domain.test_contract_properties import good_items
from tools.schema import FOLDER, app, problems

SCHEMA = published(2)
FROZEN_1 = "874c868efef8a7f8186798ff08b0a735874991f99844473231b1e45f55e83090"
"""Version 1 is history: its published file never changes again."""


def valid(schema: dict[str, Any], document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(document))


def test_published_schemas_are_up_to_date_and_each_version_lifts_to_the_next() -> None:
    assert problems() == []


def test_version_1_never_changes() -> None:
    assert sha256((FOLDER / "signal-1.json").read_bytes()).hexdigest() == FROZEN_1


@pytest.mark.parametrize("version", VERSIONS)
def test_published_schemas_are_schemas(version: int) -> None:
    jsonschema.Draft202012Validator.check_schema(published(version))


@given(good_items())
def test_what_the_door_admits_is_valid_under_the_published_schema(raw: dict[str, Any]) -> None:
    admit(raw, DOOR)
    assert valid(SCHEMA, raw)


@pytest.mark.parametrize(
    "raw",
    [
        item(id=...), item(kind="web.click"), item(keys=[]), item(keys={}), item(payload={}),
        item(consent="maybe"), item(payload={"page": "x" * 201}), item(keys={"iban": "x"}),
        item(schema_version=1), item(source="A b"), item(kind="crm.outcome", payload={"result": "perhaps"}),
        item(kind="product.seat_added", payload={"seats": 1.5}),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_the_door_refuses_too(raw: dict[str, Any]) -> None:
    assert not valid(SCHEMA, raw)
    with pytest.raises(BadInput):
        admit(raw, DOOR)


def test_the_schema_names_every_field_and_every_kind() -> None:
    assert set(SCHEMA["properties"]) == FIELDS
    assert {rule["if"]["properties"]["kind"]["const"] for rule in SCHEMA["allOf"]} == {k.value for k in Kind}
    for kind, spec in SPECS.items():
        rule = next(r for r in SCHEMA["allOf"] if r["if"]["properties"]["kind"]["const"] == kind.value)
        payload = rule["then"]["properties"]["payload"]["properties"]
        assert payload == {name: field_schema(f) for name, f in spec.fields.items()}


def test_the_guide_lists_every_kind_with_its_fields() -> None:
    """Whoever sends signals reads docs/signals.md, not the code."""
    text = (Path(__file__).parents[2] / "docs" / "signals.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+\.\w+)` \| [^|]+ \| (.*) \|$", text, re.MULTILINE)
    told = {kind: re.findall(r"`(\w+)`(!?)", fields) for kind, fields in rows}
    assert told == {
        kind.value: [(name, "!" * f.required) for name, f in spec.fields.items()]
        for kind, spec in SPECS.items()
    }


@st.composite
def old_items(draw: st.DrawFn) -> dict[str, Any]:
    """Items of version 1."""
    name = draw(st.sampled_from(sorted(TYPES_1)))
    values: dict[str, st.SearchStrategy[Any]] = {
        "str": st.sampled_from(["a", "b"]),
        "int": st.integers(0, 9),
        "number": st.floats(0, 9),
        "bool": st.booleans(),
    }
    data = {}
    for field, moved in TYPES_1[name].fields.items():
        spec = moved.spec
        if spec.required or draw(st.booleans()):
            data[field] = draw(st.sampled_from(sorted(spec.values)) if spec.values else values[spec.type])
    keys = draw(st.dictionaries(st.sampled_from(sorted(KEYS_1)), st.just("a@b.de"), min_size=1))
    base = {
        "schema_version": 1,
        "id": "1",
        "source": "s",
        "type": name,
        "timestamp": 1_709_283_600,
        "data": data,
    }
    return base | keys | draw(st.sampled_from([{}, {"consent": True}, {"consent": None}, {"company": "c"}]))


@given(old_items())
def test_what_version_1_could_say_is_admitted_and_lifts_as_declared(raw: dict[str, Any]) -> None:
    """The comparison of versions rests on `lifted`: here it is held against what upcasting really does."""
    assert valid(published(1), raw)
    item_2 = dict(upcast(raw).item)
    assert valid(lifted(1), item_2)
    assert valid(SCHEMA, item_2)
    admit(raw, DOOR)


# ------------------------------------------------------------------------------------------ breaking changes

Change = Callable[[dict[str, Any]], object]


def payload_of(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    rule = next(r for r in schema["allOf"] if r["if"]["properties"]["kind"]["const"] == kind)
    payload: dict[str, Any] = rule["then"]["properties"]["payload"]
    return payload


def page(schema: dict[str, Any]) -> dict[str, Any]:
    field: dict[str, Any] = payload_of(schema, "web.page_view")["properties"]["page"]
    return field


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is gone": (lambda s: s["properties"].pop("account"), "item.account: is gone"),
    "a field is needed": (lambda s: s["required"].append("account"), "item.account: is now required"),
    "a kind is gone": (lambda s: s["properties"]["kind"]["enum"].remove("web.form"), "web.form"),
    "a type is gone": (lambda s: s["properties"]["id"].update(type="string"), "item.id: type integer"),
    "a type appears": (lambda s: s["properties"]["region"].update(type=["string"]), "item.region: type null"),
    "a length shrinks": (lambda s: page(s).update(maxLength=100), "payload.page: maxLength was 200, now 100"),
    "a length appears": (lambda s: s["properties"]["source"].update(maxLength=9), "item.source: maxLength"),
    "a minimum rises": (lambda s: page(s).update(minLength=2), "payload.page: minLength was 1, now 2"),
    "a number is bounded": (
        lambda s: payload_of(s, "web.form")["properties"]["employees"].update(minimum=0),
        "employees: minimum",
    ),
    "a pattern changes": (lambda s: s["properties"]["source"].update(pattern="^x$"), "item.source: pattern"),
    "a format appears": (lambda s: page(s).update(format="uri"), "page: format"),
    "a list of values appears": (lambda s: page(s).update(enum=["/"]), "page: was open"),
    "a value is gone": (
        lambda s: payload_of(s, "support.message")["properties"]["role"]["enum"].remove("bot"),
        "role: value bot",
    ),
    "a payload field is gone": (
        lambda s: payload_of(s, "web.page_view")["properties"].pop("campaign"), "payload.campaign: is gone",
    ),
    "a payload field is needed": (
        lambda s: payload_of(s, "web.page_view")["required"].append("campaign"), "campaign: is now required",
    ),
    "the fields of a kind are gone": (lambda s: s["allOf"].pop(0), "the fields of web.page_view are gone"),
    "unlisted fields are refused": (lambda s: s.update(additionalProperties=False), "no longer permitted"),
    "one form of keys is gone": (lambda s: s["properties"]["keys"]["anyOf"].pop(), "keys: form 2"),
    "a key kind is gone": (
        lambda s: s["properties"]["keys"]["anyOf"][1]["properties"].pop("phone"), "keys: form 2",
    ),
    "fewer keys": (lambda s: s["properties"]["keys"]["anyOf"][0].update(maxItems=2), "keys: form 1"),
    "a keyword nobody can judge": (lambda s: page(s).update({"not": {}}), "keyword not cannot be judged"),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKING)
def test_a_change_that_breaks_senders_is_found_and_its_place_named(case: str) -> None:
    change, said = BREAKING[case]
    new = copy.deepcopy(SCHEMA)
    change(new)
    found = incompatibilities(SCHEMA, new)
    assert any(said in line for line in found), found


HARMLESS: dict[str, Change] = {
    "a field more": lambda s: s["properties"].update(note={"type": "string"}),
    "a kind more": lambda s: s["properties"]["kind"]["enum"].append("web.click"),
    "a kind more with a needed field": lambda s: (
        s["properties"]["kind"]["enum"].append("web.click"),
        s["allOf"].append(
            {"if": {"properties": {"kind": {"const": "web.click"}}}, "then": {"required": ["payload"]}}
        ),
    ),
    "a payload field more": lambda s: payload_of(s, "web.page_view")["properties"].update(
        x={"type": "string"}
    ),
    "a longer field": lambda s: page(s).update(maxLength=300),
    "a type more": lambda s: page(s).update(type=["string", "integer", "number"]),
    "a value more": lambda s: s["properties"]["consent"]["enum"].append("later"),
    "a field no longer needed": lambda s: s["required"].remove("source"),
    "other words": lambda s: s.update(title="x", description="y"),
    "whole numbers become numbers": lambda s: payload_of(s, "web.form")["properties"]["employees"].update(
        type=["number", "null"]
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_change_that_only_permits_more_is_let_through(case: str) -> None:
    new = copy.deepcopy(SCHEMA)
    HARMLESS[case](new)
    assert incompatibilities(SCHEMA, new) == ()


def edited(folder: Path, change: Change) -> None:
    """Published files in `folder`, version 2 changed."""
    for version in VERSIONS:
        document = copy.deepcopy(published(version))
        if version == 2:
            change(document)
        (folder / f"signal-{version}.json").write_text(json.dumps(document), encoding="utf-8")


def test_check_fails_when_the_code_takes_less_than_was_published(tmp_path: Path) -> None:
    edited(tmp_path, lambda s: page(s).update(maxLength=300))
    result = CliRunner().invoke(app, ["check", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "signal-2.json: item(web.page_view).payload.page: maxLength was 300, now 200" in result.output
    assert CliRunner().invoke(app, ["write", "--folder", str(tmp_path)]).exit_code == 1


def test_check_fails_when_a_published_file_is_older_than_the_code_and_write_renews_it(tmp_path: Path) -> None:
    edited(tmp_path, lambda s: page(s).update(maxLength=100))
    result = CliRunner().invoke(app, ["check", "--folder", str(tmp_path)])
    assert (result.exit_code, "older than the code" in result.output) == (1, True)
    assert CliRunner().invoke(app, ["write", "--folder", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(app, ["check", "--folder", str(tmp_path)]).exit_code == 0


def test_check_against_an_earlier_state_finds_what_an_edit_of_both_would_hide(tmp_path: Path) -> None:
    edited(tmp_path, lambda s: s["properties"].update(gone={"type": "string"}))
    result = CliRunner().invoke(app, ["check", "--against", str(tmp_path)])
    assert (result.exit_code, "item.gone: is gone" in result.output) == (1, True)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_damaged_published_file_is_reported(tmp_path: Path, content: str) -> None:
    edited(tmp_path, lambda _: None)
    (tmp_path / "signal-1.json").write_text(content, encoding="utf-8")
    assert any("signal-1.json" in line for line in problems(tmp_path))
