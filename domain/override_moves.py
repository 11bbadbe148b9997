"""What becomes of overrides when leads become one, and when that is undone. Pure: rows in, rows out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from domain.ids import LeadId
from domain.override import OverrideEnd, OverrideKind, OverrideRow


def ended(
    row: OverrideRow, end: OverrideEnd, now: int, *, by: str = "", stood: str | None = None
) -> OverrideRow:
    """`row` ended at the Instant `now`; one whose date had passed by then ended with its date."""
    until = row.override.until
    if until is not None and until <= now:
        return replace(row, end=OverrideEnd.OVER, ended_at=until)
    return replace(row, end=end, ended_at=now, ended_by=by, stood=stood)


def joined(
    mine: Sequence[OverrideRow], theirs: Iterable[OverrideRow], winner: LeadId, now: int
) -> list[OverrideRow]:
    """All overrides of a lead and of one that goes into it, as they are with the `winner`.

    Of two of a kind the newer stands and the other gives way; one whose date has passed gives way to any.
    """
    rows = list(mine)
    for row in theirs:
        other = _not_ended(rows, row.override.kind) if row.end is None else None
        row = replace(row, lead_id=winner)
        if other is not None:
            stays, goes = (row, other) if _rank(row, now) > _rank(other, now) else (other, row)
            gone = ended(goes, OverrideEnd.MERGED, now, stood=stays.override.override_id)
            rows = [gone if one is goes else one for one in rows]
            row = gone if row is goes else row
        rows.append(row)
    return rows


def parted(
    rows: Iterable[OverrideRow], lead: LeadId, part: LeadId, came_through: Callable[[LeadId], bool]
) -> list[OverrideRow]:
    """The overrides of `lead` and `part` after `part` left it. `came_through` tells whether a lead went in with `part`.

    What was set for a lead before the merge goes back with it. What gave way in the merge counts again if the
    override that stood in its place does to this day, untouched by a person, and is with the other lead now;
    if somebody has set or lifted one of that kind meanwhile, that person's word stays with the lead it was said of.
    """
    found = {
        row.override.override_id: replace(row, lead_id=part)
        if row.lead_id == lead and came_through(row.origin)
        else row
        for row in rows
    }
    for name in sorted(found, key=lambda one: _said(found[one]), reverse=True):
        row = found[name]
        if row.end is not OverrideEnd.MERGED or not _stands_elsewhere(row, found):
            continue
        if (
            _not_ended([one for one in found.values() if one.lead_id == row.lead_id], row.override.kind)
            is None
        ):
            found[name] = replace(row, end=None, ended_at=None, ended_by="", stood=None)
        # Whoever gave way to this one on the other side now stands behind what this one gave way to.
        for other, one in found.items():
            if one.stood == name and one.lead_id != row.lead_id:
                found[other] = replace(one, stood=row.stood)
    return list(found.values())


def _stands_elsewhere(row: OverrideRow, rows: dict[str, OverrideRow]) -> bool:
    """Whether what stood in the place of `row`, over several merges, counts to this day with another lead."""
    standing = row
    while standing.end is OverrideEnd.MERGED and standing.stood in rows:
        standing = rows[standing.stood]
    return standing.end is None and standing.lead_id != row.lead_id


def _not_ended(rows: Iterable[OverrideRow], kind: OverrideKind) -> OverrideRow | None:
    return next((row for row in rows if row.end is None and row.override.kind is kind), None)


def _rank(row: OverrideRow, now: int) -> tuple[bool, int, str]:
    return row.holds(now), *_said(row)


def _said(row: OverrideRow) -> tuple[int, str]:
    return row.override.at, row.override.override_id
