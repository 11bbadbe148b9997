"""Leads that are hot at once, so that something is done about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
"""A Tuesday, in the middle of the working day of the leads' region."""


def raw(
    ref: str, kind: str, payload: dict[str, Any], *, lead: str = "lead-1", minute: int = 0
) -> dict[str, Any]:
    """One signal of `lead`, as a source would send it."""
    at = (START + timedelta(minutes=minute)).isoformat()
    keys = [{"kind": "crm_id", "value": lead}]
    return {
        "id": ref, "source": "web", "kind": kind, "keys": keys, "occurred_at": at, "payload": payload,
        "consent": "granted", "region": "us",
    }  # fmt: skip


def hot_lead(amount: int, lead: str = "lead-1") -> list[dict[str, Any]]:
    """A decision-maker of a mid-size company who asks for prices; from 100,000 on people are asked first."""
    who = {"seniority": "vp", "buyer_role": "economic_buyer", "email_domain_type": "corporate"}
    said: tuple[tuple[str, dict[str, Any]], ...] = (
        ("identity.identify", {**who, "industry": "software", "employee_band": "200-499"}),
        ("web.form", {"form": "pricing"}),
        ("crm.stage_change", {"stage": "opportunity", "amount": amount}),
        ("web.form", {"form": "demo"}),
    )
    return [
        raw(f"{lead}-s{n}", kind, payload, lead=lead, minute=n) for n, (kind, payload) in enumerate(said, 1)
    ]
