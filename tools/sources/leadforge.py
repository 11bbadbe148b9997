"""A folder made by leadforge, a generator of a made-up company's leads, as a stream of signals.

Its times are days. Within a day the order is that of the tables (leads, touches, sessions, sales
activities, opportunities opened, opportunities closed) and in each that of the ids. The times of day are
invented: a day's items are spread evenly over its working hours in that order. What the tables say of a
lead's end (stage, conversion, label) is not sent; only the dated closing of an opportunity is, as an
outcome, where the folder holds it.
"""

import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from domain.errors import BadInput
from domain.ports.sources import Bad, RawItem

if TYPE_CHECKING:  # polars takes a fifth of a second to import
    import polars as pl

NAME: Final = "leadforge"
OPENS_MS, WORKDAY_MS, DAY_MS = 8 * 3_600_000, 10 * 3_600_000, 24 * 3_600_000
"""The working day, in milliseconds: from 08:00 UTC, ten hours."""
REGIONS: Final = {"US": "us", "UK": "uk"}
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "leads": ("lead_id", "contact_id", "account_id", "lead_created_at", "lead_source"),
    "contacts": ("contact_id", "job_title", "role_function", "seniority", "buyer_role", "email_domain_type"),
    "accounts": (
        "account_id", "industry", "region", "employee_band", "estimated_revenue_band",
        "process_maturity_band",
    ),
    "touches": ("touch_id", "lead_id", "touch_timestamp", "touch_type", "touch_direction"),
    "sessions": ("session_id", "lead_id", "session_timestamp", "session_type", "page_views"),
    "sales_activities": ("activity_id", "lead_id", "activity_timestamp", "activity_type"),
    "opportunities": ("opportunity_id", "lead_id", "created_at", "estimated_acv"),
}  # fmt: skip
"""Tables and columns without which the folder cannot be read."""
TRAITS: Final = {
    "job_title": "job_title", "role_function": "job_function", "seniority": "seniority",
    "buyer_role": "buyer_role", "email_domain_type": "email_domain_type", "industry": "industry",
    "employee_band": "employee_band", "estimated_revenue_band": "revenue_band", "region": "country",
    "process_maturity_band": "process_maturity", "lead_source": "lead_source",
}  # fmt: skip
"""Columns of lead, contact and account, and the trait that each becomes."""
OUTCOMES: Final = {"closed_won": "won", "closed_lost": "lost"}

Row = Mapping[str, Any]
Said = tuple[str, dict[str, Any]]
"""Kind and payload."""


class _Place(NamedTuple):
    """What every signal of a lead carries."""

    account: str | None
    region: str | None


class _Stream(NamedTuple):
    """One table as a stream: which column orders it, which names its rows, and what a row says."""

    table: str
    day: str
    identifier: str
    suffix: str
    says: Callable[[Row], Said]


class Leadforge:
    """Satisfies `domain.ports.sources.Source` for both exposure modes."""

    name = NAME

    def read(
        self, path: Path, *, until: date | None = None, owner: bool = False, **_options: Any
    ) -> Iterator[tuple[int, RawItem]]:
        """Everything up to and with the day `until`, numbered from 1; `owner` states each lead's owner too.

        Raises: BadInput naming the table and column that is missing, before anything is given.
        """
        tables = _tables(path)
        leads = _leads(tables)
        places = {row["lead_id"]: _place(row) for row in leads.iter_rows(named=True)}
        streams = _streams(leads.columns, owner=owner)
        frames = [_ordered(tables | {"leads": leads}, stream, until) for stream in streams]
        rows = heapq.merge(*(_rows(i, s, f) for i, (s, f) in enumerate(zip(streams, frames, strict=True))))
        per_day: Counter[str] = Counter()
        for frame in frames:
            per_day.update(dict(frame["_day"].value_counts().iter_rows()))
        yield from enumerate(_spread(rows, per_day, places), 1)

    def total(self, path: Path) -> int | None:
        """The rows of the tables; a closed opportunity counts twice."""
        tables = _tables(path)
        closings = "closed_at" in tables["opportunities"].columns
        counted = ("leads", "touches", "sessions", "sales_activities", "opportunities")
        closed = tables["opportunities"]["closed_at"].drop_nulls().len() if closings else 0
        return sum(tables[name].height for name in counted) + closed


SOURCE: Final = Leadforge()


def _tables(path: Path) -> dict[str, "pl.DataFrame"]:
    if not path.is_dir():
        raise BadInput(
            str(path), "is not a folder", "name the folder that leadforge wrote", code="not_a_folder"
        )
    folder = path / "tables" if (path / "tables").is_dir() else path
    return {name: _table(folder / f"{name}.parquet", columns) for name, columns in NEEDED.items()}


def _table(file: Path, columns: tuple[str, ...]) -> "pl.DataFrame":
    import polars as pl

    if not file.is_file():
        raise BadInput(str(file), "is not there", "name the folder that leadforge wrote", code="no_file")
    try:
        frame = pl.read_parquet(file)
    except (pl.exceptions.PolarsError, OSError):
        raise BadInput(
            str(file), "is not a readable Parquet file", "make the folder again", code="broken"
        ) from None
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        found = ", ".join(frame.columns)[:300]
        raise BadInput(
            str(file), f"has no column {', '.join(missing)}", f"found: {found}", code="missing_columns"
        )
    return frame


