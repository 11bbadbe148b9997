"""Small exports with their mappings, and what the door makes of them."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from learning.history.imported import History, imported
from learning.history.mapping import Mapping_
from learning.history.mapping_file import parse_mapping
from tests.domain.items import DOOR

WIDE = """
layout: wide
source: crm_export
lead: Id
account: Company
missing: [Select]
zone: Europe/Berlin
created: Created
known_delay_hours: 2
never: {Closing note: written at the end}
attributes:
  seats: {column: Seats, type: number, unit: seats}
  plan: {column: Plan, type: category}
events:
  - {at: First demo, kind: crm.activity, payload: {type: {value: demo}}}
outcome: {column: Stage, won: [Won], lost: [Lost], open: [Open], at: Closed}
"""
HEADER = ("Id", "Company", "Created", "Seats", "Plan", "First demo", "Stage", "Closed", "Closing note")
ROW: Mapping[str, str] = {
    "Id": "L1",
    "Company": "acme.com",
    "Created": "2023-03-01 09:00",
    "Seats": "5",
    "Plan": "team",
    "First demo": "2023-03-05 10:00",
    "Stage": "Won",
    "Closed": "2023-04-01 12:00",
    "Closing note": "signed",
}


def mapping(text: str = WIDE, **changes: str) -> Mapping_:
    """The mapping, with lines that begin with a name replaced."""
    lines = [
        next((f"{n}: {v}" for n, v in changes.items() if line.startswith(f"{n}:")), line)
        for line in text.splitlines()
    ]
    return parse_mapping("\n".join(lines).encode(), "m.yaml")


def rows(*changed: Mapping[str, str]) -> list[Mapping[str, str]]:
    """One row for each, `ROW` with the changes, under an id of its own if none is given."""
    return [{**ROW, "Id": f"L{number}", **change} for number, change in enumerate(changed, 1)]


def written(
    folder: Path,
    table: Sequence[Mapping[str, str]],
    *,
    header: Sequence[str] = HEADER,
    delimiter: str = ",",
    name: str = "export.csv",
    encoding: str = "utf-8",
) -> Path:
    """The rows as CSV."""
    lines = [delimiter.join(header), *(delimiter.join(row.get(n, "") for n in header) for row in table)]
    body = ("\n".join(lines) + "\n").encode(encoding)
    file = folder / name
    file.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return file


def history(folder: Path, table: Sequence[Mapping[str, str]], text: str = WIDE, **more: Any) -> History:
    """The rows through the mapping and the door."""
    return imported(mapping(text), written(folder, table, **more), door=DOOR)


def events_of(found: History, lead: str) -> list[tuple[str, str, str, int]]:
    """(kind, subject, value, amount) of a lead's events, by time."""
    mine = found.events.filter(found.events["lead_id"] == lead).sort("at", "subject")
    return mine.select("kind", "subject", "value", "amount").rows()
