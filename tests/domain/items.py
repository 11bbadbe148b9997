"""Items as the outside sends them, and a door for them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from domain.contract import Door, admit
from domain.errors import BadInput
from domain.ids import Region, TenantId
from domain.instants import instant
from domain.signal import Signal

NOW = instant(datetime(2024, 3, 1, 10, tzinfo=UTC))


def hashed_email(raw: str) -> tuple[str, bool]:
    """A stand-in for the keyed hash that refuses what has no @."""
    if "@" not in raw:
        raise BadInput("email", "is not an address", "send name@domain", code="email")
    return sha256(raw.lower().encode("utf-8", "surrogatepass")).hexdigest()[:32], raw.startswith("info@")


def hashed_phone(raw: str, region: str) -> str:
    return sha256(f"{region}{raw}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


DOOR = Door(
    tenant=TenantId("t1"),
    region=Region("eu"),
    regions=frozenset({"eu", "us"}),
    now=NOW,
    hash_email=hashed_email,
    hash_phone=hashed_phone,
)


def item(**changes: Any) -> dict[str, Any]:
    """A good page view, changed; a change to `...` leaves the field out."""
    good: dict[str, Any] = {
        "id": "e-1",
        "source": "web",
        "kind": "web.page_view",
        "keys": [{"kind": "crm_id", "value": "L1"}],
        "occurred_at": "2024-03-01T09:00:00Z",
        "payload": {"page": "/pricing"},
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def message(text: Any) -> dict[str, Any]:
    return item(kind="support.message", payload={"text": text, "role": "customer"})


def admitted(raw: Mapping[str, Any], door: Door = DOOR) -> Signal:
    return admit(raw, door)[0]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value
