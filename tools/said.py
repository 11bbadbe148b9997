"""Reading what a vendor says: tolerant of what is absent or of another type, strict about what is taken over."""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from domain.errors import BadInput
from domain.instants import HOUR, Instant, iso
from domain.kinds import SPECS, Kind
from domain.parsing import decode
from domain.ports.receivers import Delivery, Reading
from domain.ports.sources import RawItem
from domain.ports.upstream import Record
from domain.signal import KeyKind

LEVELS: Final = 24
"""Levels of nesting of a delivery."""
LONGEST: Final = 200
"""Signs of an id; a longer one is replaced by its hash."""
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li)\b[^>]{0,200}>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")
_SPACE: Final = re.compile(r"[ \t]+")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")


@dataclass(slots=True)
class Said:
    """A reading in the making."""

    source: str
    now: int
    items: list[RawItem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    thin: int = 0
    records: list[Record] = field(default_factory=list)
    standing: dict[int, str] = field(default_factory=dict)

    def ignore(self, reason: str) -> None:
        """One event of the delivery is left out."""
        self.ignored[reason] += 1

    def add(
        self,
        kind: Kind,
        identifier: Sequence[object],
        keys: Iterable[tuple[str, object]],
        at: object,
        payload: Mapping[str, Any] | None = None,
        *,
        account: object = None,
        thin: bool = False,
    ) -> None:
        """One item. `identifier` are the parts of the vendor's key, `keys` those of the lead, absent ones None.

        `at` is RFC 3339 text or milliseconds; without one it is the hour of receipt, which then is part of the id, so
        that a redelivery in another hour is another statement and no conflict. Of `payload` only what the kind lists.
        """
        parts = [str(part) for part in identifier]
        if at is None:
            at = iso(Instant(self.now - self.now % HOUR))
            parts.append(at)
        named = [{"kind": name, "value": value} for name, value in keys if word(value) is not None]
        given = {name: (payload or {}).get(name) for name in SPECS[kind].fields}
        item: dict[str, Any] = {
            "id": id_of(parts),
            "source": self.source,
            "kind": kind.value,
            "keys": named,
            "occurred_at": at,
            "payload": {name: value for name, value in given.items() if value is not None and value != ""},
        }
        if word(account) is not None:
            item["account"] = account
        self.items.append(item)
        self.thin += thin

    def read_back(self, name: str, ref: object, at: object, *, kind: KeyKind | None = KeyKind.CRM_ID) -> None:
        """The vendor's record `ref` of the sort `name` says more than was sent; `at` as in `add`.

        An id that is no printable text names no record.
        """
        text = word(ref)
        if text is not None and len(text) <= LONGEST and text.isprintable():
            since = at * 1_000 if isinstance(at, int) and 0 <= at < 10**15 else self.now
            self.records.append(Record(self.source, name, text, min(since, self.now), None, kind))

    def stands(self, first: int, reason: str) -> None:
        """The items from place `first` on say how a record stands; what is no news of them counts under `reason`."""
        self.standing |= dict.fromkeys(range(first, len(self.items)), reason)

    def reading(self) -> Reading:
        """All of it."""
        items, records = tuple(self.items), tuple(self.records)
        return Reading(items, dict(self.ignored), self.thin, records, dict(self.standing))


def document(delivery: Delivery) -> Any:
    """The JSON of a delivery: no duplicate keys, no NaN, not too deep. Raises: BadInput."""
    try:
        return decode(delivery.body, LEVELS)
    except BadInput as error:
        if error.code != "too_deep":
            raise
        raise BadInput(
            "body", f"is nested deeper than {LEVELS} levels", "send less", code="too_deep"
        ) from None


def listed(value: object) -> list[Any]:
    """A list as it is, anything else as a list of none."""
    return value if isinstance(value, list) else []


def table(value: object) -> Mapping[str, Any]:
    """An object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def word(value: object) -> str | None:
    """A text or whole number as text; None for anything else and for the empty text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def language(value: object) -> str | None:
    """The code of a language as a vendor writes it; None for anything else.

    >>> language("pt-BR"), language("{}")
    ('pt-BR', None)
    """
    text = word(value)
    return text if text is not None and _LANGUAGE.fullmatch(text) else None


def number(value: object) -> int | None:
    """A whole number, also one sent as text; None for anything else."""
    text = word(value)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 18 else None


def milliseconds(seconds: object) -> int | None:
    """Seconds since 1970, whole or not, as milliseconds; None for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not abs(seconds) < 1e11:
        return None
    return round(seconds * 1_000)


def key(vendor: str, identifier: object) -> str | None:
    """The vendor's id of a record as a lead's key, None without one.

    >>> key("hubspot", 123)
    'hubspot:123'
    """
    text = word(identifier)
    return None if text is None else f"{vendor}:{text}"


def id_of(parts: Sequence[object]) -> str:
    """One id of several parts.

    >>> id_of(["message", 106])
    'message:106'
    """
    text = ":".join(str(part) for part in parts)
    return (
        text
        if len(text) <= LONGEST
        else f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
    )


def mark_of(value: object) -> str:
    """A short hash of what was said, for ids of statements that have none."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def plain(body: object) -> str | None:
    """HTML as text, None where nothing is left. Tags go first: what is escaped stays text.

    >>> plain("<p>Hi <b>Bob</b>,<br>2 &lt; 3</p>")
    'Hi Bob,\\n2 < 3'
    """
    if not isinstance(body, str):
        return None
    lines = html.unescape(_TAG.sub("", _BREAK.sub("\n", body))).replace("\xa0", " ").split("\n")
    return "\n".join(_SPACE.sub(" ", line).strip() for line in lines).strip() or None
