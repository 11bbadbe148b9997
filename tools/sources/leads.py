"""Files of leads, each with its signals: what ``leadgraph score FILE`` reads.

JSON, an array or one object per line: ``{"lead": {keys and traits}, "signals": [...]}``. `lead` holds key
kinds (``crm_id``, ``email`` ...), ``account``, ``region``, ``consent``, and traits such as ``industry``; a
signal without keys takes those of its lead. CSV: either rows of signals (with a column ``kind``), or one
row per lead with the same names as columns, ``occurred_at``, and a column ``signals`` that may hold a JSON
list.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from domain.contract import KEY_KINDS, time_of
from domain.errors import BadInput
from domain.kinds import TRAITS
from domain.parsing import FIELDS, decode
from domain.ports.sources import Bad, RawItem
from tools.items import form_of, from_json, from_lines, item_of_row, typed
from tools.reading import rows_of

NAME: Final = "file"
"""Source of signals that name none."""
SHARED: Final = ("account", "region", "consent")


def read_leads(path: Path) -> Iterator[tuple[int, RawItem]]:
    """Every signal of every lead, under its lead's line or place; a lead's traits are a signal of their own.

    Raises: BadInput naming the file and the place.
    """
    form = form_of(path)
    if form == "csv":
        yield from _from_csv(path)
        return
    for number, document in from_json(path, NAME) if form == "json" else from_lines(path, NAME):
        if isinstance(document, Mapping):
            yield from ((number, item) for item in _signals(number, document))
        else:
            yield number, document


def _from_csv(path: Path) -> Iterator[tuple[int, RawItem]]:
    for number, row in rows_of(path, NAME, ()):
        if isinstance(row, Bad):
            yield number, row
        elif "kind" in row:
            yield number, {"source": NAME, "id": f"row-{number}"} | item_of_row(row)
        else:
            yield from ((number, item) for item in _signals(number, _lead_of_row(row)))


def _lead_of_row(row: dict[str, str]) -> dict[str, Any]:
    """A row of a table of leads in the JSON form."""
    lead: dict[str, Any] = {
        name: typed(cell, TRAITS[name].type) if name in TRAITS else cell
        for name, cell in row.items()
        if name != "signals"
    }
    try:
        return {"lead": lead, "signals": decode(row["signals"].encode(errors="replace"))}
    except KeyError:
        return {"lead": lead}
    except BadInput as error:
        return {"lead": lead, "signals": error}


def _signals(number: int, document: Mapping[str, Any]) -> Iterator[RawItem]:
    lead, signals = document.get("lead"), document.get("signals", [])
    if not isinstance(lead, dict):
        yield _bad(document, "lead", "is missing" if lead is None else "is not an object", "send its keys")
        return
    if isinstance(signals, BadInput) or not isinstance(signals, list):
        yield _bad(lead, "signals", "is not a list", "send a list of signals")
        signals = []
    shared = {name: lead[name] for name in SHARED if lead.get(name) is not None}
    keys = [{"kind": kind, "value": lead[kind]} for kind in KEY_KINDS if lead.get(kind) is not None]
    own = []
    for n, signal in zip(count(1), signals):
        if isinstance(signal, dict):
            own.append({"source": NAME, "id": f"{number}-{n}", "keys": keys} | shared | signal)
        else:
            yield _bad(signal, f"signals[{n - 1}]", "is not an object", "send an object per signal")
    traits = {name: value for name, value in lead.items() if name not in KEY_KINDS and name not in FIELDS}
    if traits or not own:
        yield _traits(number, lead, {"keys": keys, "payload": traits} | shared, own)
    yield from own


def _traits(
    number: int, lead: Mapping[str, Any], stated: dict[str, Any], own: list[dict[str, Any]]
) -> RawItem:
    """What is known of the lead itself, as of its own time, else that of its first signal."""
    first = min((at for at in map(time_of, own) if at is not None), default=None)
    at = lead.get("occurred_at")
    if at is None and first is not None:
        at = first // 1_000
    return {"source": NAME, "id": f"{number}-lead", "kind": "identity.identify", "occurred_at": at} | stated


def _bad(given: object, field: str, problem: str, remedy: str) -> Bad:
    return Bad(NAME, json.dumps(given, default=str).encode(), field, problem, remedy, "wrong_type")
