"""A file of leads with their signals: every form gives the same; what a lead is like counts as a signal."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.contract import admit
from domain.errors import BadInput
from domain.ports.sources import Bad
from domain.signal import Signal
from tests.domain.items import DOOR
from tools.sources.leads import read_leads

LEADS: list[dict[str, Any]] = [
    {
        "lead": {"crm_id": "L1", "email": "a@b.de", "account": "b.de", "industry": "retail", "employees": 50},
        "signals": [
            {"kind": "web.page_view", "occurred_at": "2024-03-01T08:00:00Z", "payload": {"page": "/"}},
            {"id": "own", "source": "crm", "kind": "crm.activity", "occurred_at": 1_709_283_600_000,
             "payload": {"type": "call"}, "keys": {"crm_id": "L1"}},
        ],
    },
    {"lead": {"crm_id": "L2", "consent": "denied", "seniority": "vp", "occurred_at": "2024-02-01T00:00:00Z"}},
]  # fmt: skip


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def signals(path: Path) -> list[Signal]:
    return [admit(raw, DOOR)[0] for _, raw in read_leads(path) if isinstance(raw, dict)]


def test_json_and_json_lines_give_the_same(tmp_path: Path) -> None:
    array = signals(written(tmp_path, "a.json", json.dumps(LEADS, indent=1)))
    lines = signals(written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, LEADS))))
    assert array == lines
    assert [(s.signal_id, s.kind.value) for s in array] == [
        ("file:1-lead", "identity.identify"), ("file:1-1", "web.page_view"), ("crm:own", "crm.activity"),
        ("file:2-lead", "identity.identify"),
    ]  # fmt: skip


def test_a_lead_shares_its_keys_account_and_consent_with_its_signals(tmp_path: Path) -> None:
    traits, view, call, other = signals(written(tmp_path, "a.json", json.dumps(LEADS)))
    assert view.keys == traits.keys != call.keys
    assert {s.account for s in (traits, view, call)} == {"b.de"}
    assert dict(traits.payload) == {"industry": "retail", "employees": 50}
    assert traits.occurred_at == view.occurred_at
    assert (other.consent.value, other.occurred_at.month) == ("denied", 2)


def test_a_table_of_leads_may_hold_their_signals(tmp_path: Path) -> None:
    cell = json.dumps(LEADS[0]["signals"]).replace('"', '""')
    path = written(
        tmp_path, "leads.csv",
        "crm_id,email,account,industry,employees,occurred_at,signals\n"
        f'L1,a@b.de,b.de,retail,50,,"{cell}"\nL2,,,,12,2024-02-01T00:00:00Z,\n',
    )  # fmt: skip
    got = signals(path)
    assert got[:3] == [
        s.model_copy(update={"id": s.id.replace("1-", "2-")})
        for s in signals(written(tmp_path, "a.json", json.dumps(LEADS[:1])))
    ]
    assert dict(got[3].payload) == {"employees": 12}


def test_a_table_of_signals_is_read_as_such(tmp_path: Path) -> None:
    path = written(
        tmp_path, "signals.csv",
        "kind,occurred_at,keys.crm_id,payload.page\nweb.page_view,2024-03-01T08:00:00Z,L1,/\n",
    )  # fmt: skip
    (signal,) = signals(path)
    assert (signal.signal_id, dict(signal.payload)) == ("file:row-2", {"page": "/"})


def test_a_lead_without_a_time_is_named_by_the_door(tmp_path: Path) -> None:
    ((_, raw),) = read_leads(written(tmp_path, "a.jsonl", '{"lead": {"crm_id": "L1", "industry": "x"}}'))
    assert isinstance(raw, dict)
    with pytest.raises(BadInput, match="occurred_at: is missing"):
        admit(raw, DOOR)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"signals": []}, "lead"), ({"lead": []}, "lead"),
        ({"lead": {"crm_id": "L"}, "signals": {}}, "signals"),
        ({"lead": {"crm_id": "L"}, "signals": [5]}, "signals[0]"), ("{", "item"), ([], "item"),
    ],
)  # fmt: skip
def test_what_is_no_lead_is_put_aside_with_its_line(tmp_path: Path, document: Any, field: str) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    found = list(read_leads(written(tmp_path, "a.jsonl", f"{json.dumps(LEADS[1])}\n{text}\n")))
    bad = [(number, raw.field) for number, raw in found if isinstance(raw, Bad)]
    assert bad == [(2, field)]


def test_a_broken_cell_of_signals_is_put_aside_and_the_lead_stays(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.csv", "crm_id,industry,occurred_at,signals\nL1,retail,2024-02-01T00:00:00Z,[{\n"
    )
    found = list(read_leads(path))
    assert [raw.field for _, raw in found if isinstance(raw, Bad)] == ["signals"]
    assert len(signals(path)) == 1
