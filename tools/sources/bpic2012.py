"""BPI Challenge 2012: the event log of a bank's loan applications as signals. One line, one signal.

An application is a lead. ``A_`` states are stage changes; approved is the outcome won (registered and activated
always stand beside it, within the day), declined and cancelled are lost. What a line means depends on the line
alone, so that the file gives the same signals in any order. ``O_`` states are activities around the offer, ``W_``
items the work of call agents. Everything after an outcome is sent too: what must not be looked at is not
for a reader to decide.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from domain.ports.sources import Bad, RawItem
from tools.reading import count_lines, rows_of

NAME: Final = "bpic2012"
COLUMNS: Final = (
    "timestamp", "case_id", "event_index", "activity", "lifecycle", "resource", "amount_requested",
)  # fmt: skip
WON: Final = "A_APPROVED"
LOST: Final = {"A_DECLINED": "declined", "A_CANCELLED": "cancelled"}
SUBMITTED: Final = "A_SUBMITTED"
AUTOMATIC: Final = "112"
"""The resource that stands for the bank's own system."""
WORK: Final = {
    "W_Afhandelen leads": ("handle_lead", "outbound"),
    "W_Completeren aanvraag": ("complete_application", "outbound"),
    "W_Nabellen offertes": ("call_after_offer", "outbound"),
    "W_Nabellen incomplete dossiers": ("chase_missing_papers", "outbound"),
    "W_Valideren aanvraag": ("validate_application", "internal"),
    "W_Beoordelen fraude": ("assess_fraud", "internal"),
    "W_Wijzigen contractgegevens": ("change_contract_data", "internal"),
}
"""Work items in English, and whether the agent calls the applicant."""
OFFER_DIRECTIONS: Final = {
    "sent": "outbound", "sent_back": "inbound", "accepted": "inbound", "declined": "inbound",
}  # fmt: skip


class Bpic2012:
    """Satisfies `domain.ports.sources.Source` for the CSV form of the log, gzip or plain."""

    name = NAME

    def read(self, path: Path, **_options: Any) -> Iterator[tuple[int, RawItem]]:
        """The lines in the order of the file, which is that of time. The line number counts the header."""
        for number, row in rows_of(path, NAME, COLUMNS):
            yield number, row if isinstance(row, Bad) else _item(row)

    def total(self, path: Path) -> int | None:
        """Lines without the header."""
        lines = count_lines(path)
        return None if lines is None else max(0, lines - 1)


SOURCE: Final = Bpic2012()


def _item(row: dict[str, str]) -> RawItem:
    missing = next((n for n in ("timestamp", "case_id", "event_index", "activity") if n not in row), None)
    if missing:
        return _bad(row, missing, "is empty", code="missing")
    said = _said(row)
    if said is None:
        return _bad(row, "activity", "is not an A_, O_ or W_ activity", code="not_allowed")
    kind, payload = said
    case = row["case_id"]
    return {
        "id": f"{case}-{row['event_index']}",
        "source": NAME,
        "kind": kind,
        "keys": [{"kind": "crm_id", "value": case}],
        "occurred_at": row["timestamp"],
        "payload": payload,
        # Whoever applies for a loan asks to be contacted about it.
        "consent": "granted",
    }


def _said(row: dict[str, str]) -> tuple[str, dict[str, Any]] | None:
    activity = row["activity"]
    if activity.startswith("A_"):
        return _application(row, activity)
    if activity.startswith("O_"):
        state = activity[2:].lower()
        direction = OFFER_DIRECTIONS.get(state, "internal")
        return "crm.activity", _work(row, f"offer_{state}", direction)
    if activity.startswith("W_"):
        slug, direction = WORK.get(activity) or (re.sub(r"\W+", "_", activity[2:].lower()), "internal")
        return "crm.activity", _work(row, slug, direction)
    return None


def _application(row: dict[str, str], activity: str) -> tuple[str, dict[str, Any]]:
    if activity in LOST:
        return "crm.outcome", {"result": "lost", "reason": LOST[activity]}
    if activity == WON:
        return "crm.outcome", {"result": "won", **_amount(row, "amount")}
    facts = _amount(row, "amount_requested") if activity == SUBMITTED else {}
    return "crm.stage_change", {"stage": activity, **facts}


def _work(row: dict[str, str], slug: str, direction: str) -> dict[str, Any]:
    payload = {"type": slug, "direction": direction}
    if "lifecycle" in row:
        payload["lifecycle"] = row["lifecycle"].lower()
    if "resource" in row:
        payload["actor"] = "automatic" if row["resource"] == AUTOMATIC else row["resource"]
    return payload


def _amount(row: dict[str, str], name: str) -> dict[str, Any]:
    """The amount applied for, in euros; text that is no number stays text, for the door to refuse."""
    text = row.get("amount_requested")
    if text is None:
        return {}
    try:
        return {name: int(text)}
    except ValueError:
        return {name: text}


def _bad(row: dict[str, str], field: str, problem: str, *, code: str) -> Bad:
    raw = json.dumps(row, sort_keys=True).encode()
    return Bad(NAME, raw, field, problem, "correct the line, or leave it out", code)
