"""A made-up company as a stream: in time order, complete, and without a word about how a lead ends."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from domain.contract import admit
from domain.errors import BadInput
from domain.instants import DAY
from domain.ports.sources import Bad
from domain.signal import Consent
from tests.domain.items import DOOR, NOW
from tools.sources import source
from tools.sources.leadforge import DAY_MS, OPENS_MS, WORKDAY_MS

LEADFORGE = source("leadforge")
TABLES: dict[str, dict[str, Any]] = {
    "leads": {
        "lead_id": ["l1", "l2"], "contact_id": ["c1", "c1"], "account_id": ["a1", "a2"],
        "lead_created_at": ["2024-01-02", "2024-01-02"], "lead_source": ["sdr_outbound", None],
        "owner_rep_id": ["r1", "r2"], "current_stage": ["LEAK", "LEAK"], "is_sql": [True, False],
        "converted_within_90_days": [True, False], "conversion_timestamp": ["LEAK", None],
    },
    "contacts": {
        "contact_id": ["c1"], "job_title": ["CFO"], "role_function": ["vp_finance"], "seniority": ["c_suite"],
        "buyer_role": ["economic_buyer"], "email_domain_type": ["corporate"], "full_name": ["LEAK"],
    },
    "accounts": {
        "account_id": ["a1", "a2"], "industry": ["logistics", "retail"], "region": ["US", "UK"],
        "employee_band": ["200-499", None], "estimated_revenue_band": ["$1M", "$2M"],
        "process_maturity_band": ["low", "high"], "company_name": ["LEAK", "LEAK"],
    },
    "touches": {
        "touch_id": ["t4", "t1", "t2", "t3"], "lead_id": ["l1"] * 4, "touch_timestamp": ["2024-01-02"] * 4,
        "touch_type": ["call", "content_download", "webinar", "email"], "touch_channel": ["x"] * 4,
        "touch_direction": ["outbound", "outbound", "inbound", "inbound"], "campaign_id": [None] * 4,
    },
    "sessions": {
        "session_id": ["s1"], "lead_id": ["l2"], "session_timestamp": ["2024-01-03"],
        "session_type": ["pricing_page"], "page_views": [7], "pricing_page_views": [2],
        "demo_page_views": [0],
        "session_duration_seconds": [99],
    },
    "sales_activities": {
        "activity_id": ["act1"], "lead_id": ["l2"], "rep_id": ["r2"], "activity_timestamp": ["2024-01-02"],
        "activity_type": ["call"], "activity_outcome": ["no_answer"],
    },
    "opportunities": {
        "opportunity_id": ["o1", "o2"], "lead_id": ["l1", "l2"], "created_at": ["2024-01-03", "2024-01-04"],
        "stage": ["LEAK", "LEAK"], "estimated_acv": [1000, 2000], "close_outcome": ["closed_won", None],
        "closed_at": ["2024-01-05", None],
    },
}  # fmt: skip
"""Two leads of one contact, with all that leadforge may tell of how they end."""
OUTCOME_COLUMNS = {
    "current_stage", "is_sql", "converted_within_90_days", "conversion_timestamp", "close_outcome",
    "closed_at",
}  # fmt: skip
LATER = replace(DOOR, now=NOW + 365 * DAY, regions=frozenset({"eu", "us", "uk"}))


def company(
    folder: Path, changes: Mapping[str, dict[str, Any] | None] | None = None, *, public: bool = False
) -> Path:
    """The folder as leadforge writes it; `public` leaves out what its public mode leaves out."""
    (folder / "tables").mkdir(parents=True)
    for name, columns in {**TABLES, **(changes or {})}.items():
        if columns is not None:
            kept = {n: v for n, v in columns.items() if not (public and n in OUTCOME_COLUMNS)}
            pl.DataFrame(kept).write_parquet(folder / "tables" / f"{name}.parquet")
    return folder


def items(folder: Path, **options: Any) -> list[dict[str, Any]]:
    return [raw for _, raw in LEADFORGE.read(folder, **options) if isinstance(raw, dict)]


def test_a_day_runs_by_table_then_id_within_working_hours(tmp_path: Path) -> None:
    first_day = [raw for raw in items(company(tmp_path)) if raw["occurred_at"] < 19_725 * DAY_MS]
    assert [raw["id"] for raw in first_day] == ["l1", "l2", "t1", "t2", "t3", "t4", "act1"]
    times = [raw["occurred_at"] - 19_724 * DAY_MS - OPENS_MS for raw in first_day]
    assert times == [n * WORKDAY_MS // 7 for n in range(7)]


def test_each_table_becomes_its_kinds(tmp_path: Path) -> None:
    got = {raw["id"]: (raw["kind"], raw["payload"]) for raw in items(company(tmp_path))}
    contact = {
        "job_title": "CFO", "job_function": "vp_finance", "seniority": "c_suite",
        "buyer_role": "economic_buyer", "email_domain_type": "corporate", "relationship": "prospect",
    }  # fmt: skip
    assert got == {
        "l1": ("identity.identify", contact | {
            "industry": "logistics", "employee_band": "200-499", "revenue_band": "$1M", "country": "US",
            "process_maturity": "low", "lead_source": "sdr_outbound",
        }),
        "l2": ("identity.identify", contact | {
            "industry": "retail", "revenue_band": "$2M", "country": "UK", "process_maturity": "high",
        }),
        "t1": ("marketing.content", {"content": "content_download", "campaign": "x"}),
        "t2": ("marketing.webinar", {"webinar": "x", "attended": True}),
        "t3": ("marketing.email_clicked", {"campaign": "x"}),
        "t4": ("crm.activity", {"type": "call", "direction": "outbound"}),
        "s1": ("web.session", {
            "type": "pricing_page", "pages": 7, "pricing_pages": 2, "demo_pages": 0, "duration_s": 99,
        }),
        "act1": ("crm.activity", {
            "type": "call", "direction": "outbound", "outcome": "no_answer", "actor": "r2",
        }),
        "o1-opened": ("crm.stage_change", {"stage": "opportunity", "object": "opportunity", "amount": 1000}),
        "o2-opened": ("crm.stage_change", {"stage": "opportunity", "object": "opportunity", "amount": 2000}),
        "o1-closed": ("crm.outcome", {"result": "won", "amount": 1000}),
    }  # fmt: skip


def test_how_a_lead_ends_is_told_only_by_the_dated_closing(tmp_path: Path) -> None:
    got = items(company(tmp_path))
    assert "LEAK" not in json.dumps(got)
    assert [raw["kind"] for raw in got].count("crm.outcome") == 1


def test_leads_of_one_contact_stay_two_leads(tmp_path: Path) -> None:
    assert {tuple(raw["keys"][0].values()) for raw in items(company(tmp_path))} == {
        ("crm_id", "l1"),
        ("crm_id", "l2"),
    }


def test_all_signals_of_a_lead_carry_its_account_and_region(tmp_path: Path) -> None:
    places = {(raw["keys"][0]["value"], raw["account"], raw["region"]) for raw in items(company(tmp_path))}
    assert places == {("l1", "a1", "us"), ("l2", "a2", "uk")}


def test_the_public_form_has_no_outcomes_and_the_rest_alike(tmp_path: Path) -> None:
    whole, public = items(company(tmp_path / "a")), items(company(tmp_path / "b", public=True))
    assert [raw["id"] for raw in public] == [raw["id"] for raw in whole if raw["kind"] != "crm.outcome"]


def test_until_stops_after_a_day_and_changes_nothing_before(tmp_path: Path) -> None:
    folder = company(tmp_path)
    early = items(folder, until=date(2024, 1, 3))
    assert early == items(folder)[: len(early)]
    assert {raw["id"] for raw in early} == {"l1", "l2", "t1", "t2", "t3", "t4", "act1", "s1", "o1-opened"}


def test_the_owner_is_stated_when_asked_for(tmp_path: Path) -> None:
    folder = company(tmp_path)
    assert [raw["payload"]["owner"] for raw in items(folder, owner=True)[:2]] == ["r1", "r2"]
    assert "owner" not in items(folder)[0]["payload"]


def test_every_item_is_counted_beforehand_and_admitted(tmp_path: Path) -> None:
    folder = company(tmp_path)
    got = items(folder)
    assert LEADFORGE.total(folder) == len(got) == 11
    for raw in got:
        signal, dropped = admit(raw, LATER)
        assert (dropped, signal.consent) == ((), Consent.GRANTED)


def test_a_day_that_is_none_is_put_aside(tmp_path: Path) -> None:
    touches = TABLES["touches"] | {"touch_timestamp": ["2024-01-02", "soon", "2024-13-01", None]}
    found = list(LEADFORGE.read(company(tmp_path, {"touches": touches})))
    bad = [raw for _, raw in found if isinstance(raw, Bad)]
    assert [raw.field for raw in bad] == ["touches.touch_timestamp"] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"touches": None}, "touches.parquet: is not there"),
        ({"leads": {"lead_id": ["l1"]}}, "leads.parquet: has no column contact_id"),
        ({"contacts": TABLES["contacts"] | {"seniority": ...}}, "contacts.parquet: has no column seniority"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_taken(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    tidy = {
        name: None if columns is None else {n: v for n, v in columns.items() if v is not ...}
        for name, columns in changes.items()
    }
    with pytest.raises(BadInput, match=said):
        next(LEADFORGE.read(company(tmp_path, tidy)))


def test_another_thing_than_a_company_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    file.write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="is not a folder"):
        LEADFORGE.total(file)
    folder = company(tmp_path / "c")
    (folder / "tables" / "leads.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(BadInput, match="not a readable Parquet file"):
        LEADFORGE.total(folder)


@pytest.mark.slow
def test_a_company_that_leadforge_makes_is_read_whole_in_both_modes(tmp_path: Path) -> None:
    """The real generator, not our idea of it."""
    from leadforge.api import Generator

    kinds: dict[str, Counter[str]] = {}
    for mode in ("student_public", "research_instructor"):
        generator = Generator.from_recipe("b2b_saas_procurement_v1", seed=3, exposure_mode=mode)
        generator.generate(n_leads=120, n_accounts=50, n_contacts=80).save(str(tmp_path / mode))
        got = items(tmp_path / mode)
        assert len(got) == LEADFORGE.total(tmp_path / mode)
        assert [raw["occurred_at"] for raw in got] == sorted(raw["occurred_at"] for raw in got)
        assert len({raw["id"] for raw in got}) == len(got)
        assert {dropped for raw in got for dropped in admit(raw, LATER)[1]} == set()
        kinds[mode] = Counter(raw["kind"] for raw in got)
    assert kinds["student_public"]["crm.outcome"] == 0
    assert kinds["research_instructor"]["crm.outcome"] > 10
    assert (
        kinds["student_public"]["identity.identify"]
        == kinds["research_instructor"]["identity.identify"]
        == 120
    )
