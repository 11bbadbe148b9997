"""The loan log as a stream: one line, one signal, and nothing that the line does not say."""

import gzip
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from domain.contract import Door, admit, time_of
from domain.errors import BadInput
from domain.ids import Region, TenantId
from domain.kinds import Kind
from domain.ports.sources import Bad
from domain.quality import Gate, StreamStats, failures
from domain.signal import Signal, compact
from tests.conftest import DataFile
from tests.domain.items import hashed_email, hashed_phone
from tools.sources import source

BPIC = source("bpic2012")
HEADER = "timestamp,case_id,event_index,activity,lifecycle,resource,case_registered_at,amount_requested\n"


def door_at(now: int) -> Door:
    return Door(
        tenant=TenantId("t"),
        region=Region("eu"),
        regions=frozenset({"eu"}),
        now=now,
        hash_email=hashed_email,
        hash_phone=hashed_phone,
    )


def log(folder: Path, *lines: str) -> Path:
    """A log of one case; a line is ``activity,lifecycle,resource``."""
    path = folder / "log.csv"
    rows = [f"2011-10-01T00:00:{n:02}.000Z,7,{n},{line},2011-10-01,5000" for n, line in enumerate(lines)]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def said(folder: Path, *lines: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (raw["kind"], raw["payload"]) for _, raw in BPIC.read(log(folder, *lines)) if isinstance(raw, dict)
    ]


def test_each_sort_of_line_becomes_its_kind(tmp_path: Path) -> None:
    assert said(
        tmp_path,
        "A_SUBMITTED,COMPLETE,112",
        "A_PREACCEPTED,COMPLETE,112",
        "W_Nabellen offertes,START,10931",
        "O_SENT,COMPLETE,",
        "O_SENT_BACK,COMPLETE,11",
        "W_Beoordelen fraude,SCHEDULE,",
        "W_Iets nieuws,START,1",
    ) == [
        ("crm.stage_change", {"stage": "A_SUBMITTED", "amount_requested": 5000}),
        ("crm.stage_change", {"stage": "A_PREACCEPTED"}),
        (
            "crm.activity",
            {"type": "call_after_offer", "direction": "outbound", "lifecycle": "start", "actor": "10931"},
        ),
        ("crm.activity", {"type": "offer_sent", "direction": "outbound", "lifecycle": "complete"}),
        (
            "crm.activity",
            {"type": "offer_sent_back", "direction": "inbound", "lifecycle": "complete", "actor": "11"},
        ),
        ("crm.activity", {"type": "assess_fraud", "direction": "internal", "lifecycle": "schedule"}),
        (
            "crm.activity",
            {"type": "iets_nieuws", "direction": "internal", "lifecycle": "start", "actor": "1"},
        ),
    ]


def test_an_application_is_won_once_whatever_the_order_of_its_lines(tmp_path: Path) -> None:
    """Each line is read for itself: a shuffled file gives the same signals."""
    states = ("A_REGISTERED", "A_APPROVED", "A_ACTIVATED")
    expected = {
        "A_APPROVED": ("crm.outcome", {"result": "won", "amount": 5000}),
        "A_REGISTERED": ("crm.stage_change", {"stage": "A_REGISTERED"}),
        "A_ACTIVATED": ("crm.stage_change", {"stage": "A_ACTIVATED"}),
    }
    for number, order in enumerate(permutations(states)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = said(folder, *(f"{activity},COMPLETE,1" for activity in order))
        assert found == [expected[activity] for activity in order]


def test_declined_and_cancelled_are_lost_with_their_reason(tmp_path: Path) -> None:
    assert said(tmp_path, "A_DECLINED,COMPLETE,1", "A_CANCELLED,COMPLETE,1") == [
        ("crm.outcome", {"result": "lost", "reason": "declined"}),
        ("crm.outcome", {"result": "lost", "reason": "cancelled"}),
    ]


def test_what_comes_after_an_outcome_is_sent_too(tmp_path: Path) -> None:
    assert len(said(tmp_path, "A_DECLINED,COMPLETE,1", "W_Valideren aanvraag,COMPLETE,1")) == 2


def test_the_amount_applied_for_becomes_a_fact(tmp_path: Path) -> None:
    ((_, raw),) = BPIC.read(log(tmp_path, "A_SUBMITTED,COMPLETE,112"))
    assert isinstance(raw, dict)
    signal, dropped = admit(raw, door_at(time_of(raw) or 0))
    assert dropped == ()
    assert [(event.kind, event.subject, event.amount) for event in compact(signal)] == [
        ("crm.stage_change", "A_SUBMITTED", 0),
        ("fact", "amount_requested", 5_000_000_000),
    ]


def test_bad_lines_are_put_aside_with_their_number(tmp_path: Path) -> None:
    path = log(tmp_path, "A_SUBMITTED,COMPLETE,112", "X_OTHER,COMPLETE,1", ",COMPLETE,1")
    path.write_text(path.read_text(encoding="utf-8") + "2011-10-02,7\n", encoding="utf-8")
    bad = {n: (raw.field, raw.code) for n, raw in BPIC.read(path) if isinstance(raw, Bad)}
    assert bad == {3: ("activity", "not_allowed"), 4: ("activity", "missing"), 5: ("row", "bad_row")}


def test_another_table_is_refused_with_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("id,name\n1,x\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"timestamp, case_id.*found: id, name"):
        list(BPIC.read(path))


def test_a_broken_file_is_found_before_anything_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    whole = gzip.compress((HEADER + "x,7,1,A_SUBMITTED,COMPLETE,1,x,5\n" * 5_000).encode())
    path.write_bytes(whole[:-20])
    with pytest.raises(BadInput, match="broken gzip"):
        BPIC.total(path)


@pytest.mark.data
@pytest.mark.slow
def test_the_whole_log_is_admitted_line_by_line_with_the_published_figures(data_file: DataFile) -> None:
    path = data_file("bpic2012", "events_before_2012-01-16.csv.gz")
    outcomes: Counter[str] = Counter()
    leads, ids, lines, latest = set(), set(), 0, 0
    stats, batch = StreamStats.empty("bpic2012"), list[Signal]()
    failed: Counter[Gate] = Counter()
    for number, raw in BPIC.read(path):
        assert isinstance(raw, dict), number
        at = time_of(raw)
        assert at is not None
        assert at >= latest, f"line {number} is out of order"
        latest, lines = at, lines + 1
        signal, dropped = admit(raw, door_at(at))
        assert dropped == ()
        leads.add(signal.keys[0].value)
        ids.add(signal.id)
        if signal.kind is Kind.OUTCOME:
            outcomes[str(signal.payload["result"])] += 1
        batch.append(signal)
        if len(batch) == 500:
            stats, batch = stats.updated(batch, [], {}, at), []
            failed.update(failure.gate for failure in failures(stats, at))
    assert (lines, len(ids), len(leads)) == (161_816, 161_816, 8_829)
    assert outcomes == {"won": 1_277, "lost": 6_668}
    assert BPIC.total(path) == 161_816
    assert set(failed) <= {Gate.VOLUME}, "no gate but Christmas fails on a healthy stream"
    assert failed[Gate.VOLUME] < 20