def _leads(tables: Mapping[str, "pl.DataFrame"]) -> "pl.DataFrame":
    """Leads with what is known of their contact and account, without the columns about a lead's end."""
    kept = ["lead_id", "contact_id", "account_id", "lead_created_at", "lead_source"]
    leads = tables["leads"]
    kept += ["owner_rep_id"] if "owner_rep_id" in leads.columns else []
    contacts = (
        tables["contacts"].select(NEEDED["contacts"]).unique("contact_id", keep="first", maintain_order=True)
    )
    accounts = (
        tables["accounts"].select(NEEDED["accounts"]).unique("account_id", keep="first", maintain_order=True)
    )
    return (
        leads.select(kept)
        .join(contacts, on="contact_id", how="left", maintain_order="left")
        .join(accounts, on="account_id", how="left", maintain_order="left")
    )


def _ordered(tables: Mapping[str, "pl.DataFrame"], stream: _Stream, until: date | None) -> "pl.DataFrame":
    """The stream's rows by day and id, without those that have no day, such as what is not closed yet."""
    import polars as pl

    frame = tables[stream.table]
    if stream.day not in frame.columns:
        return pl.DataFrame(schema={"_day": pl.String})
    days = pl.col(stream.day).cast(pl.String).str.slice(0, 10).alias("_day")
    frame = frame.with_columns(days).filter(pl.col("_day").is_not_null())
    if until is not None:
        frame = frame.filter(pl.col("_day") <= until.isoformat())
    return frame.sort("_day", stream.identifier, maintain_order=True)


def _rows(order: int, stream: _Stream, frame: "pl.DataFrame") -> Iterator[tuple[str, int, int, _Stream, Row]]:
    """Sortable by day, then table, then place within it."""
    for index, row in enumerate(frame.iter_rows(named=True)):
        yield row["_day"], order, index, stream, row


def _spread(
    rows: Iterator[tuple[str, int, int, _Stream, Row]],
    per_day: Mapping[str, int],
    places: Mapping[str, _Place],
) -> Iterator[RawItem]:
    """Items in order, the n-th of a day's N at n/N of the working day."""
    day, done = "", 0
    opens: int | None = 0
    for this_day, _, _, stream, row in rows:
        if this_day != day:
            day, done = this_day, 0
            opens = _midnight(day)
        if opens is None:
            yield _bad(stream, row)
            continue
        at = opens + OPENS_MS + done * WORKDAY_MS // per_day[day]
        done += 1
        yield _item(stream, row, at, places.get(row["lead_id"], _Place(None, None)))


def _item(stream: _Stream, row: Row, at: int, place: _Place) -> RawItem:
    kind, payload = stream.says(row)
    item: dict[str, Any] = {
        "id": f"{row[stream.identifier]}{stream.suffix}",
        "source": NAME,
        "kind": kind,
        "keys": [{"kind": "crm_id", "value": row["lead_id"]}],
        "occurred_at": at,
        "payload": {name: value for name, value in payload.items() if value is not None},
        "consent": "granted",
    }
    return item | {name: value for name, value in place._asdict().items() if value is not None}


def _bad(stream: _Stream, row: Row) -> Bad:
    raw = json.dumps(row, default=str, sort_keys=True).encode()
    return Bad(
        NAME, raw, f"{stream.table}.{stream.day}", "is not a day", "write it as 2024-03-01", "bad_time"
    )


def _midnight(day: str) -> int | None:
    """Milliseconds since 1970 of the day's start in UTC, None if there is no such day."""
    try:
        return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000
    except ValueError:
        return None


def _place(row: Row) -> _Place:
    return _Place(row["account_id"], REGIONS.get(row["region"]))


def _streams(columns: list[str], *, owner: bool) -> tuple[_Stream, ...]:
    """The tables in the order in which they come within a day."""

    def created(row: Row) -> Said:
        traits = {trait: row[column] for column, trait in TRAITS.items()}
        told = {"owner": row["owner_rep_id"]} if owner and "owner_rep_id" in columns else {}
        return "identity.identify", {**traits, "relationship": "prospect", **told}

    return (
        _Stream("leads", "lead_created_at", "lead_id", "", created),
        _Stream("touches", "touch_timestamp", "touch_id", "", _touch),
        _Stream("sessions", "session_timestamp", "session_id", "", _session),
        _Stream("sales_activities", "activity_timestamp", "activity_id", "", _sales_activity),
        _Stream("opportunities", "created_at", "opportunity_id", "-opened", _opened),
        _Stream("opportunities", "closed_at", "opportunity_id", "-closed", _closed),
    )


def _touch(row: Row) -> Said:
    """Content and webinars are what the lead took up, whoever began; an inbound e-mail was clicked."""
    campaign = row.get("campaign_id") or row.get("touch_channel")
    kind, direction = row["touch_type"], row["touch_direction"]
    if kind == "content_download":
        return "marketing.content", {"content": kind, "campaign": campaign}
    if kind == "webinar":
        return "marketing.webinar", {"webinar": campaign, "attended": True}
    if kind == "email" and direction == "inbound":
        return "marketing.email_clicked", {"campaign": campaign}
    return "crm.activity", {"type": kind, "direction": direction}


def _session(row: Row) -> Said:
    return "web.session", {
        "type": row["session_type"],
        "pages": row["page_views"],
        "pricing_pages": row.get("pricing_page_views"),
        "demo_pages": row.get("demo_page_views"),
        "duration_s": row.get("session_duration_seconds"),
    }


def _sales_activity(row: Row) -> Said:
    return "crm.activity", {
        "type": row["activity_type"],
        "direction": "outbound",
        "outcome": row.get("activity_outcome"),
        "actor": row.get("rep_id"),
    }


def _opened(row: Row) -> Said:
    """The stage column says how it ended, so it is not looked at."""
    return "crm.stage_change", {
        "stage": "opportunity",
        "object": "opportunity",
        "amount": row["estimated_acv"],
    }


def _closed(row: Row) -> Said:
    result = row.get("close_outcome")
    return "crm.outcome", {"result": OUTCOMES.get(result or "", result), "amount": row["estimated_acv"]}
